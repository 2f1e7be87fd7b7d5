"""Ids of sentences that are the same in every task, run and process."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

import numpy as np
from jaxtyping import Int

PUNCTUATION = re.compile(r"[^\w\s]|_")


def normalised(text: str, *, punctuation: bool = True) -> str:
    """A sentence up to case and white space.

    Args:
        text: The sentence.
        punctuation: Keep punctuation; without it every punctuation mark separates words.

    >>> normalised("A man  is RIDING a horse.")
    'a man is riding a horse.'
    >>> normalised("A man, riding.", punctuation=False)
    'a man riding'
    """
    kept = text if punctuation else PUNCTUATION.sub(" ", text)
    return " ".join(kept.lower().split())


def sentence_ids(
    sentences: Iterable[str], *, punctuation: bool = True
) -> Int[np.ndarray, " sentences"]:
    """An id of each sentence: equal for sentences that differ only in case and white space.

    The id is 64 bits of a hash of the normalised text, so that scores of different tasks, runs and
    machines can be joined by it. Two of 100,000 different sentences get one id with probability
    3e-10.

    Args:
        sentences: The sentences.
        punctuation: Whether sentences that differ in punctuation are different.

    Returns:
        One int64 per sentence.
    """
    known: dict[str, int] = {}

    def identify(text: str) -> int:
        if text not in known:
            digest = hashlib.blake2b(
                normalised(text, punctuation=punctuation).encode(), digest_size=8
            ).digest()
            known[text] = int.from_bytes(digest, "little", signed=True)
        return known[text]

    return np.fromiter((identify(text) for text in sentences), np.int64)
