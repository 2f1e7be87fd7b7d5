"""The loss in tiles of anchors, so that no matrix of a whole batch against itself ever exists.

Every anchor of a contrast is compared with all candidates, and with nothing else: so the loss of a
batch is the mean of the losses of its tiles (``Contrast.of_rows``). A tile's logits live only while
its loss and its gradient are computed; what is kept is the gradient of the embeddings. A batch of
65,536 has logits of 17 GB in float32, and tiles of them of 64 MiB.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from recse_lab.objectives import Contrast

LOGITS = 2**24
"""Logits of a tile: 64 MiB in float32."""


@dataclass(frozen=True, kw_only=True)
class Tiled(Contrast):
    """A contrast that is computed tile by tile: the same value and gradient, in flat memory.

    Args:
        inner: The contrast.
        rows: Anchors whose loss is summed, of all; the others are candidates only. A process that
            holds a share of a batch names its own rows, and the losses of all processes add up to
            the loss of the batch.
        logits: Largest number of logits in a tile.
    """

    inner: Contrast
    rows: slice | None = None
    logits: int = LOGITS

    def __call__(
        self,
        anchors: Float[Tensor, "batch dim"],
        positives: Float[Tensor, "batch dim"],
        negatives: Float[Tensor, "extra dim"] | None = None,
    ) -> Float[Tensor, ""]:
        """Return the sum over ``rows`` of the inner contrast, divided by the size of the batch."""
        return _Tiles.apply(self, anchors, positives, negatives)  # type: ignore[return-value]

    def tiles(self, batch: int, candidates: int) -> Iterator[slice]:
        """Places of the anchors of each tile."""
        rows = slice(0, batch) if self.rows is None else self.rows
        size = max(1, self.logits // candidates)
        for start in range(rows.start, rows.stop, size):
            yield slice(start, min(start + size, rows.stop))


class _Tiles(torch.autograd.Function):
    """Loss and gradient in one sweep: the gradient of a sum needs no second look at the logits."""

    @staticmethod
    def forward(ctx: Any, tiled: Tiled, *given: Tensor | None) -> Tensor:
        leaves = [
            None if value is None else value.detach().requires_grad_(needed)
            for value, needed in zip(given, ctx.needs_input_grad[1:], strict=True)
        ]
        anchors, positives, negatives = leaves
        assert anchors is not None
        assert positives is not None
        asked = [leaf for leaf in leaves if leaf is not None and leaf.requires_grad]
        found = [torch.zeros_like(leaf) for leaf in asked]
        batch = len(anchors)
        candidates = len(positives) + (0 if negatives is None else len(negatives))
        total = anchors.new_zeros((), dtype=torch.promote_types(anchors.dtype, torch.float32))
        for rows in tiled.tiles(batch, candidates):
            with torch.enable_grad():
                loss = tiled.inner.of_rows(anchors, positives, negatives, rows=rows)
                loss = loss * ((rows.stop - rows.start) / batch)
            total += loss.detach()
            if asked:
                for sum_, part in zip(found, torch.autograd.grad(loss, asked), strict=True):
                    sum_ += part
        ctx.save_for_backward(*found)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        found = iter(ctx.saved_tensors)
        return None, *(
            next(found) * gradients[0] if needed else None for needed in ctx.needs_input_grad[1:]
        )
