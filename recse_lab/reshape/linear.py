"""linear: the plain learned baseline that any operator must outperform."""

from __future__ import annotations

from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from recse_lab.reshape.operator import Reshape, weighted_mean


class Linear(Reshape):
    """GELU(U · Σ αᵢ xᵢ + b) with U learned, p²×d.

    The token mean commutes with a linear map, so the d numbers Σ αᵢ xᵢ are stored, and the
    up-projection to p² with its non-linearity is a learned lift, in training only.

    Source: ours; a baseline for "raised in dimension" of reCSE (arXiv:2408.04975).
    """

    def __init__(self, hidden: int, dim: int | None = None) -> None:
        super().__init__(hidden, dim)
        assert dim is not None
        self.out_dim, self.side = hidden, dim

    def forward(
        self,
        features: Float[Tensor, "batch tokens hidden"],
        mask: Bool[Tensor, "batch tokens"],
        weights: Float[Tensor, "batch tokens"],
        keys: Int[Tensor, " batch"],
    ) -> Float[Tensor, "batch out"]:
        """Return the weighted mean of each sentence, which is what is stored."""
        return weighted_mean(features, weights)

    def lift(self) -> nn.Module:
        """Return the learned up-projection to p² with its non-linearity."""
        return nn.Sequential(nn.Linear(self.hidden, self.side**2), nn.GELU())

    @property
    def lifted_dim(self) -> int:
        """p²."""
        return self.side**2
