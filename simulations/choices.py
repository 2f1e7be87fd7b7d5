"""The best of several looks: how much of a reported maximum is luck, and how well that is
estimated.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from recse_lab.statistics.rank_bootstrap import bootstrap_correlations, spearman_bootstrap
from recse_lab.statistics.selection import best_of
from simulations.outcomes import Progress, Tally
from simulations.populations import CUTS, graded, graded_spearman

PAIRS, LOOKS, RESAMPLES = 200, 10, 299
SHARED, OWN = 0.5, 0.25
# Differences of the slopes of the looks, in steps that make their correlations spread less, as
# much, and more than noise.
SPREADS = {
    "equally good": 0.0,
    "spread as noise": 0.03,
    "spread twice as noise": 0.06,
    "spread five times as noise": 0.15,
}


def naive_inflation(values: np.ndarray, boot: np.ndarray) -> float:
    """The bootstrap's own answer, which takes the observed values for the true ones."""
    chosen = boot.argmax(axis=1)
    return float(np.mean(boot.max(axis=1) - values[chosen]))


def simulate(name: str, spread: float, replicates: int, rng: np.random.Generator) -> pd.DataFrame:
    """Mean excess of the reported maximum over the truth of what was chosen, and of every estimate
    of it; in points.

    The mean error of all looks is taken off the excess: it is 0 on average, and most of the Monte
    Carlo error.
    """
    tally, progress = Tally("best of"), Progress(f"best of {LOOKS}, {name}", replicates)
    for replicate in range(replicates):
        slope = 1 + spread * rng.normal(size=LOOKS)
        truth = graded_spearman(slope / np.sqrt(slope**2 + SHARED**2 + OWN**2), CUTS)
        latent = rng.normal(size=PAIRS)
        noise = SHARED * rng.normal(size=PAIRS) + OWN * rng.normal(size=(LOOKS, PAIRS))
        score, gold = slope[:, None] * latent + noise, graded(latent)
        values = spearman_bootstrap(gold, score, np.ones((1, PAIRS), np.int16))[0]
        boot = bootstrap_correlations(gold, score, resamples=RESAMPLES, rng=rng)
        found = best_of(values, boot)
        error = values - truth
        outcomes = {
            "true excess": error[values.argmax()] - error.mean(),
            "best_of": found.inflation,
            "bootstrap without shrinkage": naive_inflation(values, boot),
            "if all were equal": found.inflation_if_equal,
        }
        for method, value in outcomes.items():
            tally.add(name, LOOKS, method, "points", 100 * value)
        progress.step(replicate + 1)
    return tally.table()


def parts(replicates: int) -> Iterator[pd.DataFrame]:
    """All spreads at once."""
    yield pd.concat(
        [
            simulate(name, spread, replicates, np.random.default_rng([4, i]))
            for i, (name, spread) in enumerate(SPREADS.items())
        ]
    )
