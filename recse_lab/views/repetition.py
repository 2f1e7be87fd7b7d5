"""word-repetition and token-repetition, which decouple the length of a pair from its meaning."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from jaxtyping import Bool

from recse_lab.views.view import Ids, Sentence, TextView, Vocabulary, marked


def most_repeated(count: int, rate: float) -> int:
    """Return the largest number of repetitions, max(2, ⌊rate · count⌋).

    Source: ESimCSE (Wu et al. 2022, arXiv:2109.04380), equation of dup_len in section "Word
    Repetition".
    """
    return max(2, int(rate * count))


def repeat_words(
    ids: Ids,
    word: Ids,
    repeated: Bool[np.ndarray, " marks"],
) -> Ids:
    """Repeat each marked word in place, with all its pieces: a b₁ b₂ c -> a b₁ b₂ b₁ b₂ c."""
    place = np.arange(len(ids))
    begins = np.concatenate([[True], word[1:] != word[:-1]]) | (word < 0)
    first = np.maximum.accumulate(np.where(begins, place, 0))
    both = np.concatenate([place, place[repeated[word]]])
    second = np.arange(len(both)) >= len(ids)
    return ids[both[np.lexsort((both, second, first[both]))]]


class WordRepetition(TextView):
    """Repeats 0 … max(2, strength · words) words: ESimCSE by whole words.

    The number is drawn uniformly, the words without replacement. A repetition that would exceed
    ``max_length`` is left out, so that nothing of the sentence is lost: give the positions of the
    backbone, not the length at which the corpus was truncated.

    Source: Wu et al. (2022), ESimCSE, arXiv:2109.04380, section "Word Repetition". ESimCSE repeats
    sub-words (``token-repetition``); that the pieces of a word stay together is ours.
    """

    needs: ClassVar[tuple[str, ...]] = ("max_length",)

    def __init__(self, *, strength: float, vocabulary: Vocabulary, max_length: int) -> None:
        super().__init__(strength=strength, vocabulary=vocabulary)
        self.max_length = max_length

    def edit(self, sentence: Sentence, rng: np.random.Generator) -> Ids:
        """Repeat random words."""
        ids, word, words = sentence
        number = rng.integers(most_repeated(words, self.strength) + 1)
        chosen = rng.permutation(words)[:number]
        sizes = np.bincount(word[word >= 0], minlength=words)
        chosen = chosen[np.cumsum(sizes[chosen]) <= self.max_length - len(ids)]
        return repeat_words(ids, word, marked(chosen, words))


class TokenRepetition(WordRepetition):
    """Repeats 0 … max(2, strength · tokens) tokens: ESimCSE as published, by sub-words.

    Source: as for ``WordRepetition``; the number counts the tokens without [CLS] and [SEP].
    """

    unit: ClassVar[Literal["word", "token"]] = "token"
