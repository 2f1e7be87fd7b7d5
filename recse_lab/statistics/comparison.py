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
from recse_lab.statistics.influence import INFLUENCES, Metric
from recse_lab.statistics.seeds import ROUNDING, Interval, paired_test
from recse_lab.statistics.sharing import SharedSentences, pairs_covariance
from recse_lab.statistics.spread import spread_over_both, spread_over_pairs
from recse_lab.statistics.sts import sts_influence

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
    sharing_ratio: float | None = None
    """Standard error over pairs divided by that of independent pairs; None where not known."""


# ---- from values and influences ----------------------------------------------------------------


def mean_interval(
    point: Float[np.ndarray, " seeds"],
    influences: Float[np.ndarray, "seeds pairs"],
    shared: SharedSentences | None = None,
    *,
    population: Population = "both",
    level: float = 0.95,
) -> Interval:
    """Interval of a mean over seeds.

    Args:
        point: One value per seed, on all pairs.
        influences: Influence of each pair on each value (``recse_lab.statistics.influence``).
        shared: Which pairs share sentences; None takes pairs as independent.
        population: What the interval is about. One seed has no spread over seeds: ``both`` then
            becomes ``pairs``, and ``method`` says so.
        level: Confidence level.

    Returns:
        The mean and its interval; the bounds are NaN where there is none.

    Source: as ``compare_influences``.
    """
    found = _about(point, np.zeros_like(point), influences, shared, population, level)
    nan = float("nan")
    low, high = (nan if bound is None else bound for bound in (found.low, found.high))
    return Interval(found.delta, low, high, level, f"{found.method} ({found.why})", found.seeds)


def compare_influences(
    a: Float[np.ndarray, " seeds_a"],
    b: Float[np.ndarray, " seeds_b"],
    influences_a: Float[np.ndarray, "rows_a pairs_a"],
    influences_b: Float[np.ndarray, "rows_b pairs_b"],
    shared: SharedSentences | None = None,
    *,
    population: Population = "both",
    level: float = 0.95,
) -> Comparison:
    """Difference of two arms, from one number per seed and the influence of each pair on it.

    The method is the one whose false positives and coverage hold for this population and number of
    seeds (reports/statistics): for ``seeds`` the paired t; for ``pairs`` the dyadic-robust
    variance over pairs; for ``both`` the two variances combined, and with one seed that over
    pairs, which is then about these two models only. An arm without randomness is repeated once
    per seed of the other arm.

    Args:
        a: One value per seed of the first arm, shape (seeds,).
        b: The same of the second arm, for the same seeds.
        influences_a: Influence of each pair on the values of ``a``, shape (seeds, pairs).
        influences_b: The same for ``b``, on the same pairs.
        shared: Which pairs share sentences; None takes pairs as independent.
        population: What the statement is about.
        level: Confidence level.

    Raises:
        ValueError: The arms have different seeds or pairs, or ``shared`` has other pairs.

    Source: ``sharing`` over pairs; Student's t over seeds; ``combined`` for
    both.
    """
    same_seeds = a.shape == b.shape == influences_a.shape[:1] == influences_b.shape[:1]
    if not same_seeds or influences_a.shape != influences_b.shape:
        raise ValueError(
            f"arms {a.shape} and {b.shape} with influences {influences_a.shape} and "
            f"{influences_b.shape}"
        )
    return _about(a, b, influences_a - influences_b, shared, population, level)


def _about(
    a: np.ndarray,
    b: np.ndarray,
    influences: np.ndarray,
    shared: SharedSentences | None,
    population: Population,
    level: float,
) -> Comparison:
    """The comparison by the method of its population; ``influences`` are those of a − b."""
    if population == "seeds":
        test = paired_test(a, b, level=level)
        why = test.reason or "new seeds on these pairs"
        bounds = (test.delta, test.low, test.high, test.p)
        return Comparison(*bounds, level, test.seeds, population, test.method, why)
    point = a - b
    n = len(point)
    delta = float(point.mean()) if n else float("nan")
    method = "variance over pairs" if shared is None else "variance over pairs that share sentences"
    if why := why_no_comparison(point, influences):
        return Comparison(delta, None, None, None, level, n, population, method, why)
    covariance = pairs_covariance(influences, shared)
    if population == "pairs":
        spread, why = spread_over_pairs(covariance), "these models on new pairs"
    elif n == 1:
        spread, population = spread_over_pairs(covariance), "pairs"
        why = "one seed: about these models, not about new seeds"
    else:
        spread, method = spread_over_both(point, covariance), f"t over seeds with {method}"
        why = f"{n} seeds: variances over seeds and over pairs added"
    if spread.total**0.5 <= ROUNDING * max(np.abs(a).max(), np.abs(b).max()):
        why = "the same for every seed and all pairs: no test"
        return Comparison(delta, None, None, None, level, n, population, method, why)
    half = spread.half_width(1 - level)
    low, high, p = delta - half, delta + half, spread.p(delta)
    ratio = spread.sharing_ratio
    return Comparison(delta, low, high, p, level, n, population, method, why, ratio)


