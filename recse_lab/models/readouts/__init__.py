"""Readouts: from hidden states to one vector per sentence.

Plain poolings are functions in ``recse_lab.pooling``. A mechanism that does more is one file here
and one line in one of the two dicts below; docs/add-a-framework.md shows how.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from recse_lab.models.readouts.pooled import Pooled as Pooled
from recse_lab.models.readouts.prompt import Prompt as Prompt
from recse_lab.models.readouts.readout import EncodedBatch as EncodedBatch
from recse_lab.models.readouts.readout import Readout as Readout
from recse_lab.models.readouts.residual import Residual as Residual


@runtime_checkable
class ReadsReadout(Protocol):
    """A readout that an encoder's folder names as its pooling."""

    def read(
        self, folder: Path, card: dict[str, Any], *, tokenizer: Any, max_length: int
    ) -> Readout:
        """Build it from a folder and the whole of its card."""
        ...


@runtime_checkable
class ReadsAddition(Protocol):
    """A readout that wraps another one."""

    def read(self, folder: Path, card: Any, inner: Readout) -> Readout:
        """Build it from a folder and its own entry of the card."""
        ...


READOUTS: dict[str, ReadsReadout] = {"prompt": Prompt}
"""Readouts beside the poolings: value of ``pooling`` in a folder's card -> class."""

ADDITIONS: dict[str, ReadsAddition] = {"residual": Residual}
"""Readouts that wrap another one: entry of a folder's card -> class."""


def read_readout(
    folder: Path, card: dict[str, Any], *, pooling: str, tokenizer: Any, max_length: int
) -> Readout:
    """The readout ``pooling`` of a folder, without additions."""
    if pooling not in READOUTS:
        return Pooled(pooling)
    return READOUTS[pooling].read(folder, card, tokenizer=tokenizer, max_length=max_length)
