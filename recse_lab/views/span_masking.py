"""span-masking: stretches of words are masked."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool

from recse_lab.views.view import Ids, MaskingView, Sentence, share

GEOMETRIC, LONGEST = 0.2, 10  # as in SpanBERT: the mean span is 3.8 words


def draw_spans(words: int, budget: int, rng: np.random.Generator) -> Bool[np.ndarray, " marks"]:
    """Draw spans of ℓ ~ Geo(0.2) ≤ 10 words with uniform start until ``budget`` words are covered.

    Returns:
        One mark per word, and a last one that is false.

    Source: Joshi et al. (2020), SpanBERT, arXiv:1907.10529, section 3.1.
    """
    covered = np.zeros(words + 1, dtype=bool)
    while (left := budget - int(covered.sum())) > 0:
        length = min(int(rng.geometric(GEOMETRIC)), LONGEST, left)
        start = rng.integers(words - length + 1)
        covered[start : start + length] = True
    return covered


class SpanMasking(MaskingView):
    """Replaces spans of neighbouring words, a share of all words, by the mask token.

    Every piece becomes one mask, so that the length stays. SpanBERT keeps or exchanges one span in
    five; here all are masked.

    Source: Joshi et al. (2020), SpanBERT, arXiv:1907.10529, section 3.1.
    """

    def edit(self, sentence: Sentence, rng: np.random.Generator) -> Ids:
        """Mask the words of random spans."""
        ids, word, words = sentence
        covered = draw_spans(words, min(share(words, self.strength, rng), words - 1), rng)
        masked = ids.copy()
        masked[covered[word]] = self.mask_id
        return masked
