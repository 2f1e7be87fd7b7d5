"""The protocol of a readout: how the hidden states of a sentence become one vector."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from jaxtyping import Float, Int, Integer
from torch import Tensor, nn

from recse_lab.pooling import HiddenStates

if TYPE_CHECKING:
    from recse_lab.models.transformer import TransformerEncoder


@dataclass(frozen=True)
class EncodedBatch:
    """A padded batch after the backbone: everything that a readout may look at."""

    encoder: TransformerEncoder
    """The encoder whose backbone computed the states."""
    hidden: HiddenStates
    """States of all layers, the embedding layer first."""
    ids: Int[Tensor, "batch tokens"]
    mask: Int[Tensor, "batch tokens"]
    """1 on tokens, 0 on padding."""
    view: int = 0
    """Which view of their sentences the rows are; 0 in use."""


class Readout(nn.Module):
    """From the hidden states of a batch to one float32 vector per sentence, before the head.

    A readout may learn, may write a template around a sentence, and stores its own part of an
    encoder's folder. A subclass overrides what differs from plain pooling.
    """

    behaviour: ClassVar[int] = 1
    """Version of the numbers. Raise it when they change: runs that use it get new ids."""
    separates_views: bool = False
    """Whether views are read in different ways, so that they cannot share a forward pass."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def prepare(self, sentence: str) -> str:
        """The text that is tokenised for a sentence in use; training reads a corpus as it is."""
        return sentence

    def wrap(
        self, row: Integer[np.ndarray, " tokens"], view: int = 0
    ) -> Integer[np.ndarray, " wrapped"]:
        """Token ids that the backbone reads for a tokenised sentence in one of its views."""
        return row

    def forward(self, batch: EncodedBatch) -> Float[Tensor, "batch hidden"]:
        """One vector per sentence."""
        raise NotImplementedError

    def untrained(self) -> Readout:
        """The readout as it was before any training."""
        return self

    @property
    def card(self) -> dict[str, Any]:
        """Entries of the folder's card from which this readout is built again; plain JSON."""
        return {"pooling": self.name}

    def save(self, folder: Path) -> None:
        """Write learned weights, if there are any, into an encoder's folder."""
