"""What a paired t-test over seeds could find, and how many seeds it needs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import optimize, stats

MOST_SEEDS = 2**17
"""The search for a number of seeds ends here."""


def minimum_detectable(
    sd: float, seeds: int, *, power: float = 0.8, level: float = 0.05
) -> float | None:
    """Smallest true difference that a paired t-test finds with the given power.

    Args:
        sd: Standard deviation of the differences over seeds.
        seeds: Number of seeds.
        power: Probability of finding it.
        level: Significance level of the two-sided test.

    Returns:
        The difference, in the unit of ``sd``; None with fewer than two seeds or no spread.

    Raises:
        ValueError: Not level < power < 1.

    Source: the noncentral t distribution; Cohen (1988), Statistical Power Analysis, chapter 2.
    """
    _check_power(power, level)
    if seeds < 2 or not sd > 0:
        return None
    return smallest_effect(lambda shift: _power(shift, seeds, level), power) * sd / seeds**0.5


def seeds_needed(
    sd: float, effect: float, *, power: float = 0.8, level: float = 0.05
) -> int | None:
    """Fewest seeds with which a paired t-test finds a true difference with the given power.

    Args:
        sd: Standard deviation of the differences over seeds.
        effect: The true difference, in the unit of ``sd``.
        power: Probability of finding it.
        level: Significance level of the two-sided test.

    Returns:
        The number of seeds; None without a spread or an effect, or beyond ``MOST_SEEDS``.

    Raises:
        ValueError: Not level < power < 1.

    Source: as ``minimum_detectable``.
    """
    _check_power(power, level)
    if not (sd > 0 and np.isfinite(effect) and effect != 0):
        return None
    shift = abs(effect) / sd
    return fewest_seeds(lambda n: _power(shift * n**0.5, n, level) >= power)


def smallest_effect(power_of: Callable[[float], float], power: float, upper: float = 1.0) -> float:
    """The effect at which an increasing power function reaches ``power``; ``upper`` is a guess."""
    while power_of(upper) < power:
        upper *= 2
    root: Any = optimize.brentq(lambda effect: power_of(effect) - power, 0.0, upper)
    return float(root)


def fewest_seeds(enough: Callable[[int], bool]) -> int | None:
    """Fewest seeds, two or more, that are enough; None beyond ``MOST_SEEDS``.

    ``enough`` must stay true once it is true.
    """
    low, high = 1, 2  # low is too few throughout, and high is enough after the first loop
    while not enough(high):
        low, high = high, 2 * high
        if low >= MOST_SEEDS:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def _check_power(power: float, level: float) -> None:
    if not level < power < 1:
        raise ValueError(f"power {power} must lie between the level {level} and 1")


def _power(shift: float, seeds: int, level: float) -> float:
    """Power of the two-sided one-sample t-test whose statistic has the noncentrality ``shift``."""
    critical = stats.t.ppf(1 - level / 2, seeds - 1)
    # The lower tail by symmetry: SciPy's nct.cdf(-critical, …) is NaN for shifts above about 7.5.
    tails = (stats.nct.sf(critical, seeds - 1, sign * shift) for sign in (1, -1))
    return float(sum(tails))
