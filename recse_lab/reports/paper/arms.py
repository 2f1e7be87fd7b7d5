"""What every table of the paper does with the arms of the store: identity cells, means, marks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from recse_lab.reports.tables import Cell, Column
from recse_lab.runs.collection import Arm

LEVEL = 0.05  # of the test behind a †
SAME, NOT_COMPARED = "†", "°"
NOT_COMPARED_NOTE = (
    "° not compared with it: no seed, or no scores of the same test items, in common."
)
IDENTITY = [
    Column("method", "method", "text"),
    Column("encoder", "encoder", "text", shared=True),
    Column("study", "study", "text", shared=True),
    Column("seeds", "seeds", "text"),
]


def identity(arm: Arm) -> dict[str, Cell]:
    """The cells that say whose numbers stand in a row."""
    return {
        "method": Cell(arm.label),
        "encoder": Cell(arm.encoder),
        "study": Cell(arm.study),
        "seeds": Cell(arm.seeds),
    }


def protocol(arm: Arm) -> str:
    """Id of the protocol its results were measured under."""
    return arm.distinct[0].record.results.protocol.id or "not stated"


def kind(arm: Arm) -> Any:
    """The kind of a row: arms of a study that are no question of their own stand apart."""
    return "own" if arm.role == "arm" else "reference"


def mean(values: Sequence[float | None]) -> float | None:
    """Mean, or None where a value is missing: what is missing is no number."""
    defined = [v for v in values if v is not None and np.isfinite(v)]
    return float(np.mean(defined)) if values and len(defined) == len(values) else None


def mean_cell(values: Sequence[float | None], **more: Any) -> Cell:
    """Mean over seeds with its standard deviation, where there are two or more."""
    value = mean(values)
    sd = (
        float(np.std(np.array(values, float), ddof=1))
        if value is not None and len(values) > 1
        else None
    )
    return Cell(value, sd=sd, **more)
