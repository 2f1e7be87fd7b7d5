"""Intervals, tests and power over seeds: one number a seed, the pairs as they are. NumPy and SciPy alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import optimize, special, stats

ROUNDING = 1e-12  # a spread of differences below this share of the values is float64 noise
MOST_SEEDS = 2**17
EXACT_FLIPS = 20  # seeds up to which every pattern of signs is visited


class Interval(NamedTuple):
    """An estimate and its bounds; ``method`` says what was resampled or assumed, ``n`` over how many."""

    estimate: float
    low: float
    high: float
    level: float
    method: str
    n: int


class PairedTest(NamedTuple):
    """Difference a − b over the same seeds. ``p`` is None where there is no test, and ``reason`` says why."""

    delta: float
    low: float | None
    high: float | None
    p: float | None
    seeds: int
    method: str
    reason: str | None


def t_interval(values: Sequence[float], *, level: float = 0.95) -> Interval:
    """Student's interval of a mean over seeds. NaN bounds with fewer than two values; ``method`` says so."""
    array = np.asarray(values, dtype=np.float64)
    n = len(array)
    if n < 2:
        mean = float(array.mean()) if n else float("nan")
        return Interval(
            mean, float("nan"), float("nan"), level, "t over seeds (undefined: fewer than two)", n
        )
    mean = float(array.mean())
    half = float(stats.t.ppf((1 + level) / 2, n - 1) * array.std(ddof=1)) / n**0.5
    return Interval(mean, mean - half, mean + half, level, "t over seeds", n)


def paired_test(a: Sequence[float], b: Sequence[float], *, level: float = 0.95) -> PairedTest:
    """Paired t-test of a − b over common seeds, two-sided: is the difference one for other seeds, on these pairs?

    No test, and a reason, with fewer than two seeds, with a seed whose value is undefined, and where the difference is
    the same for every seed up to rounding: there the t statistic is a quotient of rounding errors.

    Raises:
        ValueError: ``a`` and ``b`` are not over the same seeds.
    """
    difference, why = _differences(a, b)
    n, method = len(difference), "paired t over seeds"
    delta = float(difference.mean()) if n else float("nan")
    if why:
        return PairedTest(delta, None, None, None, n, method, f"{why}: no test" if n else why)
    error = float(difference.std(ddof=1)) / n**0.5
    half = float(stats.t.ppf((1 + level) / 2, n - 1)) * error
    p = float(2 * stats.t.sf(abs(delta) / error, n - 1))
    return PairedTest(delta, delta - half, delta + half, p, n, method, None)


def _differences(a: Sequence[float], b: Sequence[float]) -> tuple[np.ndarray, str | None]:
    """a − b seed by seed, and why their spread says nothing, if it does not."""
    first, second = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if first.shape != second.shape:
        raise ValueError(f"paired test of {len(first)} values with {len(second)}")
    difference = first - second
    n = len(difference)
    if undefined := int((~np.isfinite(difference)).sum()):
        return difference, f"undefined for {undefined} of {n} seeds"
    if n < 2:
        return difference, "one seed" if n else "no seed in common"
    if difference.std(ddof=1) / n**0.5 <= ROUNDING * max(np.abs(first).max(), np.abs(second).max()):
        return difference, "the difference is the same for every seed"
    return difference, None


def sign_flip_test(a: Sequence[float], b: Sequence[float], *, level: float = 0.95) -> PairedTest:
    """Permutation test of a − b over common seeds: every pattern of signs of the differences, two-sided.

    Exact for differences that are symmetric about 0 under the null, whatever their distribution. n seeds allow no p
    below 2/2ⁿ, so there is no test (and ``reason`` says so) where 1 − level is smaller: at 5 % six seeds are needed.
    Beyond ``EXACT_FLIPS`` seeds 2¹⁷ random patterns stand for all. It has no interval.

    Raises:
        ValueError: ``a`` and ``b`` are not over the same seeds.
    Source: Fisher (1935), The Design of Experiments, section 21.
    """
    difference, why = _differences(a, b)
    n, method = len(difference), "sign flips over seeds"
    delta = float(difference.mean()) if n else float("nan")
    if why:
        return PairedTest(delta, None, None, None, n, method, f"{why}: no test" if n else why)
    if 2 / 2**n > 1 - level:
        reason = f"the smallest p of {n} seeds is 2/2^{n} = {2 / 2**n:.3g}, above {1 - level:.3g}: no test"
        return PairedTest(delta, None, None, None, n, method, reason)
    observed = (
        abs(difference.sum()) - ROUNDING * np.abs(difference).sum()
    )  # sums in another order round differently
    if n <= EXACT_FLIPS:
        sums = np.zeros(1)
        for value in difference:
            sums = np.concatenate([sums + value, sums - value])
        p = float(np.mean(np.abs(sums) >= observed))
    else:
        signs = np.random.default_rng(0).choice([-1.0, 1.0], (2**17, n))
        p = float((1 + np.sum(np.abs(signs @ difference) >= observed)) / (1 + len(signs)))
        method += " (2^17 at random)"
    return PairedTest(delta, None, None, p, n, method, None)


