"""The variance of a mean over seeds, by its two sources: new seeds and new pairs of sentences."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy import optimize, special, stats

from recse_lab.statistics.power import fewest_seeds, smallest_effect

LEAST_P = 1e-80  # quantiles of Student's t are exact down to 1e-100


class Spread(NamedTuple):
    """Variances of a mean over ``n`` seeds, with its intervals, p-values and power.

    ``seeds`` comes from drawing the seeds (u and w of ``comparison``), ``pairs`` from drawing the
    pairs (v).
    """

    seeds: float
    pairs: float
    n: int

    @property
    def total(self) -> float:
        """Variance of the mean from both sources."""
        return self.seeds + self.pairs

    def critical(self, alpha: float) -> float:
        """Half width of the interval at level 1 − alpha, in standard errors.

        It lies between Student's and the normal quantile. The share of the variance that few seeds
        estimate counts to the power 3/2, which keeps coverage within a point of a nominal 95 % at
        every share from three seeds on (94.3 to 96.0 %); Satterthwaite's degrees of freedom cover
        92.2 % and Cochran's weights (power 1) 97.1 % at their worst. Two seeds take Cochran's.

        Source: after Cochran & Cox (1950), Experimental Designs, on unequal variances; numbers in
        reports/statistics.
        """
        return float(_critical(np.array([self.seeds / self.total]), self.n, alpha)[0])

    def p(self, value: float) -> float:
        """Two-sided p of a mean of ``value`` if the true mean is 0.

        It is the alpha whose interval ends at 0, and never below ``LEAST_P``.

        Source: inversion of ``critical``.
        """
        size = abs(value) / self.total**0.5
        if size >= self.critical(LEAST_P):
            return LEAST_P
        root = optimize.brentq(lambda log: self.critical(np.exp(log)) - size, np.log(LEAST_P), 0.0)
        return float(np.exp(root))  # type: ignore[arg-type]

    def power(self, effect: float, *, alpha: float = 0.05) -> float:
        """Probability that a comparison with this spread finds a true difference ``effect``.

        Averaged over 400 quantiles of the chi-square law of the variance that the seeds estimate;
        the variance over pairs is taken as known.

        Source: power of ``critical``'s test for normal means.
        """
        df = self.n - 1
        chi = stats.chi2.ppf((np.arange(400) + 0.5) / 400, df) / df if self.seeds else np.ones(1)
        estimated = self.seeds * chi + self.pairs
        critical = _critical(self.seeds * chi / estimated, self.n, alpha)
        bound = critical * (estimated / self.total) ** 0.5
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


def _critical(
    share: Float[np.ndarray, " shares"], n: int, alpha: float
) -> Float[np.ndarray, " shares"]:
    """``Spread.critical`` for shares of the variance that the seeds estimate."""
    weight = share ** (1.5 if n > 2 else 1.0)
    student = special.stdtrit(n - 1, alpha / 2) if n > 1 else 0.0  # one seed has no share
    return -(1 - weight) * special.ndtri(alpha / 2) - weight * student


def spread_over_pairs(boot: Float[np.ndarray, "resamples seeds"]) -> Spread:
    """Spread of the mean over these seeds for new pairs.

    Args:
        boot: Each seed's value on each resample of the pairs.

    Source: Efron & Tibshirani (1993), chapter 6, the bootstrap estimate of a standard error.
    """
    return Spread(0.0, float(boot.mean(axis=1).var(ddof=1)), boot.shape[1])


def spread_over_both(
    point: Float[np.ndarray, " seeds"], boot: Float[np.ndarray, "resamples seeds"]
) -> Spread:
    """Spread of the mean for new seeds and new pairs, from two seeds or more.

    The values of the seeds on the same pairs differ by u and w, so their variance over n is that
    part. What two seeds share when pairs are resampled is v alone: its variance is the mean
    covariance between the columns of ``boot``.

    Args:
        point: One value per seed, on all pairs.
        boot: Each seed's value on each resample of the pairs.

    Source: variance components of the model in ``comparison``; validated in reports/statistics.
    """
    n = len(point)
    covariance = np.cov(boot, rowvar=False)
    shared = (covariance.sum() - np.trace(covariance)) / (n * (n - 1))
    return Spread(float(np.var(point, ddof=1)) / n, max(0.0, float(shared)), n)
