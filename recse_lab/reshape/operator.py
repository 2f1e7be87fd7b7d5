"""The interface of every reshape operator, and the signed root they share."""

from __future__ import annotations

from typing import ClassVar

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

EPSILON = 1e-6  # bounds the root's derivative at 0 by 1/(2·√ε) = 500


def ssqrt(value: Float[Tensor, "*shape"], epsilon: float = EPSILON) -> Float[Tensor, "*shape"]:
    """Return sign(v)·(√(|v|+ε) − √ε), a signed square root with a bounded slope.

    It is odd and monotone, lies within √ε = 0.001 of sign(v)·√|v|, and has a derivative of at most
    1/(2√ε) everywhere.

    Source: the root of X = √(xᵀx) in reCSE (arXiv:2408.04975), which is undefined for negative
    products; the sign is that of bilinear pooling (Lin et al. 2015, arXiv:1504.07889); ε is ours.

    >>> [round(v, 2) for v in ssqrt(torch.tensor([-4.0, 0.0, 9.0])).tolist()]
    [-2.0, 0.0, 3.0]
    """
    return torch.sign(value) * (torch.sqrt(value.abs() + epsilon) - epsilon**0.5)


class Reshape(nn.Module):
    """Raises the features of a sentence to a richer form and brings it to a fixed number of values.

    Laws (tests/contracts): padding, batch order and batch mates change nothing; an empty sentence
    gives zeros; values and gradients are finite for finite input.

    Args:
        hidden: Channels of the features, d.
        dim: The side of the square, p, for operators with ``uses_dim``.

    Source: reCSE (arXiv:2408.04975) states the raise X = √(xᵀx) and that features are "compressed
    back to the original size"; that every sentence is brought to one size p is ours.
    """

    uses_dim: ClassVar[bool] = True
    """Whether this operator has a p, the side of the square."""
    control: ClassVar[bool] = False
    """A control, which an operator has to outperform."""
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
        """Reshape the features of each sentence.

        Args:
            features: Hidden states, one per token.
            mask: True on content tokens.
            weights: α, which sum to 1 over content tokens and are 0 elsewhere.
            keys: One number per sentence that identifies its text.
        """
        raise NotImplementedError

    def lift(self) -> nn.Module | None:
        """Return a learned map applied after standardisation, from width ``out_dim``, or None."""
        return None

    @property
    def lifted_dim(self) -> int:
        """Width after ``lift``."""
        return self.out_dim


def weighted_mean(
    features: Float[Tensor, "batch tokens hidden"], weights: Float[Tensor, "batch tokens"]
) -> Float[Tensor, "batch hidden"]:
    """Return Σ αᵢ xᵢ.

    Source: the weighted average of Arora, Liang & Ma (2017), algorithm 1.
    """
    return torch.einsum("bn,bnd->bd", weights.to(features.dtype), features)
