"""Intervals, tests and effect sizes over seeds: one number per seed, with the pairs held fixed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy import special, stats

ROUNDING = 1e-12
"""A spread of differences below this share of the values is float64 rounding noise."""


Values = Sequence[float] | Float[np.ndarray, " _"]
"""One number per seed."""


class Interval(NamedTuple):
    """An estimate with its bounds.

    ``method`` names what was resampled or assumed; ``n`` is the number of seeds or pairs.
    """

    estimate: float
    low: float
    high: float
    level: float
    method: str
    n: int


class PairedTest(NamedTuple):
    """The difference a − b over common seeds.

    Without a test ``p`` is None, and ``reason`` says why.
    """

    delta: float
    low: float | None
    high: float | None
    p: float | None
    seeds: int
    method: str
    reason: str | None


def t_interval(values: Values, *, level: float = 0.95) -> Interval:
    """Student's interval of a mean over seeds.

    Args:
        values: One number per seed.
        level: Confidence level.

    Returns:
        The mean and its interval; NaN bounds, explained in ``method``, with fewer than two values.

    Source: Student (1908), "The probable error of a mean".
    """
    array = np.asarray(values, dtype=np.float64)
    n = len(array)
    nan = float("nan")
    mean = float(array.mean()) if n else nan
    if n < 2:
        return Interval(mean, nan, nan, level, "t over seeds (undefined: fewer than two)", n)
    half = float(stats.t.ppf((1 + level) / 2, n - 1) * stats.sem(array))
    return Interval(mean, mean - half, mean + half, level, "t over seeds", n)


def paired_test(a: Values, b: Values, *, level: float = 0.95) -> PairedTest:
    """Two-sided paired t-test of a − b over common seeds: does the difference hold for new seeds?

    The pairs of sentences are held fixed. There is no test, and ``reason`` says why, with fewer
    than two seeds, with an undefined value, and where all differences are equal up to rounding:
    there the t statistic would be a quotient of rounding errors.

    Args:
        a: One number per seed of the first arm.
        b: The same of the second arm, in the same order of seeds.
        level: Confidence level of the interval.

    Raises:
        ValueError: ``a`` and ``b`` have different lengths.

    Source: Student (1908), "The probable error of a mean"; computed by ``scipy.stats.ttest_rel``.
    """
    difference, why = paired_differences(a, b)
    n, method = len(difference), "paired t over seeds"
    delta = float(difference.mean()) if n else float("nan")
    if why:
        return PairedTest(delta, None, None, None, n, method, f"{why}: no test" if n else why)
    test = stats.ttest_rel(a, b)
    low, high = test.confidence_interval(level)
    return PairedTest(delta, float(low), float(high), float(test.pvalue), n, method, None)


def paired_differences(a: Values, b: Values) -> tuple[Float[np.ndarray, " seeds"], str | None]:
    """a − b seed by seed, and the reason if their spread cannot be tested.

    Raises:
        ValueError: ``a`` and ``b`` have different lengths.
    """
    first, second = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if first.shape != second.shape:
        raise ValueError(f"paired test of {len(first)} values with {len(second)}")
    difference = first - second
    n = len(difference)
    if undefined := int((~np.isfinite(difference)).sum()):
        return difference, f"undefined for {undefined} of {n} seeds"
    if n < 2:
        return difference, "one seed" if n else "no seed in common"
    size = max(np.abs(first).max(), np.abs(second).max())
    if difference.std(ddof=1) / n**0.5 <= ROUNDING * size:
        return difference, "the difference is the same for every seed"
    return difference, None


def effect_size(a: Values, b: Values, *, level: float = 0.95) -> Interval:
    """Mean of a − b in standard deviations of the difference over seeds: Hedges' g of paired data.

    The interval is that of the uncorrected d_z, exact for normal differences. With few seeds it is
    wide: 3 seeds with d_z = 2 are compatible with both 0 and 4.

    Args:
        a: One number per seed of the first arm.
        b: The same of the second arm, in the same order of seeds.
        level: Confidence level.

    Returns:
        The effect size; NaN, explained in ``method``, with fewer than three seeds or no spread.

    Raises:
        ValueError: ``a`` and ``b`` have different lengths.

    Source: Hedges (1981), equation 6e; Steiger & Fouladi (1997) for the interval by the
    noncentral t.
    """
    difference, why = paired_differences(a, b)
    n, method = len(difference), "Hedges' g of paired differences, noncentral t"
    if why or n < 3:
        nan = float("nan")
        return Interval(nan, nan, nan, level, f"undefined: {why or 'fewer than three seeds'}", n)
    d = float(difference.mean() / difference.std(ddof=1))
    t, df = d * n**0.5, n - 1
    log_ratio = special.gammaln(df / 2) - special.gammaln((df - 1) / 2)
    correction = float(np.exp(log_ratio)) / (df / 2) ** 0.5
    low, high = (
        float(special.nctdtrinc(df, q, t)) / n**0.5 for q in ((1 + level) / 2, (1 - level) / 2)
    )
    return Interval(correction * d, low, high, level, method, n)


class NewSeed(NamedTuple):
    """What a difference over seeds says of one more seed."""

    median: float
    above: int
    """Number of seeds above 0."""
    n: int
    probability: float
    """That a new seed is above 0."""


def new_seed(differences: Values) -> NewSeed:
    """Median of a difference over seeds, and the probability that it is above 0 on a new seed.

    A mean hides a seed that collapsed; these do not. The pairs are held fixed.

    Args:
        differences: a − b, one per seed.

    Returns:
        The probability is NaN with fewer than two seeds.

    Source: the predictive distribution of one more normal observation, Student's t with a standard
    error of s √(1 + 1/n); Hahn & Meeker (1991), Statistical Intervals, section 4.7.
    """
    values = np.asarray(differences, dtype=np.float64)
    n = len(values)
    median = float(np.median(values)) if n else float("nan")
    above = int((values > 0).sum())
    if n < 2:
        return NewSeed(median, above, n, float("nan"))
    error = values.std(ddof=1) * (1 + 1 / n) ** 0.5
    if error <= ROUNDING * np.abs(values).max():
        return NewSeed(median, above, n, float(values.mean() > 0))
    return NewSeed(median, above, n, float(stats.t.cdf(values.mean() / error, n - 1)))


class SeedVariance(NamedTuple):
    """Spread over seeds of one part of the randomness."""

    sd: float
    low: float
    high: float
    seeds: int
    share: float
    """Of the variance when all parts change."""


def seed_variance(part: Values, all_parts: Values, *, level: float = 0.95) -> SeedVariance:
    """How much of the spread over seeds comes from one part, the others being fixed.

    Args:
        part: Values of runs that differ in this part's seed alone.
        all_parts: Values of runs that differ in all seeds.
        level: Of the interval of the standard deviation, for normal values.

    Returns:
        NaN where a group has fewer than two values, or those of ``all_parts`` are equal. Shares of
        several parts need not add up to 1: each is estimated alone, and parts may interact.

    Source: the chi-square law of a normal sample's variance.
    """
    own, whole = np.asarray(part, float), np.asarray(all_parts, float)
    n, nan = len(own), float("nan")
    if n < 2:
        return SeedVariance(nan, nan, nan, n, nan)
    variance = float(own.var(ddof=1))
    bounds = stats.chi2.ppf([(1 + level) / 2, (1 - level) / 2], n - 1)
    low, high = np.sqrt(variance * (n - 1) / bounds)
    total = float(whole.var(ddof=1)) if len(whole) > 1 else 0.0
    share = variance / total if total > 0 else nan
    return SeedVariance(variance**0.5, float(low), float(high), n, share)


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Adjust p-values for several comparisons by Holm's step-down method.

    Args:
        p_values: The p-values of one family; None (no test) stays None and does not count.

    Source: Holm (1979), "A simple sequentially rejective multiple test procedure".
    """
    tested = sorted((p, i) for i, p in enumerate(p_values) if p is not None)
    adjusted: list[float | None] = [None] * len(p_values)
    running = 0.0
    for k, (p, i) in enumerate(tested):
        running = max(running, min(1.0, (len(tested) - k) * p))
        adjusted[i] = running
    return adjusted
