"""Momentum contrast: negatives from earlier batches, embedded by a slow copy of the encoder.

ESimCSE's order within a step, with θ_q the weights the step began with:

1. the loss takes the queue as it stands, empty at the first step;
2. ``MomentumEncoder.update``: θ_k ← m θ_k + (1 − m) θ_q;
3. the momentum encoder embeds the batch's own sentences (not their repeated copies), dropout off;
   its states pass through the *live* head, as the release has one head and copies the backbone
   alone (``head="copied"`` is ours: a copy of the head that lags like the rest);
4. ``MomentumQueue.push``: they are negatives from the next step on, and never for their own batch.

Source: Wu et al. 2022 (arXiv:2109.04380) section 3.2 (m = 0.995, 2.5 batches), which says nothing
of the head; order, head and dropout as in the authors' release, github.com/caskcsg/sentemb at
5eeec55, ESimCSE/esimcse/models.py (``cl_forward``) and trainers.py (``compute_loss``). The release
also empties the queue at the start of an epoch; ours goes on.
"""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

from recse_lab.models.transformer import TransformerEncoder

Embed = Callable[[TransformerEncoder], Float[Tensor, "batch hidden"]]
"""Embeds the first views of the current batch with an encoder that is given."""


class NegativeSource(nn.Module, ABC):
    """Negatives that a step takes from outside its batch; the protocol of a queue.

    What it has to remember between steps is in its parameters (which ask for no gradient) and its
    persistent buffers, so that it is saved and resumed with the arm.
    """

    behaviour: ClassVar[int] = 1
    """Version of the numbers. Raise it when they change: runs that use it get new ids."""

    @abstractmethod
    def forward(self) -> Float[Tensor, "extra hidden"]:
        """Negatives for the loss of this step; possibly no rows."""

    @abstractmethod
    def update(self, encoder: TransformerEncoder, embed: Embed) -> None:
        """Called after the loss of a step and before its gradient.

        Args:
            encoder: The trained encoder.
            embed: Embeds this batch's sentences.
        """


class MomentumQueue(nn.Module):
    """The last ``size`` embeddings that were pushed, oldest first; without gradient.

    Both tensors are persistent buffers: a saved queue continues as it was.

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
        """The embeddings in the queue; no rows at first.

        A copy: what is pushed before ``backward`` changes no loss.
        """
        return self.rows[: int(self.count)].clone()

    @torch.no_grad()
    def push(self, embeddings: Float[Tensor, "batch dim"]) -> None:
        """Append a batch; the oldest rows beyond the size are dropped."""
        kept = torch.cat([self(), embeddings.to(self.rows)])[-len(self.rows) :]
        self.rows[: len(kept)] = kept
        self.count.fill_(len(kept))


class MomentumEncoder(nn.Module):
    """A copy of ``encoder`` that averages its weights: no gradient, and dropout always off.

    Its weights are parameters that ask for no gradient: they are saved like others and no optimiser
    updates them.

    Args:
        encoder: What is copied; it stays as it is.
        momentum: m of the moving average.
        without: A part of the encoder that the copy lacks.

    Raises:
        ValueError: A momentum outside 0 … 1.

    Source: MoCo (He et al. 2020, arXiv:1911.05722) eq. 2.
    """

    def __init__(
        self, encoder: nn.Module, *, momentum: float = 0.995, without: str | None = None
    ) -> None:
        super().__init__()
        if not 0 <= momentum <= 1:
            raise ValueError(f"momentum {momentum}: it must lie between 0 and 1")
        self.momentum = momentum
        self.encoder = copy.deepcopy(encoder).requires_grad_(False)
        if without is not None:
            setattr(self.encoder, without, None)
        self.train(False)

    def train(self, mode: bool = True) -> MomentumEncoder:
        """Stay in evaluation mode, whatever the mode of the module around it."""
        return super().train(False)

    @torch.no_grad()
    def forward(self, *inputs: Any, **options: Any) -> Any:
        """The copied encoder's output, without gradient."""
        return self.encoder(*inputs, **options)

    @torch.no_grad()
    def update(self, encoder: nn.Module) -> None:
        """θ_k ← m θ_k + (1 − m) θ_q over parameters; buffers are copied as they are."""
        own, live = dict(self.encoder.named_parameters()), dict(encoder.named_parameters())
        average = get_ema_multi_avg_fn(self.momentum)  # one call over all: each weight read once
        average(list(own.values()), [live[name] for name in own], 0)
        buffers = dict(encoder.named_buffers())
        for name, buffer in self.encoder.named_buffers():
            buffer.copy_(buffers[name])


class MomentumContrast(NegativeSource):
    """ESimCSE's negatives: a queue filled by a momentum encoder.

    Args:
        encoder: The encoder that will be trained.
        size: Embeddings in the queue.
        momentum: m of the moving average.
        head: Which training head the momentum encoder's states pass through: the live one, or a
            copy that follows it.

    Raises:
        ValueError: A size below 1, or a momentum outside 0 … 1.

    Source: see the module's first lines.
    """

    behaviour = 2

    def __init__(
        self,
        encoder: TransformerEncoder,
        *,
        size: int,
        momentum: float = 0.995,
        head: Literal["live", "copied"] = "live",
    ) -> None:
        super().__init__()
        self.head = head
        self.queue = MomentumQueue(size, encoder.hidden)
        without = "head" if head == "live" else None
        self.momentum_encoder = MomentumEncoder(encoder, momentum=momentum, without=without)

    def forward(self) -> Float[Tensor, "filled hidden"]:
        """The embeddings in the queue."""
        return self.queue()

    @torch.no_grad()
    def update(self, encoder: TransformerEncoder, embed: Embed) -> None:
        """Move the momentum encoder, and push its embeddings of this batch."""
        self.momentum_encoder.update(encoder)
        copied = self.momentum_encoder.encoder
        assert isinstance(copied, TransformerEncoder)
        embeddings = embed(copied)
        self.queue.push(encoder.apply_head(embeddings) if self.head == "live" else embeddings)
