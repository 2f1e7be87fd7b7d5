"""Lines of the table of a polarity probe, from the estimate and its resamples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from recse_lab.probes.dip import DRAWS, dip_test
from recse_lab.probes.distributions import (
    DEFINED,
    Boot,
    interval,
)
from recse_lab.probes.result import Measure, tabulate
from recse_lab.statistics.shared_bootstrap import SharedBootstrap


def table_row(
    encoder: str,
    measure: str,
    boot: Float[np.ndarray, " resamples"],
    level: float,
    n: int,
    note: str,
    why: str,
    sharing: SharedBootstrap | None = None,
) -> Measure:
    """A line of the table from the estimate and its resamples, with ``note`` or, where there is no
    value, ``why``."""
    point, resampled = float(boot[0]), boot[1:]
    if not np.isfinite(point):
        return Measure(encoder, measure, float("nan"), n=n, note=why)
    missing = int((~np.isfinite(resampled)).sum())
    if missing:
        lost = ": no interval" if missing > (1 - DEFINED) * len(resampled) else ""
        note = "; ".join(
            filter(None, (note, f"undefined in {missing} of {len(resampled)} resamples{lost}"))
        )
    level = level if sharing is None else sharing.level(level, resampled)
    return Measure(encoder, measure, point, *interval(point, resampled, level), n, note)


def dip_rows(encoder: str, prefix: str, values: Float[np.ndarray, " n"]) -> list[Measure]:
    """The dip and its p-value as two rows of the table, names starting with ``prefix``."""
    found = dip_test(values)
    why = (
        "no interval: a resample repeats values, and repeated values dip further; "
        "its p is given beside it"
    )
    p = f"share of {DRAWS} uniform samples that dip as far; a p has no interval"
    return [
        Measure(encoder, f"{prefix}dip", found.dip, n=found.n, note=why),
        Measure(encoder, f"{prefix}dip p", found.p, n=found.n, note=p),
    ]


def full_table(
    rows: Mapping[str, list[Measure]], checked: Mapping[str, tuple[Any, str | None]]
) -> pd.DataFrame:
    """All encoders in the order given, those that could not be measured with the reason in every
    line."""
    like = next(iter(rows.values()))
    lines = [
        line
        for name, (_, why) in checked.items()
        for line in (
            rows[name]
            if why is None
            else [Measure(name, m.measure, float("nan"), n=m.n, note=why) for m in like]
        )
    ]
    return tabulate(lines)


def bin_rows(
    encoder: str,
    boots: Boot,
    pairs: Mapping[str, int],
    level: float,
    sharing: SharedBootstrap | None = None,
) -> list[Measure]:
    """Lines of the measures by gold bin; n is the number of pairs in the bin, or in both
    neighbours."""
    rows = []
    for key, boot in boots.items():
        concerned = [label for label in pairs if label in key.split()] or list(pairs)
        empty = [label for label in concerned if not pairs[label]]
        why = f"no pair has gold {' or '.join(empty)}" if empty else "one pair has no spread"
        if key == "monotonicity" and not empty:
            why = "the bin means do not move"
        n = sum(pairs[label] for label in concerned)
        rows.append(table_row(encoder, key, boot, level, n, "", why, sharing))
    return rows
