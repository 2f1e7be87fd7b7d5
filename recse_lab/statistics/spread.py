"""The variance of a mean over seeds, by its two sources: new seeds and new pairs of sentences."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy import special, stats

from recse_lab.statistics.combined import half_width, p_value
from recse_lab.statistics.power import fewest_seeds, smallest_effect
from recse_lab.statistics.sharing import PairsCovariance


class Spread(NamedTuple):
    """Variances of a mean over ``n`` seeds, with its intervals, p-values and power.

    ``seeds`` comes from drawing the seeds (u and w of ``comparison``), ``pairs`` from drawing the
    pairs (v).
    """

    seeds: float
    pairs: float
    n: int
    independent: float | None = None
    """``pairs`` as if no two pairs shared a sentence; None where it is not known."""

    @property
    def sharing_ratio(self) -> float | None:
        """Standard error over pairs divided by that of independent pairs; None if not known."""
        return (self.pairs / self.independent) ** 0.5 if self.independent else None

    @property
    def total(self) -> float:
        """Variance of the mean from both sources."""
        return self.seeds + self.pairs

    def half_width(self, alpha: float) -> float:
        """Half width of the interval at level 1 − alpha.

        Source: ``combined.half_width``.
        """
        return float(half_width(self.seeds, self.pairs, self.n - 1, alpha))

    def p(self, value: float) -> float:
        """Two-sided p of a mean of ``value`` if the true mean is 0.

        Source: ``combined.p_value``, the inversion of ``half_width``.
        """
        return p_value(value, self.seeds, self.pairs, self.n - 1)

    def power(self, effect: float, *, alpha: float = 0.05) -> float:
        """Probability that a comparison with this spread finds a true difference ``effect``.

        Averaged over 400 quantiles of the chi-square law of the variance that the seeds estimate;
        the variance over pairs is taken as known.

        Source: power of ``half_width``'s test for normal means.
        """
        df = self.n - 1
        chi = stats.chi2.ppf((np.arange(400) + 0.5) / 400, df) / df if self.seeds else np.ones(1)
        bound = half_width(self.seeds * chi, self.pairs, df, alpha) / self.total**0.5
        shift = abs(effect) / self.total**0.5
        return float(np.mean(special.ndtr(shift - bound) + special.ndtr(-shift - bound)))

    def detectable(self, *, power: float = 0.8, alpha: float = 0.05) -> float:
        """Smallest true difference that is found with the given power.

        Source: inversion of ``power``.
        """
        return smallest_effect(
            lambda effect: self.power(effect, alpha=alpha), power, self.total**0.5
        )

    def seeds_to_find(
        self, effect: float, *, power: float = 0.8, alpha: float = 0.05
    ) -> int | None:
        """Fewest seeds, on as many pairs, that find a true difference with the given power.

        None where the variance over pairs alone is too large, or beyond ``MOST_SEEDS`` seeds.

        Source: inversion of ``power``.
        """

        def enough(n: int) -> bool:
            spread = self._replace(seeds=self.seeds * self.n / n, n=n)
            return spread.power(effect, alpha=alpha) >= power

        return fewest_seeds(enough)


def spread_over_pairs(covariance: PairsCovariance) -> Spread:
    """Spread of the mean over these seeds for new pairs.

    Args:
        covariance: Of the seeds' values, or of their differences, from drawing new pairs.
    """
    pairs, independent = covariance.of_mean()
    return Spread(0.0, pairs, len(covariance.sharing), independent)


def spread_over_both(point: Float[np.ndarray, " seeds"], covariance: PairsCovariance) -> Spread:
    """Spread of the mean for new seeds and new pairs, from two seeds or more.

    The values of the seeds on the same pairs differ by u and w, so their variance over n is that
    part. What two seeds share when pairs are drawn again is v alone: its variance is the mean
    covariance between two seeds.

    Args:
        point: One value per seed, on all pairs.
        covariance: Of the values from drawing new pairs.

    Source: variance components of the model in ``comparison``; validated in reports/statistics.
    """
    n = len(point)
    pairs, independent = covariance.between()
    return Spread(float(np.var(point, ddof=1)) / n, pairs, n, independent)
