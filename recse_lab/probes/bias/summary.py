"""The summary of the bias probe."""

from __future__ import annotations

import numpy as np

from recse_lab.probes.result import ProbeResult
from recse_lab.probes.wording import (
    distinct,
    records,
    rows_where,
    signed,
    signed_interval,
    undefined_notes,
)

HELD = "gold and other covariates"


def summary(result: ProbeResult) -> str:
    """Say what the numbers say, in Markdown."""
    return "\n\n".join([*_lines_of_bias(result), *undefined_notes(result)])


def _lines_of_bias(result: ProbeResult) -> list[str]:
    frame = rows_where(result.curves["partial"], "given", HELD)
    own = {row["covariate"]: row["value"] for row in records(result.curves["gold"])}
    against = result.about["against"]
    bullets = []
    for covariate in distinct(frame["covariate"]):
        part = rows_where(frame, "covariate", covariate).dropna(subset="value").sort_values("value")
        if not len(part):
            continue
        rows = records(part)
        ends = [
            f"{signed(row['value'])} ({row['encoder']})" for row in (rows[0], rows[-1])[: len(rows)]
        ]
        above, below = sum(row["low"] > 0 for row in rows), sum(row["high"] < 0 for row in rows)
        told = [" to ".join(ends), f"above 0 in {above} and below 0 in {below} of {len(rows)}"]
        if np.isfinite(own[covariate]):
            told.append(f"gold's own ρ with it is {signed(own[covariate])}")
        if against is not None and "against" in result.curves:
            less = records(rows_where(result.curves["against"], "covariate", covariate))
            clear = [
                f"{row['encoder']} {signed_interval(row)}"
                for row in less
                if row["low"] > 0 or row["high"] < 0
            ]
            told.append(f"other than that of {against}: {', '.join(clear) or 'none'}")
        bullets.append(f"- {covariate}: {'; '.join(told)}.")
    lines = [
        "Partial rank correlation of similarity with each covariate over "
        f"{result.about['pairs']:,} pairs, gold and the other "
        "covariates held fixed; above or below where the whole interval is:",
        "\n".join(bullets),
    ]
    lines = lines if bullets else []
    gaps = result.curves["gap"].dropna(subset="value")
    worst = [
        max(records(rows_where(gaps, "encoder", name)), key=lambda row: abs(row["value"]))
        for name in distinct(gaps["encoder"])
    ]
    if worst:
        told = [
            f"{row['encoder']} {signed_interval(row)} along {row['covariate']}" for row in worst
        ]
        most = "; ".join(told)
        gap = f"STS in the high third of a covariate minus that in the low third, largest: {most}."
        lines = [gap, *lines]
    return lines
