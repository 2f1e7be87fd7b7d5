"""token-shuffle: some tokens change places."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from jaxtyping import Int

from recse_lab.views.view import Sentence, TextView, share


class TokenShuffle(TextView):
    """A share of the tokens change places among themselves; 1 shuffles all of them (ConSERT).

    ConSERT hands shuffled position ids to the embedding layer. A transformer sees no order but the positions, so that
    the tokens themselves change places here: [CLS] and the mean over tokens are the same. Its release shuffles [CLS] and
    [SEP] too; here they stay. A share below 1 is ours.

    Source: Yan et al. (2021), ConSERT, arXiv:2105.11741, section "Data augmentation strategies", token shuffling.
    """

    unit: ClassVar[Literal["word", "token"]] = "token"

    def edit(self, sentence: Sentence, rng: np.random.Generator) -> Int[np.ndarray, " tokens"]:
        ids, word, words = sentence
        moved = np.flatnonzero(word >= 0)[
            rng.permutation(words)[: share(words, self.strength, rng)]
        ]
        shuffled = ids.copy()
        shuffled[np.sort(moved)] = ids[moved]
        return shuffled
