"""Intervals of one correlation over pairs: which of the usual ones holds the truth as often as it
says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import special, stats

from recse_lab.statistics.correlation import METRICS
from recse_lab.statistics.correlation_interval import fisher_bounds
from recse_lab.statistics.influence import Metric
from recse_lab.statistics.rank_bootstrap import BOOTSTRAPS, resample_counts
from simulations.outcomes import Progress, Tally
from simulations.populations import CUTS, graded_spearman

RESAMPLES = 499
PAIRS = (100, 500)
TAILS = (0.025, 0.975)
Draw = Callable[[int, np.random.Generator], tuple[np.ndarray, np.ndarray]]


class Population(NamedTuple):
    """Gold and scores of ``n`` pairs; their correlation in the population is known or computed from
    four million.
    """

    name: str
    draw: Draw
    metrics: tuple[Metric, ...]
    spearman: float | None = None

    def truth(self, metric: Metric) -> float:
        """The population's correlation."""
        if metric == "spearman" and self.spearman is not None:
            return self.spearman
        return float(METRICS[metric](*self.draw(4_000_000, np.random.default_rng(0))).statistic)


def normal(rho: float, cuts: np.ndarray) -> Draw:
    """A normal score, and a normal gold cut into grades."""

    def draw(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        latent = rng.normal(size=n)
        return np.searchsorted(cuts, latent).astype(float), rho * latent + np.sqrt(
            1 - rho**2
        ) * rng.normal(size=n)

    return draw


def uneven(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A cosine that is sure of paraphrases and unsure of the rest: its noise shrinks as the gold
    rises.
    """
    latent = rng.normal(size=n)
    return np.searchsorted(CUTS, latent).astype(float), np.tanh(
        0.5 + 0.5 * latent + 0.4 * np.exp(-latent) * rng.normal(size=n)
    )


def heavy(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Outliers: noise of Student's t with three degrees of freedom."""
    latent = rng.normal(size=n)
    return np.searchsorted(CUTS, latent).astype(float), latent + 0.4 * rng.standard_t(3, n)


TWO = np.array([0.5])
POPULATIONS = (
    Population(
        "26 grades, ρ 0.85",
        normal(0.85, CUTS),
        ("spearman", "pearson"),
        float(graded_spearman(0.85, CUTS)),
    ),
    Population(
        "26 grades, ρ 0.3", normal(0.3, CUTS), ("spearman",), float(graded_spearman(0.3, CUTS))
    ),
    Population(
        "two grades, ρ 0.7", normal(0.7, TWO), ("spearman",), float(graded_spearman(0.7, TWO))
    ),
    Population("uneven noise", uneven, ("spearman", "pearson")),
    Population("heavy tails", heavy, ("spearman", "pearson")),
)


# ---- candidates --------------------------------------------------------------------------------


def percentile(r: float, boot: np.ndarray, left_out: np.ndarray, n: int) -> np.ndarray:
    """Quantiles of the resamples."""
    return np.quantile(boot, TAILS)


def plain(r: float, boot: np.ndarray, left_out: np.ndarray, n: int) -> np.ndarray:
    """r ± z · standard error of the resamples."""
    return r + stats.norm.ppf(TAILS) * boot.std(ddof=1)


def fisher(r: float, boot: np.ndarray, left_out: np.ndarray, n: int) -> np.ndarray:
    """The same on Fisher's scale, atanh: what ``correlation_interval`` gives."""
    return np.array(fisher_bounds(r, float(np.std(boot, ddof=1))))


def bca(r: float, boot: np.ndarray, left_out: np.ndarray, n: int) -> np.ndarray:
    """Efron's BCa, with the acceleration of the jackknife."""
    shift = special.ndtri(
        np.clip((np.sum(boot < r) + np.sum(boot == r) / 2) / len(boot), 1e-4, 1 - 1e-4)
    )
    away = left_out.mean() - left_out
    acceleration = np.sum(away**3) / (6 * np.sum(away**2) ** 1.5)
    z = shift + stats.norm.ppf(TAILS)
    return np.quantile(boot, special.ndtr(shift + z / (1 - acceleration * z)))


def formula(r: float, boot: np.ndarray, left_out: np.ndarray, n: int) -> np.ndarray:
    """Without resampling: Fisher's scale with the standard error of Bonett & Wright (2000), made
    for normal data.
    """
    return np.tanh(np.arctanh(r) + stats.norm.ppf(TAILS) * np.sqrt((1 + r * r / 2) / (n - 3)))


CANDIDATES = {
    "percentiles": percentile,
    "r ± z·se": plain,
    "Fisher's scale, bootstrap se": fisher,
    "BCa": bca,
    "Fisher's scale, formula": formula,
}


def simulate(
    population: Population, pairs: int, replicates: int, rng: np.random.Generator
) -> pd.DataFrame:
    """Coverage and mean width of every candidate."""
    tally, progress = Tally("intervals"), Progress(f"{population.name}, {pairs} pairs", replicates)
    truth = {metric: population.truth(metric) for metric in population.metrics}
    once, each = np.ones((1, pairs), np.int16), 1 - np.eye(pairs, dtype=np.int16)
    for replicate in range(replicates):
        gold, score = population.draw(pairs, rng)
        counts = np.concatenate([once, each, resample_counts(pairs, RESAMPLES, rng)])
        for metric in population.metrics:
            values = BOOTSTRAPS[metric](gold, score[None], counts)[:, 0]
            r, left_out, boot = values[0], values[1 : pairs + 1], values[pairs + 1 :]
            for name, candidate in CANDIDATES.items():
                low, high = candidate(r, boot, left_out, pairs)
                case = f"{metric}, {population.name}"
                tally.add(case, pairs, name, "coverage", low <= truth[metric] <= high)
                tally.add(case, pairs, name, "below", truth[metric] < low)
                tally.add(case, pairs, name, "width", high - low)
        progress.step(replicate + 1)
    return tally.table()


def parts(replicates: int) -> Iterator[pd.DataFrame]:
    """Population by population."""
    for i, population in enumerate(POPULATIONS):
        yield pd.concat(
            [simulate(population, n, replicates, np.random.default_rng([3, i, n])) for n in PAIRS]
        )
