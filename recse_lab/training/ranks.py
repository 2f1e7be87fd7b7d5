"""Several processes that train one model: rows dealt out, embeddings gathered with gradient.

Every process encodes its share of a batch, and every anchor meets the candidates of all processes.
With L = Σᵣ Lᵣ, the loss of the anchors of process r among all candidates, the gradient of an
embedding is the sum over the processes of ∂Lᵣ, and the gradient of the weights is the sum of what
each process finds along its own sentences. Both sums are one collective each; no wrapper hooks into
the backward pass, which may therefore run in chunks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from jaxtyping import Float
from torch import Tensor, nn

from recse_lab.errors import LabError

T = TypeVar("T")


@dataclass(frozen=True)
class Ranks:
    """The processes of one training, and which of them this is."""

    index: int = 0
    """Number of this process, from 0."""
    size: int = 1
    """How many there are."""

    @property
    def first(self) -> bool:
        """Whether this is the process that claims, evaluates, logs and saves."""
        return self.index == 0

    def share(self, batch: int) -> slice:
        """Places of this process's rows in a batch.

        Raises:
            LabError: The batch cannot be dealt out evenly.
        """
        if batch % self.size or batch < 2 * self.size:
            raise LabError(
                f"{self.size} processes cannot share a batch of {batch} sentences evenly, with two "
                f"or more each; take a training.batch_size that is a multiple of {self.size}."
            )
        each = batch // self.size
        return slice(self.index * each, (self.index + 1) * each)

    def gather(self, own: Tensor, dim: int = 0) -> Tensor:
        """Join the parts of all processes along ``dim``, in their order, with gradient."""
        if self.size == 1:
            return own
        return _Gather.apply(own, dim, self)  # type: ignore[return-value]

    @torch.no_grad()
    def add_gradients(self, module: nn.Module) -> None:
        """Replace every gradient by its sum over the processes, in one collective a dtype.

        A weight that met no sentence of this process counts as 0; one that met none of any process
        keeps no gradient, as with one process.
        """
        if self.size == 1:
            return
        asked = [p for p in module.parameters() if p.requires_grad]
        met = torch.tensor([float(p.grad is not None) for p in asked], device=asked[0].device)
        dist.all_reduce(met)
        asked = [p for p, count in zip(asked, met.tolist(), strict=True) if count]
        for dtype in sorted({p.dtype for p in asked}, key=str):
            of_kind = [p for p in asked if p.dtype == dtype]
            parts = [torch.zeros_like(p) if p.grad is None else p.grad for p in of_kind]
            flat = torch.cat([part.flatten() for part in parts])
            dist.all_reduce(flat)
            for p, part in zip(of_kind, flat.split([p.numel() for p in of_kind]), strict=True):
                p.grad = part.view_as(p).clone()

    def total(self, value: Float[Tensor, ""]) -> Float[Tensor, ""]:
        """Sum of a number over the processes; NaN in one is NaN in all."""
        if self.size == 1:
            return value
        summed = value.detach().clone()
        dist.all_reduce(summed)
        return summed

    def any(self, flag: bool, device: torch.device) -> bool:
        """Whether it is so in any process."""
        if self.size == 1:
            return flag
        return bool(self.total(torch.tensor(float(flag), device=device)))

    def told(self, value: T) -> T:
        """The first process's value, in every process."""
        if self.size == 1:
            return value
        box = [value]
        dist.broadcast_object_list(box)
        return box[0]

    def after_first(self, task: Callable[[], T]) -> T:
        """Do something in the first process, then in the others, which may find it done.

        Raises:
            LabError: It failed in the first process; all of them raise its sentence.
        """
        result, failure = None, None
        if self.first:
            try:
                result = task()
            except LabError as error:
                failure = str(error)
        failure = self.told(failure)
        if failure is not None:
            raise LabError(failure)
        return result if self.first else task()  # type: ignore[return-value]

    def agree(self, what: dict[str, Any]) -> None:
        """Refuse processes that are about to compute different things.

        Args:
            what: Name -> value that must be equal everywhere; plain values.

        Raises:
            LabError: Two processes differ; the sentence names the process and what differs.
        """
        if self.size == 1:
            return
        told: list[Any] = [None] * self.size
        dist.all_gather_object(told, what)
        for index, theirs in enumerate(told):
            for name, value in told[0].items():
                if theirs.get(name) != value:
                    raise LabError(
                        f"process {index} of {self.size} has {name} {theirs.get(name)}, and "
                        f"process 0 has {value}; start all of them with the same command, data and "
                        "edition of the code."
                    )


ALONE = Ranks()
"""One process, the usual case."""


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, own: Tensor, dim: int, ranks: Ranks) -> Tensor:
        ctx.dim, ctx.ranks = dim, ranks
        own = own.contiguous()
        parts = [torch.empty_like(own) for _ in range(ranks.size)]
        dist.all_gather(parts, own)
        return torch.cat(parts, dim)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        summed = gradients[0].contiguous().clone()
        dist.all_reduce(summed)
        return summed.chunk(ctx.ranks.size, ctx.dim)[ctx.ranks.index], None, None
