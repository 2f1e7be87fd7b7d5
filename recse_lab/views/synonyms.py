"""synonyms: some words are replaced by synonyms."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

import numpy as np

from recse_lab.views.view import Ids, Sentence, TextView, Vocabulary, share

Alternatives = Callable[[np.ndarray], Sequence[np.ndarray]]
"""Pieces of a word -> pieces of each word it may be replaced by."""


class SynonymReplacement(TextView):
    """Replaces a share of the words by synonyms, as far as there are words that have one.

    The number is a share of all words, and words are drawn among those with a synonym. One that
    would exceed ``max_length`` is left out. EDA draws from every sense of a word; taking WordNet's
    most frequent one is ours.

    Source: Wei & Zou (2019), EDA, arXiv:1901.11196, section 2, synonym replacement with n = αl.
    """

    needs: ClassVar[tuple[str, ...]] = ("max_length", "alternatives")

    def __init__(
        self,
        *,
        strength: float,
        vocabulary: Vocabulary,
        max_length: int,
        alternatives: Alternatives,
    ) -> None:
        super().__init__(strength=strength, vocabulary=vocabulary)
        self.max_length, self.alternatives = max_length, alternatives

    def edit(self, sentence: Sentence, rng: np.random.Generator) -> Ids:
        """Replace random words by their synonyms."""
        ids, word, words = sentence
        number, room = share(words, self.strength, rng), self.max_length - len(ids)
        chosen: dict[int, Ids] = {}
        for i in rng.permutation(words).tolist():
            if len(chosen) == number:
                break
            pieces = ids[word == i]
            if others := self.alternatives(pieces):
                other = others[int(rng.integers(len(others)))]
                longer = len(other) - len(pieces)
                if longer <= room:
                    chosen[i], room = other, room - longer
        return replace_words(ids, word, chosen)


def replace_words(
    ids: Ids,
    word: Ids,
    others: dict[int, Ids],
) -> Ids:
    """Exchange words, given by number, for other pieces."""
    parts, at = [], 0
    for i in sorted(others):
        here = np.flatnonzero(word == i)
        parts += [ids[at : here[0]], others[i].astype(ids.dtype)]
        at = int(here[-1]) + 1
    return np.concatenate([*parts, ids[at:]])
