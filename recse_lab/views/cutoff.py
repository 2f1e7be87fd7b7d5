"""token-cutoff and feature-cutoff: rows or columns of the embedding matrix become zero."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from recse_lab.views.view import EmbeddingView


def cut(count: int, rate: float, rng: np.random.Generator) -> Int[np.ndarray, " cut"]:
    """Draw ⌊rate · count⌋ of ``count`` indices, never all of them.

    Source: the release of ConSERT, which rounds down too.
    """
    return rng.permutation(count)[: min(int(count * rate), max(count - 1, 0))]


class TokenCutoff(EmbeddingView):
    """Sets the embeddings of a share of the tokens to zero.

    Erased tokens are still attended to, as in ConSERT's release, which cuts after the embedding
    layer. The release may erase [CLS] and [SEP] too; here they stay, and the share is one of the
    other tokens, rounded down.

    Source: Yan et al. (2021), ConSERT, arXiv:2105.11741, section "Data
    augmentation strategies", cutoff.
    """

    def edit(
        self,
        embeddings: Float[Tensor, "batch tokens hidden"],
        ids: Int[np.ndarray, "batch tokens"],
        places: list[Int[np.ndarray, " _attended"]],
        randoms: list[np.random.Generator],
    ) -> Float[Tensor, "batch tokens hidden"]:
        """Set the embeddings of some tokens of each sentence to zero."""
        erased = np.zeros(ids.shape, dtype=bool)
        for i, (place, rng) in enumerate(zip(places, randoms, strict=True)):
            words = place[~self.vocabulary.special[ids[i, place]]]
            erased[i, words[cut(len(words), self.strength, rng)]] = True
        return embeddings.masked_fill(
            torch.from_numpy(erased).to(embeddings.device)[:, :, None], 0.0
        )


class FeatureCutoff(EmbeddingView):
    """Sets a share of the hidden dimensions to zero for all tokens of a sentence.

    [CLS] and [SEP] lose them too, as in ConSERT; the number is rounded down.

    Source: Yan et al. (2021), ConSERT, arXiv:2105.11741, section "Data
    augmentation strategies", cutoff.
    """

    def edit(
        self,
        embeddings: Float[Tensor, "batch tokens hidden"],
        ids: Int[np.ndarray, "batch tokens"],
        places: list[Int[np.ndarray, " _attended"]],
        randoms: list[np.random.Generator],
    ) -> Float[Tensor, "batch tokens hidden"]:
        """Set some dimensions of each sentence to zero."""
        hidden = embeddings.shape[2]
        erased = np.zeros((len(ids), hidden), dtype=bool)
        for i, rng in enumerate(randoms):
            erased[i, cut(hidden, self.strength, rng)] = True
        return embeddings.masked_fill(
            torch.from_numpy(erased).to(embeddings.device)[:, None, :], 0.0
        )
