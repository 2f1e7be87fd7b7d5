"""Controls that an operator has to outperform. The third, shuffled, is a way to read any store."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from recse_lab.reshape.operator import Reshape, weighted_mean


class Mean(Reshape):
    """Σ αᵢ xᵢ: first-order pooling, with the same weights and centring but without a reshape.

    Source: the weighted average of Arora, Liang & Ma (2017), algorithm 1; as a control, ours.
    """

    uses_dim: ClassVar[bool] = False
    control: ClassVar[bool] = True

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
        """Return the weighted mean of each sentence."""
        return weighted_mean(features, weights)


class Random(Reshape):
    """A fixed standard-normal vector of p² numbers per sentence: it identifies the sentence only.

    Source: ours.
    """

    control: ClassVar[bool] = True

    def __init__(self, hidden: int, dim: int | None = None) -> None:
        super().__init__(hidden, dim)
        assert dim is not None
        self.out_dim = dim * dim

    def forward(
        self,
        features: Float[Tensor, "batch tokens hidden"],
        mask: Bool[Tensor, "batch tokens"],
        weights: Float[Tensor, "batch tokens"],
        keys: Int[Tensor, " batch"],
    ) -> Float[Tensor, "batch out"]:
        """Return the vector of each key, and zeros for an empty sentence."""
        normal = keyed_normal(keys, self.out_dim).to(features.dtype)
        return normal * mask.any(1, keepdim=True).to(features.dtype)


def _mix(value: Int[Tensor, "*shape"]) -> Int[Tensor, "*shape"]:
    """The finaliser of splitmix64 on wrapping 64-bit integers.

    Source: Steele, Lea & Flood (2014), "Fast splittable pseudorandom number generators".
    """
    for shift, factor in ((30, -0x40A7B892E31B1A47), (27, -0x6B2FB644ECCEEE15)):
        value = (value ^ _shift_right(value, shift)) * factor
    return value ^ _shift_right(value, 31)


def _shift_right(value: Int[Tensor, "*shape"], bits: int) -> Int[Tensor, "*shape"]:
    """Logical shift: torch's own copies the sign."""
    return (value >> bits) & ((1 << (64 - bits)) - 1)


def keyed_normal(keys: Int[Tensor, " batch"], count: int) -> Float[Tensor, "batch count"]:
    """Return ``count`` standard-normal numbers per key that depend on the key alone.

    Source: Box & Muller (1958), "A note on the generation of random normal deviates", over the
    counter-based bits of splitmix64 (Steele, Lea & Flood 2014).
    """
    counter = torch.arange(2 * count, device=keys.device, dtype=torch.int64)
    bits = _mix(_mix(keys)[:, None] + counter * -0x61C8864680B583EB)
    uniform = (_shift_right(bits, 11).double() + 0.5) / 2.0**53
    radius, angle = uniform[:, :count], uniform[:, count:]
    return (torch.sqrt(-2 * torch.log(radius)) * torch.cos(2 * math.pi * angle)).float()


def sentence_keys(
    ids: Int[Tensor, "batch tokens"], mask: Bool[Tensor, "batch tokens"]
) -> Int[Tensor, " batch"]:
    """Return a 64-bit key per sentence, from its content tokens in their order.

    Padding and gaps in the mask change nothing.

    Source: ours, from the finaliser of splitmix64 (Steele, Lea & Flood 2014).
    """
    rank = torch.cumsum(mask, 1)
    return (_mix(_mix(ids + 1) ^ (rank * -0x61C8864680B583EB)) * mask).sum(1)
