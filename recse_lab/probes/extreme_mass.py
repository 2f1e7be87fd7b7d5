"""The share of scores at the ends of their scale, and the influence of each pair on it."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from recse_lab.probes.distributions import ENDS, NOMINAL, USED, Range, density, unit, used_range

EDGE = 1e-6  # a grade on the edge is inside whatever float32 made of it


def extreme_mass(
    scores: Float[np.ndarray, " pairs"], nominal: Range, scaling: str = NOMINAL
) -> tuple[float, Float[np.ndarray, " pairs"]]:
    """Share of the scores in the outer 5 % at either end of a range.

    The encoder's own range, from its 5 % to its 95 % quantile, moves with the pairs; a pair's
    influence then includes what it does to both quantiles.

    Args:
        scores: Scores of one encoder.
        nominal: The range that scores can have.
        scaling: ``nominal`` or ``own range``.

    Returns:
        The share, and the influence of each pair on it (``recse_lab.statistics.influence``).

    Source: the influence of a quantile q at probability p is (p − 1{x ≤ q}) / f(q), Hampel (1974),
    "The influence curve and its role in robust estimation", with f by ``density``.
    """
    n = len(scores)
    span = nominal if scaling == NOMINAL else used_range(np.sort(scores))
    scaled = unit(scores, span)
    inside = (scaled <= ENDS + EDGE) | (scaled >= 1 - ENDS - EDGE)
    share = float(inside.mean()) if np.isfinite(scaled).all() else float("nan")
    moves = inside - share
    if scaling != NOMINAL:
        moves = moves + _by_quantiles(scores, span)
    return share, moves / (n * (n - 1)) ** 0.5


def _by_quantiles(scores: Float[np.ndarray, " pairs"], span: Range) -> Float[np.ndarray, " pairs"]:
    """How each pair changes the share through the two quantiles that bound the range."""
    width = span[1] - span[0]
    edges = [span[0] + ENDS * width, span[1] - ENDS * width]
    grid = np.linspace(scores.min(), scores.max(), 512)
    heights = np.interp([*span, *edges], grid, density(scores, grid, None))
    moved = [
        (probability - (scores <= q)) / height
        for probability, q, height in zip(USED, span, heights[:2], strict=True)
    ]
    low_edge = (1 - ENDS) * moved[0] + ENDS * moved[1]
    high_edge = ENDS * moved[0] + (1 - ENDS) * moved[1]
    return heights[2] * low_edge - heights[3] * high_edge
