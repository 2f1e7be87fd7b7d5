"""Variances, intervals and power of a mean over seeds: by hand, against SciPy, by simulation."""

import numpy as np
import pytest
from scipy import stats

from recse_lab.statistics.power import minimum_detectable, seeds_needed
from recse_lab.statistics.sharing import SharedSentences, pairs_covariance
from recse_lab.statistics.spread import Spread, spread_over_both, spread_over_pairs


def test_the_parts_of_the_variance_by_hand():
    point = np.array([0.1, 0.2, 0.6])
    psi = np.array([[0.0, 0.3, 0.2, -0.5], [0.2, 0.2, -0.3, -0.1], [0.5, 0.7, -0.9, -0.3]])
    both = spread_over_both(point, pairs_covariance(psi, None))
    assert both.seeds == pytest.approx(np.var(point, ddof=1) / 3)
    between = [psi[0] @ psi[1], psi[0] @ psi[2], psi[1] @ psi[2]]
    assert both.pairs == pytest.approx(np.mean(between))
    alone = spread_over_pairs(pairs_covariance(psi, None))
    assert alone[:3] == (0.0, pytest.approx((psi.mean(axis=0) ** 2).sum()), 3)
    assert alone.sharing_ratio == 1


def test_what_sharing_costs_is_a_ratio_of_standard_errors():
    """Two pairs of one sentence with equal influences: four terms instead of two."""
    shared = SharedSentences(np.array([0, 0]), np.array([1, 2]))
    found = spread_over_pairs(pairs_covariance(np.full((1, 2), 0.5), shared))
    assert (found.pairs, found.independent) == (1.0, 0.5)
    assert found.sharing_ratio == pytest.approx(2**0.5)
    assert Spread(1.0, 1.0, 3).sharing_ratio is None


def test_p_is_student_s_or_the_normal_s_where_one_part_is_all():
    for size, n in ((0.1, 2), (0.5, 3), (4.0, 5), (60.0, 10)):
        assert Spread(1.0, 0.0, n).p(size) == pytest.approx(2 * stats.t.sf(size, n - 1), rel=1e-9)
        assert Spread(0.0, 4.0, n).p(size / 4) == pytest.approx(
            2 * stats.norm.sf(size / 8), rel=1e-9
        )
    assert Spread(0.0, 1.0, 4).p(1e6) == 1e-80  # and still a number
    assert 0 < Spread(1e-6, 1.0, 4).p(1e9) < 1e-30
    assert Spread(1.0, 1.0, 3).p(0.0) == 1.0


def test_power_is_that_of_the_t_or_the_normal_where_one_part_is_all():
    for effect, n in ((0.5, 3), (2.0, 5), (1.0, 10)):
        t = stats.t.isf(0.025, n - 1)
        wanted = stats.nct.sf(t, n - 1, effect / 0.3) + stats.nct.cdf(-t, n - 1, effect / 0.3)
        assert Spread(0.09, 0.0, n).power(effect) == pytest.approx(wanted, abs=2e-4)
        z = stats.norm.isf(0.025)
        wanted = stats.norm.sf(z - effect / 0.3) + stats.norm.sf(z + effect / 0.3)
        assert Spread(0.0, 0.09, n).power(effect) == pytest.approx(wanted)


def test_power_is_how_often_a_comparison_finds_it():
    """By simulation: each study estimates the variance over seeds; that over pairs is known."""
    spread, n, effect = Spread(0.02, 0.03, 4), 4, 0.6
    rng = np.random.default_rng(0)
    studies = 20_000
    deltas = effect + rng.normal(scale=spread.total**0.5, size=studies)
    estimated = spread.seeds * rng.chisquare(n - 1, studies) / (n - 1)
    found = [
        abs(d) > Spread(e, spread.pairs, n).half_width(0.05)
        for d, e in zip(deltas, estimated, strict=True)
    ]
    assert spread.power(effect) == pytest.approx(np.mean(found), abs=0.01)


def test_what_is_detectable_and_how_many_seeds_find_it():
    assert Spread(0.5**2 / 3, 0.0, 3).detectable() == pytest.approx(
        minimum_detectable(0.5, 3), rel=1e-3
    )
    mixed = Spread(0.02, 0.03, 4)
    assert mixed.power(mixed.detectable()) == pytest.approx(0.8)
    assert Spread(0.5**2 / 3, 0.0, 3).seeds_to_find(0.4) == seeds_needed(0.5, 0.4)
    n = mixed.seeds_to_find(0.6)
    assert n is not None
    assert (
        Spread(0.08 / n, 0.03, n).power(0.6) >= 0.8 > Spread(0.08 / (n - 1), 0.03, n - 1).power(0.6)
    )
    # The pairs alone: 2.8 standard errors of 0.173 exceed 0.4.
    assert mixed.seeds_to_find(0.4) is None
