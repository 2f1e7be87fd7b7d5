"""What every probe returns: a long labelled table, and the curves its figures are drawn from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pandas as pd

COLUMNS = ("encoder", "measure", "value", "low", "high", "n", "note")


class Measure(NamedTuple):
    """One number of one encoder. NaN where it is undefined, and ``note`` says why; never a silent
    number."""

    encoder: str
    measure: str
    value: float
    low: float = float("nan")
    high: float = float("nan")
    n: int = 0
    """Over how many pairs, sentences or tokens."""
    note: str = ""


@dataclass(frozen=True, repr=False)
class ProbeResult:
    """``table`` in long form (columns ``COLUMNS``, raw values), ``curves`` by name, each with a
    column ``encoder``."""

    name: str
    table: pd.DataFrame
    curves: dict[str, pd.DataFrame] = field(default_factory=dict)
    about: dict[str, Any] = field(default_factory=dict)
    """What was measured: data, numbers of pairs, options."""

    def frame(self) -> pd.DataFrame:
        """One row per encoder, one column per measure."""
        wide = self.table.pivot(index="encoder", columns="measure", values="value")
        return wide.loc[
            list(dict.fromkeys(self.table["encoder"])), list(dict.fromkeys(self.table["measure"]))
        ]

    def __repr__(self) -> str:
        encoders, measures = len(set(self.table["encoder"])), len(set(self.table["measure"]))
        s = "s" if encoders != 1 else ""
        return f"<{self.name}: {measures} measures of {encoders} encoder{s}>"


def tabulate(measures: Sequence[Measure]) -> pd.DataFrame:
    """Measures as a table."""
    return pd.DataFrame(measures, columns=pd.Index(COLUMNS))
