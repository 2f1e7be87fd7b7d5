"""A tokenizer as the views see it.

Which tokens go on with a word, and how a word is exchanged for another.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from recse_lab.data.token_store import vocabulary_size
from recse_lab.errors import LabError
from recse_lab.views import Vocabulary


def vocabulary_of(tokenizer: Any) -> Vocabulary:
    """The vocabulary of a fast tokenizer of BERT's, RoBERTa's, MPNet's or XLM-R's family.

    A token continues a word when it carries WordPiece's prefix (``##``), or lacks the mark of a
    word's start (``Ġ``, ``▁``) and is no ASCII punctuation: a comma is a word of its own in both
    families.

    Raises:
        LabError: The tokenizer marks no words.
    """
    # By number: a vocabulary may leave numbers out, which no sentence ever holds (CamemBERT).
    numbers = {number: token for token, number in tokenizer.get_vocab().items()}
    tokens = [numbers.get(number, "") for number in range(vocabulary_size(tokenizer))]
    special = np.zeros(len(tokens), dtype=bool)
    special[sorted(set(tokenizer.all_special_ids) - {tokenizer.unk_token_id})] = True
    model = tokenizer.backend_tokenizer.model
    if type(model).__name__ == "WordPiece":
        continuation = [token.startswith(model.continuing_subword_prefix) for token in tokens]
    else:
        start = max("Ġ▁", key=lambda mark: sum(token.startswith(mark) for token in tokens))
        if not any(token.startswith(start) for token in tokens):
            raise LabError(
                f"a {type(tokenizer).__name__} marks no start of a word; views need WordPiece, "
                "Ġ or ▁ in its tokens."
            )
        continuation = [
            not token.startswith(start) and not set(token) <= set(string.punctuation)
            for token in tokens
        ]
    return Vocabulary(special, np.array(continuation), tokenizer.mask_token_id)


def exchange_words(
    tokenizer: Any, synonyms: Callable[[str], Sequence[str]]
) -> Callable[[np.ndarray], Sequence[np.ndarray]]:
    """The pieces of a word -> the pieces of each of its ``synonyms``, with its capital.

    Every word is looked up once.
    """
    known: dict[bytes, list[np.ndarray]] = {}

    def alternatives(pieces: np.ndarray) -> list[np.ndarray]:
        key = pieces.tobytes()
        if key not in known:
            text = tokenizer.decode(pieces.tolist(), clean_up_tokenization_spaces=False)
            word = text.strip()
            others = [
                other[:1].upper() + other[1:] if word[:1].isupper() else other
                for other in synonyms(word)
            ]
            texts = [
                text.replace(word, other) for other in others
            ]  # keeps the space that starts a word in RoBERTa
            encoded = tokenizer(texts, add_special_tokens=False)["input_ids"] if texts else []
            unknown = tokenizer.unk_token_id
            known[key] = [
                np.asarray(ids, dtype=np.int64) for ids in encoded if ids and unknown not in ids
            ]
        return known[key]

    return alternatives
