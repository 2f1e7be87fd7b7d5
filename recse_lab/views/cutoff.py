"""token-cutoff and feature-cutoff: rows or columns of the embedding matrix are zero."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from recse_lab.views.view import EmbeddingView


def cut(count: int, rate: float, rng: np.random.Generator) -> Int[np.ndarray, " cut"]:
    """⌊rate · count⌋ of ``count`` indices, never all: ConSERT's release rounds down too."""
    return rng.permutation(count)[: min(int(count * rate), max(count - 1, 0))]


class TokenCutoff(EmbeddingView):
    """The embeddings of a share of the tokens are zero (ConSERT).

    Erased tokens are still attended to, as in ConSERT's release, which cuts behind the embedding layer. It may erase
    [CLS] and [SEP] too; here they stay, and the share is one of the others, rounded down.

    Source: Yan et al. (2021), ConSERT, arXiv:2105.11741, section "Data augmentation strategies", cutoff.
    """

    def edit(
        self,
        embeddings: Float[Tensor, "batch tokens hidden"],
        ids: Int[np.ndarray, "batch tokens"],
        places: list[Int[np.ndarray, " attended"]],
        randoms: list[np.random.Generator],
    ) -> Float[Tensor, "batch tokens hidden"]:
        erased = np.zeros(ids.shape, dtype=bool)
        for i, (place, rng) in enumerate(zip(places, randoms, strict=True)):
            content = place[~self.vocabulary.special[ids[i, place]]]
            erased[i, content[cut(len(content), self.strength, rng)]] = True
        return embeddings.masked_fill(
            torch.from_numpy(erased).to(embeddings.device)[:, :, None], 0.0
        )


class FeatureCutoff(EmbeddingView):
    """A share of the hidden dimensions is zero for all tokens of a sentence (ConSERT).

    [CLS] and [SEP] lose them too, as in ConSERT; the number is rounded down.

    Source: Yan et al. (2021), ConSERT, arXiv:2105.11741, section "Data augmentation strategies", cutoff.
    """

    def edit(
        self,
        embeddings: Float[Tensor, "batch tokens hidden"],
        ids: Int[np.ndarray, "batch tokens"],
        places: list[Int[np.ndarray, " attended"]],
        randoms: list[np.random.Generator],
    ) -> Float[Tensor, "batch tokens hidden"]:
        hidden = embeddings.shape[2]
        erased = np.zeros((len(ids), hidden), dtype=bool)
        for i, rng in enumerate(randoms):
            erased[i, cut(hidden, self.strength, rng)] = True
        return embeddings.masked_fill(
            torch.from_numpy(erased).to(embeddings.device)[:, None, :], 0.0
        )
