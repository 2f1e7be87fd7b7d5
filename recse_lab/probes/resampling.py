"""Measures with percentile intervals over resamples."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from recse_lab.probes.result import Measure
from recse_lab.statistics.shared_bootstrap import SharedBootstrap

DEFINED = 0.95  # least share of resamples in which a measure must exist to have an interval


def with_sample(counts: Int[np.ndarray, "resamples pairs"]) -> Int[np.ndarray, "draws pairs"]:
    """The sample itself, where every pair occurs once, and the resamples after it."""
    return np.concatenate([np.ones((1, counts.shape[1]), counts.dtype), counts])


def percentiles(boot: Float[np.ndarray, " resamples"], level: float) -> tuple[float, float]:
    """Percentile interval; NaN bounds where too few resamples have a value."""
    defined = boot[np.isfinite(boot)]
    if len(defined) < DEFINED * len(boot):
        return float("nan"), float("nan")
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def resampled(
    encoder: str,
    measure: str,
    values: Float[np.ndarray, " draws"],
    *,
    level: float,
    n: int,
    why: str = "",
    sharing: SharedBootstrap | None = None,
) -> Measure:
    """A measure from its value on the sample, first, and on every resample.

    Args:
        encoder: Label of the encoder.
        measure: Name of the measure.
        values: The measure on the sample and on the resamples.
        level: Of the interval.
        n: Number of pairs or sentences.
        why: The reason if there is no value.
        sharing: What it costs that pairs share sentences.
    """
    level = level if sharing is None else sharing.level(level, values[1:])
    low, high = percentiles(values[1:], level)
    if not why and np.isfinite(values[0]) and np.isnan(low):
        why = f"no interval: undefined in more than {1 - DEFINED:.0%} of the resamples"
    return Measure(encoder, measure, float(values[0]), low, high, n, why)
