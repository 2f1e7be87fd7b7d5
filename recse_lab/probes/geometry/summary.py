"""The summary of the geometry probe."""

from __future__ import annotations

from typing import Any

import numpy as np

from recse_lab.probes.result import ProbeResult
from recse_lab.probes.wording import differences


def with_interval(row: Any, form: str) -> str:
    """``value [low, high]``; the reason where there is no value."""
    if not np.isfinite(row["value"]):
        return f"undefined ({row['note']})"
    span = f" [{row['low']:{form}}, {row['high']:{form}}]" if np.isfinite(row["low"]) else ""
    return f"{row['value']:{form}}{span}"


def summary(result: ProbeResult) -> str:
    """What the numbers say, in Markdown."""
    parts = []
    for measure, said in (
        ("mean_cosine", "By mean cosine the least alike are the embeddings of"),
        ("hubness_skew", "The fewest hubs has"),
    ):
        values: Any = result.table[result.table["measure"] == measure]
        values = values.dropna(subset=["value"])
        if len(values) > 1:
            parts.append(f"{said} {values.loc[values['value'].idxmin(), 'encoder']}.")
    for name, table in result.table.groupby("encoder", sort=False):
        rows = {row["measure"]: row for _, row in table.iterrows()}
        dim = result.about["dim"][name]
        parts.append(
            f"{name}: the mean cosine of two sentences is "
            f"{with_interval(rows['mean_cosine'], '.3f')}; the variance is as concentrated "
            f"as that of {with_interval(rows['participation_ratio'], '.1f')} equal axes of {dim} "
            "(IsoScore "
            f"{with_interval(rows['isoscore'], '.3f')}), "
            f"{with_interval(rows['top_share'], '.1%')} of it along the first; effective rank "
            f"{with_interval(rows['effective_rank'], '.1f')}, "
            f"{with_interval(rows['effective_rank_centred'], '.1f')} without the common "
            "direction; partition isotropy of unit vectors "
            f"{with_interval(rows['partition_isotropy_unit'], '.3f')}; "
            f"{with_interval(rows['antihubs'], '.1%')} of the sentences are nobody's neighbour "
            "(skewness of N_k "
            f"{with_interval(rows['hubness_skew'], '.2f')})."
        )
    said = " ".join([*parts, f"{result.about['sentences']:,} sentences."])
    return "\n\n".join([said, *differences(result, COMPARED, places=3)])


COMPARED = {
    "mean_cosine": "mean cosine",
    "isoscore": "IsoScore",
    "participation_ratio": "participation ratio",
    "effective_rank": "effective rank",
}
"""What the differences between encoders are told of."""
