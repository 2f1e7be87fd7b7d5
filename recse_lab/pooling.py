"""From the hidden states of all tokens to one vector per sentence.

Index 0 of the hidden states is the embedding layer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

HiddenStates = Sequence[Float[Tensor, "batch tokens _hidden"]]


def masked_mean(
    states: Float[Tensor, "batch tokens hidden"], mask: Int[Tensor, "batch tokens"]
) -> Float[Tensor, "batch hidden"]:
    """Return the mean over attended tokens, [CLS] and [SEP] included."""
    weight = mask.unsqueeze(-1).to(states.dtype)
    return (states * weight).sum(1) / weight.sum(1).clamp(min=1)


def cls(hidden: HiddenStates, mask: Int[Tensor, "batch tokens"]) -> Float[Tensor, "batch hidden"]:
    """Return the state of the first token in the last layer."""
    return hidden[-1][:, 0]


def last(hidden: HiddenStates, mask: Int[Tensor, "batch tokens"]) -> Float[Tensor, "batch hidden"]:
    """Return the state of the last token in the last layer.

    In a model that reads from left to right it is the only one that has seen the whole sentence.
    """
    places = mask.sum(1).sub(1).clamp(min=0)
    return hidden[-1][torch.arange(len(places), device=places.device), places]


def mean(hidden: HiddenStates, mask: Int[Tensor, "batch tokens"]) -> Float[Tensor, "batch hidden"]:
    """Return the token mean of the last layer."""
    return masked_mean(hidden[-1], mask)


def maximum(
    hidden: HiddenStates, mask: Int[Tensor, "batch tokens"]
) -> Float[Tensor, "batch hidden"]:
    """Return the largest value of every channel over the tokens of the last layer."""
    padding = (mask == 0).unsqueeze(-1)
    return hidden[-1].masked_fill(padding, float("-inf")).amax(1)


def first_last_mean(
    hidden: HiddenStates, mask: Int[Tensor, "batch tokens"]
) -> Float[Tensor, "batch hidden"]:
    """Return the token mean of the first transformer layer and the last.

    Source: the "avg. first-last" of SimCSE (arXiv:2104.08821), as corrected in its issue 285.
    """
    return masked_mean((hidden[1] + hidden[-1]) / 2, mask)


def static_last_mean(
    hidden: HiddenStates, mask: Int[Tensor, "batch tokens"]
) -> Float[Tensor, "batch hidden"]:
    """Return the token mean of the embedding layer and the last.

    Source: what SimCSE (arXiv:2104.08821) printed as "first-last avg.".
    """
    return masked_mean((hidden[0] + hidden[-1]) / 2, mask)


def top2_mean(
    hidden: HiddenStates, mask: Int[Tensor, "batch tokens"]
) -> Float[Tensor, "batch hidden"]:
    """Return the token mean of the last two layers."""
    return masked_mean((hidden[-2] + hidden[-1]) / 2, mask)


LAYERS = {"first_last_mean": (1, -1), "static_last_mean": (0, -1), "top2_mean": (-2, -1)}
"""Poolings that are the token mean of the mean of two layers -> these layers."""

POOLINGS: dict[
    str, Callable[[HiddenStates, Int[Tensor, "batch tokens"]], Float[Tensor, "batch hidden"]]
] = {
    "cls": cls,
    "mean": mean,
    "first_last_mean": first_last_mean,
    "static_last_mean": static_last_mean,
    "top2_mean": top2_mean,
    "last": last,
    "max": maximum,
}

BEHAVIOUR: dict[str, int] = {}
"""Version of a pooling's numbers, 1 where none is given. Raise it when they change."""
