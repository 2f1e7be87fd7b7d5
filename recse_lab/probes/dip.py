"""Hartigan's dip: how far a sample is from having one mode, exactly, and how often uniform samples
dip as far."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

DRAWS = 1000  # uniform samples a p-value is drawn from
LARGEST = 2000  # samples up to this size are simulated; beyond, √n·dip has settled to about 1 %


class DipTest(NamedTuple):
    """The dip of ``n`` values and its p-value under the uniform distribution, the least favourable
    unimodal one."""

    dip: float
    p: float
    n: int


def _lower_hull(
    x: Float[np.ndarray, " points"], y: Float[np.ndarray, " points"]
) -> Int[np.ndarray, " corners"]:
    """Corners of the greatest convex minorant of points with increasing x."""
    corners = np.arange(len(x))
    while len(corners) > 2:
        dx, dy = np.diff(x[corners]), np.diff(y[corners])
        # A point on or above the chord of its neighbours is no corner, whichever of the neighbours
        # are.
        convex = dy[:-1] * dx[1:] < dy[1:] * dx[:-1]
        if convex.all():
            break
        corners = corners[np.r_[True, convex, True]]
    return corners


def dip(values: Float[np.ndarray, " n"]) -> float:
    """Least sup-distance between the empirical distribution function and any unimodal one; exact on
    ties.

    From 1/(2n) for distinct values up to 1/4 for two equal heaps; 0 where all values are the same
    (one heap is a mode). Unchanged by scaling, shifting and mirroring.

    Raises:
        ValueError: No value, or one that is not finite.

    Source: Hartigan & Hartigan (1985), "The dip test of unimodality", Annals of Statistics 13(1):
    the modal interval shrinks to where the greatest convex minorant and the least concave majorant
    lie furthest apart.
    """
    if len(values) == 0 or not np.isfinite(values).all():
        raise ValueError("the dip needs finite values, at least one")
    points, counts = np.unique(np.asarray(values, np.float64), return_counts=True)
    through = np.cumsum(counts)
    above, below = (
        through / len(values),
        (through - counts) / len(values),
    )  # F(x) and its limit from the left
    twice = 0.0
    low, high = 0, len(points) - 1
    while low < high:
        x, f, f_left = points[low : high + 1], above[low : high + 1], below[low : high + 1]
        convex, concave = _lower_hull(x, f_left), _lower_hull(x, -f)
        minorant, majorant = (
            np.interp(x, x[convex], f_left[convex]),
            np.interp(x, x[concave], f[concave]),
        )
        corners = np.union1d(convex, concave)
        widest = corners[np.argmax((majorant - minorant)[corners])]
        if majorant[widest] - minorant[widest] <= twice:
            break
        start = int(convex[np.searchsorted(convex, widest, side="right") - 1])
        stop = int(concave[np.searchsorted(concave, widest)])
        twice = max(
            twice,
            (f - minorant)[:start].max(initial=0.0),
            (majorant - f_left)[stop + 1 :].max(initial=0.0),
        )
        if (start, stop) == (0, len(x) - 1):
            break
        low, high = low + start, low + stop
    return float(twice) / 2


@lru_cache(maxsize=64)
def uniform_dips(n: int, draws: int = DRAWS, seed: int = 0) -> Float[np.ndarray, " draws"]:
    """Dips of ``draws`` samples of ``n`` uniform numbers, ascending; the same for the same
    arguments."""
    rng = np.random.default_rng([seed, n])
    out = np.sort([dip(rng.random(n)) for _ in range(draws)])
    out.flags.writeable = False
    return out


def dip_test(values: Float[np.ndarray, " n"], *, draws: int = DRAWS, seed: int = 0) -> DipTest:
    """The dip and its p-value by simulation, (1 + as large dips of uniform samples) / (1 + draws):
    never 0.

    More than 2,000 values are compared with samples of 2,000 through √n·dip, whose distribution no
    longer depends on n.

    Raises:
        ValueError: No value, or one that is not finite.

    Source: Hartigan & Hartigan (1985) for the uniform as the null; Davison & Hinkley (1997),
    chapter 4, for the + 1.
    """
    found, n = dip(values), len(values)
    simulated = min(n, LARGEST)
    null = uniform_dips(simulated, draws, seed)
    as_large = draws - np.searchsorted(null, found * (n / simulated) ** 0.5 - 1e-12)
    return DipTest(found, float(1 + as_large) / (1 + draws), n)
