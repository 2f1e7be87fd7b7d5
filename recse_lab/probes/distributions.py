"""Measures of how scores are distributed, and their values on every bootstrap resample of the
pairs."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from jaxtyping import Bool, Float, Int

from recse_lab.statistics import resample_counts

ENDS = 0.05  # each end of a scaled range
USED = (0.05, 0.95)  # quantiles between which an encoder uses its range
NOMINAL, OWN = "nominal", "own range"
DEFINED = 0.95  # least share of resamples in which a measure must exist to have an interval
BLOCK = 2**18  # numbers in one working array of a bootstrap

Range = tuple[float, float]

# ---- formulas ---------


def unit(values: Float[np.ndarray, " n"], span: Range | None) -> Float[np.ndarray, " n"]:
    """Values with ``span`` mapped to [0, 1]; what lies beyond counts as at its ends. NaN for no
    span or no width."""
    low, high = span or (0.0, 0.0)
    return (
        np.clip((values - low) / (high - low), 0, 1) if high > low else np.full(len(values), np.nan)
    )


def used_range(ordered: Float[np.ndarray, " n"]) -> Range:
    """5th and 95th percentile of ascending values, as ``np.quantile`` interpolates them."""
    low, high = (_quantile(ordered, q) for q in USED)
    return low, high


def _quantile(ordered: Float[np.ndarray, " n"], q: float) -> float:
    below, part = divmod((len(ordered) - 1) * q, 1)
    left = ordered[int(below)]
    return float(left + part * (ordered[min(int(below) + 1, len(ordered) - 1)] - left))


def end_shares(scaled: Float[np.ndarray, " n"]) -> tuple[float, float]:
    """Share of values in the lowest and in the highest 5 % of [0, 1]; NaN where they are."""
    if np.isnan(scaled[0]):
        return float("nan"), float("nan")
    reach = ENDS + 1e-6  # a grade on the edge is inside whatever float32 made of it
    return float(np.mean(scaled <= reach)), float(np.mean(scaled >= 1 - reach))


def sarle(
    moments: Float[np.ndarray, "*batch 4"], n: int
) -> Float[np.ndarray, "*batch"] | np.floating:
    """Sarle's bimodality coefficient (G₁² + 1) / (G₂ + 3(n − 1)² / ((n − 2)(n − 3))) from raw
    moments 1 to 4.

    G₁ and G₂ are skewness and excess kurtosis, corrected for bias. About 1/3 for a normal sample,
    5/9 for a uniform one, towards 1 for two heaps; skewness alone raises it too, so read the dip
    beside it. NaN without spread or n < 4.

    Source: SAS/STAT, PROC CLUSTER, "bimodality coefficient"; Pfister et al. (2013), Frontiers in
    Psychology 4:700.
    """
    m1, m2, m3, m4 = np.moveaxis(np.asarray(moments), -1, 0)
    if n < 4:
        return np.full(m1.shape, np.nan)
    variance = m2 - m1**2
    with np.errstate(invalid="ignore", divide="ignore"):
        variance = np.where(variance > 1e-12 * m2, variance, np.nan)
        skewness = (m3 - 3 * m1 * m2 + 2 * m1**3) / variance**1.5 * np.sqrt(n * (n - 1)) / (n - 2)
        excess = (m4 - 4 * m1 * m3 + 6 * m1**2 * m2 - 3 * m1**4) / variance**2 - 3
        excess = (n - 1) / ((n - 2) * (n - 3)) * ((n + 1) * excess + 6)
        return (skewness**2 + 1) / (excess + 3 * (n - 1) ** 2 / ((n - 2) * (n - 3)))


def monotonicity(means: Float[np.ndarray, "*batch bins"]) -> Float[np.ndarray, "*batch"]:
    """Net rise of the bin means over all their movement: 1 where every step rises, −1 where every
    step falls.

    NaN where nothing moves or a bin is empty.
    """
    steps = np.diff(means, axis=-1)
    movement = np.abs(steps).sum(-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(movement > 0, steps.sum(-1) / movement, np.nan)


class Overlap:
    """2 · P(lower > upper), ties counted half: 0 where no value of the lower set exceeds one of the
    upper, 1 where neither is above the other, more where they are the wrong way round.

    It is 2 (1 − AUC), needs no bandwidth, is unbiased, and no increasing transform of the scores
    changes it; for two normal sets of one spread σ it is 2 Φ(−δ / (σ√2)). One sort serves all
    resamples: only the multiplicities change.

    Source: Bamber (1975) and Vargha & Delaney (2000), "A critique and improvement of the CL common
    language effect size", for P(upper > lower) + P(equal) / 2; doubled here so that
    indistinguishable sets overlap by 1.
    """

    def __init__(self, values: Float[np.ndarray, " n"], upper: Bool[np.ndarray, " n"]) -> None:
        self.order = np.argsort(values, kind="stable")
        ordered = values[self.order]
        self.upper = upper[self.order]
        last = np.flatnonzero(np.r_[ordered[1:] != ordered[:-1], True])
        self.last, self.group = last, np.searchsorted(last, np.arange(len(values)))

    def __call__(self, counts: Int[np.ndarray, "resamples n"]) -> Float[np.ndarray, " resamples"]:
        """Overlap in each resample, given how often each value was drawn; NaN where one of the sets
        is empty."""
        weights = counts[:, self.order].astype(np.float64)
        lower = np.where(self.upper, 0.0, weights)
        through = np.cumsum(lower, axis=1)[:, self.last]
        total = through[:, -1:]
        before = np.c_[np.zeros(len(weights)), through[:, :-1]]
        above = (
            total - (before + through)[:, self.group] / 2
        )  # lower values above this one, ties half
        upper = weights - lower
        pairs = total[:, 0] * upper.sum(axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            return 2 * (upper * above).sum(axis=1) / pairs


def density(
    values: Float[np.ndarray, " n"], grid: Float[np.ndarray, " points"], within: Range | None
) -> Float[np.ndarray, " points"]:
    """Gaussian kernel density, mirrored at the bounds ``within``, so that no mass lies where no
    score can.

    Bandwidth 0.9 · min(s, IQR / 1.34) · n^(−1/5), and at least one step of the grid: a constant
    shows as a spike.

    Source: Silverman (1986), "Density estimation", (3.31) and section 2.10.
    """
    quartile = float(np.subtract(*np.quantile(values, [0.75, 0.25]))) / 1.34
    deviation = float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
    width = 0.9 * (min(deviation, quartile) or deviation) * len(values) ** -0.2
    width = max(width, float(grid[1] - grid[0]))
    centres = [values, *(2 * bound - values for bound in within or ())]
    total = sum(np.exp(-0.5 * ((grid[:, None] - c) / width) ** 2).sum(axis=1) for c in centres)
    return np.asarray(total) / (len(values) * width * np.sqrt(2 * np.pi))


def interval(point: float, boot: Float[np.ndarray, " resamples"], level: float) -> Range:
    """Percentile interval moved by the bootstrap's bias, boot.mean() − point; inside the values
    met.

    Resampling repeats pairs, which inflates distances between distributions and what an isotonic
    fit explains; without the move an interval may lie beside its own estimate. NaN bounds where too
    few resamples have a value.

    Source: Efron & Tibshirani (1993), "An introduction to the bootstrap", section 10.2, for the
    estimate of bias.
    """
    defined = boot[np.isfinite(boot)]
    if not np.isfinite(point) or len(defined) < DEFINED * len(boot):
        return float("nan"), float("nan")
    move = point - defined.mean()
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2]) + move
    least, most = min(defined.min(), point), max(defined.max(), point)
    return float(np.clip(low, least, point)), float(np.clip(high, point, most))


# ---- every measure in every resample ---------

Counts = Int[np.ndarray, "resamples n"]
Boot = dict[str, Float[np.ndarray, " resamples"]]
"""A value for each row of the counts. The first row counts every pair once: it is the estimate
itself."""


def counted(n: int, resamples: int, rng: np.random.Generator) -> Counts:
    """How often each of ``n`` pairs counts: once, and then as often as each resample drew it."""
    return np.concatenate([np.ones((1, n), np.int16), resample_counts(n, resamples, rng)])


def _blocks(counts: Counts) -> Iterator[Counts]:
    step = max(1, BLOCK // counts.shape[1])
    return (counts[start : start + step] for start in range(0, len(counts), step))


def sums(
    basis: Float[np.ndarray, "n terms"], counts: Counts
) -> Float[np.ndarray, "resamples terms"]:
    """Sums of the columns of ``basis`` in each resample, in float64."""
    return np.concatenate([block.astype(np.float64) @ basis for block in _blocks(counts)])


def overlaps(
    values: Float[np.ndarray, " n"], upper: Bool[np.ndarray, " n"], counts: Counts
) -> Float[np.ndarray, " resamples"]:
    """:class:`Overlap` in every resample, in blocks that fit the caches."""
    overlap = Overlap(values, upper)
    return np.concatenate([overlap(block) for block in _blocks(counts)])


def shape(values: Float[np.ndarray, " n"], counts: Counts, nominal: Range | None) -> Boot:
    """``mean``, ``spread``, range used, ``extreme mass`` in both scalings as a plain share, and
    ``sarle``."""
    n = len(values)
    middle, scale = float(np.mean(values)), float(np.std(values)) or 1.0
    z = (values - middle) / scale
    moments = sums(np.stack([z, z**2, z**3, z**4], axis=1), counts) / n
    variance = np.maximum(moments[:, 1] - moments[:, 0] ** 2, 0) * n / max(n - 1, 1)
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    used, ends = (
        np.empty((len(counts), 2)),
        {scaling: np.empty((len(counts), 2)) for scaling in (NOMINAL, OWN)},
    )
    for r, times in enumerate(counts):
        drawn = np.repeat(ordered, times[order])
        used[r] = own = used_range(drawn)
        ends[NOMINAL][r], ends[OWN][r] = (
            end_shares(unit(drawn, nominal)),
            end_shares(unit(drawn, own)),
        )
    out = {"mean": middle + scale * moments[:, 0], "spread": scale * np.sqrt(variance)}
    out |= {"used low": used[:, 0], "used high": used[:, 1], "used range": used[:, 1] - used[:, 0]}
    for scaling, share in ends.items():
        out |= {name: share[:, columns].sum(axis=1) for name, columns in extreme(scaling).items()}
    return out | {"sarle": np.asarray(sarle(moments, n))}


def extreme(scaling: str) -> dict[str, list[int]]:
    """Names of the extreme masses, and which of the two ends each adds up."""
    name = f"extreme mass ({scaling}"
    return {f"{name})": [0, 1], f"{name}, low end)": [0], f"{name}, high end)": [1]}
