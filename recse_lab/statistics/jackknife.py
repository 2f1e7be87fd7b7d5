"""The jackknife: intervals of statistics that the bootstrap would bias."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from scipy import stats


def jackknife_interval(
    value: float, left_out: Float[np.ndarray, " folds"], *, level: float = 0.95
) -> tuple[float, float]:
    """Student's interval from the statistic with one fold of the sentences left out at a time.

    The bootstrap would repeat sentences, and a repeated sentence is a neighbour at distance 0 and a
    lost dimension: measures of spread and rank would be biased.

    Args:
        value: The statistic of all sentences.
        left_out: The statistic without each fold; folds are of equal size.
        level: Confidence level.

    Returns:
        Lower and upper bound; NaN with fewer than two folds or an undefined one.

    Source: Efron & Stein (1981), "The jackknife estimate of variance"; grouped as in Shao & Tu
    (1995), section 2.3.
    """
    folds = len(left_out)
    if folds < 2 or not np.isfinite(left_out).all():
        return float("nan"), float("nan")
    error = np.sqrt((folds - 1) / folds * np.square(left_out - left_out.mean()).sum())
    half = float(stats.t.ppf((1 + level) / 2, folds - 1) * error)
    return value - half, value + half
