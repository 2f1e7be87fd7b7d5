"""Methods that recse-lab compared with its own and does not use; reports/statistics shows why."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from scipy import special

from recse_lab.statistics.comparison import Comparison, why_no_comparison
from recse_lab.statistics.seeds import ROUNDING, Interval, PairedTest, paired_differences

EXACT_FLIPS = 20
"""Seeds up to which every pattern of signs is visited."""
RANDOM_FLIPS = 2**17
"""Random patterns that stand for all beyond that."""


def nested_interval(
    boot: Float[np.ndarray, "resamples seeds"],
    point: Float[np.ndarray, " seeds"],
    rng: np.random.Generator,
    *,
    level: float = 0.95,
) -> Interval:
    """Percentile interval of a mean over seeds: resample pairs and, within each resample, seeds.

    84 % of 95 % intervals hold with three seeds where seeds differ most. Resampled seeds spread
    √(1 − 1/n) too little, and the effect of pairs within one seed counts twice. With one seed it is
    the bootstrap over pairs, and ``method`` says so.

    Args:
        boot: Each seed's value on each resample of the pairs.
        point: Each seed's value on all pairs.
        rng: Source of randomness.
        level: Confidence level.

    Source: Davison & Hinkley (1997), Bootstrap Methods, section 3.8, on hierarchical resampling.
    """
    means = _nested_means(boot, rng)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    seeds = boot.shape[1]
    method = "bootstrap over pairs and seeds" if seeds > 1 else "bootstrap over pairs (one seed)"
    return Interval(float(np.mean(point)), float(low), float(high), level, method, seeds)


def nested_test(
    a: Float[np.ndarray, " seeds"],
    b: Float[np.ndarray, " seeds"],
    boot_a: Float[np.ndarray, "resamples seeds"],
    boot_b: Float[np.ndarray, "resamples seeds"],
    rng: np.random.Generator,
    *,
    level: float = 0.95,
) -> Comparison:
    """Difference of two arms by the nested bootstrap: paired seeds within resamples of the pairs.

    Its false positives at 5 % range from 2 to 13 %, for the reasons that ``nested_interval`` names.

    Args:
        a: One value per seed of the first arm.
        b: The same of the second arm.
        boot_a: Values of ``a`` on resamples of the pairs.
        boot_b: Values of ``b`` on the same resamples.
        rng: Source of randomness.
        level: Confidence level.

    Source: as ``nested_interval``.
    """
    boot, point = boot_a - boot_b, a - b
    n, method, delta = len(point), "bootstrap over pairs and seeds", float(point.mean())
    if why := why_no_comparison(point, boot):
        return Comparison(delta, None, None, None, level, n, "both", method, why)
    means = _nested_means(boot, rng)
    low, high = (float(q) for q in np.quantile(means, [(1 - level) / 2, (1 + level) / 2]))
    tail = min((means <= 0).sum(), (means >= 0).sum())
    p = float(min(1.0, 2 * (1 + tail) / (1 + len(means))))
    return Comparison(delta, low, high, p, level, n, "both", method, "requested")


def _nested_means(boot: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    boot = np.asarray(boot, dtype=np.float64)
    drawn = rng.integers(0, boot.shape[1], boot.shape)
    return np.take_along_axis(boot, drawn, axis=1).mean(axis=1)


def sign_flip_test(a: Sequence[float], b: Sequence[float], *, level: float = 0.95) -> PairedTest:
    """Two-sided permutation test of a − b over common seeds: every pattern of signs.

    Exact for differences that are symmetric about 0 under the null hypothesis, whatever their
    distribution. n seeds allow no p below 2/2ⁿ, so there is no test, and ``reason`` says so, where
    1 − level is smaller: at 5 % six seeds are needed. It has no interval.

    Args:
        a: One number per seed of the first arm.
        b: The same of the second arm, in the same order of seeds.
        level: Confidence level of the test.

    Raises:
        ValueError: ``a`` and ``b`` have different lengths.

    Source: Fisher (1935), The Design of Experiments, section 21.
    """
    difference, why = paired_differences(a, b)
    n, method = len(difference), "sign flips over seeds"
    delta = float(difference.mean()) if n else float("nan")
    if why:
        return PairedTest(delta, None, None, None, n, method, f"{why}: no test" if n else why)
    least = 2 / 2**n
    if least > 1 - level:
        reason = f"the smallest p of {n} seeds is 2/2^{n} = {least:.3g}, above {1 - level:.3g}"
        return PairedTest(delta, None, None, None, n, method, f"{reason}: no test")
    # Sums in another order round differently.
    observed = abs(difference.sum()) - ROUNDING * np.abs(difference).sum()
    if n <= EXACT_FLIPS:
        sums = np.zeros(1)
        for value in difference:
            sums = np.concatenate([sums + value, sums - value])
        p = float(np.mean(np.abs(sums) >= observed))
    else:
        signs = np.random.default_rng(0).choice([-1.0, 1.0], (RANDOM_FLIPS, n))
        p = float((1 + np.sum(np.abs(signs @ difference) >= observed)) / (1 + len(signs)))
        method += " (2^17 at random)"
    return PairedTest(delta, None, None, p, n, method, None)


def expected_maximum(looks: int, *, sd: float = 1.0, correlation: float = 0.0) -> float:
    """Expected maximum of several equally good results above their common mean.

    Where the scores are stored, ``recse_lab.statistics.best_of`` estimates it from them.

    Args:
        looks: Number of results.
        sd: Standard deviation of the noise of one result.
        correlation: Correlation of the noise of two results; checkpoints tested on the same pairs
            are highly correlated.

    Raises:
        ValueError: ``looks`` below 1, or a correlation outside 0…1.

    Source: order statistics of the normal distribution; equicorrelated values share a part from
    which no choice can gain.
    """
    if looks < 1 or not 0 <= correlation <= 1:
        raise ValueError(f"{looks} looks with correlation {correlation}")
    x = np.linspace(-10.0, 10.0, 20_001)
    above = np.trapezoid(1 - special.ndtr(x[x >= 0]) ** looks, x[x >= 0])
    below = np.trapezoid(special.ndtr(x[x <= 0]) ** looks, x[x <= 0])
    return float(above - below) * sd * (1 - correlation) ** 0.5
