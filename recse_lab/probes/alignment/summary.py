"""The summary of the alignment probe."""

from __future__ import annotations

from typing import Any

import numpy as np

from recse_lab.probes.result import ProbeResult
from recse_lab.probes.wording import differences


def with_interval(row: Any, scale: float = 1, digits: int = 3) -> str:
    """``value [low, high]``; the reason where there is no value."""
    if not np.isfinite(row["value"]):
        return f"undefined ({row['note']})"
    value = f"{scale * row['value']:.{digits}f}"
    if not np.isfinite(row["low"]):
        return value
    return f"{value} [{scale * row['low']:.{digits}f}, {scale * row['high']:.{digits}f}]"


def summary(result: ProbeResult) -> str:
    """What the numbers say, in Markdown."""
    about = result.about
    parts = []
    for measure, said in (
        ("alignment", "Paraphrases are closest in"),
        ("uniformity", "The space is used most evenly by"),
    ):
        parts += _lowest(result.table[result.table["measure"] == measure], said)
    for name, table in result.table.groupby("encoder", sort=False):
        rows = {row["measure"]: row for _, row in table.iterrows()}
        parts.append(
            f"{name}: alignment {with_interval(rows['alignment'])}, uniformity "
            f"{with_interval(rows['uniformity'])}, "
            f"Spearman {with_interval(rows['spearman'], 100, 1)}."
        )
    than = "above" if about["protocol"] == "whole" else "of at least"
    than = "above" if about["protocol"] == "whole" else "of at least"
    parts.append(
        f"{about['sentences']:,} sentences, {about['pairs']:,} pairs, {about['aligned pairs']:,} "
        f"of them with gold {than} "
        f"{about['above']:g}; protocol {about['protocol']}."
    )
    parts.append(
        f"Intervals {about['intervals']}."
        if about["protocol"] == "whole"
        else "Per batch: biased, see the protocol."
    )
    paired = differences(
        result, {key: key for key in ("alignment", "uniformity", "spearman")}, places=3
    )
    return "\n\n".join([" ".join(parts), *paired])


def _lowest(rows: Any, said: str) -> list[str]:
    """Who is lowest, and whether its interval is clear of the next one's."""
    rows = rows.dropna(subset=["value"]).sort_values("value")
    if len(rows) < 2:
        return []
    best, following = rows.iloc[0], rows.iloc[1]
    if not np.isfinite([best["high"], following["low"]]).all():
        return [f"{said} {best['encoder']}, before {following['encoder']}."]
    apart = best["high"] < following["low"]
    how = "their intervals do not touch" if apart else "their intervals overlap"
    return [f"{said} {best['encoder']}, before {following['encoder']}; {how}."]
