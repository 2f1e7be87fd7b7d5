"""Interval and test of a mean over seeds whose variance has two parts, from seeds and from pairs.

This is the boundary between two questions. ``influence`` and ``rank_bootstrap`` say how much a
difference varies when pairs are drawn again; this module says what follows from that variance and
from the differences seed by seed: an interval, a p-value, and the decision of a claim.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float
from scipy import optimize, special

LEAST_P = 1e-80
"""Quantiles of Student's t are exact down to 1e-100."""

SHARPNESS = 0.4
"""The largest factor of ``half_width``'s exponent that keeps false positives at or below the level
(within 0.3 % of it) at 1 to 99 degrees of freedom and levels of 90 % to 0.01 %."""


class CombinedTest(NamedTuple):
    """A mean difference over seeds, for new seeds and new pairs."""

    delta: float
    low: float
    high: float
    p: float
    level: float


def half_width(
    seeds: Float[np.ndarray, ...] | float,
    pairs: Float[np.ndarray, ...] | float,
    df: float,
    alpha: float,
    *,
    pairs_df: float = np.inf,
) -> Any:
    """Half width of the interval at level 1 − alpha for a mean over seeds.

    With t and z the two-sided quantiles of Student's law for the variance over seeds and of the
    normal law (or of Student's) for that over pairs, half the width is

        ((t √seeds)^m + (z √pairs)^m)^(1/m),  m = 2 + 0.4 |ln(t²/z²)|.

    m = 2 is Banerjee's interval, which never misses more often than alpha, whatever the share of
    either variance; it is careful where few seeds meet a large share of pairs. The exponent takes
    back a part of that care: its constant was chosen by exact integration over the chi-square law
    of the seeds' variance, so that misses stay at or below alpha at every share. The interval is
    never shorter than either source alone would make it.

    Args:
        seeds: Variance of the mean from drawing the seeds, estimated with ``df``.
        pairs: Variance of the mean from drawing the pairs.
        df: Degrees of freedom of ``seeds``: the number of seeds minus 1; 0 where one seed gives no
            variance, and then ``seeds`` is ignored.
        alpha: Share of intervals that may miss, two-sided.
        pairs_df: Degrees of freedom of ``pairs``; infinite where many pairs estimate it.

    Returns:
        An array of the shape of ``seeds`` and ``pairs``.

    Source: after Banerjee (1960), "Approximate confidence interval for linear functions of means
    of k populations when the population variances are not equal", Sankhyā 22; the exponent is
    recse-lab's own (reports/statistics).
    """
    z = _quantile(pairs_df, alpha)
    if df <= 0:
        return z * np.sqrt(pairs)
    t = _quantile(df, alpha)
    if not t * z > 0:  # alpha = 1
        return 0.0 * np.sqrt(seeds)
    m = 2 + SHARPNESS * abs(np.log((t / z) ** 2))
    from_seeds, from_pairs = t * np.sqrt(seeds), z * np.sqrt(pairs)
    larger = np.maximum(from_seeds, from_pairs)
    smaller = np.minimum(from_seeds, from_pairs)
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = np.where(larger > 0, smaller / larger, 0.0)
    return larger * (1 + ratio**m) ** (1 / m)


def _quantile(df: float, alpha: float) -> float:
    """Two-sided quantile of Student's t; of the normal law for infinitely many degrees."""
    found = special.ndtri(alpha / 2) if np.isinf(df) else special.stdtrit(df, alpha / 2)
    return -float(found)


def p_value(
    value: float, seeds: float, pairs: float, df: float, *, pairs_df: float = np.inf
) -> float:
    """Two-sided p of a mean of ``value`` if the true mean is 0.

    It is the alpha whose interval ends at 0, so p and interval always agree. It is never below
    that of the seeds alone (a paired t) or that of the pairs alone, nor below ``LEAST_P``.

    Source: inversion of ``half_width``.
    """

    def beyond(log: float) -> float:
        return float(half_width(seeds, pairs, df, np.exp(log), pairs_df=pairs_df)) - abs(value)

    if beyond(np.log(LEAST_P)) <= 0:
        return LEAST_P
    if value == 0:
        return 1.0
    root = optimize.brentq(beyond, np.log(LEAST_P), 0.0, xtol=1e-12)
    return float(np.exp(root))  # type: ignore[arg-type]


def combined_test(
    differences: Float[np.ndarray, " seeds"],
    pairs_variance: float,
    *,
    level: float = 0.95,
    pairs_df: float = np.inf,
) -> CombinedTest:
    """Mean difference over seeds with its interval and test, for new seeds and new pairs.

    Args:
        differences: a − b, one per seed, all finite.
        pairs_variance: Variance of their mean from drawing new pairs, the part that more seeds do
            not reduce: the covariance of two seeds' differences under new pairs.
        level: Confidence level.
        pairs_df: Degrees of freedom of ``pairs_variance``.

    Raises:
        ValueError: No difference, one that is not finite, or a variance below 0.

    Source: as ``half_width``.
    """
    values = np.asarray(differences, float)
    if not len(values) or not np.isfinite(values).all():
        raise ValueError(f"combined test of the differences {values}: expected finite values")
    if not pairs_variance >= 0:
        raise ValueError(f"combined test with a variance over pairs of {pairs_variance}")
    n = len(values)
    seeds = float(values.var(ddof=1)) / n if n > 1 else 0.0
    delta = float(values.mean())
    half = float(half_width(seeds, pairs_variance, n - 1, 1 - level, pairs_df=pairs_df))
    p = p_value(delta, seeds, pairs_variance, n - 1, pairs_df=pairs_df)
    return CombinedTest(delta, delta - half, delta + half, p, level)


def tasks_test(
    differences: Float[np.ndarray, "seeds tasks"], *, level: float = 0.95
) -> CombinedTest:
    """Mean difference for new seeds and new tasks of the same kind.

    The tasks are a sample: their differences vary by what each task favours and by its own pairs.
    With seven of them the interval is wide. What seeds move in all tasks alike is added.

    Args:
        differences: a − b for every seed and task, raw.
        level: Confidence level.

    Raises:
        ValueError: Fewer than two tasks, or a difference that is not finite.

    Source: ``half_width`` with Student's quantiles for both variances (Banerjee 1960); the tasks
    as a random effect, as in Dror, Baumer, Bogomolov & Reichart (2017) across data sets.
    """
    values = np.asarray(differences, float)
    if values.ndim != 2 or values.shape[1] < 2 or not np.isfinite(values).all():
        raise ValueError(f"differences of shape {values.shape}: expected seeds × two tasks or more")
    tasks = values.shape[1]
    between = float(values.mean(axis=0).var(ddof=1)) / tasks
    return combined_test(values.mean(axis=1), between, level=level, pairs_df=tasks - 1)
