"""elementwise: the paper's formula, channel by channel."""

from __future__ import annotations

from typing import ClassVar

from jaxtyping import Bool, Float, Int
from torch import Tensor

from recse_lab.reshape.operator import Reshape, ssqrt, weighted_mean


class Elementwise(Reshape):
    """The weighted token means of G_ijk = ssqrt(x_ik)·ssqrt(x_jk), one number per channel.

    Σᵢⱼ αᵢ αⱼ G_ijk = (Σᵢ αᵢ ssqrt(x_ik))², so the n×n×d grid is never held. The diagonal of G keeps
    each token: G_iik = |x_ik| up to the ε of the root. x and −x coincide, as in every product of x
    with itself. There is no p.

    Source: X = √(xᵀx) of reCSE (arXiv:2408.04975), whose diagonal keeps each token. Ours: the
    reading per channel, the signed root and the means.
    """

    uses_dim: ClassVar[bool] = False

    def __init__(self, hidden: int, dim: int | None = None) -> None:
        super().__init__(hidden, None)
        self.out_dim = hidden

    def forward(
        self,
        features: Float[Tensor, "batch tokens hidden"],
        mask: Bool[Tensor, "batch tokens"],
        weights: Float[Tensor, "batch tokens"],
        keys: Int[Tensor, " batch"],
    ) -> Float[Tensor, "batch out"]:
        """Return one number per channel; ``mask`` and ``keys`` are not used."""
        return weighted_mean(ssqrt(features), weights) ** 2
