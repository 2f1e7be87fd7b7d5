"""token-shuffle: some tokens are permuted."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np

from recse_lab.views.view import Ids, Sentence, TextView, share


class TokenShuffle(TextView):
    """Permutes a share of the tokens among themselves; a share of 1 shuffles all of them.

    ConSERT passes shuffled position ids to the embedding layer. A transformer sees order only by
    positions, so permuting the tokens gives the same [CLS] and the same mean over tokens. Its
    release shuffles [CLS] and [SEP] too; here they stay. A share below 1 is ours.

    Source: Yan et al. (2021), ConSERT, arXiv:2105.11741, section "Data augmentation strategies",
    token shuffling.
    """

    unit: ClassVar[Literal["word", "token"]] = "token"

    def edit(self, sentence: Sentence, rng: np.random.Generator) -> Ids:
        """Permute random tokens among themselves."""
        ids, word, words = sentence
        moved = np.flatnonzero(word >= 0)[
            rng.permutation(words)[: share(words, self.strength, rng)]
        ]
        shuffled = ids.copy()
        shuffled[np.sort(moved)] = ids[moved]
        return shuffled
