"""Decide a claim about a difference: its direction, and whether its size matters.

Two statements are made of every difference, and one word is printed:

- *direction*: the interval at level 1 − alpha lies on the claimed side of the boundary (supported),
  on the other (contradicted), or on both (undecided);
- *size*: the interval at level 1 − 2 · alpha lies within the smallest difference of interest of the
  boundary (negligible: two one-sided tests at alpha), or the first interval lies beyond it
  (relevant), or neither (undecided).

The word is *negligible* where the size is; else that of the direction. A difference of 0.2
[0.1, 0.3] with a margin of 0.5 is thus negligible, and its direction, above 0, is reported beside.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from scipy import special, stats

from recse_lab.statistics.combined import half_width
from recse_lab.statistics.power import smallest_effect
from recse_lab.statistics.spread import Spread

Direction = Literal["supported", "contradicted", "undecided"]
Size = Literal["negligible", "relevant", "undecided"]
Word = Literal["negligible", "supported", "contradicted", "undecided"]


class Levels(NamedTuple):
    """Two-sided error levels: of the direction, and of the two one-sided tests of the size."""

    direction: float = 0.05
    size: float = 0.10

    def over(self, looks: int) -> Levels:
        """The levels where the difference is the best of several: Bonferroni's."""
        return Levels(self.direction / looks, self.size / looks)


class Decision(NamedTuple):
    """What a difference says about a claim; all numbers are raw."""

    direction: Direction
    size: Size
    low: float
    high: float
    """The interval that decides the direction."""
    inner_low: float
    inner_high: float
    """The interval that decides the size."""

    @property
    def word(self) -> Word:
        """The one word: negligible before supported and contradicted."""
        return "negligible" if self.size == "negligible" else self.direction

    @property
    def decided(self) -> bool:
        """Whether the one word is a decision."""
        return self.word != "undecided"


def decide(
    delta: float,
    spread: Spread,
    *,
    boundary: float = 0.0,
    above: bool = True,
    margin: float | None = None,
    levels: Levels | None = None,
) -> Decision:
    """Decide the claim that a difference lies above, or below, a boundary.

    Args:
        delta: The estimated difference, a mean over seeds.
        spread: Its variances.
        boundary: Where the claimed values begin.
        above: Whether they lie above it.
        margin: Smallest difference of interest, on either side of the boundary; None asks about
            the direction alone.
        levels: Error levels; 5 % and 10 % by default.

    Raises:
        ValueError: The margin is not above 0.

    Source: Schuirmann (1987), "A comparison of the two one-sided tests procedure and the power
    approach for assessing the equivalence of average bioavailability", for the size.
    """
    levels = levels or Levels()
    if margin is not None and not margin > 0:
        raise ValueError(f"a smallest difference of interest of {margin}: expected more than 0")
    half, inner = (spread.half_width(level) for level in levels)
    low, high = delta - half, delta + half
    inside, outside = (low > boundary, high < boundary)
    if not above:
        inside, outside = outside, inside
    direction: Direction = "supported" if inside else "contradicted" if outside else "undecided"
    size: Size = "undecided"
    if margin is not None:
        if abs(delta - boundary) + inner < margin:
            size = "negligible"
        elif abs(delta - boundary) - half > margin:
            size = "relevant"
    return Decision(direction, size, low, high, delta - inner, delta + inner)


def margin_of_the_pairs(pairs: float, levels: Levels | None = None) -> float:
    """Smallest margin that a difference of 0 can be shown to keep, with any number of seeds.

    Args:
        pairs: Variance of the difference from drawing the pairs.
        levels: Error levels.

    Source: Schuirmann's interval where the pairs' variance is all there is.
    """
    return float(half_width(0.0, pairs, 0, (levels or Levels()).size))


def chance_to_decide(
    delta: float, spread: Spread, *, margin: float | None, levels: Levels | None = None
) -> float:
    """Probability that a study with this spread decides, if the distance to the boundary is delta.

    Averaged over 200 quantiles of the chi-square law of the variance that the seeds estimate.

    Source: power of ``decide`` for normal means.
    """
    levels = levels or Levels()
    df = spread.n - 1
    some = spread.seeds > 0 and df > 0
    chi = stats.chi2.ppf((np.arange(200) + 0.5) / 200, df) / df if some else np.ones(1)
    half, inner = (half_width(spread.seeds * chi, spread.pairs, df, level) for level in levels)
    return float(np.mean(normal_chance(delta, spread.total**0.5, half, inner, margin)))


def normal_chance(
    delta: float, error: float, half: np.ndarray, inner: np.ndarray, margin: float | None
) -> np.ndarray:
    """Probability that a normal estimate lies beyond ``half``, or within margin − ``inner``.

    Args:
        delta: The true distance to the boundary.
        error: Standard error of the estimate.
        half: Half widths of the interval of the direction.
        inner: Half widths of the interval of the size.
        margin: Smallest difference of interest.

    Source: the normal law.
    """
    error = max(error, 1e-300)
    found = special.ndtr((delta - half) / error) + special.ndtr((-delta - half) / error)
    if margin is None:
        return found
    near = np.maximum(margin - inner, 0.0)
    within = special.ndtr((near - delta) / error) - special.ndtr((-near - delta) / error)
    # What is both beyond and within has been counted twice.
    both = np.maximum(
        special.ndtr((near - delta) / error) - special.ndtr((half - delta) / error), 0.0
    ) + np.maximum(
        special.ndtr((-half - delta) / error) - special.ndtr((-near - delta) / error), 0.0
    )
    return found + within - both


def pairs_to_decide(
    delta: float,
    spread: Spread,
    *,
    margin: float | None,
    levels: Levels | None = None,
    chance: float = 0.8,
    most: float = 1e6,
) -> float | None:
    """How many times as many pairs decide with the given chance, if the estimate is the truth.

    The variance over pairs falls as one over their number. None where no number of pairs up to
    ``most`` times as many would.

    Source: inversion of ``chance_to_decide``.
    """

    def chance_of(times: float) -> float:
        more = spread._replace(pairs=spread.pairs / (1 + times))
        return chance_to_decide(delta, more, margin=margin, levels=levels)

    if chance_of(most) < chance:
        return None
    if chance_of(0.0) >= chance:
        return 1.0
    return 1 + smallest_effect(chance_of, chance)
