"""elementwise: the paper's formula channel by channel."""

from __future__ import annotations

from typing import ClassVar

from jaxtyping import Bool, Float, Int
from torch import Tensor

from recse_lab.reshape.operator import Reshape, ssqrt, weighted_mean


class Elementwise(Reshape):
    """G_ijk = ssqrt(x_ik · x_jk) = ssqrt(x_ik)·ssqrt(x_jk), n×n×d, densified by its weighted token means:
    Σᵢⱼ αᵢ αⱼ G_ijk = (Σᵢ αᵢ ssqrt(x_ik))², one number per channel, without n² memory.

    Paper: X = √(xᵀx), whose diagonal keeps each token: here G_iik = |x_ik| exactly. Ours: the reading per channel and
    the means. x and −x coincide, as they do in every product of x with itself. p has no meaning here.
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
        return weighted_mean(ssqrt(features), weights) ** 2
