"""Is a difference one? Intervals and tests for correlations over pairs and over seeds. NumPy and SciPy alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float, Int
from scipy import optimize, stats

from recse_lab.errors import LabError
from recse_lab.evaluation.sts import why_undefined

ROUNDING = 1e-12  # a spread of differences below this share of the values is float64 noise
BLOCK = 2**18  # numbers in one working array of the rank bootstrap: small enough for the caches


class Interval(NamedTuple):
    """An estimate and its bounds; ``method`` says what was resampled or assumed, ``n`` over how many."""

    estimate: float
    low: float
    high: float
    level: float
    method: str
    n: int


class PairedTest(NamedTuple):
    """Difference a − b over the same seeds. ``p`` is None where there is no test, and ``reason`` says why."""

    delta: float
    low: float | None
    high: float | None
    p: float | None
    seeds: int
    method: str
    reason: str | None


# ---- bootstrap over pairs ----------------------------------------------------------------------------------------


class _Ranker:
    """Mid-ranks of one variable in any resample, from one sort: only the multiplicities change."""

    def __init__(self, values: Float[np.ndarray, " pairs"]) -> None:
        self.order = np.argsort(values, kind="stable")
        ordered = values[self.order]
        starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
        self.sizes = np.diff(np.r_[starts, len(values)])
        self.last = starts + self.sizes - 1
        self.back = np.empty_like(self.order)
        self.back[self.order] = np.arange(len(values))
        self.tied = len(starts) < len(values)

    def __call__(self, counts: Int[np.ndarray, "resamples pairs"]) -> Float[np.ndarray, "resamples pairs"]:
        """Twice the centred mid-ranks, in the original order."""
        through = np.cumsum(counts[:, self.order], axis=1, dtype=np.float32)
        if self.tied:
            through = through[:, self.last]
        twice = through.copy()  # a group spanning (before, through] has mid-rank (before + through + 1) / 2
        twice[:, 1:] += through[:, :-1]
        twice += 1 - (through[:, -1:] + 1)
        if self.tied:
            twice = np.repeat(twice, self.sizes, axis=1)
        return twice[:, self.back]


def spearman_bootstrap(
    gold: Float[np.ndarray, " pairs"],
    scores: Float[np.ndarray, "runs pairs"],
    counts: Int[np.ndarray, "resamples pairs"],
) -> Float[np.ndarray, "resamples runs"]:
    """Spearman's rho of every run on every resample, given how often each pair was drawn; exact on ties.

    Equal to ``scipy.stats.spearmanr`` on the expanded resample. NaN where a resample has one value only, and for a run
    with a score that is not finite. Doubled ranks are integers below 2²⁴ and so exact in float32; sums are float64.

    Raises:
        ValueError: Shapes that do not agree, or more pairs than float32 can rank.
    """
    if scores.ndim != 2 or counts.ndim != 2 or not len(gold) == scores.shape[1] == counts.shape[1]:
        raise ValueError(
            f"gold {gold.shape}, scores {scores.shape} and counts {counts.shape} are not over the same pairs"
        )
    if len(gold) > 2**20:
        raise ValueError(f"{len(gold)} pairs: ranks of more than 2²⁰ are not exact here")
    out = np.full((len(counts), len(scores)), np.nan)
    if not np.isfinite(gold).all():
        return out
    # Sorting would rank a NaN as the largest score, and a number would come out.
    rankers = {run: _Ranker(row) for run, row in enumerate(scores) if np.isfinite(row).all()}
    rank_gold = _Ranker(gold)
    step = max(1, BLOCK // len(gold))
    for start in range(0, len(counts), step):
        weight = counts[start : start + step].astype(np.float32)
        x = rank_gold(weight)
        wx = weight * x
        xx = np.einsum("ij,ij->i", wx, x, dtype=np.float64)
        for run, ranker in rankers.items():
            y = ranker(weight)
            xy = np.einsum("ij,ij->i", wx, y, dtype=np.float64)
            yy = np.einsum("ij,ij,ij->i", weight, y, y, dtype=np.float64)
            with np.errstate(invalid="ignore", divide="ignore"):
                out[start : start + step, run] = xy / np.sqrt(xx * yy)
    return out


def resample_counts(pairs: int, resamples: int, rng: np.random.Generator) -> Int[np.ndarray, "resamples pairs"]:
    """How often each pair is drawn in each bootstrap resample."""
    counts = np.empty((resamples, pairs), np.int16)
    for row in counts:
        row[:] = np.bincount(rng.integers(0, pairs, pairs), minlength=pairs)
    return counts


def bootstrap_sts(
    runs: Sequence[pd.DataFrame], *, tasks: Sequence[str], resamples: int = 1000, seed: int = 0
) -> Float[np.ndarray, "resamples runs"]:
    """Mean over ``tasks`` of the pooled Spearman (aggregation ``all``), on bootstrap resamples of the pairs.

    Pairs are resampled inside each task, and the same way for every run, so that runs can be compared resample by
    resample. A run whose own correlation is undefined (NaN, a constant) is NaN throughout. Where the frames hold the
    columns ``subset`` and ``pair`` those must agree too.

    Raises:
        LabError: Two runs hold different pairs or gold scores, or a run lacks a task.
    """
    rng = np.random.default_rng(seed)
    total = np.zeros((resamples, len(runs)))
    for task in tasks:
        gold, scores = _joined(runs, task)
        counts = resample_counts(len(gold), resamples, rng)
        total += spearman_bootstrap(gold, scores, counts)
    return total / len(tasks)


def _joined(
    runs: Sequence[pd.DataFrame], task: str
) -> tuple[Float[np.ndarray, " pairs"], Float[np.ndarray, "runs pairs"]]:
    """Gold and the scores of every run on one task; NaN for a run that has no correlation there."""
    parts = [{c: run.loc[run["task"] == task, c].to_numpy() for c in run.columns if c != "task"} for run in runs]
    keys = [c for c in ("subset", "pair", "gold") if all(c in part for part in parts)]
    only = "runs can only be compared on the same pairs"
    for i, part in enumerate(parts):
        if len(part["gold"]) == 0:
            raise LabError(f"run {i + 1} of {len(runs)} holds no scores of {task}; {only}.")
        if not all(np.array_equal(part[c], parts[0][c]) for c in keys):
            raise LabError(f"runs hold different pairs or gold scores of {task}; {only}.")
    gold, scores = parts[0]["gold"], np.stack([part["score"] for part in parts])
    undefined = [why_undefined(gold, row) is not None for row in scores]
    return gold, np.where(np.array(undefined)[:, None], np.nan, scores)


def nested_interval(
    boot: Float[np.ndarray, "resamples seeds"],
    point: Float[np.ndarray, " seeds"],
    rng: np.random.Generator,
    *,
    level: float = 0.95,
) -> Interval:
    """Percentile interval of a mean over seeds, resampling pairs and, inside each resample, seeds.

    With few seeds the resampled seeds understate their spread (by √(1 − 1/n)); tests between arms therefore use
    ``paired_test``. One seed gives the bootstrap over pairs alone, and ``method`` says so.
    """
    boot = np.asarray(boot, dtype=np.float64)
    seeds = boot.shape[1]
    drawn = rng.integers(0, seeds, boot.shape)
    means = np.take_along_axis(boot, drawn, axis=1).mean(axis=1)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    method = "bootstrap over pairs and seeds" if seeds > 1 else "bootstrap over pairs (one seed)"
    return Interval(float(np.mean(point)), float(low), float(high), level, method, seeds)


# ---- tests over seeds --------------------------------------------------------------------------------------------


def t_interval(values: Sequence[float], *, level: float = 0.95) -> Interval:
    """Student's interval of a mean over seeds. NaN bounds with fewer than two values; ``method`` says so."""
    array = np.asarray(values, dtype=np.float64)
    n = len(array)
    if n < 2:
        mean = float(array.mean()) if n else float("nan")
        return Interval(mean, float("nan"), float("nan"), level, "t over seeds (undefined: fewer than two)", n)
    mean = float(array.mean())
    half = float(stats.t.ppf((1 + level) / 2, n - 1) * array.std(ddof=1)) / n**0.5
    return Interval(mean, mean - half, mean + half, level, "t over seeds", n)


