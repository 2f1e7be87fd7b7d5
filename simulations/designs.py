"""Over seeds alone: effects of a 2³ design, the effect size, and the exact errors of the test over
seeds and pairs.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np
import pandas as pd
from scipy import stats

from recse_lab.statistics.combined import half_width
from recse_lab.statistics.factorial import design_of, effects_by_seed, effects_pooled
from recse_lab.statistics.seeds import effect_size
from simulations.outcomes import Progress, Tally

SEEDS = (3, 5, 10)
FACTORS = ("a", "b", "c")
CELLS = np.array(list(product((0, 1), repeat=3)))
SHARES = np.linspace(0, 1, 51)


def responses(kind: str, seeds: int, rng: np.random.Generator) -> np.ndarray:
    """Seeds × cells: true effects of b and b × c, none of a; errors of two kinds, and seeds that
    differ.
    """
    mean = 0.5 * CELLS[:, 1] + CELLS[:, 1] * CELLS[:, 2]
    error = rng.normal(size=(seeds, len(CELLS)))
    if kind == "seeds differ in the effect":
        error += 2 * rng.normal(size=(seeds, 1)) * (CELLS[:, 0] - 0.5)
    return mean + rng.normal(size=(seeds, 1)) + error


def factorial(kind: str, seeds: int, replicates: int, rng: np.random.Generator) -> pd.DataFrame:
    """False positives of a, and coverage of b × c, by both errors."""
    tally, progress = Tally("factorial"), Progress(f"2³, {kind}, {seeds} seeds", replicates)
    seed, cell = np.divmod(np.arange(seeds * len(CELLS)), len(CELLS))
    frame = pd.DataFrame(CELLS[cell], columns=pd.Index(FACTORS))
    design, contrasts = design_of(frame, {factor: [0, 1] for factor in FACTORS}, True)
    weights = {contrast.factors: contrast.weights for contrast in contrasts}
    for replicate in range(replicates):
        y = responses(kind, seeds, rng).ravel()
        estimates = {
            "error seeds": effects_by_seed(design, y, cell, seed, list(range(seeds)), 0.95),
            "error pooled": effects_pooled(design, y, seed, 0.95),
        }
        for method, estimate in estimates.items():
            none, some = estimate(weights[("a",)]), estimate(weights[("b", "c")])
            assert none is not None, "a is estimable"
            assert some is not None, "b × c is estimable"
            tally.add(kind, seeds, method, "rejected", none.p is not None and none.p < 0.05)
            tally.add(kind, seeds, method, "coverage", some.low <= 1 <= some.high)
        progress.step(replicate + 1)
    return tally.table()


def sizes(seeds: int, replicates: int, rng: np.random.Generator) -> pd.DataFrame:
    """Effect sizes of a true d_z of 1.5."""
    tally = Tally("effect size")
    for _ in range(replicates):
        found = effect_size(rng.normal(1.5, 1.0, seeds).tolist(), [0.0] * seeds)
        tally.add("d_z 1.5", seeds, "effect_size", "coverage", found.low <= 1.5 <= found.high)
        tally.add("d_z 1.5", seeds, "effect_size", "mean estimate", found.estimate)
    return tally.table()


def misses(seeds: int, share: float, method: str, alpha: float, *, steps: int = 2000) -> float:
    """False positives where seeds have this share of the variance, the rest is known, all normal.

    The estimated part is its true value times χ²/(n − 1): an integral over one quantile, no chance.
    """
    df = seeds - 1
    estimated = share * stats.chi2.ppf((np.arange(steps) + 0.5) / steps, df) / df
    t, z = stats.t.isf(alpha / 2, df), stats.norm.isf(alpha / 2)
    if method == "Satterthwaite":
        total = estimated + 1 - share
        own = df * (total / np.maximum(estimated, 1e-12)) ** 2
        half = stats.t.isf(alpha / 2, np.minimum(own, 1e9)) * np.sqrt(total)
    elif method == "Banerjee":
        half = np.sqrt(t**2 * estimated + z**2 * (1 - share))
    else:
        half = half_width(estimated, 1 - share, df, alpha)
    return float(np.mean(2 * stats.norm.sf(half)))


def exact() -> pd.DataFrame:
    """Least and greatest false positives over all shares."""
    tally = Tally("exact")
    for seeds in (2, *SEEDS, 20):
        for method in ("recse-lab", "Banerjee", "Satterthwaite"):
            for alpha in (0.05, 0.01, 0.001):
                found = [misses(seeds, share, method, alpha) for share in SHARES]
                for end, value in (("least", min(found)), ("greatest", max(found))):
                    tally.add("any share", seeds, method, f"{end} at {alpha}", value)
    return tally.table()


def parts(replicates: int) -> Iterator[pd.DataFrame]:
    """The cheap parts, then the designs."""
    yield exact()
    yield pd.concat([sizes(n, replicates, np.random.default_rng([5, n])) for n in SEEDS])
    kinds = ("equal errors", "seeds differ in the effect")
    yield pd.concat(
        [
            factorial(kind, n, replicates, np.random.default_rng([6, i, n]))
            for i, kind in enumerate(kinds)
            for n in SEEDS
        ]
    )