def effect_size(a: Sequence[float], b: Sequence[float], *, level: float = 0.95) -> Interval:
    """Mean of a − b in standard deviations of the difference over seeds: d_z with Hedges' correction for few seeds.

    The interval is that of d_z itself, exact for normal differences. With few seeds it is wide: 3 seeds with d_z = 2 are
    compatible with 0 and with 4. NaN with fewer than three seeds or without a spread; ``method`` says why.

    Raises:
        ValueError: ``a`` and ``b`` are not over the same seeds.
    Source: Hedges (1981), equation 6e; Steiger & Fouladi (1997) for the interval by the noncentral t.
    """
    difference, why = _differences(a, b)
    n, method = len(difference), "Hedges' g of paired differences, noncentral t"
    if why or n < 3:
        nan = float("nan")
        return Interval(nan, nan, nan, level, f"undefined: {why or 'fewer than three seeds'}", n)
    d = float(difference.mean() / difference.std(ddof=1))
    t, df = d * n**0.5, n - 1
    correction = (
        float(np.exp(special.gammaln(df / 2) - special.gammaln((df - 1) / 2))) / (df / 2) ** 0.5
    )
    low, high = (
        float(special.nctdtrinc(df, q, t)) / n**0.5 for q in ((1 + level) / 2, (1 - level) / 2)
    )
    return Interval(correction * d, low, high, level, method, n)


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Holm's step-down adjustment within one family; None is no test and does not count.

    Source: Holm (1979), "A simple sequentially rejective multiple test procedure".
    """
    tested = sorted((p, i) for i, p in enumerate(p_values) if p is not None)
    adjusted: list[float | None] = [None] * len(p_values)
    running = 0.0
    for k, (p, i) in enumerate(tested):
        running = max(running, min(1.0, (len(tested) - k) * p))
        adjusted[i] = running
    return adjusted


def minimum_detectable(
    sd: float, seeds: int, *, power: float = 0.8, level: float = 0.05
) -> float | None:
    """Smallest true difference a paired t-test over ``seeds`` finds with the given power, at sd of the differences.

    None with fewer than two seeds or no spread. Exact, through the noncentral t.

    Raises:
        ValueError: Not level < power < 1.
    """
    _check_power(power, level)
    if seeds < 2 or not sd > 0:
        return None
    upper = 1.0
    while _power(upper, seeds, level) < power:
        upper *= 2
    shift = optimize.brentq(lambda s: _power(s, seeds, level) - power, 0.0, upper)
    return float(shift) * sd / seeds**0.5  # type: ignore[arg-type]


def seeds_needed(
    sd: float, effect: float, *, power: float = 0.8, level: float = 0.05
) -> int | None:
    """Fewest seeds with which a paired t-test finds a true difference ``effect`` with the given power.

    None where there is no spread, no effect, or where more than ``MOST_SEEDS`` seeds would be needed.

    Raises:
        ValueError: Not level < power < 1.
    """
    _check_power(power, level)
    if not (sd > 0 and np.isfinite(effect) and effect != 0):
        return None
    shift = abs(effect) / sd
    low, high = 1, 2  # power(low) is too little, power(high) enough
    while _power(shift * high**0.5, high, level) < power:
        low, high = high, 2 * high
        if low >= MOST_SEEDS:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        enough = _power(shift * middle**0.5, middle, level) >= power
        low, high = (low, middle) if enough else (middle, high)
    return high


def _check_power(power: float, level: float) -> None:
    if not level < power < 1:
        raise ValueError(f"power {power} must lie between the level {level} and 1")


def _power(shift: float, seeds: int, level: float) -> float:
    """Of the two-sided one-sample t-test whose statistic is noncentral by ``shift``."""
    critical = stats.t.ppf(1 - level / 2, seeds - 1)
    # The lower tail by symmetry: SciPy's nct.cdf(-critical, …) is NaN from shifts of about 7.5 on.
    return float(
        stats.nct.sf(critical, seeds - 1, shift) + stats.nct.sf(critical, seeds - 1, -shift)
    )


def expected_maximum(looks: int, *, sd: float = 1.0, correlation: float = 0.0) -> float:
    """Expected maximum of ``looks`` equally good results above their common mean: what choosing the best one adds.

    ``sd`` is the noise of one result and ``correlation`` that between two of them; checkpoints tested on the same pairs
    are highly correlated. Where the scores are stored, ``best_of`` estimates it from them.

    Raises:
        ValueError: No look, or a correlation outside 0…1.
    Source: order statistics of the normal; equicorrelated values share a part that no choice can gain.
    """
    if looks < 1 or not 0 <= correlation <= 1:
        raise ValueError(f"{looks} looks with correlation {correlation}")
    x = np.linspace(-10.0, 10.0, 20_001)
    above = np.trapezoid(1 - special.ndtr(x[x >= 0]) ** looks, x[x >= 0])
    below = np.trapezoid(special.ndtr(x[x <= 0]) ** looks, x[x <= 0])
    return float(above - below) * sd * (1 - correlation) ** 0.5
