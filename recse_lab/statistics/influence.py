"""The influence of every sentence pair on a correlation.

A correlation of n pairs differs from its true value by about the mean of n terms, one per pair; ψ
is such a term over n. The sum of ψᵢψⱼ over all pairs i, j that depend on each other is the
variance (``recse_lab.statistics.sharing``). For a difference or a mean of correlations, ψ is the
difference or the mean.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
from jaxtyping import Float

Metric = Literal["spearman", "pearson"]


class _Distribution:
    """The mid-distribution function of one variable, u = P(X < x) + P(X = x) / 2, at its values."""

    def __init__(self, values: Float[np.ndarray, " pairs"]) -> None:
        self.order = np.argsort(values, kind="stable")
        ordered = values[self.order]
        self.below = np.searchsorted(ordered, values, "left")
        self.through = np.searchsorted(ordered, values, "right")
        self.u = (self.below + self.through) / (2 * len(values))

    def tail_mean(self, weights: Float[np.ndarray, " pairs"]) -> Float[np.ndarray, " pairs"]:
        """Mean of weightsᵢ · h(xₖ, xᵢ) over i for every k; h is 1 for xₖ < xᵢ, 1/2 for equality."""
        sums = np.concatenate([[0.0], np.cumsum(weights[self.order])])
        return (sums[-1] - (sums[self.below] + sums[self.through]) / 2) / len(weights)


def spearman_influence(
    gold: Float[np.ndarray, " pairs"], scores: Float[np.ndarray, "runs _"]
) -> Float[np.ndarray, "runs pairs"]:
    """Influence of each pair on Spearman's ρ of each run, divided by √(n(n − 1)) for n pairs.

    ρ is a function of the means of uv, u² and v², where u and v are the mid-ranks of gold and score
    divided by n. A pair moves these means by its own term and, through the distribution functions,
    by moving the ranks of all others. O(pairs log pairs) per run; exact on ties.

    Args:
        gold: Gold grades.
        scores: Scores, shape (runs, pairs).

    Returns:
        ψ, which sums to 0 over the pairs; NaN for a run with a score that is not finite or with a
        single value.

    Source: derivative of Spearman's ρ with mid-ranks through its empirical distribution functions;
    Croux & Dehon (2010), "Influence functions of the Spearman and Kendall correlation measures",
    section 2, for continuous variables.
    """
    _check(gold, scores)
    out = np.full(scores.shape, np.nan)
    if not _usable(gold):
        return out
    x = _Distribution(gold.astype(np.float64))
    xx, moves_xx = _moment(x, x)
    for row, score in zip(out, scores, strict=True):
        if not _usable(score):
            continue
        y = _Distribution(score.astype(np.float64))
        (xy, moves_xy), (yy, moves_yy) = _moment(x, y), _moment(y, y)
        scale = (xx * yy) ** 0.5
        row[:] = moves_xy / scale - xy / scale / 2 * (moves_xx / xx + moves_yy / yy)
    return out / _size(gold)


def _moment(x: _Distribution, y: _Distribution) -> tuple[float, Float[np.ndarray, " pairs"]]:
    """Covariance of two mid-distribution functions, and how each pair moves it."""
    mean = float(np.mean(x.u * y.u))
    return mean - 0.25, x.u * y.u + x.tail_mean(y.u) + y.tail_mean(x.u) - 3 * mean


def pearson_influence(
    gold: Float[np.ndarray, " pairs"], scores: Float[np.ndarray, "runs _"]
) -> Float[np.ndarray, "runs pairs"]:
    """Influence of each pair on Pearson's r of each run, divided by √(n(n − 1)) for n pairs.

    Args:
        gold: Gold grades.
        scores: Scores, shape (runs, pairs).

    Returns:
        ψ as in ``spearman_influence``.

    Source: Devlin, Gnanadesikan & Kettenring (1975), "Robust estimation and outlier detection with
    correlation coefficients", the influence function of r.
    """
    _check(gold, scores)
    out = np.full(scores.shape, np.nan)
    if not _usable(gold):
        return out
    x = _standardised(gold)
    for row, score in zip(out, scores, strict=True):
        if _usable(score):
            y = _standardised(score)
            row[:] = x * y - np.mean(x * y) / 2 * (x * x + y * y)
    return out / _size(gold)


INFLUENCES: dict[Metric, Callable[..., Float[np.ndarray, "runs pairs"]]] = {
    "spearman": spearman_influence,
    "pearson": pearson_influence,
}


def _size(gold: np.ndarray) -> float:
    # n − 1 as in the variance of any mean: the terms are centred by their own mean.
    return (len(gold) * (len(gold) - 1)) ** 0.5


def _check(gold: np.ndarray, scores: np.ndarray) -> None:
    if scores.ndim != 2 or len(gold) != scores.shape[1]:
        raise ValueError(f"gold {gold.shape} and scores {scores.shape} are not over the same pairs")


def _standardised(values: np.ndarray) -> np.ndarray:
    centred = values.astype(np.float64) - values.mean(dtype=np.float64)
    return centred / centred.std()


def _usable(values: np.ndarray) -> bool:
    return len(values) > 1 and bool(np.isfinite(values).all()) and bool(np.ptp(values) > 0)
