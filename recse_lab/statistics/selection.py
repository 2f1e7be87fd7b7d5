"""The bias of a reported maximum: how much of the best of several results is luck."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float


class BestOf(NamedTuple):
    """The best of several results and its bias. NaN where undefined, and ``reason`` says why."""

    chosen: int | None
    reported: float
    inflation: float
    """Expected excess of the reported maximum over the true value of what was chosen."""
    corrected: float
    """``reported`` minus ``inflation``: what to print."""
    inflation_if_equal: float
    """The expected excess if all results were equally good: the worst case."""
    looks: int
    """Number of results among which the best was chosen."""
    reason: str | None


def best_of(
    values: Float[np.ndarray, " looks"], boot: Float[np.ndarray, "resamples looks"]
) -> BestOf:
    """Bias of the maximum over several checkpoints, levels or arms.

    The noise of the results, with its correlations, is that of ``boot``. Their true values are the
    observed ones, shrunk towards their mean until their spread is what remains after the variance
    of the noise is subtracted. Without shrinkage the choice looks easier than it was, and the bias
    is underestimated.

    Args:
        values: One result per checkpoint, level or arm.
        boot: The same results on common resamples of the pairs. Resample seeds too where the
            values are means over seeds.

    Source: Efron & Tibshirani (1993), section 10, for the bootstrap; Louis (1984) for shrinkage
    that keeps the spread.
    """
    looks = len(values)
    if reason := _why_undefined(values, boot):
        nan = float("nan")
        return BestOf(None, nan, nan, nan, nan, looks, reason)
    index, reported = int(values.argmax()), float(values.max())
    if looks == 1:
        return BestOf(index, reported, 0.0, reported, 0.0, looks, None)
    noise = boot - boot.mean(axis=0)
    own = noise - noise.mean(axis=1, keepdims=True)  # noise common to all changes no choice
    chance = float(np.square(own).sum() / (len(boot) - 1) / (looks - 1))
    spread = float(np.var(values, ddof=1))
    kept = max(0.0, 1 - chance / spread) ** 0.5 if spread > 0 else 0.0
    chosen = (values.mean() + kept * (values - values.mean()) + noise).argmax(axis=1)
    inflation = float(np.take_along_axis(noise, chosen[:, None], axis=1).mean())
    if_equal = float(noise.max(axis=1).mean())
    return BestOf(index, reported, inflation, reported - inflation, if_equal, looks, None)


def _why_undefined(values: np.ndarray, boot: np.ndarray) -> str | None:
    if not len(values):
        return "no looks"
    if not np.isfinite(values).all():
        return "undefined values"
    if not np.isfinite(boot).all() or len(boot) < 2:
        return "undefined resamples"
    return None
