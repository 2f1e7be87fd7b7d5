"""word-deletion: some words are gone."""

from __future__ import annotations

import numpy as np
from jaxtyping import Int

from recse_lab.views.view import Sentence, TextView, marked, share


class WordDeletion(TextView):
    """A share of the words is deleted (SimCSE, table 1).

    Source: Gao et al. (2021), SimCSE, arXiv:2104.08821, table 1, "word deletion k%: delete k% words".
    """

    def edit(self, sentence: Sentence, rng: np.random.Generator) -> Int[np.ndarray, " tokens"]:
        ids, word, words = sentence
        number = min(share(words, self.strength, rng), words - 1)
        return ids[~marked(rng.permutation(words)[:number], words)[word]]
