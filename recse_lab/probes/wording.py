"""Words, numbers and rows that the summaries and figures of several probes share."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from recse_lab.probes.result import ProbeResult

Line = Mapping[Hashable, Any]
"""A row of a result's table or curve."""


def signed(value: float, places: int = 2) -> str:
    """A number with its sign, with a true minus."""
    return f"{value:+.{places}f}".replace("-", "−")


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


def differences(result: ProbeResult, labels: Mapping[str, str], *, places: int = 2) -> list[str]:
    """One line per encoder: its differences from the reference, with their intervals, and which of
    them are significant.

    Args:
        result: Of a probe whose ``about`` names the reference as ``against``.
        labels: Words for the measures to name, by measure.
        places: Decimals.

    Returns:
        A paragraph as a list of one string; empty without a reference or another encoder.
    """
    against, lines, parts = result.about.get("against"), lines_by_measure(result), []
    for name in distinct(result.table["encoder"]):
        rows = {
            label: lines[name, f"{measure} minus {against}"]
            for measure, label in labels.items()
            if (name, f"{measure} minus {against}") in lines
        }
        told = []
        for label, row in rows.items():
            value, low, high = (signed(row[key], places) for key in ("value", "low", "high"))
            if np.isfinite(row["low"]):
                mark = "" if row["low"] > 0 or row["high"] < 0 else " (n.s.)"
                told.append(f"{label} {value} [{low}, {high}]{mark}")
        if told:
            parts.append(f"- {name} minus {against}: {'; '.join(told)}.")
    return ["Paired differences:\n\n" + "\n".join(parts)] if parts else []


def undefined_notes(result: ProbeResult) -> list[str]:
    """One sentence per reason why a measure is undefined, naming the encoders; differences of
    undefined measures go without saying."""
    own = ~result.table["measure"].str.contains(" minus ", regex=False)
    undefined = result.table.loc[own & result.table["value"].isna()]
    notes = undefined.groupby("note", sort=False)["encoder"].unique()
    return [f"Undefined for {', '.join(names)}: {why}." for why, names in notes.items()]
