"""Which tokens a masked language model must find again.

A pure function of the batch and a generator.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Bool, Int
from torch import Tensor


class Masked(NamedTuple):
    """A batch with hidden tokens."""

    ids: Int[Tensor, "batch tokens"]
    """What the model sees."""
    chosen: Bool[Tensor, "batch tokens"]
    """Where it is asked for the token."""


def mask_tokens(
    ids: Int[Tensor, "batch tokens"],
    maskable: Bool[Tensor, "batch tokens"],
    *,
    rate: float,
    mask_id: int,
    vocab: int,
    generator: torch.Generator,
) -> Masked:
    """Choose maskable tokens at ``rate``.

    80 % of them become the mask token, 10 % a random one, 10 % stay.

    A sentence with a maskable token is asked for at least one. ``ids`` is not written to.

    Source: Devlin et al. (2019), "BERT", section 3.1.
    """
    draw = torch.rand(ids.shape, generator=generator).masked_fill(~maskable, 2.0)
    least = draw == draw.min(dim=1, keepdim=True).values
    chosen = ((draw < rate) | least) & maskable
    fate = torch.rand(ids.shape, generator=generator)
    random_ids = torch.randint(vocab, ids.shape, generator=generator)
    seen = torch.where(chosen & (fate < 0.8), mask_id, ids)
    return Masked(torch.where(chosen & (fate >= 0.9), random_ids, seen), chosen)
