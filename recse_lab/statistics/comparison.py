"""Compare two arms over seeds and pairs: for new seeds, for new pairs, or for both.

The difference of two arms trained with seed s, a number computed on all pairs, is

    D_s = δ + u_s + v + w_s

where u is the effect of the seed, v the effect of this sample of pairs whatever the seed, and w
their interaction. ``population`` names what a statement is about:

- ``seeds``: new seeds, these pairs. u and w are random, δ + v is estimated.
- ``pairs``: new pairs, these very models. v and w are random, δ + mean u is estimated.
- ``both``: new seeds and new pairs. All three are random, δ is estimated.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float

from recse_lab.errors import LabError
from recse_lab.statistics.correlation import correlation, why_undefined
from recse_lab.statistics.rank_bootstrap import (
    Metric,
    bootstrap_correlations,
    bootstrap_sts,
    joined,
)
from recse_lab.statistics.seeds import ROUNDING, Interval, paired_test
from recse_lab.statistics.spread import spread_over_both, spread_over_pairs

Population = Literal["both", "seeds", "pairs"]


class Comparison(NamedTuple):
    """The difference a − b of two arms.

    ``why`` says why ``method`` was used or, where ``p`` is None, why there is no test.
    """

    delta: float
    low: float | None
    high: float | None
    p: float | None
    level: float
    seeds: int
    population: Population
    method: str
    why: str


# ---- from values and their resamples -----------------------------------------------------------


def mean_interval(
    point: Float[np.ndarray, " seeds"],
    boot: Float[np.ndarray, "resamples seeds"],
    *,
    population: Population = "both",
    level: float = 0.95,
) -> Interval:
    """Interval of a mean over seeds.

    Args:
        point: One value per seed, on all pairs.
        boot: Each seed's value on common resamples of the pairs.
        population: What the interval is about. One seed has no spread over seeds: ``both`` then
            becomes ``pairs``, and ``method`` says so.
        level: Confidence level.

    Returns:
        The mean and its interval; the bounds are NaN where there is none.

    Source: as ``compare_resampled``.
    """
    found = _about(point, np.zeros_like(point), boot, population, level)
    nan = float("nan")
    low, high = (nan if bound is None else bound for bound in (found.low, found.high))
    return Interval(found.delta, low, high, level, f"{found.method} ({found.why})", found.seeds)


def compare_resampled(
    a: Float[np.ndarray, " seeds_a"],
    b: Float[np.ndarray, " seeds_b"],
    boot_a: Float[np.ndarray, "resamples_a columns_a"],
    boot_b: Float[np.ndarray, "resamples_b columns_b"],
    *,
    population: Population = "both",
    level: float = 0.95,
) -> Comparison:
    """Difference of two arms, from one number per seed and its values on resamples of the pairs.

    The method is the one whose false positives and coverage hold for this population and number of
    seeds (reports/statistics): for ``seeds`` the paired t; for ``pairs`` the bootstrap over pairs;
    for ``both`` the sum of the two variances, and with one seed the bootstrap over pairs, which is
    then about these two models only. An arm without randomness is repeated once per seed of the
    other arm.

    Args:
        a: One value per seed of the first arm, shape (seeds,).
        b: The same of the second arm, for the same seeds.
        boot_a: Values of ``a`` on resamples of the pairs, shape (resamples, seeds).
        boot_b: Values of ``b`` on the same resamples.
        population: What the statement is about.
        level: Confidence level.

    Raises:
        ValueError: The arms have different seeds or resamples.

    Source: Efron & Tibshirani (1993), chapter 6, over pairs; Student's t over seeds; their sum
    after Cochran & Cox (1950), see ``spread``.
    """
    same_seeds = a.shape == b.shape == boot_a.shape[1:] == boot_b.shape[1:]
    if not same_seeds or boot_a.shape != boot_b.shape:
        raise ValueError(
            f"arms {a.shape} and {b.shape} with resamples {boot_a.shape} and {boot_b.shape}"
        )
    return _about(a, b, boot_a - boot_b, population, level)


def _about(
    a: np.ndarray, b: np.ndarray, boot: np.ndarray, population: Population, level: float
) -> Comparison:
    """The comparison by the method of its population; ``boot`` holds the resampled differences."""
    if population == "seeds":
        test = paired_test(a, b, level=level)
        why = test.reason or "new seeds on these pairs"
        bounds = (test.delta, test.low, test.high, test.p)
        return Comparison(*bounds, level, test.seeds, population, test.method, why)
    point = a - b
    n = len(point)
    delta = float(point.mean()) if n else float("nan")
    method = "bootstrap over pairs"
    if why := why_no_comparison(point, boot):
        return Comparison(delta, None, None, None, level, n, population, method, why)
    if population == "pairs":
        spread, why = spread_over_pairs(boot), "these models on new pairs"
    elif n == 1:
        spread, population = spread_over_pairs(boot), "pairs"
        why = "one seed: about these models, not about new seeds"
    else:
        spread, method = spread_over_both(point, boot), "t over seeds with bootstrap over pairs"
        why = f"{n} seeds: variances over seeds and over pairs added"
    if spread.total**0.5 <= ROUNDING * max(np.abs(a).max(), np.abs(b).max()):
        why = "the same for every seed and every resample: no test"
        return Comparison(delta, None, None, None, level, n, population, method, why)
    half = spread.critical(1 - level) * spread.total**0.5
    low, high, p = delta - half, delta + half, spread.p(delta)
    return Comparison(delta, low, high, p, level, n, population, method, why)


def why_no_comparison(
    point: Float[np.ndarray, " seeds"], boot: Float[np.ndarray, "resamples seeds"]
) -> str | None:
    """The reason why differences by seed and their resamples allow no test, or None."""
    if not len(point):
        return "no seed in common"
    if undefined := int((~np.isfinite(point)).sum()):
        return f"undefined for {undefined} of {len(point)} seeds: no test"
    if len(boot) < 2:
        return "fewer than two resamples: no test"
    if undefined := int((~np.isfinite(boot)).any(axis=1).sum()):
        return f"undefined on {undefined} of {len(boot)} resamples: no test"
    return None


# ---- from scores -------------------------------------------------------------------------------


def compare(
    gold: Float[np.ndarray, " gold_pairs"],
    a: Float[np.ndarray, ...],
    b: Float[np.ndarray, ...],
    *,
    metric: Metric = "spearman",
    population: Population = "both",
    resamples: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> Comparison:
    """Difference of two arms in their mean correlation with gold, from scores of one set of pairs.

    See ``compare_resampled`` for the method and ``compare_sts`` for several tasks.

    Args:
        gold: Gold scores, shape (pairs,).
        a: Scores of the first arm, shape (seeds, pairs).
        b: Scores of the second arm, for the same seeds and pairs.
        metric: Which correlation.
        population: What the statement is about.
        resamples: Number of bootstrap resamples of the pairs.
        level: Confidence level.
        seed: Seed of the resamples.

    Raises:
        ValueError: The arms have different pairs or numbers of seeds.

    Source: as ``compare_resampled``.
    """
    if a.shape != b.shape or a.ndim != 2 or a.shape[1] != len(gold):
        raise ValueError(
            f"gold {gold.shape} and arms {a.shape}, {b.shape} are not over the same pairs and seeds"
        )
    n = len(a)
    point = np.array([correlation(metric, gold, row) for row in (*a, *b)])
    if not np.isfinite(point).all():
        reasons = (why_undefined(gold, row) for row in (*a, *b))
        why = next(filter(None, reasons), "gold has values that are not finite")
        nan = float("nan")
        return Comparison(nan, None, None, None, level, n, population, "none", f"{why}: no test")
    boot = np.empty((0, len(point)))
    if population != "seeds":
        rng = np.random.default_rng(seed)
        scores = np.concatenate([a, b])
        boot = bootstrap_correlations(gold, scores, metric=metric, resamples=resamples, rng=rng)
    return compare_resampled(
        point[:n], point[n:], boot[:, :n], boot[:, n:], population=population, level=level
    )


def compare_sts(
    a: Sequence[pd.DataFrame],
    b: Sequence[pd.DataFrame],
    *,
    tasks: Sequence[str],
    population: Population = "both",
    resamples: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> Comparison:
    """Difference of two arms in the mean over tasks of the pooled Spearman correlation.

    Args:
        a: One frame of scores per seed of the first arm, with columns task, gold, score.
        b: The same of the second arm, for the same seeds.
        tasks: Tasks to average over.
        population: What the statement is about.
        resamples: Number of bootstrap resamples of the pairs, within each task.
        level: Confidence level.
        seed: Seed of the resamples.

    Raises:
        LabError: The frames hold different pairs or gold scores, or the arms have different
            numbers of seeds.

    Source: as ``compare_resampled``.
    """
    if len(a) != len(b):
        raise LabError(
            f"{len(a)} seeds of one arm and {len(b)} of the other; "
            "compare the seeds that both have."
        )
    runs = [*a, *b]
    point = np.zeros(len(runs))
    for task in tasks:
        gold, scores = joined(runs, task)
        point += np.array([correlation("spearman", gold, row) for row in scores]) / len(tasks)
    n = len(a)
    boot = bootstrap_sts(runs, tasks=tasks, resamples=resamples, seed=seed)
    return compare_resampled(
        point[:n], point[n:], boot[:, :n], boot[:, n:], population=population, level=level
    )
