"""word-deletion: some words are removed."""

from __future__ import annotations

import numpy as np

from recse_lab.views.view import Ids, Sentence, TextView, marked, share


class WordDeletion(TextView):
    """Deletes a share of the words.

    Source: Gao et al. (2021), SimCSE, arXiv:2104.08821, table 1, "word deletion k%: delete k%
    words".
    """

    def edit(self, sentence: Sentence, rng: np.random.Generator) -> Ids:
        """Delete random words."""
        ids, word, words = sentence
        number = min(share(words, self.strength, rng), words - 1)
        return ids[~marked(rng.permutation(words)[:number], words)[word]]
