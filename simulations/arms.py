"""Two arms compared: how often every method finds a difference that is none, and how often its interval holds the truth."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from recse_lab.statistics.comparison import Population, compare_resampled
from recse_lab.statistics.rank_bootstrap import resample_counts, spearman_bootstrap
from simulations.alternatives import nested_test, sign_flip_test
from simulations.outcomes import Progress, Tally
from simulations.populations import (
    BEHIND,
    BOTH,
    FEW,
    MODELS,
    TWICE,
    Study,
    difference,
    gold_and_shared,
    graded,
    scores,
    slopes,
    spearman,
)

SEEDS = (1, 3, 5, 10)
RESAMPLES = 199
LEVEL = 0.05
NAMES: dict[Population, str] = {
    "both": "compare, both",
    "pairs": "compare, pairs",
    "seeds": "compare, seeds",
}

Verdict = tuple[str, float | None, float | None, float | None]


def verdicts(point: np.ndarray, boot: np.ndarray, rng: np.random.Generator) -> Iterator[Verdict]:
    """Method, p and interval of the difference of two arms, by everything that is offered."""
    n = point.shape[1]
    (a, b), (boot_a, boot_b) = point, (boot[:, 0], boot[:, 1])
    for population, name in NAMES.items():
        found = compare_resampled(a, b, boot_a, boot_b, population=population)
        yield name, found.p, found.low, found.high
    nested = nested_test(a, b, boot_a, boot_b, rng)
    yield "nested bootstrap", nested.p, nested.low, nested.high
    if n == 1:
        low, high = np.quantile(boot_a - boot_b, [LEVEL / 2, 1 - LEVEL / 2])
        yield "percentiles over pairs", None, float(low), float(high)
    flips = sign_flip_test(a.tolist(), b.tolist())
    yield "sign flips", flips.p, None, None


def simulate(study: Study, replicates: int, rng: np.random.Generator) -> pd.DataFrame:
    """False positives, and coverage of the difference for other seeds and pairs, and for these models and other pairs."""
    tally, progress = Tally("arms"), Progress(study.name, replicates)
    delta = difference(study)
    for replicate in range(replicates):
        latent, fixed = gold_and_shared(study, rng)
        slope = slopes(study, max(SEEDS), rng)
        score = scores(study, latent, fixed, slope, rng)
        gold = graded(latent)
        runs = score.reshape(-1, study.pairs)
        counts = np.concatenate(
            [np.ones((1, study.pairs), np.int16), resample_counts(study.pairs, RESAMPLES, rng)]
        )
        values = spearman_bootstrap(gold, runs, counts).reshape(-1, *slope.shape)
        point, boot = values[0], values[1:]
        models = spearman(study, slope)
        for n in SEEDS:
            truths = {"both": delta, "pairs": float(np.mean(models[0, :n] - models[1, :n]))}
            for method, p, low, high in verdicts(point[:, :n], boot[:, :, :n], rng):
                if not study.behind:
                    tally.add(study.name, n, method, "rejected", None if p is None else p < LEVEL)
                    tally.add(study.name, n, method, "no test", p is None)
                if low is not None and high is not None:
                    for population, truth in truths.items():
                        tally.add(
                            study.name, n, method, f"coverage, {population}", low <= truth <= high
                        )
                    tally.add(study.name, n, method, "width", high - low)
        progress.step(replicate + 1)
    return tally.table()


def fixed_pairs(
    replicates: int, rng: np.random.Generator, *, sets: int = 40, many: int = 2000
) -> pd.DataFrame:
    """Coverage of the paired t for other seeds on the very pairs, whose truth is the mean over many seeds."""
    study = BOTH[1]._replace(name="these pairs, arms differ on them")
    tally, progress = Tally("arms"), Progress(study.name, sets)
    once = np.ones((1, study.pairs), np.int16)
    for number in range(sets):
        latent, fixed = gold_and_shared(study, rng)
        gold = graded(latent)

        def differences(
            seeds: int,
            latent: np.ndarray = latent,
            fixed: np.ndarray = fixed,
            gold: np.ndarray = gold,
        ):
            score = scores(study, latent, fixed, slopes(study, seeds, rng), rng)
            point = spearman_bootstrap(gold, score.reshape(-1, study.pairs), once)[0]
            return point[:seeds], point[seeds:]

        a, b = differences(many)
        truth = float(np.mean(a - b))
        for _ in range(replicates // sets):
            a, b = differences(max(SEEDS))
            for n in SEEDS[1:]:
                empty = np.empty((0, n))
                found = compare_resampled(a[:n], b[:n], empty, empty, population="seeds")
                held = (
                    None
                    if found.low is None or found.high is None
                    else found.low <= truth <= found.high
                )
                tally.add(study.name, n, NAMES["seeds"], "coverage, seeds", held)
                # The same differences moved so that none is left: what a test of a true null sees.
                flips = sign_flip_test((a[:n] - b[:n] - truth).tolist(), [0.0] * n)
                tally.add(
                    study.name,
                    n,
                    "sign flips",
                    "rejected",
                    None if flips.p is None else flips.p < LEVEL,
                )
                tally.add(study.name, n, "sign flips", "no test", flips.p is None)
        progress.step(number + 1)
    return tally.table()


def parts(replicates: int) -> Iterator[pd.DataFrame]:
    """Study by study."""
    for number, study in enumerate((*BOTH, TWICE, MODELS, BEHIND, FEW)):
        yield simulate(study, replicates, np.random.default_rng([1, number]))
    yield fixed_pairs(replicates, np.random.default_rng([2, 0]))
