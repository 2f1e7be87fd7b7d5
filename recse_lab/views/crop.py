"""crop: a stretch of the sentence."""

from __future__ import annotations

import numpy as np
from jaxtyping import Int

from recse_lab.views.view import Sentence, TextView, share


class Crop(TextView):
    """A random stretch of 1 − strength of the words is kept (SimCSE, table 1).

    Source: Gao et al. (2021), SimCSE, arXiv:2104.08821, table 1, "crop k%: keep 100 − k% of the length".
    """

    def edit(self, sentence: Sentence, rng: np.random.Generator) -> Int[np.ndarray, " tokens"]:
        ids, word, words = sentence
        lost = min(share(words, self.strength, rng), words - 1)
        start = rng.integers(lost + 1)
        return ids[(word < 0) | ((word >= start) & (word < start + words - lost))]
