"""The gains that papers published over SimCSE, from the rows that the package carries."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from recse_lab.data.sts_sets import SEVEN
from recse_lab.reports.published import published_sts, slug

ENCODERS = ("BERT-base", "BERT-large", "RoBERTa-base", "RoBERTa-large")
REFERENCE = "SimCSE"
SPREAD = re.compile(r"std ([\d. ]+)")
"""Standard deviations over seeds in the setting of a row: seven tasks, then the average."""
CONFIDENCE = ["read-directly", "quoted-by-another-source"]
"""From the best source to the weakest; rows written down from memory are not used."""


class Gain(NamedTuple):
    """A published unsupervised result against SimCSE's on the same encoder, in points."""

    method: str
    encoder: str
    average: float
    gain: float
    tasks_error: float
    """Standard error of the gain over the seven tasks, as a sample of all tasks."""
    seeds_sd: float | None
    """Published standard deviation of the average over seeds."""
    setting: str
    source: str


def published_gains() -> list[Gain]:
    """Every unsupervised result of the seven tasks on an encoder that SimCSE was published on.

    The correlation is that of pooled pairs (``all``, stated or assumed). An average is the mean of
    the seven printed tasks. A method that several sources report on an encoder counts once, from
    the best source.

    Returns:
        By encoder, the largest gain first.
    """
    rows = published_sts()
    kept = rows.loc[
        rows["encoder"].isin(ENCODERS)
        & rows["setting"].str.startswith("unsup")
        & rows["aggregation"].isin(["all", "all (assumed)"])
        & rows["confidence"].isin(CONFIDENCE)
        & rows[list(SEVEN)].notna().all(axis=1)
    ].copy()
    kept["average"] = kept[list(SEVEN)].mean(axis=1)
    kept["rank"] = kept["confidence"].map(CONFIDENCE.index)
    kept["key"] = kept["method"].map(slug)
    kept = kept.sort_values("rank", kind="stable").drop_duplicates(["key", "encoder"])
    references = {
        row["encoder"]: row for row in kept.to_dict("records") if row["key"] == slug(REFERENCE)
    }
    found = [
        _gain(row, references[row["encoder"]])
        for row in kept.to_dict("records")
        if row["key"] != slug(REFERENCE) and row["encoder"] in references
    ]
    return sorted(found, key=lambda g: (ENCODERS.index(g.encoder), -g.gain, g.method))


def _gain(row: Mapping[str, Any], reference: Mapping[str, Any]) -> Gain:
    differences = np.array([row[task] - reference[task] for task in SEVEN], float)
    return Gain(
        row["method"],
        row["encoder"],
        float(row["average"]),
        float(differences.mean()),
        float(differences.std(ddof=1) / len(SEVEN) ** 0.5),
        seeds_deviation(row["setting"]),
        row["setting"],
        row["source"],
    )


def seeds_deviation(setting: str) -> float | None:
    """Standard deviation of the average over seeds, where a row's setting states it.

    >>> seeds_deviation("unsup; agg=all; mean of seeds (std .18 .22 .26 .24 .21 .22 .40 .15)")
    0.15
    >>> seeds_deviation("unsup; agg=all")
    """
    found = SPREAD.search(setting)
    values = [float(value) for value in found[1].split()] if found else []
    return values[-1] if len(values) == len(SEVEN) + 1 else None


def frame(gains: list[Gain]) -> pd.DataFrame:
    """One row per gain, with the columns of ``Gain``."""
    return pd.DataFrame(gains, columns=list(Gain._fields))
