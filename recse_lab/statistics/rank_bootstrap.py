"""Correlations on bootstrap resamples of the pairs, vectorised and exact on ties."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Float, Int

from recse_lab.statistics.influence import Metric

BLOCK = 2**15
"""Numbers in one working array, which fits the caches; a whole row where there are more pairs."""
CHUNK = 2**26
"""Draws of pairs held in memory at once."""


class _Ranker:
    """Mid-ranks of one variable in any resample, from one sort: only the multiplicities change."""

    def __init__(self, values: Float[np.ndarray, " pairs"]) -> None:
        self.order = np.argsort(values, kind="stable")
        ordered = values[self.order]
        new = np.ones(len(values), bool)
        new[1:] = ordered[1:] != ordered[:-1]
        self.last = np.flatnonzero(np.append(new[1:], True))
        self.group = np.empty_like(self.order)
        self.group[self.order] = np.cumsum(new) - 1
        self.tied = len(self.last) < len(values)

    def __call__(
        self, counts: Int[np.ndarray, "resamples pairs"], cubes: Float[np.ndarray, " resamples"]
    ) -> tuple[Float[np.ndarray, "resamples pairs"], Float[np.ndarray, " resamples"]]:
        """Twice the centred mid-ranks of each pair, and their sums of squares.

        ``cubes`` is the sum of counts³.
        """
        own = counts.take(self.order, axis=1)
        through = np.cumsum(own, axis=1, dtype=np.int32)
        if self.tied:
            through = through.take(self.last, axis=1)
            own = through.copy()
            own[:, 1:] -= through[:, :-1]
            cubes = _cubes(own)
        total = through[:, -1:]
        # A group spanning (before, through] has mid-rank (before + through + 1) / 2, and the mean
        # rank is (total + 1) / 2.
        twice = 2 * through - own - total
        squares = (total[:, 0].astype(np.float64) ** 3 - cubes) / 3
        return twice.take(self.group, axis=1).astype(np.float64), squares


def _cubes(sizes: Int[np.ndarray, "resamples groups"]) -> Float[np.ndarray, " resamples"]:
    real = sizes.astype(np.float64)
    return np.vecdot(real * real, real)


def spearman_bootstrap(
    gold: Float[np.ndarray, " pairs"],
    scores: Float[np.ndarray, "runs _"],
    counts: Int[np.ndarray, "resamples _"],
) -> Float[np.ndarray, "resamples runs"]:
    """Spearman's rho of every run on every resample, exact on ties.

    Equal to ``scipy.stats.spearmanr`` on the expanded resample. Doubled centred ranks are integers,
    and their products and sums stay integers below 2⁵³ for up to 2¹⁷ pairs: up to there the only
    rounding is in the quotient. 10,000 resamples of 20,000 pairs take about 1.5 s for the first run
    and 0.7 s for each further one, on one core.

    Args:
        gold: Gold grades, shape (pairs,).
        scores: Scores, shape (runs, pairs).
        counts: How often each resample draws each pair, shape (resamples, pairs).

    Returns:
        NaN where a resample has a single value, and for a run with a score that is not finite.

    Raises:
        ValueError: The shapes do not agree, or there are more pairs than int32 can rank.

    Source: Spearman (1904) with mid-ranks; Efron (1979) for the bootstrap.
    """
    _check(gold, scores, counts)
    if len(gold) > 2**20:
        raise ValueError(f"{len(gold)} pairs: sums over more than 2²⁰ ranks are not exact here")
    # Sorting would rank a NaN as the largest score, and a number would come out.
    rankers = {run: _Ranker(row) for run, row in enumerate(scores) if np.isfinite(row).all()}
    rank_gold = _Ranker(gold)

    def block(
        part: Int[np.ndarray, "resamples pairs"], out: Float[np.ndarray, "resamples runs"]
    ) -> None:
        cubes = _cubes(part)
        x, xx = rank_gold(part, cubes)
        x *= part
        for run, ranker in rankers.items():
            y, yy = ranker(part, cubes)
            out[:, run] = np.vecdot(x, y) / np.sqrt(xx * yy)

    return _by_blocks(block, gold, scores, counts)


def pearson_bootstrap(
    gold: Float[np.ndarray, " pairs"],
    scores: Float[np.ndarray, "runs _"],
    counts: Int[np.ndarray, "resamples _"],
) -> Float[np.ndarray, "resamples runs"]:
    """Pearson's r of every run on every resample.

    Args:
        gold: Gold grades, shape (pairs,).
        scores: Scores, shape (runs, pairs).
        counts: How often each resample draws each pair, shape (resamples, pairs).

    Returns:
        NaN as in ``spearman_bootstrap``.

    Raises:
        ValueError: The shapes do not agree.

    Source: Pearson (1895); Efron (1979) for the bootstrap.
    """
    _check(gold, scores, counts)
    x = gold.astype(np.float64) - gold.mean()
    y = scores.astype(np.float64) - scores.mean(axis=1, keepdims=True)
    moments = np.concatenate([[np.ones_like(x), x, x * x], y, y * y, x * y])
    runs = len(scores)

    def block(
        part: Int[np.ndarray, "resamples pairs"], out: Float[np.ndarray, "resamples runs"]
    ) -> None:
        sums = part.astype(np.float64) @ moments.T
        n, sx, sxx = sums[:, :1], sums[:, 1:2], sums[:, 2:3]
        sy, syy, sxy = np.split(sums[:, 3:], [runs, 2 * runs], axis=1)
        xx, yy = n * sxx - sx * sx, n * syy - sy * sy
        # After cancellation only rounding noise remains of a constant.
        least_x, least_y = 1e-12 * n * sxx, 1e-12 * n * syy
        defined = (xx > least_x) & (yy > least_y)
        out[:] = np.where(
            defined, (n * sxy - sx * sy) / np.sqrt(np.where(defined, xx * yy, 1)), np.nan
        )

    return _by_blocks(block, gold, scores, counts)


def _check(gold: np.ndarray, scores: np.ndarray, counts: np.ndarray) -> None:
    if scores.ndim != 2 or counts.ndim != 2 or not len(gold) == scores.shape[1] == counts.shape[1]:
        raise ValueError(
            f"gold {gold.shape}, scores {scores.shape} and counts {counts.shape} "
            "are not over the same pairs"
        )


def _by_blocks(
    block: Callable[[np.ndarray, np.ndarray], None],
    gold: np.ndarray,
    scores: np.ndarray,
    counts: np.ndarray,
) -> Float[np.ndarray, "resamples runs"]:
    """Fill the output a few rows at a time with ``block``.

    A run that is not finite stays NaN, and so does every run if gold is not finite.
    """
    out = np.full((len(counts), len(scores)), np.nan)
    if not np.isfinite(gold).all():
        return out
    step = max(1, BLOCK // len(gold))
    with np.errstate(invalid="ignore", divide="ignore"):
        for start in range(0, len(counts), step):
            block(counts[start : start + step], out[start : start + step])
    return out


BOOTSTRAPS = {"spearman": spearman_bootstrap, "pearson": pearson_bootstrap}


def resample_counts(
    pairs: int, resamples: int, rng: np.random.Generator
) -> Int[np.ndarray, "resamples pairs"]:
    """How often each pair is drawn in each bootstrap resample.

    Args:
        pairs: Number of pairs, all of which are equally likely in each of ``pairs`` draws.
        resamples: Number of resamples.
        rng: Source of randomness.

    Source: Efron (1979), "Bootstrap methods: another look at the jackknife".
    """
    counts = np.empty((resamples, pairs), np.int16)
    step = max(1, BLOCK // max(1, pairs))
    for start in range(0, resamples, step):
        rows = counts[start : start + step]
        drawn = rng.integers(0, pairs, rows.shape) + pairs * np.arange(len(rows))[:, None]
        rows[:] = np.bincount(drawn.ravel(), minlength=rows.size).reshape(rows.shape)
    return counts


def bootstrap_correlations(
    gold: Float[np.ndarray, " pairs"],
    scores: Float[np.ndarray, "runs pairs"],
    *,
    metric: Metric = "spearman",
    resamples: int = 10_000,
    rng: np.random.Generator,
) -> Float[np.ndarray, "resamples runs"]:
    """A correlation of every run on common resamples of the pairs, in bounded memory.

    Args:
        gold: Gold grades, shape (pairs,).
        scores: Scores, shape (runs, pairs).
        metric: Which correlation.
        resamples: Number of resamples.
        rng: Source of randomness.

    Source: as ``spearman_bootstrap`` and ``pearson_bootstrap``.
    """
    step = max(1, CHUNK // max(1, len(gold)))
    sizes = [min(step, resamples - start) for start in range(0, resamples, step)]
    return np.concatenate(
        [BOOTSTRAPS[metric](gold, scores, resample_counts(len(gold), n, rng)) for n in sizes]
    )
