"""The curves that the figures of the polarity probes are drawn from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from recse_lab.probes.distributions import (
    NOMINAL,
    OWN,
    Range,
    density,
    unit,
    used_range,
)
from recse_lab.probes.polarity.checks import score_bounds

GRID, CELLS = 201, 24  # points of a curve; cells of the map along the scores


def score_grid(
    sound: Mapping[str, Mapping[str, Float[np.ndarray, " n"]]], nominal: Range | None
) -> Float[np.ndarray, " points"]:
    """Scores at which curves of all encoders are drawn: a little more than what occurs, no more
    than can."""
    every = np.concatenate([values for parts in sound.values() for values in parts.values()])
    low, high = score_bounds(nominal) or (-np.inf, np.inf)
    margin = 0.04 * (np.ptp(every) or 1.0)
    return np.linspace(max(low, every.min() - margin), min(high, every.max() + margin), GRID)


def cumulative_share(
    values: Float[np.ndarray, " n"], x: Float[np.ndarray, " points"]
) -> Float[np.ndarray, " points"]:
    """Share of values up to x."""
    return np.searchsorted(np.sort(values), x, side="right") / len(values)


def densities(
    sound: Mapping[str, Mapping[str, Float[np.ndarray, " n"]]], column: str, nominal: Range | None
) -> pd.DataFrame:
    """Densities of the scores by encoder and group, on one grid for all."""
    grid = score_grid(sound, nominal)
    parts = [
        pd.DataFrame(
            {
                "encoder": name,
                column: label,
                "score": grid,
                "density": density(values, grid, score_bounds(nominal)),
            }
        )
        for name, by_label in sound.items()
        for label, values in by_label.items()
        if len(values)
    ]
    return pd.concat(parts, ignore_index=True)


def score_map(
    sound: Mapping[str, Float[np.ndarray, " pairs"]],
    gold: Float[np.ndarray, " pairs"],
    edges: Float[np.ndarray, " edges"],
) -> pd.DataFrame:
    """How many pairs of each grade have which score; cells of one size for all encoders."""
    every = np.concatenate(list(sound.values()))
    margin = 0 if np.ptp(every) else 0.5
    score_edges = np.linspace(every.min() - margin, every.max() + margin, CELLS + 1)
    parts = []
    for name, values in sound.items():
        pairs = np.histogram2d(np.clip(gold, edges[0], edges[-1]), values, [edges, score_edges])[0]
        rows, columns = (index.ravel() for index in np.indices(pairs.shape))
        with np.errstate(invalid="ignore"):
            share = pairs / pairs.sum(axis=1, keepdims=True)
        parts.append(
            pd.DataFrame(
                {
                    "encoder": name,
                    "gold_low": edges[rows],
                    "gold_high": edges[rows + 1],
                    "score_low": score_edges[columns],
                    "score_high": score_edges[columns + 1],
                    "pairs": pairs.ravel().astype(int),
                    "share": share.ravel(),
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def cumulative_curves(
    sound: Mapping[str, Float[np.ndarray, " pairs"]],
    gold: Float[np.ndarray, " pairs"],
    nominal: Range | None,
    gold_range: Range,
) -> pd.DataFrame:
    """Shares of scores and of gold up to x, both scaled; the area between them is the Wasserstein
    distance."""
    x = np.linspace(0, 1, GRID)
    parts = []
    for name, values in sound.items():
        own = (used_range(np.sort(values)), used_range(np.sort(gold)))
        for scaling, (span, gold_span) in {NOMINAL: (nominal, gold_range), OWN: own}.items():
            scaled, gold_scaled = unit(values, span), unit(gold, gold_span)
            if np.isfinite(scaled).all() and np.isfinite(gold_scaled).all():
                parts.append(
                    pd.DataFrame(
                        {
                            "encoder": name,
                            "scaling": scaling,
                            "x": x,
                            "scores": cumulative_share(scaled, x),
                            "gold": cumulative_share(gold_scaled, x),
                        }
                    )
                )
    columns = ["encoder", "scaling", "x", "scores", "gold"]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)


def bin_frame(
    table: pd.DataFrame,
    labels: Sequence[str],
    edges: Float[np.ndarray, " edges"],
    encoders: Sequence[str],
) -> pd.DataFrame:
    """One row per encoder and gold bin; ``overlap`` is that with the next bin."""
    lines = table.set_index(["encoder", "measure"])
    over = dict(zip(labels, overlap_names(labels), strict=False))
    rows = []
    for name in encoders:
        for k, label in enumerate(labels):
            row: dict[str, Any] = {
                "encoder": name,
                "bin": label,
                "gold_low": edges[k],
                "gold_high": edges[k + 1],
            }
            row["pairs"] = lines.loc[(name, f"mean {label}"), "n"]
            for what, key in (
                ("mean", f"mean {label}"),
                ("spread", f"spread {label}"),
                ("overlap", over.get(label)),
            ):
                for column, end in (("value", ""), ("low", "_low"), ("high", "_high")):
                    row[what + end] = lines.loc[(name, key), column] if key else np.nan
            rows.append(row)
    return pd.DataFrame(rows)


def overlap_names(labels: Sequence[str]) -> list[str]:
    """Names of the overlaps of neighbouring bins."""
    return [f"overlap {a} | {b}" for a, b in pairwise(labels)]
