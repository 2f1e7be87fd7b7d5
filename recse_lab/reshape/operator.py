"""What every reshape operator promises, and the signed root they share."""

from __future__ import annotations

from typing import ClassVar

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

EPSILON = 1e-6  # bounds the root's derivative at 0 by 1/(2·√ε) = 500


def ssqrt(value: Float[Tensor, "*shape"], epsilon: float = EPSILON) -> Float[Tensor, "*shape"]:
    """sign(v)·(√(|v|+ε) − √ε): the paper's root, defined for negative products too.

    Odd, monotone, within √ε = 0.001 of sign(v)·√|v|, with derivative at most 1/(2√ε) everywhere.

    Source: method note, section 2; the root of X = √(xᵀx) in reCSE (arXiv:2408.04975).
    """
    return torch.sign(value) * (torch.sqrt(value.abs() + epsilon) - epsilon**0.5)


class Reshape(nn.Module):
    """Raise the features of one sentence to a richer form and densify it to a fixed number of values.

    Laws (tests/contracts): padding, batch order and batch mates change nothing; an empty sentence gives zeros;
    values and gradients are finite for finite input.
    """

    uses_dim: ClassVar[bool] = True
    """Whether p, the side of the square, means anything to this operator."""
    control: ClassVar[bool] = False
    """A control: an operator that does not beat it has shown nothing."""
    behaviour: ClassVar[int] = 1
    """Version of the numbers. Raise it when they change: runs that use it get new ids."""

    out_dim: int

    def __init__(self, hidden: int, dim: int | None = None) -> None:
        super().__init__()
        self.hidden, self.dim = hidden, dim

    def forward(
        self,
        features: Float[Tensor, "batch tokens hidden"],
        mask: Bool[Tensor, "batch tokens"],
        weights: Float[Tensor, "batch tokens"],
        keys: Int[Tensor, " batch"],
    ) -> Float[Tensor, "batch out"]:
        """``mask`` is true on content tokens; ``weights`` sum to 1 over them and are 0 elsewhere; ``keys`` name sentences."""
        raise NotImplementedError

    def lift(self) -> nn.Module | None:
        """A learned part applied after standardisation, width ``out_dim`` in; None where the operator learns nothing."""
        return None

    @property
    def lifted_dim(self) -> int:
        """Width after ``lift``."""
        return self.out_dim


def weighted_mean(
    features: Float[Tensor, "batch tokens hidden"], weights: Float[Tensor, "batch tokens"]
) -> Float[Tensor, "batch hidden"]:
    """Σ αᵢ xᵢ."""
    return torch.einsum("bn,bnd->bd", weights.to(features.dtype), features)
