"""Group-sequential bounds: published values, the errors they spend, and when a study stops."""

import numpy as np
import pytest
from scipy import special

from recse_lab.statistics.equivalence import Levels
from recse_lab.statistics.sequential import (
    default_looks,
    information,
    look,
    nominal_levels,
    predicted_chance,
    spent,
)
from recse_lab.statistics.spread import Spread


@pytest.mark.parametrize(
    ("shares", "bounds"),
    [
        # Lan-DeMets bounds of O'Brien and Fleming's type, two-sided 5 %: Reboussin, DeMets, Kim &
        # Lan (2000), "Computations for group sequential boundaries", and R's ldbounds.
        ([0.2, 0.4, 0.6, 0.8, 1.0], [4.8769, 3.3569, 2.6803, 2.2898, 2.0310]),
        ([0.5, 1.0], [2.9626, 1.9686]),
        ([1.0], [1.95996]),
    ],
)
def test_bounds_are_the_published_ones(shares, bounds):
    found = -special.ndtri(np.array(nominal_levels(0.05, shares)) / 2)
    assert found == pytest.approx(bounds, abs=2e-3)


def test_all_of_the_error_is_spent_and_no_more():
    """Under no effect the paths cross some bound in 5 %, wherever the looks are."""
    rng = np.random.default_rng(0)
    for shares in ([0.3, 0.35, 0.7, 1.0], [0.9, 0.91, 0.95, 1.0], [0.05, 0.5, 1.0]):
        steps = np.sqrt(np.diff([0.0, *shares]))
        paths = np.cumsum(rng.normal(size=(200_000, len(shares))) * steps, axis=1)
        z = -special.ndtri(np.array(nominal_levels(0.05, shares)) / 2)
        crossed = (np.abs(paths) > z * np.sqrt(shares)).any(axis=1)
        assert crossed.mean() == pytest.approx(0.05, abs=0.0015)
    assert spent(0.05, 1.0) == pytest.approx(0.05)
    assert spent(0.05, 0.0) == 0.0


def test_looks_without_new_information_keep_their_level():
    levels = nominal_levels(0.05, [0.5, 0.501, 0.4, 1.0])
    assert levels[0] == levels[1] == levels[2]
    assert levels[3] == pytest.approx(nominal_levels(0.05, [0.5, 1.0])[1])


def test_information_by_hand():
    assert information(Spread(0.04, 0.01, 5), 20) == pytest.approx((0.01 + 0.2 / 20) / 0.05)
    assert information(Spread(0.04, 0.0, 5), 20) == pytest.approx(5 / 20)
    assert information(Spread(0.04, 0.01, 20), 20) == 1.0


def test_a_plan_of_one_look_is_the_ordinary_test():
    spread = Spread(0.02, 0.01, 10)
    found = look([(0.4, spread)], 10, margin=0.1)
    assert found.levels == pytest.approx(Levels())
    assert found.decision.low == pytest.approx(0.4 - spread.half_width(0.05))
    assert found.decision.word == "supported"


def test_an_early_look_needs_more_than_a_late_one():
    early = look([(0.4, Spread(0.02, 0.01, 5))], 20)
    late = look([(0.4, Spread(0.02, 0.01, 5)), (0.4, Spread(0.005, 0.01, 20))], 20)
    assert early.levels.direction < 0.05 > late.levels.direction
    assert early.decision.word == "undecided"
    assert late.decision.word == "supported"


def test_futility_is_the_chance_to_decide_with_all_seeds():
    """A difference near 0 whose pairs alone are wider than the margin cannot be decided."""
    pairs = Spread(0.02, 0.25, 5)
    assert look([(0.05, pairs)], 20, margin=0.5).futile
    assert not look([(0.05, pairs._replace(pairs=0.001))], 20, margin=0.5).futile
    rng = np.random.default_rng(0)
    spread, most, levels = Spread(0.05, 0.01, 5), 20, Levels(0.04, 0.08)
    mean = rng.normal(0.3, 0.05**0.5, 100_000)  # of the seeds to come, as five seeds know it
    new = mean + rng.normal(size=100_000) * (0.05 * 5 / 15) ** 0.5
    at_end = (5 * 0.3 + 15 * new) / 20
    last = Spread(0.05 * 5 / 20, 0.01, 20)
    half, inner = last.half_width(0.04), last.half_width(0.08)
    wanted = np.mean((np.abs(at_end) > half) | (np.abs(at_end) + inner < 0.5))
    found = predicted_chance(0.3, spread, most, margin=0.5, levels=levels)
    assert found == pytest.approx(wanted, abs=0.005)


def test_looks_of_a_plan():
    assert default_looks(5) == [5]
    assert default_looks(3) == [3]
    assert default_looks(40) == [5, 8, 12, 18, 27, 40]
