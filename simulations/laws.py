"""Tests over seeds and pairs where every law is known: levels, tables, seeds that are not normal.

The mean difference of n seeds is δ + v + the mean of u: v from the pairs, u from the seeds, with a
total variance of 1 in which the seeds have a given share. The variance over pairs is known here;
``graphs`` estimates it.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from recse_lab.statistics.combined import half_width
from simulations.outcomes import as_table, rate

SEEDS = (3, 5, 10, 20)
SHARES = (0.1, 0.5, 0.9)
LEVELS = (0.05, 0.01, 0.001)
TABLES = (6, 20)
COLLAPSE = 10.0
"""How far a collapsed seed falls, in standard deviations of the others."""

WORLDS = ("normal", "t3", "unequal", "both collapse", "one collapses")


def seeds(world: str, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Differences of seeds, a − b, of mean 0 and variance 1.

    t3: both arms' seeds have Student's t of 3 degrees. unequal: one arm's variance is four times
    the other's, and seeds of both are log-normal around it, so that the difference is skewed. both
    collapse: one seed in ten of either arm falls; one collapses: of the first arm alone.
    """
    if world == "normal":
        return rng.normal(size=shape)
    if world == "t3":
        return (rng.standard_t(3, shape) - rng.standard_t(3, shape)) / 6**0.5
    if world == "unequal":
        a, b = np.exp(0.4 * rng.normal(size=shape)), np.exp(0.2 * rng.normal(size=shape))
        variance = sum(np.exp(s**2) * (np.exp(s**2) - 1) for s in (0.4, 0.2))
        return (a - b - (np.exp(0.08) - np.exp(0.02))) / variance**0.5
    fallen = [rng.random(shape) < 0.1, rng.random(shape) < 0.1]
    arms = 2 if world == "both collapse" else 1
    values = rng.normal(size=shape)
    for sign, arm in zip((-1, 1), fallen[:arms], strict=False):
        values = values + sign * COLLAPSE * (arm - 0.1)
    return values / (1 + arms * COLLAPSE**2 * 0.09) ** 0.5


def simulate(world: str, n: int, share: float, replicates: int, rng: np.random.Generator):
    """False positives at every level, and coverage, of one difference that is none."""
    u = share**0.5 * n**0.5 * seeds(world, (replicates, n), rng)
    means = u.mean(axis=1) + (1 - share) ** 0.5 * rng.normal(size=replicates)
    variance = u.var(axis=1, ddof=1) / n
    case = f"{world}, {100 * share:.0f} % of the variance from seeds"
    for alpha in LEVELS:
        half = half_width(variance, 1 - share, n - 1, alpha)
        yield rate("laws", case, n, "both", f"rejected at {alpha}", np.abs(means) > half)
    half = half_width(variance, 0.0, n - 1, 0.05)
    yield rate("laws", case, n, "paired t", "rejected at 0.05", np.abs(u.mean(axis=1)) > half)


def table(world: str, arms: int, n: int, replicates: int, rng: np.random.Generator):
    """Share of tables with a false finding after Holm, all arms against one reference.

    With no true difference Holm rejects something where the smallest p is below 5 %/arms.
    """
    u = n**0.5 * seeds(world, (replicates, arms + 1, n), rng) / 2**0.5
    v = rng.normal(size=(replicates, arms + 1)) / 2**0.5
    for share in SHARES:
        d = share**0.5 * (u[:, 1:] - u[:, :1])
        pairs = (1 - share) ** 0.5 * (v[:, 1:] - v[:, :1])
        half = half_width(d.var(axis=2, ddof=1) / n, 1 - share, n - 1, 0.05 / arms)
        found = (np.abs(d.mean(axis=2) + pairs) > half).any(axis=1)
        case = f"{world}, {100 * share:.0f} % of the variance from seeds"
        yield rate("tables", case, n, f"Holm, {arms} arms", "some false finding", found)


def equivalence(n: int, share: float, replicates: int, rng: np.random.Generator):
    """How often a difference as large as the margin is called negligible, and one of 0 is."""
    margin = 3.5
    u = share**0.5 * n**0.5 * seeds("normal", (replicates, n), rng)
    means = u.mean(axis=1) + (1 - share) ** 0.5 * rng.normal(size=replicates)
    inner = half_width(u.var(axis=1, ddof=1) / n, 1 - share, n - 1, 0.10)
    case = f"{100 * share:.0f} % of the variance from seeds"
    for name, delta in (("at the margin", margin), ("at 0", 0.0)):
        found = np.abs(means + delta) + inner < margin
        yield rate("equivalence", case, n, name, "negligible", found)


def parts(replicates: int) -> Iterator[pd.DataFrame]:
    """One difference, whole tables, and equivalence."""
    many = 25 * replicates
    for number, world in enumerate(WORLDS):
        rng = np.random.default_rng([11, number])
        rows = [r for n in SEEDS for s in SHARES for r in simulate(world, n, s, many, rng)]
        yield as_table(rows)
    for number, world in enumerate(("normal", "t3")):
        rng = np.random.default_rng([12, number])
        yield as_table(
            [r for m in TABLES for n in SEEDS for r in table(world, m, n, 5 * replicates, rng)]
        )
    rng = np.random.default_rng([13, 0])
    yield as_table([r for n in SEEDS for s in SHARES for r in equivalence(n, s, many, rng)])
