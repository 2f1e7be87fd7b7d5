"""Is a difference one? Intervals and tests for correlations over pairs and over seeds. NumPy and SciPy alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float, Int
from scipy import optimize, stats

from recse_lab.errors import LabError

BLOCK = 2**18  # numbers in one working array of the rank bootstrap: small enough for the caches


class Interval(NamedTuple):
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
    """Mid-ranks of one variable in any resample, from one sort: values stay sorted, only their multiplicities change."""

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
    gold: Float[np.ndarray, " pairs"], scores: Float[np.ndarray, "runs pairs"], counts: Int[np.ndarray, "resamples pairs"]
) -> Float[np.ndarray, "resamples runs"]:
    """Spearman's rho of every run on every resample, given how often each pair was drawn; exact on ties.

    Equal to ``scipy.stats.spearmanr`` on the expanded resample. NaN where a resample has one value only. Ranks are
    integers below 2²⁴ and so exact in float32; sums are float64.
    """
    rank_gold, rankers = _Ranker(gold), [_Ranker(row) for row in scores]
    out = np.empty((len(counts), len(scores)))
    step = max(1, BLOCK // len(gold))
    for start in range(0, len(counts), step):
        weight = counts[start : start + step].astype(np.float32)
        x = rank_gold(weight)
        wx = weight * x
        xx = np.einsum("ij,ij->i", wx, x, dtype=np.float64)
        for run, ranker in enumerate(rankers):
            y = ranker(weight)
            xy = np.einsum("ij,ij->i", wx, y, dtype=np.float64)
            yy = np.einsum("ij,ij,ij->i", weight, y, y, dtype=np.float64)
            with np.errstate(invalid="ignore", divide="ignore"):
                out[start : start + step, run] = xy / np.sqrt(xx * yy)
    return out


def resample_counts(pairs: int, resamples: int, rng: np.random.Generator) -> Int[np.ndarray, "resamples pairs"]:
    """How often each pair is drawn in each bootstrap resample."""
    return np.stack([np.bincount(rng.integers(0, pairs, pairs), minlength=pairs) for _ in range(resamples)]).astype(np.int16)


def bootstrap_sts(
    runs: Sequence[pd.DataFrame], *, tasks: Sequence[str], resamples: int = 1000, seed: int = 0
) -> Float[np.ndarray, "resamples runs"]:
    """Mean over ``tasks`` of the pooled Spearman (aggregation ``all``), on bootstrap resamples of the pairs.

    Pairs are resampled inside each task, and the same way for every run, so that runs can be compared resample by resample.

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
    parts = [run[run["task"] == task] for run in runs]
    for i, part in enumerate(parts):
        if len(part) == 0:
            raise LabError(f"run {i + 1} of {len(runs)} holds no scores of {task}; runs can only be compared on the same pairs.")
        if len(part) != len(parts[0]) or not np.array_equal(part["gold"].to_numpy(), parts[0]["gold"].to_numpy()):
            raise LabError(f"runs hold different pairs or gold scores of {task}; runs can only be compared on the same pairs.")
    return parts[0]["gold"].to_numpy(), np.stack([part["score"].to_numpy() for part in parts])


def nested_interval(
    boot: Float[np.ndarray, "resamples seeds"], point: Float[np.ndarray, " seeds"], rng: np.random.Generator, *, level: float = 0.95
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


def paired_test(a: Sequence[float], b: Sequence[float], *, level: float = 0.95) -> PairedTest:
    """Paired t-test of a − b over common seeds, two-sided."""
    difference = np.asarray(a, dtype=np.float64) - np.asarray(b, dtype=np.float64)
    n = len(difference)
    method = "paired t over seeds"
    delta = float(difference.mean()) if n else float("nan")
    if n < 2:
        return PairedTest(delta, None, None, None, n, method, "one seed: no test" if n else "no seed in common")
    error = float(difference.std(ddof=1)) / n**0.5
    if error == 0:
        return PairedTest(delta, None, None, None, n, method, "the difference is the same for every seed: no test")
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

    None with fewer than two seeds. Exact, through the noncentral t.
    """
    if seeds < 2 or not sd > 0:
        return None
    critical = stats.t.ppf(1 - level / 2, seeds - 1)

    def missed(shift: float) -> float:
        return float(stats.nct.sf(critical, seeds - 1, shift) + stats.nct.cdf(-critical, seeds - 1, shift)) - power

    upper = next(u for u in _doubling() if missed(u) > 0)
    return float(optimize.brentq(missed, 0.0, upper)) * sd / seeds**0.5


def _doubling() -> Iterator[float]:
    value = 1.0
    while True:
        value *= 2
        yield value
