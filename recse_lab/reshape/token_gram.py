"""token-gram: the paper's formula read with tokens as columns, the literal reading."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from recse_lab.reshape.operator import Reshape, ssqrt


def area_resampler(
    rank: Float[Tensor, "batch tokens"], count: Float[Tensor, "batch 1"], dim: int
) -> Float[Tensor, "batch dim tokens"]:
    """Return rows that average the tokens in each of ``dim`` equal stretches of the sentence.

    A token that lies in two stretches counts in each by its exact overlap.

    Args:
        rank: Position of each token among the content tokens, from 0.
        count: Content tokens of each sentence.
        dim: p.

    Source: ours; area interpolation of images, in one dimension.
    """
    edges = (
        torch.arange(dim + 1, dtype=rank.dtype, device=rank.device)[None, :, None]
        * (count / dim)[..., None]
    )
    token = rank[:, None, :]
    overlap = torch.minimum(edges[:, 1:], token + 1) - torch.maximum(edges[:, :-1], token)
    return overlap.clamp(min=0) / (count / dim)[..., None]


def bilinear_resampler(
    rank: Float[Tensor, "batch tokens"], count: Float[Tensor, "batch 1"], dim: int
) -> Float[Tensor, "batch dim tokens"]:
    """Return rows that interpolate at ``dim`` points from the first token to the last.

    Corners are aligned; a single point is the middle. Arguments as in ``area_resampler``.

    Source: ours; equal to ``torch.nn.functional.interpolate`` with mode bilinear and align_corners.
    """
    share = torch.full((1,), 0.5) if dim == 1 else torch.linspace(0, 1, dim, dtype=torch.float64)
    point = share.to(rank)[None, :, None] * (count - 1)[..., None]
    return (1 - (point - rank[:, None, :]).abs()).clamp(min=0)


RESAMPLERS = {"area": area_resampler, "bilinear": bilinear_resampler}


class TokenGram(Reshape):
    """G = ssqrt(x̃ x̃ᵀ / d), n×n, resampled to p×p.

    x̃ᵢ = √(n αᵢ)·xᵢ, so that uniform weights give x back.

    Source: reCSE (arXiv:2408.04975): X = √(xᵀx) is n×n, its diagonal keeps each token and the rest
    relates every token to every other. Ours: the division by d, the signed root, the weights, and
    the way from n to p (R G Rᵀ with R p×n; "area" by default).
    """

    def __init__(self, hidden: int, dim: int | None = None, resample: str = "area") -> None:
        super().__init__(hidden, dim)
        assert dim is not None
        self.out_dim, self.side, self.resample = dim * dim, dim, resample

    def forward(
        self,
        features: Float[Tensor, "batch tokens hidden"],
        mask: Bool[Tensor, "batch tokens"],
        weights: Float[Tensor, "batch tokens"],
        keys: Int[Tensor, " batch"],
    ) -> Float[Tensor, "batch out"]:
        """Return the resampled G, flattened; ``keys`` is not used."""
        present = mask.to(features.dtype)
        count = present.sum(1, keepdim=True).clamp(min=1)
        scaled = features * torch.sqrt(count * weights.to(features.dtype))[..., None]
        gram = ssqrt(scaled @ scaled.mT / self.hidden)
        resampler = (
            RESAMPLERS[self.resample](present.cumsum(1) - 1, count, self.side) * present[:, None, :]
        )
        return (resampler @ gram @ resampler.mT).flatten(1)
