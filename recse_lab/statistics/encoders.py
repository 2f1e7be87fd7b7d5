"""One effect measured on several encoders: their mean, their spread, and what a new one would show.

The encoders of a study were tested on the same sentence pairs, so their effects share the error
that other pairs would bring; seeds are their own.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy import stats

from recse_lab.statistics.combined import half_width, p_value


class AcrossEncoders(NamedTuple):
    """An effect over encoders, for new encoders, new seeds and new pairs."""

    mean: float
    low: float
    high: float
    p: float
    encoders: int
    agree: int
    """Encoders whose effect has the sign of the mean."""
    between: float
    """Standard deviation of the true effects over encoders, estimated; 0 if none is seen."""
    prediction: tuple[float, float] | None
    """Interval for the true effect on a new encoder; None with fewer than three encoders."""
    interaction_p: float | None
    """Test that all encoders have the same effect; None without a variance over seeds."""


def across_encoders(
    effects: Float[np.ndarray, " encoders"],
    seeds: Float[np.ndarray, " encoders"],
    seeds_df: Float[np.ndarray, " encoders"],
    pairs: Float[np.ndarray, "encoders encoders"],
    *,
    level: float = 0.95,
) -> AcrossEncoders:
    """Combine the effects of two encoders or more, each with the same weight.

    Encoders are few and unlike each other, so they are a sample of encoders whatever the precision
    of each: the mean is unweighted, and its variance has two parts. What differs between encoders
    (their true effects, their seeds, and pairs as far as these treat them differently) is estimated
    by the spread of the effects, with one degree of freedom less than encoders. What they share is
    the mean covariance over pairs.

    Args:
        effects: One difference per encoder.
        seeds: Variance of each from drawing its seeds.
        seeds_df: Degrees of freedom of ``seeds``: seeds minus 1.
        pairs: Covariances of the effects from drawing pairs.
        level: Of both intervals.

    Raises:
        ValueError: There are fewer than two encoders, or the shapes disagree.

    Source: Hartung & Knapp (2001), "On tests of the overall treatment effect in meta-analysis with
    normally distributed responses", for the interval from the spread itself; DerSimonian & Laird
    (1986) for the moment estimate of the variance between encoders, here with equal weights and
    correlated errors; Higgins, Thompson & Spiegelhalter (2009), "A re-evaluation of random-effects
    meta-analysis", for the prediction interval; ``combined.half_width`` adds the shared part.
    """
    m = len(effects)
    if m < 2 or seeds.shape != (m,) or seeds_df.shape != (m,) or pairs.shape != (m, m):
        raise ValueError(f"{m} effects with variances {seeds.shape} and covariances {pairs.shape}")
    mean, alpha = float(effects.mean()), 1 - level
    spread = float(np.var(effects, ddof=1))
    common = max(0.0, float((pairs.sum() - np.trace(pairs)) / (m * (m - 1))))
    own = float(np.mean(seeds) + np.trace(pairs) / m) - common
    between = max(0.0, spread - own)
    half = float(half_width(spread / m, common, m - 1, alpha))
    prediction = None
    if m > 2:
        reach = float(stats.t.ppf(1 - alpha / 2, m - 2)) * (between + spread / m + common) ** 0.5
        prediction = (mean - reach, mean + reach)
    return AcrossEncoders(
        mean,
        mean - half,
        mean + half,
        p_value(mean, spread / m, common, m - 1),
        m,
        int((np.sign(effects) == np.sign(mean)).sum()),
        between**0.5,
        prediction,
        interaction(effects, seeds, seeds_df, pairs),
    )


def interaction(
    effects: Float[np.ndarray, " encoders"],
    seeds: Float[np.ndarray, " encoders"],
    seeds_df: Float[np.ndarray, " encoders"],
    pairs: Float[np.ndarray, "encoders encoders"],
) -> float | None:
    """p of the hypothesis that all encoders have the same effect, for new seeds and new pairs.

    Wald's statistic of the differences between encoders, against Hotelling's law: its degrees of
    freedom are those of the variance over seeds, the larger the smaller the share of that variance.

    Args:
        effects: As in ``across_encoders``.
        seeds: As in ``across_encoders``.
        seeds_df: As in ``across_encoders``.
        pairs: As in ``across_encoders``.

    Returns:
        None where an encoder has no variance over seeds, or too few seeds.

    Source: Hotelling (1931), "The generalization of Student's ratio"; Satterthwaite (1946) for the
    degrees of freedom.
    """
    q = len(effects) - 1
    if q < 1 or not (seeds_df > 0).all() or not (seeds > 0).all():
        return None
    contrasts = np.column_stack([np.ones(q), -np.eye(q)])
    covariance = contrasts @ (np.diag(seeds) + pairs) @ contrasts.T
    if np.linalg.eigvalsh(covariance).min() <= 0:
        return None
    apart = contrasts @ effects
    wald = float(apart @ np.linalg.solve(covariance, apart))
    df = float(seeds.sum() ** 2 / (seeds**2 / seeds_df).sum())
    total = float(np.trace(covariance) / np.trace(contrasts @ np.diag(seeds) @ contrasts.T))
    df *= max(1.0, total) ** 2
    if df <= q:
        return None
    return float(stats.f.sf(wald * (df - q + 1) / (df * q), q, df - q + 1))
