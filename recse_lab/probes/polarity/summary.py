"""The summary of the polarity probe."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from recse_lab.probes.polarity.frame import decimal, encoders_of, with_interval
from recse_lab.probes.result import ProbeResult
from recse_lab.probes.wording import differences, joined, lines_by_measure


def summary(result: ProbeResult) -> str:
    """Say who pushes scores to the ends, who uses which range, and who is calibrated.

    Encoders are called different only where their intervals do not overlap, which is stricter
    than a test of the difference.
    """
    paired = differences(result, {key: key for key in COMPARED}, places=3)
    return "\n\n".join([" ".join(filter(None, _sentences(result))), *paired])


COMPARED = (
    "extreme mass (own range)",
    "used range",
    "calibration error (own range)",
    "isotonic r2",
)
"""What the differences between encoders are told of."""


def _sentences(result: ProbeResult) -> list[str]:
    about = result.about
    said = []
    for scaling, where in (
        ("own range", "Within the range that each uses"),
        ("nominal", "Of the nominal range"),
    ):
        masses, gold = (
            measure_lines(result, f"extreme mass ({scaling})"),
            about["gold"][f"extreme mass ({scaling})"],
        )
        more = [name for name, mass in masses.items() if mass["low"] > 0]
        fewer = [name for name, mass in masses.items() if mass["high"] < 0]
        pushed = []
        for name in more:
            low, high = (
                measure_lines(result, f"extreme mass ({scaling}, {end} end)")[name]["value"]
                for end in ("low", "high")
            )
            pushed.append(
                f"{quoted(name)} ({with_interval(masses[name])}; low end {decimal(low)}, high end "
                f"{decimal(high)})"
            )
        if masses:
            does = (
                f"{joined(pushed)} {'put' if len(more) > 1 else 'puts'}"
                if more
                else "no encoder can be said to put"
            )
            less = f"; fewer: {joined(map(quoted, fewer))}." if fewer else "."
            said.append(
                f"{where}, {does} more scores at the ends than gold has ({decimal(gold)}){less}"
            )
    said.append(
        extremes(measure_lines(result, "used range"), "Range used (5–95 %)", "widest", "narrowest")
    )
    for scaling in ("own range", "nominal"):
        errors = measure_lines(result, f"calibration error ({scaling})")
        said.append(extremes(errors, f"Calibration error ({scaling})", "largest", "smallest"))
    said.append(
        extremes(
            measure_lines(result, "isotonic r2"),
            "Gold explained by the isotonic fit (R²)",
            "most",
            "least",
        )
    )
    modes = [
        quoted(name)
        for name, line in measure_lines(result, "dip p").items()
        if line["value"] < 0.05
    ]
    said.append(f"The dip finds more than one mode (p < 0.05) in {joined(modes) or 'none'}.")
    falls = [
        quoted(name)
        for name, line in measure_lines(result, "monotonicity").items()
        if line["value"] < 1
    ]
    said.append(
        f"Mean scores do not rise with every gold bin for {joined(falls)}." if falls else ""
    )
    scope = f"{about['pairs']:,} pairs; {about['level']:.0%} intervals over pairs.".replace(
        "%", " %"
    )
    return [*said, scope, *notes(result)]


def measure_lines(result: ProbeResult, measure: str) -> dict[str, Any]:
    """The lines of one measure by encoder, those that have a value."""
    part = result.table.loc[(result.table["measure"] == measure) & result.table["value"].notna()]
    return {line["encoder"]: line for line in part.to_dict("records")}


def extremes(column: Mapping[str, Any], what: str, most: str, least: str) -> str:
    """Who has most and who least of something, with those whose intervals overlap with theirs."""
    if not column:
        return ""
    order = sorted(column, key=lambda name: column[name]["value"], reverse=True)
    first, last = order[0], order[-1]
    if first == last:
        return f"{what}: {with_interval(column[first])} for {quoted(first)}."
    if _meet(column[first], column[last]):
        told = [f"{with_interval(column[name])} for {quoted(name)}" for name in (first, last)]
        return f"{what}: from {told[1]} to {told[0]}, overlapping intervals."
    parts = []
    for word, name in ((most, first), (least, last)):
        like = [
            quoted(other) for other in order if other != name and _meet(column[other], column[name])
        ]
        alike = f", intervals overlapping with {joined(like)}" if like else ""
        parts.append(f"{word} for {quoted(name)} ({with_interval(column[name])}{alike})")
    return f"{what}: {'; '.join(parts)}."


def _meet(a: Mapping[str, Any], b: Mapping[str, Any]) -> bool:
    """Whether two intervals share a value; without bounds they count as overlapping."""
    return not (a["low"] > b["high"] or b["low"] > a["high"])


def notes(result: ProbeResult) -> list[str]:
    """What must be known to read the numbers: what is undefined for an encoder, and scores beyond
    the range."""
    encoders, lines = encoders_of(result), lines_by_measure(result)
    said = [f"{quoted(name)} is undefined: {why}." for name, why in encoders.items() if why]
    for name in (name for name, why in encoders.items() if not why):
        rank = lines.get((name, "spearman"))
        if rank is not None and pd.isna(rank["value"]):
            said.append(f"{quoted(name)}: {rank['note']}.")
        beyond = result.table.loc[
            (result.table["encoder"] == name) & result.table["note"].str.contains("beyond"), "note"
        ]
        said += [f"{quoted(name)}: {note}." for note in beyond.unique()]
    return said


def quoted(name: str) -> str:
    """A name that can stand in a list."""
    return f"‘{name}’" if "," in name else name
