"""Measures of several encoders on the same resamples, and their differences from one of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Real

from recse_lab.errors import LabError
from recse_lab.probes.resampling import percentiles
from recse_lab.probes.result import Measure
from recse_lab.statistics.jackknife import jackknife_interval

GROUPS = 20
"""Of the grouped jackknife."""
Interval = Callable[[Float[np.ndarray, " draws"]], tuple[float, float]]
"""From a statistic on the sample (first) and on its resamples to bounds."""


class Draws(NamedTuple):
    """A statistic on the sample itself, and on each resample of it."""

    values: Float[np.ndarray, " draws"]
    n: int
    note: str = ""


def percentile(level: float = 0.95) -> Interval:
    """Percentile interval of bootstrap resamples; NaN where too few of them have a value."""

    def interval(values: Float[np.ndarray, " draws"]) -> tuple[float, float]:
        return percentiles(values[1:], level)

    return interval


def jackknife(values: Float[np.ndarray, " draws"]) -> tuple[float, float]:
    """95 % interval where each draw leaves one group of sentences out."""
    return jackknife_interval(float(values[0]), values[1:])


def jackknife_groups(count: int, seed: int) -> list[np.ndarray]:
    """Row numbers of ``GROUPS`` random groups of ``count`` sentences; none if there are too few."""
    if count < 2 * GROUPS:
        return []
    return np.array_split(np.random.default_rng(seed).permutation(count), GROUPS)


def refuse_unknown_reference(against: str | None, names: Iterable[str]) -> None:
    """Refuse a reference that is not among the encoders.

    Raises:
        LabError: It is not.
    """
    names = list(names)
    if against is not None and against not in names:
        raise LabError(f"{against!r} is none of the encoders ({', '.join(names)}); name one.")


def paired_measures(
    found: Mapping[str, Mapping[str, Draws]], *, against: str | None, interval: Interval
) -> list[Measure]:
    """One row per encoder and measure, and with ``against`` one per difference from that encoder.

    The draws of all encoders come from the same resamples, so that a difference has an interval of
    its own: it is named ``MEASURE minus ENCODER``.

    Args:
        found: Draws by encoder and measure.
        against: The encoder that the others are compared with.
        interval: From draws to bounds.

    Raises:
        LabError: ``against`` is none of the encoders.
    """
    refuse_unknown_reference(against, found)
    rows = []
    for name, measures in found.items():
        for measure, draws in measures.items():
            rows.append(_row(name, measure, draws, interval))
        if against is None or name == against:
            continue
        for measure, draws in measures.items():
            other = found[against].get(measure)
            if other is not None:
                less = Draws(draws.values - other.values, draws.n, draws.note or other.note)
                rows.append(_row(name, f"{measure} minus {against}", less, interval))
    return rows


def _row(name: str, measure: str, draws: Draws, interval: Interval) -> Measure:
    value = float(draws.values[0])
    if not np.isfinite(value):
        why = draws.note or "undefined on this sample"
        return Measure(name, measure, float("nan"), n=draws.n, note=why)
    return Measure(name, measure, value, *interval(draws.values), draws.n, draws.note)


def weighted_means(
    values: Float[np.ndarray, " units"], counts: Real[np.ndarray, "draws units"]
) -> Float[np.ndarray, " draws"]:
    """Mean of the defined values in each draw, given how often each unit was drawn."""
    defined = np.isfinite(values)
    weights = counts[:, defined].astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        return (weights @ values[defined]) / weights.sum(axis=1)
