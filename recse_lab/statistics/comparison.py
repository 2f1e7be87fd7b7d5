"""Two arms, several seeds each, the same pairs: how far apart they are, for other seeds, other pairs, or both.

A difference has two sources of chance. Write D_s for the difference of seed s, a number computed on all pairs:

    D_s = δ + u_s + v + w_s    u: the seed's luck; v: what this sample of pairs does to the arms whatever the seed; w: both.

``population`` names what a statement is about: ``seeds`` (other seeds, these pairs: u and w are chance, δ + v is
estimated), ``pairs`` (other pairs, these very models: v and w are chance, δ + mean u is estimated) or ``both`` (other
seeds and other pairs: all are chance, δ is estimated).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float
from scipy import optimize, special, stats

from recse_lab.errors import LabError
from recse_lab.statistics.correlation import correlation, why_undefined
from recse_lab.statistics.rank_bootstrap import (
    Metric,
    bootstrap_correlations,
    bootstrap_sts,
    joined,
)
from recse_lab.statistics.seeds import MOST_SEEDS, Interval, paired_test

LEAST_P = 1e-80  # quantiles of Student's t are exact down to 1e-100

Population = Literal["both", "seeds", "pairs"]


class Comparison(NamedTuple):
    """Difference a − b. ``why`` says why this method was used, or why there is no test: then ``p`` is None."""

    delta: float
    low: float | None
    high: float | None
    p: float | None
    level: float
    seeds: int
    population: Population
    method: str
    why: str


# ---- means over seeds, from the values of every resample of the pairs --------------------------------------------


class Spread(NamedTuple):
    """Variances of a mean over seeds: from drawing the seeds (u and w), and from drawing the pairs (v)."""

    seeds: float
    pairs: float
    n: int

    @property
    def total(self) -> float:
        return self.seeds + self.pairs

    def critical(self, alpha: float) -> float:
        """Half width of the interval at level 1 − alpha, in standard errors: between Student's and the normal quantile.

        The part of the variance that few seeds estimate counts by its share to the power 3/2, which keeps coverage within
        a point of a nominal 95 % at every share from three seeds on (94.3 to 96.0 %), where Satterthwaite's degrees of
        freedom cover 92.2 % and Cochran's weights (power 1) 97.1 % at their worst. Two seeds take Cochran's.

        Source: after Cochran & Cox (1950), Experimental Designs, on unequal variances; numbers in reports/statistics.
        """
        return float(_critical(np.array(self.seeds / self.total), self.n, alpha))

    def p(self, value: float) -> float:
        """Two-sided p of a mean of ``value`` under a mean of 0: the alpha whose interval ends at 0."""
        size = abs(value) / self.total**0.5
        if size >= self.critical(LEAST_P):
            return LEAST_P
        root = optimize.brentq(lambda log: self.critical(np.exp(log)) - size, np.log(LEAST_P), 0.0)
        return float(np.exp(root))  # type: ignore[arg-type]

    def power(self, effect: float, *, alpha: float = 0.05) -> float:
        """Chance that a comparison with this spread finds a true difference ``effect``.

        Over the chi-square law of the variance that the seeds estimate, by quantiles; that over pairs is taken as known.
        """
        chi = (
            stats.chi2.ppf((np.arange(400) + 0.5) / 400, self.n - 1) / (self.n - 1)
            if self.seeds
            else np.ones(1)
        )
        estimated = self.seeds * chi + self.pairs
        bound = (
            _critical(self.seeds * chi / estimated, self.n, alpha) * (estimated / self.total) ** 0.5
        )
        shift = abs(effect) / self.total**0.5
        return float(np.mean(special.ndtr(shift - bound) + special.ndtr(-shift - bound)))

    def detectable(self, *, power: float = 0.8, alpha: float = 0.05) -> float:
        """Smallest true difference that is found with the given power."""
        upper = self.total**0.5
        while self.power(upper, alpha=alpha) < power:
            upper *= 2
        return float(
            optimize.brentq(lambda effect: self.power(effect, alpha=alpha) - power, 0.0, upper)
        )  # type: ignore[arg-type]

    def seeds_to_find(
        self, effect: float, *, power: float = 0.8, alpha: float = 0.05
    ) -> int | None:
        """Fewest seeds, on as many pairs, that find a true difference ``effect`` with the given power.

        None where the pairs alone leave too much to chance, or where more than ``MOST_SEEDS`` would be needed.
        """

        def enough(n: int) -> bool:
            return (
                self._replace(seeds=self.seeds * self.n / n, n=n).power(effect, alpha=alpha)
                >= power
            )

        low, high = 1, 2  # low is too few, high enough
        while not enough(high):
            low, high = high, 2 * high
            if low >= MOST_SEEDS:
                return None
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if enough(middle) else (middle, high)
        return high


def _critical(share: Float[np.ndarray, " any"], n: int, alpha: float) -> Float[np.ndarray, " any"]:
    """``Spread.critical`` by the share of the variance that the seeds estimate."""
    weight = share ** (1.5 if n > 2 else 1.0)
    student = special.stdtrit(n - 1, alpha / 2) if n > 1 else 0.0  # one seed has no share
    return -(1 - weight) * special.ndtri(alpha / 2) - weight * student


def spread_over_pairs(boot: Float[np.ndarray, "resamples seeds"]) -> Spread:
    """Of the mean over these seeds when other pairs are drawn."""
    return Spread(0.0, float(boot.mean(axis=1).var(ddof=1)), boot.shape[1])


def spread_over_both(
    point: Float[np.ndarray, " seeds"], boot: Float[np.ndarray, "resamples seeds"]
) -> Spread:
    """Of the mean when other seeds and other pairs are drawn; two seeds or more.

    The values of the seeds on the same pairs differ by u and w, so their variance over n is that part. What two seeds
    share when pairs are resampled is v alone: its variance is the mean covariance between the columns of ``boot``.
    """
    n = len(point)
    covariance = np.cov(boot, rowvar=False)
    shared = (covariance.sum() - np.trace(covariance)) / (n * (n - 1))
    return Spread(float(np.var(point, ddof=1)) / n, max(0.0, float(shared)), n)


def mean_interval(
    point: Float[np.ndarray, " seeds"],
    boot: Float[np.ndarray, "resamples seeds"],
    *,
    population: Population = "both",
    level: float = 0.95,
) -> Interval:
    """Interval of a mean over seeds for other seeds, other pairs, or both; NaN bounds where there is none.

    ``boot`` holds every seed's value on the same resamples of the pairs. One seed has no spread over seeds: ``both``
    becomes ``pairs``, and ``method`` says so.
    """
    found = _about(point, np.zeros_like(point), boot, population, level)
    low, high = (
        (np.nan, np.nan) if found.low is None or found.high is None else (found.low, found.high)
    )
    return Interval(found.delta, low, high, level, f"{found.method} ({found.why})", found.seeds)


def compare_resampled(
    a: Float[np.ndarray, " seeds"],
    b: Float[np.ndarray, " seeds"],
    boot_a: Float[np.ndarray, "resamples seeds"],
    boot_b: Float[np.ndarray, "resamples seeds"],
    *,
    population: Population = "both",
    level: float = 0.95,
) -> Comparison:
    """Difference of two arms from one number a seed and its values on resamples of the pairs, the same for both arms.

    The method is the one whose false positives and coverage hold for this population and number of seeds
    (reports/statistics): the paired t for ``seeds``; the bootstrap over pairs for ``pairs``; for ``both`` the two parts
    of the variance added, and with one seed the bootstrap over pairs, which is then about these two models alone. An arm
    that no seed changes is repeated once for every seed of the other.

    Raises:
        ValueError: Arms over different seeds or resamples.
    """
    if (
        not a.shape == b.shape == boot_a.shape[1:] == boot_b.shape[1:]
        or boot_a.shape != boot_b.shape
    ):
        raise ValueError(
            f"arms {a.shape} and {b.shape} with resamples {boot_a.shape} and {boot_b.shape}"
        )
    return _about(a, b, boot_a - boot_b, population, level)


def _about(
    a: np.ndarray, b: np.ndarray, boot: np.ndarray, population: Population, level: float
) -> Comparison:
    if population == "seeds":
        test = paired_test(a.tolist(), b.tolist(), level=level)
        why = test.reason or "other seeds on these pairs"
        return Comparison(
            test.delta, test.low, test.high, test.p, level, test.seeds, population, test.method, why
        )
    point = a - b
    n = len(point)
    delta = float(point.mean()) if n else float("nan")
    method = "bootstrap over pairs"
    if why := _no_comparison(point, boot):
        return Comparison(delta, None, None, None, level, n, population, method, why)
    if population == "pairs":
        spread, why = spread_over_pairs(boot), "these models on other pairs"
    elif n == 1:
        spread, why, population = (
            spread_over_pairs(boot),
            "one seed: about these models, not about other seeds",
            "pairs",
        )
    else:
        spread, why = (
            spread_over_both(point, boot),
            f"{n} seeds: spread over seeds and over pairs added",
        )
        method = "t over seeds with bootstrap over pairs"
    if spread.total**0.5 <= 1e-12 * max(np.abs(a).max(), np.abs(b).max()):
        why = "the same for every seed and every resample: no test"
        return Comparison(delta, None, None, None, level, n, population, method, why)
    half = spread.critical(1 - level) * spread.total**0.5
    return Comparison(
        delta, delta - half, delta + half, spread.p(delta), level, n, population, method, why
    )


def _no_comparison(point: np.ndarray, boot: np.ndarray) -> str | None:
    if not len(point):
        return "no seed in common"
    if undefined := int((~np.isfinite(point)).sum()):
        return f"undefined for {undefined} of {len(point)} seeds: no test"
    if len(boot) < 2:
        return "fewer than two resamples: no test"
    if undefined := int((~np.isfinite(boot)).any(axis=1).sum()):
        return f"undefined on {undefined} of {len(boot)} resamples: no test"
    return None


# ---- from scores -------------------------------------------------------------------------------------------------


def compare(
    gold: Float[np.ndarray, " pairs"],
    a: Float[np.ndarray, "seeds pairs"],
    b: Float[np.ndarray, "seeds pairs"],
    *,
    metric: Metric = "spearman",
    population: Population = "both",
    resamples: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> Comparison:
    """Difference of two arms' mean correlation with gold, from the scores of their seeds on one set of pairs.

    See ``compare_resampled`` for the method; ``compare_sts`` for several tasks.

    Raises:
        ValueError: Arms over different pairs or numbers of seeds.
    """
    if a.shape != b.shape or a.ndim != 2 or a.shape[1] != len(gold):
        raise ValueError(
            f"gold {gold.shape} and arms {a.shape}, {b.shape} are not over the same pairs and seeds"
        )
    point = np.array([correlation(metric, gold, row) for row in (*a, *b)])
    if not np.isfinite(point).all():
        reasons = (why_undefined(gold, row) for row in (*a, *b))
        why = next(filter(None, reasons), "gold has values that are not finite")
        return Comparison(
            float("nan"), None, None, None, level, len(a), population, "none", f"{why}: no test"
        )
    boot = np.empty((0, len(point)))
    if population != "seeds":
        rng = np.random.default_rng(seed)
        boot = bootstrap_correlations(
            gold, np.concatenate([a, b]), metric=metric, resamples=resamples, rng=rng
        )
    n = len(a)
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
    """Difference of two arms in the mean over ``tasks`` of the pooled Spearman, from one frame of scores a seed.

    Raises:
        LabError: Frames over different pairs or gold scores, or another number of seeds in the one arm.
    """
    if len(a) != len(b):
        raise LabError(
            f"{len(a)} seeds of one arm and {len(b)} of the other; compare the seeds that both have."
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


# ---- resampling seeds inside resamples of pairs ------------------------------------------------------------------


def nested_interval(
    boot: Float[np.ndarray, "resamples seeds"],
    point: Float[np.ndarray, " seeds"],
    rng: np.random.Generator,
    *,
    level: float = 0.95,
) -> Interval:
    """Percentile interval of a mean over seeds, resampling pairs and, inside each resample, seeds.

    Not to be relied on: 84 % of 95 % intervals hold with three seeds where seeds differ most (reports/statistics).
    Resampled seeds spread √(1 − 1/n) too little, and what pairs do in one seed counts twice. Use ``mean_interval``. One
    seed gives the bootstrap over pairs alone, and ``method`` says so.
    """
    means = _nested_means(boot, rng)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    method = (
        "bootstrap over pairs and seeds" if boot.shape[1] > 1 else "bootstrap over pairs (one seed)"
    )
    return Interval(float(np.mean(point)), float(low), float(high), level, method, boot.shape[1])


def nested_test(
    a: Float[np.ndarray, " seeds"],
    b: Float[np.ndarray, " seeds"],
    boot_a: Float[np.ndarray, "resamples seeds"],
    boot_b: Float[np.ndarray, "resamples seeds"],
    rng: np.random.Generator,
    *,
    level: float = 0.95,
) -> Comparison:
    """Difference of two arms by the nested bootstrap: seeds, paired, resampled inside resamples of the pairs.

    Not to be relied on: false positives at 5 % range from 2 to 13 % (reports/statistics). Resampled seeds spread
    √(1 − 1/n) too little, and what pairs do in one seed counts twice. Use ``compare``; this one is here to be compared with.
    """
    boot, point = boot_a - boot_b, a - b
    method, delta = "bootstrap over pairs and seeds", float(point.mean())
    if why := _no_comparison(point, boot):
        return Comparison(delta, None, None, None, level, len(point), "both", method, why)
    means = _nested_means(boot, rng)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    p = min(1.0, 2 * (1 + min((means <= 0).sum(), (means >= 0).sum())) / (1 + len(means)))
    return Comparison(
        delta, float(low), float(high), float(p), level, len(point), "both", method, "asked for"
    )


def _nested_means(boot: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    boot = np.asarray(boot, dtype=np.float64)
    drawn = rng.integers(0, boot.shape[1], boot.shape)
    return np.take_along_axis(boot, drawn, axis=1).mean(axis=1)


# ---- the best of several -----------------------------------------------------------------------------------------


class BestOf(NamedTuple):
    """The best of several results, and how much of it is luck. NaN where undefined, and ``reason`` says why."""

    index: int | None
    reported: float
    inflation: float
    """Expected excess of the reported maximum over the true value of what was chosen."""
    corrected: float
    inflation_if_equal: float
    """The same if all were equally good."""
    looks: int
    reason: str | None


def best_of(
    values: Float[np.ndarray, " looks"], boot: Float[np.ndarray, "resamples looks"]
) -> BestOf:
    """Bias of a reported maximum of several checkpoints, levels or arms, from their values on the same resamples.

    The looks' noise, with its correlations, is that of ``boot`` (resample seeds too where the values are means over
    seeds). Their true values are taken to be the observed ones, drawn together until they spread as much as is left
    when the variance that noise makes is taken off: undrawn, the choice looks easier than it was, and the bias is
    underestimated.

    Source: Efron & Tibshirani (1993), section 10, for the bootstrap; Louis (1984) for shrinkage that keeps the spread.
    """
    looks = len(values)
    nan = float("nan")
    if not looks or not np.isfinite(values).all() or not np.isfinite(boot).all() or len(boot) < 2:
        reason = (
            "no looks"
            if not looks
            else "undefined values"
            if not np.isfinite(values).all()
            else "undefined resamples"
        )
        return BestOf(None, nan, nan, nan, nan, looks, reason)
    noise = boot - boot.mean(axis=0)
    index, reported = int(values.argmax()), float(values.max())
    if looks == 1:
        return BestOf(index, reported, 0.0, reported, 0.0, looks, None)
    own = noise - noise.mean(axis=1, keepdims=True)  # what all looks share changes no choice
    chance, spread = (
        float(np.square(own).sum() / (len(boot) - 1) / (looks - 1)),
        float(np.var(values, ddof=1)),
    )
    kept = max(0.0, 1 - chance / spread) ** 0.5 if spread > 0 else 0.0
    chosen = (values.mean() + kept * (values - values.mean()) + noise).argmax(axis=1)
    inflation = float(np.take_along_axis(noise, chosen[:, None], axis=1).mean())
    return BestOf(
        index,
        reported,
        inflation,
        reported - inflation,
        float(noise.max(axis=1).mean()),
        looks,
        None,
    )
