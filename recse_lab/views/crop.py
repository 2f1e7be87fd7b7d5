"""crop: a stretch of the sentence."""

from __future__ import annotations

import numpy as np

from recse_lab.views.view import Ids, Sentence, TextView, share


class Crop(TextView):
    """Keeps a random stretch of 1 − strength of the words.

    Source: Gao et al. (2021), SimCSE, arXiv:2104.08821, table 1, "crop k%: keep 100 − k% of the
    length".
    """

    def edit(self, sentence: Sentence, rng: np.random.Generator) -> Ids:
        """Keep a random stretch of words."""
        ids, word, words = sentence
        lost = min(share(words, self.strength, rng), words - 1)
        start = rng.integers(lost + 1)
        return ids[(word < 0) | ((word >= start) & (word < start + words - lost))]