def why_no_comparison(
    point: Float[np.ndarray, " seeds"], influences: Float[np.ndarray, "seeds pairs"]
) -> str | None:
    """The reason why differences by seed and their influences allow no test, or None."""
    if not len(point):
        return "no seed in common"
    if undefined := int((~np.isfinite(point)).sum()):
        return f"undefined for {undefined} of {len(point)} seeds: no test"
    if influences.shape[1] < 2:
        return "fewer than two pairs: no test"
    if undefined := int((~np.isfinite(influences)).any(axis=1).sum()):
        return f"undefined influence of pairs for {undefined} of {len(point)} seeds: no test"
    return None


# ---- from scores -------------------------------------------------------------------------------


def compare(
    gold: Float[np.ndarray, " gold_pairs"],
    a: Float[np.ndarray, ...],
    b: Float[np.ndarray, ...],
    shared: SharedSentences | None = None,
    *,
    metric: Metric = "spearman",
    population: Population = "both",
    level: float = 0.95,
) -> Comparison:
    """Difference of two arms in their mean correlation with gold, from scores of one set of pairs.

    See ``compare_influences`` for the method and ``compare_sts`` for several tasks.

    Args:
        gold: Gold scores, shape (pairs,).
        a: Scores of the first arm, shape (seeds, pairs).
        b: Scores of the second arm, for the same seeds and pairs.
        shared: Which pairs share sentences; None takes pairs as independent.
        metric: Which correlation.
        population: What the statement is about.
        level: Confidence level.

    Raises:
        ValueError: The arms have different pairs or numbers of seeds, or ``shared`` other pairs.

    Source: as ``compare_influences``.
    """
    if a.shape != b.shape or a.ndim != 2 or a.shape[1] != len(gold):
        raise ValueError(
            f"gold {gold.shape} and arms {a.shape}, {b.shape} are not over the same pairs and seeds"
        )
    n = len(a)
    scores = np.concatenate([a, b])
    point = np.array([correlation(metric, gold, row) for row in scores])
    if not np.isfinite(point).all():
        reasons = (why_undefined(gold, row) for row in scores)
        why = next(filter(None, reasons), "gold has values that are not finite")
        nan = float("nan")
        return Comparison(nan, None, None, None, level, n, population, "none", f"{why}: no test")
    psi = INFLUENCES[metric](gold, scores)
    return compare_influences(
        point[:n], point[n:], psi[:n], psi[n:], shared, population=population, level=level
    )


def compare_sts(
    a: Sequence[pd.DataFrame],
    b: Sequence[pd.DataFrame],
    *,
    tasks: Sequence[str],
    population: Population = "both",
    level: float = 0.95,
    independent: bool = False,
) -> Comparison:
    """Difference of two arms in the mean over tasks of the pooled Spearman correlation.

    Args:
        a: One frame of scores per seed of the first arm, with columns task, gold, score, and
            first and second (ids of the sentences), without which pairs are taken as independent.
        b: The same of the second arm, for the same seeds.
        tasks: Tasks to average over.
        population: What the statement is about.
        level: Confidence level.
        independent: Take pairs as independent although sentence ids are there.

    Raises:
        LabError: The frames hold different pairs or gold scores, or the arms have different
            numbers of seeds.

    Source: as ``compare_influences``.
    """
    if len(a) != len(b):
        raise LabError(
            f"{len(a)} seeds of one arm and {len(b)} of the other; "
            "compare the seeds that both have."
        )
    n = len(a)
    point, psi, shared = sts_influence([*a, *b], tasks=tasks)
    shared = None if independent else shared
    return compare_influences(
        point[:n], point[n:], psi[:n], psi[n:], shared, population=population, level=level
    )
