"""Intervals of a correlation for new pairs."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from scipy import special

from recse_lab.statistics.correlation import correlation, why_undefined
from recse_lab.statistics.influence import INFLUENCES, Metric
from recse_lab.statistics.seeds import Interval
from recse_lab.statistics.sharing import SharedSentences, pairs_covariance


def fisher_bounds(estimate: float, error: float, *, level: float = 0.95) -> tuple[float, float]:
    """Bounds of a correlation: normal on Fisher's scale.

    Args:
        estimate: The correlation, between −1 and 1.
        error: Its standard error.
        level: Confidence level.

    Source: Fisher (1921), z = atanh r, with dz/dr = 1 / (1 − r²).
    """
    half = special.ndtri((1 + level) / 2) * error / (1 - estimate**2)
    return float(np.tanh(np.arctanh(estimate) - half)), float(np.tanh(np.arctanh(estimate) + half))


def correlation_interval(
    gold: Float[np.ndarray, " gold_pairs"],
    score: Float[np.ndarray, " pairs"],
    shared: SharedSentences | None = None,
    *,
    metric: Metric = "spearman",
    level: float = 0.95,
) -> Interval:
    """Correlation of one encoder's scores with gold, and its interval for new pairs of this kind.

    Args:
        gold: Gold grades.
        score: Scores of the same pairs.
        shared: Which pairs share sentences; None takes pairs as independent.
        metric: Which correlation. No interval of Pearson's r holds where scores have outliers.
        level: Confidence level.

    Returns:
        The correlation and its bounds. Undefined bounds are NaN, and ``method`` says why.

    Raises:
        ValueError: Gold and scores have different lengths, or ``shared`` has other pairs.

    Source: ``sharing`` for the standard error, ``fisher_bounds`` for the shape; coverage in
    reports/statistics.
    """
    if len(gold) != len(score):
        raise ValueError(f"{len(gold)} gold values and {len(score)} scores")
    estimate = correlation(metric, gold, score)

    def undefined(why: str) -> Interval:
        return Interval(estimate, float("nan"), float("nan"), level, f"undefined: {why}", len(gold))

    if not np.isfinite(gold).all():
        return undefined("gold has values that are not finite")
    if why := why_undefined(gold, score):
        return undefined(why)
    if abs(estimate) >= 1 - 1e-12:
        return undefined("the correlation is perfect")
    influences = INFLUENCES[metric](gold, score[None])
    variance, _ = pairs_covariance(influences, shared).of_mean()
    method = "independent pairs" if shared is None else "pairs that share sentences"
    return Interval(
        estimate,
        *fisher_bounds(estimate, variance**0.5, level=level),
        level,
        f"{method}, Fisher's scale",
        len(gold),
    )
