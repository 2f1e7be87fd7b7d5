"""The summary of the minimal-pairs probe, and the items that an encoder orders most wrongly."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from recse_lab.data.minimal_pair_items import CHANGES
from recse_lab.probes.minimal_pairs.figures import SPOKEN, undefined_encoders
from recse_lab.probes.result import ProbeResult
from recse_lab.probes.wording import joined, lines_by_measure, percent


def worst(result: ProbeResult, encoder: str, phenomenon: str, top: int = 5) -> pd.DataFrame:
    """List the items of a phenomenon that an encoder orders most wrongly, furthest first.

    There are fewer than ``top`` where it is wrong less often.

    Raises:
        ValueError: The result has no items of this encoder and phenomenon.
    """
    items = result.curves["items"]
    part = items.loc[(items["encoder"] == encoder) & (items["phenomenon"] == phenomenon)]
    if part.empty:
        raise ValueError(f"no item of {phenomenon!r} was measured for {encoder!r}")
    return (
        part.loc[~part["right"].astype(bool)]
        .sort_values("margin", kind="stable")
        .head(top)
        .reset_index(drop=True)
    )


def summary(result: ProbeResult) -> str:
    """What the numbers say: for each encoder which changes it notices, which it misses, and what it
    wrongly reacts to."""
    about, lines = result.about, lines_by_measure(result)
    names = dict.fromkeys(result.table["encoder"])
    shares = {name: _share(_rights(lines, name, about["expect"], CHANGES)) for name in names}
    rightly = [f"{name} {percent(share)}" for name, share in shares.items() if share is not None]
    said = (
        [f"Where the edit changes the meaning, items ordered rightly: {', '.join(rightly)}."]
        if rightly
        else []
    )
    said.append(
        f"{about['items']:,} items; {percent(about['level'])} intervals over items. Chance is 50 "
        "%, word overlap alone near 0 where "
        "the edit changes the meaning and near 100 % where it keeps it."
    )
    for name in names:
        words = [_side(lines, name, about["expect"], expect) for expect in SPOKEN]
        if any(words):
            said.append(f"{name}: " + " ".join(filter(None, words)))
    said += [f"Undefined for {name}: {why}." for name, why in undefined_encoders(result).items()]
    return "\n\n".join(said)


def _rights(
    lines: Mapping[tuple[str, str], Any], name: str, expected: Mapping[str, str], expect: str
) -> dict[str, Any]:
    """The lines on what share is ordered rightly, by group with this expectation."""
    found = {
        label: lines[name, f"{label}: right"] for label, what in expected.items() if what == expect
    }
    return {label: line for label, line in found.items() if not pd.isna(line["value"])}


def _share(rights: Mapping[str, Any]) -> float | None:
    """Of all items of these groups; None where there is none."""
    total = sum(line["n"] for line in rights.values())
    return sum(line["value"] * line["n"] for line in rights.values()) / total if total else None


def _side(
    lines: Mapping[tuple[str, str], Any], name: str, expected: Mapping[str, str], expect: str
) -> str:
    """A sentence or two on the groups with this expectation."""
    rights = _rights(lines, name, expected, expect)
    mean = _share(rights)
    if mean is None:
        return ""
    total = sum(line["n"] for line in rights.values())
    order = sorted(rights, key=lambda label: rights[label]["value"])
    told = [
        f"{_spoken(label)} {_interval(rights[label])}"
        for label in dict.fromkeys([order[-1], order[0]])
    ]
    ends = f"best {told[0]}, worst {told[1]}" if len(told) > 1 else told[0]
    out = f"where {SPOKEN[expect]}, {percent(mean)} of {total} items are ordered rightly ({ends})"
    above = [_spoken(label) for label in rights if rights[label]["low"] > 0.5]
    if expect == CHANGES:
        out += f"; above chance: {joined(above) or 'none'}"
    drops = {
        label: (lines[name, f"{label}: drop"], lines[name, f"{label}: paraphrase drop"])
        for label in rights
        if not pd.isna(lines[name, f"{label}: drop"]["value"])
    }
    if drops:
        edit, paraphrase = (
            np.average(
                [pair[k]["value"] for pair in drops.values()],
                weights=[pair[k]["n"] for pair in drops.values()],
            )
            for k in (0, 1)
        )
        least = min(drops, key=lambda label: drops[label][0]["value"])
        most = max(drops, key=lambda label: drops[label][0]["value"])
        ends = [f"{drops[end][0]['value']:.2f} ({_spoken(end)})" for end in (least, most)]
        span = f", from {' to '.join(ends)}" if least != most else ""
        out += f". The edit costs {edit:.2f} of the scale on average{span}"
        out += f", the paraphrase {paraphrase:.2f}"
    return out[0].upper() + out[1:] + "."


def _spoken(label: str) -> str:
    return label.split(" (")[0]


def _interval(line: Mapping[str, Any]) -> str:
    return f"{percent(line['value'])} [{100 * line['low']:.0f}, {100 * line['high']:.0f}]"
