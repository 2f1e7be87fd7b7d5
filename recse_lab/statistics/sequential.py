"""Add seeds until a claim is decided, with error rates that hold whenever the study stops.

The mean difference over n seeds has the variance C + σ²/n: C is the part of the pairs, which more
seeds do not reduce. The means of growing numbers of seeds move like a Brownian motion in their
information, so that group-sequential bounds apply; of at most N seeds, n have the share

    t = (C + σ²/N) / (C + σ²/n)

of all information. ``nominal_levels`` spends the error level over the looks, little of it early;
at each look the intervals are those of ``combined`` at that look's nominal level, so that Student's
law takes care of few seeds. The interval of the look that stops the study is a repeated confidence
interval: it holds at its level whatever made the study stop.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy import optimize, special, stats

from recse_lab.statistics.combined import half_width
from recse_lab.statistics.equivalence import Decision, Levels, decide, normal_chance
from recse_lab.statistics.spread import Spread

FUTILE = 0.1
"""A claim is futile where its chance to be decided at the largest number of seeds is below this."""

ROUNDING = 2
"""Decimals of shares of information: bounds are computed for shares of 0.01, 0.02 … 1."""


def spent(alpha: float, share: float) -> float:
    """Two-sided error spent when a share of the information is there, O'Brien and Fleming's type.

    Source: Lan & DeMets (1983), "Discrete sequential boundaries for clinical trials":
    2 − 2 Φ(z / √t) on either side, z the upper quantile of a quarter of alpha.
    """
    if share <= 0:
        return 0.0
    return float(4 * special.ndtr(special.ndtri(alpha / 4) / min(share, 1.0) ** 0.5))


def information(spread: Spread, most: int) -> float:
    """Share of the information of ``most`` seeds that the seeds of ``spread`` hold.

    Source: (C + σ²/N) / (C + σ²/n), the inverse variances' ratio.
    """
    if spread.n >= most or not spread.total > 0:
        return 1.0
    return (spread.pairs + spread.seeds * spread.n / most) / spread.total


def nominal_levels(alpha: float, shares: Sequence[float]) -> tuple[float, ...]:
    """Two-sided nominal level of every look that spends ``alpha`` by O'Brien and Fleming's type.

    Args:
        alpha: Error level of the whole study.
        shares: Share of the information at each look so far. What does not grow by 0.01 is the
            look before again, and keeps its level.

    Source: Lan & DeMets (1983) for the spending; Armitage, McPherson & Rowe (1969) for the
    recursive integration; Jennison & Turnbull (2000), Group Sequential Methods, section 3.8, for
    nominal levels with Student's t.
    """
    rounded, most = [], 0.0
    for share in shares:
        most = max(most, round(min(max(share, 0.01), 1.0), ROUNDING))
        rounded.append(most)
    levels = _levels(alpha, tuple(dict.fromkeys(rounded)))
    return tuple(levels[share] for share in rounded)


@lru_cache(maxsize=4096)
def _state(alpha: float, shares: tuple[float, ...]) -> tuple[float, np.ndarray, np.ndarray]:
    """Critical z of the last look; nodes of the Brownian motion that no look has stopped; weights.

    The weights are the density at the nodes times the quadrature's own.
    """
    now = shares[-1]
    if len(shares) == 1:
        z = -float(special.ndtri(spent(alpha, now) / 2))
        nodes, own = _quadrature(z * now**0.5)
        return z, nodes, own * stats.norm.pdf(nodes, scale=now**0.5)
    _, before, weights = _state(alpha, shares[:-1])
    step = (now - shares[-2]) ** 0.5
    allowed = spent(alpha, now) - spent(alpha, shares[-2])

    def crossing(edge: float) -> float:
        out = special.ndtr((before - edge) / step) + special.ndtr((-before - edge) / step)
        return float(weights @ out)

    edge = optimize.brentq(lambda e: crossing(e) - allowed, 0.0, 12.0)
    nodes, own = _quadrature(float(edge))  # type: ignore[arg-type]
    kernel = np.exp(-0.5 * ((nodes[:, None] - before) / step) ** 2) / (step * np.sqrt(2 * np.pi))
    return float(edge) / now**0.5, nodes, own * (kernel @ weights)  # type: ignore[arg-type]


def _quadrature(edge: float) -> tuple[np.ndarray, np.ndarray]:
    nodes, weights = _legendre()
    return edge * nodes, edge * weights


@lru_cache(maxsize=1)
def _legendre() -> tuple[np.ndarray, np.ndarray]:
    return special.roots_legendre(160)


def _levels(alpha: float, shares: tuple[float, ...]) -> dict[float, float]:
    """Nominal level at each of strictly growing shares."""
    return {
        share: float(2 * special.ndtr(-_state(alpha, shares[: k + 1])[0]))
        for k, share in enumerate(shares)
    }


class Look(NamedTuple):
    """A claim at one look of a sequential study."""

    seeds: int
    information: float
    """Share of the information of the largest number of seeds."""
    levels: Levels
    """Nominal levels of this look."""
    decision: Decision
    chance: float
    """Chance to be decided at the largest number of seeds, given what has been seen."""

    @property
    def futile(self) -> bool:
        """Whether more seeds are unlikely to decide."""
        return not self.decision.decided and self.chance < FUTILE


def look(
    estimates: Sequence[tuple[float, Spread]],
    most: int,
    *,
    boundary: float = 0.0,
    above: bool = True,
    margin: float | None = None,
    levels: Levels | None = None,
) -> Look:
    """The last of several looks at a claim.

    Args:
        estimates: Mean difference and its variances at every look so far, this one included, each
            on all seeds that it had.
        most: Largest number of seeds of the plan.
        boundary: Where the claimed values begin.
        above: Whether they lie above it.
        margin: Smallest difference of interest.
        levels: Error levels of the whole study.

    Source: as ``nominal_levels``; direction and size spend their levels apart.
    """
    levels = levels or Levels()
    shares = [information(spread, most) for _, spread in estimates]
    own = Levels(*(nominal_levels(alpha, shares)[-1] for alpha in levels))
    delta, spread = estimates[-1]
    decision = decide(delta, spread, boundary=boundary, above=above, margin=margin, levels=own)
    last = Levels(*(nominal_levels(alpha, [*shares[:-1], shares[-1], 1.0])[-1] for alpha in levels))
    chance = predicted_chance(delta - boundary, spread, most, margin=margin, levels=last)
    return Look(spread.n, shares[-1], own, decision, chance)


def predicted_chance(
    delta: float, spread: Spread, most: int, *, margin: float | None, levels: Levels
) -> float:
    """Chance that ``most`` seeds decide, given the mean of those that have been seen.

    The mean over all N seeds varies about that of the n seen with the variance σ²/n − σ²/N: the new
    seeds' own chance, and what n seeds leave unknown of their mean on these pairs. σ² is taken as
    estimated.

    Source: predictive power under a flat prior; Spiegelhalter, Freedman & Blackburn (1986).
    """
    if spread.n >= most:
        half, inner = (spread.half_width(level) for level in levels)
        near = margin is not None and abs(delta) + inner < margin
        return float(abs(delta) > half or near)
    at_end = spread.seeds * spread.n / most
    half, inner = (
        np.asarray(half_width(at_end, spread.pairs, most - 1, level)) for level in levels
    )
    return float(normal_chance(delta, (spread.seeds - at_end) ** 0.5, half, inner, margin))


def default_looks(most: int, first: int = 5) -> list[int]:
    """Numbers of seeds at which a plan looks: ``first``, then half as many more each time.

    >>> default_looks(20)
    [5, 8, 12, 20]
    """
    looks, n = [], first
    while n * 1.25 < most:
        looks.append(n)
        n += max(1, -(-n // 2))
    return [*looks, most]
