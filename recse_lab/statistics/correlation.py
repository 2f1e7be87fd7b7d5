"""The correlation of gold grades and scores, or the reason why it is undefined."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy import stats

METRICS: dict[str, Callable[..., Any]] = {"spearman": stats.spearmanr, "pearson": stats.pearsonr}


def correlation(
    metric: str, gold: Float[np.ndarray, " pairs"], score: Float[np.ndarray, " pairs"]
) -> float:
    """One correlation; NaN where it is undefined (fewer than two pairs, NaN, a constant).

    Args:
        metric: ``spearman`` or ``pearson``.
        gold: Gold grades.
        score: Scores of the same pairs.

    Source: Spearman (1904) and Pearson (1895), as SciPy computes them in float64.
    """
    if why_undefined(gold, score):
        return float("nan")
    return float(METRICS[metric](gold.astype(np.float64), score.astype(np.float64)).statistic)


def why_undefined(
    gold: Float[np.ndarray, " pairs"], score: Float[np.ndarray, " pairs"]
) -> str | None:
    """The reason why a correlation is undefined, or None."""
    if len(score) < 2:
        return "fewer than two pairs"
    if not np.isfinite(score).all():
        return f"{int((~np.isfinite(score)).sum())} of {len(score)} scores are not finite"
    if np.ptp(score) <= 1e-6:  # float32 noise around one value is no ranking
        return "all scores are the same: the encoder is constant"
    return "all gold scores are the same" if np.ptp(gold) == 0 else None
