"""Words, numbers and rows that the summaries and figures of several probes share."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import Any

import pandas as pd

from recse_lab.probes.result import ProbeResult

Line = Mapping[Hashable, Any]
"""A row of a result's table or curve."""


def signed(value: float) -> str:
    """A number with its sign and two decimals, with a true minus."""
    return f"{value:+.2f}".replace("-", "−")


def signed_interval(row: Line) -> str:
    """``value [low, high]``, all with signs."""
    return f"{signed(row['value'])} [{signed(row['low'])}, {signed(row['high'])}]"


def percent(share: float) -> str:
    """A share as a whole number of per cent."""
    return f"{100 * share:.0f} %"


def joined(names: Iterable[str]) -> str:
    """``a, b and c``."""
    names = list(names)
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def rows_where(frame: pd.DataFrame, column: str, value: str) -> pd.DataFrame:
    """The rows with this value in this column."""
    return frame.loc[frame[column] == value]


def records(frame: pd.DataFrame) -> list[dict[Hashable, Any]]:
    """Rows as dicts."""
    return frame.to_dict("records")


def distinct(column: Iterable[str]) -> list[str]:
    """Distinct values in order of appearance."""
    return list(dict.fromkeys(column))


def lines_by_measure(result: ProbeResult) -> dict[tuple[str, str], Any]:
    """Rows of the table by (encoder, measure)."""
    return {(line["encoder"], line["measure"]): line for line in result.table.to_dict("records")}


def undefined_notes(result: ProbeResult) -> list[str]:
    """One sentence per reason why a measure is undefined, naming the encoders."""
    undefined = result.table.loc[result.table["value"].isna()]
    notes = undefined.groupby("note", sort=False)["encoder"].unique()
    return [f"Undefined for {', '.join(names)}: {why}." for why, names in notes.items()]
