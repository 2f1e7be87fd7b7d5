"""A pooling function as a readout."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from recse_lab.models.precision import full
from recse_lab.models.readouts.readout import EncodedBatch, Readout
from recse_lab.pooling import POOLINGS


class Pooled(Readout):
    """The pooling called ``name`` in ``recse_lab.pooling.POOLINGS``; nothing in it is learned."""

    def forward(self, batch: EncodedBatch) -> Float[Tensor, "batch hidden"]:
        """Pooled hidden states."""
        return full(POOLINGS[self.name](batch.hidden, batch.mask))