def paired_test(a: Sequence[float], b: Sequence[float], *, level: float = 0.95) -> PairedTest:
    """Paired t-test of a − b over common seeds, two-sided.

    No test, and a reason, with fewer than two seeds, with a seed whose value is undefined, and where the difference is
    the same for every seed up to rounding: there the t statistic is a quotient of rounding errors.

    Raises:
        ValueError: ``a`` and ``b`` are not over the same seeds.
    """
    first, second = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if first.shape != second.shape:
        raise ValueError(f"paired test of {len(first)} values with {len(second)}")
    difference = first - second
    n = len(difference)
    method = "paired t over seeds"
    delta = float(difference.mean()) if n else float("nan")
    undefined = int((~np.isfinite(difference)).sum())

    def untested(reason: str) -> PairedTest:
        return PairedTest(delta, None, None, None, n, method, reason)

    if undefined:
        return untested(f"undefined for {undefined} of {n} seeds: no test")
    if n < 2:
        return untested("one seed: no test" if n else "no seed in common")
    error = float(difference.std(ddof=1)) / n**0.5
    if error <= ROUNDING * max(np.abs(first).max(), np.abs(second).max()):
        return untested("the difference is the same for every seed: no test")
    half = float(stats.t.ppf((1 + level) / 2, n - 1)) * error
    p = float(2 * stats.t.sf(abs(delta) / error, n - 1))
    return PairedTest(delta, delta - half, delta + half, p, n, method, None)


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Holm's step-down adjustment within one family; None is no test and does not count.

    Source: Holm (1979), "A simple sequentially rejective multiple test procedure".
    """
    tested = sorted((p, i) for i, p in enumerate(p_values) if p is not None)
    adjusted: list[float | None] = [None] * len(p_values)
    running = 0.0
    for k, (p, i) in enumerate(tested):
        running = max(running, min(1.0, (len(tested) - k) * p))
        adjusted[i] = running
    return adjusted


def minimum_detectable(sd: float, seeds: int, *, power: float = 0.8, level: float = 0.05) -> float | None:
    """Smallest true difference a paired t-test over ``seeds`` finds with the given power, at sd of the differences.

    None with fewer than two seeds or no spread. Exact, through the noncentral t.

    Raises:
        ValueError: Not level < power < 1.
    """
    if not level < power < 1:
        raise ValueError(f"power {power} must lie between the level {level} and 1")
    if seeds < 2 or not sd > 0:
        return None
    critical = stats.t.ppf(1 - level / 2, seeds - 1)

    def surplus(shift: float) -> float:
        # The lower tail by symmetry: SciPy's nct.cdf(-critical, …) is NaN from shifts of about 7.5 on.
        return float(stats.nct.sf(critical, seeds - 1, shift) + stats.nct.sf(critical, seeds - 1, -shift)) - power

    upper = 1.0
    while surplus(upper) < 0:
        upper *= 2
    return float(optimize.brentq(surplus, 0.0, upper)) * sd / seeds**0.5  # type: ignore[arg-type]
