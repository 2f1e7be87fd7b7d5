"""Momentum contrast: negatives from earlier batches, as an encoder that follows the trained one slowly saw them.

ESimCSE's order within a step, with θ_q the weights the step began with:

1. the loss takes the queue as it stands, empty at the first step;
2. ``MomentumEncoder.update``: θ_k ← m θ_k + (1 − m) θ_q;
3. the momentum encoder embeds the batch's own sentences (not their repeated copies), dropout off;
4. ``MomentumQueue.push``: they are negatives from the next step on, and never for their own batch.

Source: Wu et al. 2022 (arXiv:2109.04380) section 3.2 (m = 0.995, 2.5 batches); order and dropout as in the authors'
release, github.com/caskcsg/sentemb, ESimCSE/esimcse.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn


class MomentumQueue(nn.Module):
    """The last ``size`` embeddings that were pushed, oldest first; without gradient.

    Both tensors are persistent buffers: a saved queue goes on as it was.

    Raises:
        ValueError: A size below 1.
    """

    rows: Float[Tensor, "size dim"]
    count: Tensor

    def __init__(self, size: int, dim: int) -> None:
        super().__init__()
        if size < 1:
            raise ValueError(f"a queue of {size} sentences")
        self.register_buffer("rows", torch.zeros(size, dim))
        self.register_buffer("count", torch.zeros((), dtype=torch.long))

    def forward(self) -> Float[Tensor, "filled dim"]:
        """What is in the queue; no rows at first. A copy: what is pushed before ``backward`` changes no loss."""
        return self.rows[: int(self.count)].clone()

    @torch.no_grad()
    def push(self, embeddings: Float[Tensor, "batch dim"]) -> None:
        """Append a batch; whatever exceeds the size leaves at the old end."""
        kept = torch.cat([self(), embeddings.to(self.rows)])[-len(self.rows) :]
        self.rows[: len(kept)] = kept
        self.count.fill_(len(kept))


class MomentumEncoder(nn.Module):
    """A copy of ``encoder`` whose weights follow it: no gradient, and never in training mode, so that dropout is off.

    Its weights are parameters that ask for no gradient: they are saved like others and no optimiser takes them up.
    A head inside ``encoder`` is copied too; the authors' release keeps the live head on a copied backbone.

    Raises:
        ValueError: A momentum outside 0 … 1.
    """

    def __init__(self, encoder: nn.Module, *, momentum: float = 0.995) -> None:
        super().__init__()
        if not 0 <= momentum <= 1:
            raise ValueError(f"momentum {momentum}: it must lie between 0 and 1")
        self.momentum = momentum
        self.encoder = copy.deepcopy(encoder).requires_grad_(False)
        self.train(False)

    def train(self, mode: bool = True) -> MomentumEncoder:
        """Stays in evaluation mode, whatever the arm around it does."""
        return super().train(False)

    @torch.no_grad()
    def forward(self, *inputs: Any, **options: Any) -> Any:
        """What the copied encoder answers, without gradient."""
        return self.encoder(*inputs, **options)

    @torch.no_grad()
    def update(self, encoder: nn.Module) -> None:
        """θ_k ← m θ_k + (1 − m) θ_q over parameters; buffers are taken over as they are."""
        average = get_ema_multi_avg_fn(
            self.momentum
        )  # one call over all tensors, each weight read once
        average(list(self.encoder.parameters()), list(encoder.parameters()), 0)
        for own, live in zip(self.encoder.buffers(), encoder.buffers(), strict=True):
            own.copy_(live)
