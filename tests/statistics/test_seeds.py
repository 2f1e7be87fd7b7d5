"""Intervals, tests and effect sizes over seeds: against SciPy, by hand, and by simulation."""

from math import gamma

import numpy as np
import pytest
from scipy import stats

from recse_lab.statistics.seeds import (
    effect_size,
    holm,
    paired_test,
    seed_variance,
    t_interval,
)


def test_t_interval_is_scipy_s():
    values = [0.61, 0.64, 0.60, 0.66]
    got, expected = t_interval(values), stats.ttest_1samp(values, 0).confidence_interval()
    assert (got.low, got.high) == pytest.approx((expected.low, expected.high))
    assert (got.estimate, got.n) == (pytest.approx(0.6275), 4)
    assert np.isnan(t_interval([0.5]).low)
    assert t_interval([0.5]).estimate == 0.5


def test_paired_test_is_scipy_s():
    a, b = [0.61, 0.64, 0.60, 0.66], [0.60, 0.61, 0.60, 0.62]
    got, expected = paired_test(a, b), stats.ttest_rel(a, b)
    assert got.p == pytest.approx(expected.pvalue)
    assert (got.low, got.high) == pytest.approx(tuple(expected.confidence_interval()))
    assert got.delta == pytest.approx(0.02)


@pytest.mark.parametrize("seeds", [2, 3, 5, 10])
def test_t_tests_equal_the_textbook_formulas(seeds):
    """p and bounds from t = mean / (sd / √n), to rounding."""
    rng = np.random.default_rng(seeds)
    a, b = 0.6 + 0.01 * rng.normal(size=(2, seeds))
    mean, error = (a - b).mean(), (a - b).std(ddof=1) / seeds**0.5
    half = stats.t.ppf(0.95, seeds - 1) * error
    got = paired_test(a.tolist(), b.tolist(), level=0.9)
    p = 2 * stats.t.sf(abs(mean) / error, seeds - 1)
    assert got[:4] == pytest.approx((mean, mean - half, mean + half, p), rel=1e-12)
    alone = t_interval((a - b).tolist(), level=0.9)
    assert alone[:3] == pytest.approx((mean, mean - half, mean + half), rel=1e-12)


def test_no_test_where_there_is_none():
    assert paired_test([0.5], [0.4]).reason == "one seed: no test"
    assert paired_test([0.5], [0.4]).delta == pytest.approx(0.1)
    assert paired_test([], []).reason == "no seed in common"
    same = paired_test([0.6, 0.7, 0.8], [0.5, 0.6, 0.7])  # equal but for rounding: t would be 1e15
    assert same.p is None
    assert same.low is None
    assert same.delta == pytest.approx(0.1)
    assert "same for every seed" in (same.reason or "")
    missing = paired_test([0.6, float("nan"), 0.7], [0.5, 0.6, 0.5])
    assert (missing.p, missing.reason) == (None, "undefined for 1 of 3 seeds: no test")
    assert holm([missing.p, 0.01]) == [None, 0.01]
    with pytest.raises(ValueError, match="3 values with 1"):
        paired_test([0.6, 0.7, 0.8], [0.5])


@pytest.mark.parametrize("seeds", [3, 5, 10])
def test_false_positives_of_the_paired_test_are_five_percent(seeds):
    rng = np.random.default_rng(seeds)
    p = [paired_test(rng.normal(size=seeds), rng.normal(size=seeds)).p for _ in range(2500)]
    assert np.mean(np.array(p) < 0.05) == pytest.approx(0.05, abs=0.013)


def test_holm_by_hand_and_without_what_was_not_tested():
    assert holm([0.01, None, 0.04, 0.03]) == pytest.approx([0.03, None, 0.06, 0.06])
    assert holm([0.5, 0.9]) == pytest.approx([1.0, 1.0])
    assert holm([None]) == [None]


def test_effect_size_by_hand():
    a, b = [0.61, 0.64, 0.60, 0.66], [0.60, 0.61, 0.60, 0.62]
    d = np.mean(np.subtract(a, b)) / np.std(np.subtract(a, b), ddof=1)
    found = effect_size(a, b, level=0.9)
    assert found.estimate == pytest.approx(d * gamma(1.5) / (gamma(1.0) * 1.5**0.5))
    # The ends of the interval are the effects under which so large, or so small, a t has 5 %.
    assert stats.nct.sf(2 * d, 3, 2 * found.low) == pytest.approx(0.05, abs=1e-5)
    assert stats.nct.cdf(2 * d, 3, 2 * found.high) == pytest.approx(0.05, abs=1e-5)
    back = effect_size(b, a, level=0.9)
    assert (back.estimate, back.low, back.high) == pytest.approx(
        (-found.estimate, -found.high, -found.low), rel=1e-4
    )


@pytest.mark.parametrize("seeds", [3, 5, 10])
def test_effect_size_is_unbiased_and_covers(seeds):
    rng = np.random.default_rng(seeds)
    found = [effect_size(rng.normal(1.0, 1.0, seeds).tolist(), [0.0] * seeds) for _ in range(3000)]
    assert np.mean([f.estimate for f in found]) == pytest.approx(1.0, abs=0.08)
    assert np.mean([f.low <= 1.0 <= f.high for f in found]) == pytest.approx(0.95, abs=0.012)


def test_no_effect_size_and_why():
    for a, b, why in [
        ([0.6, 0.7], [0.5, 0.7], "fewer than three seeds"),
        ([0.6], [0.5], "one seed"),
        ([0.6, 0.7, 0.8], [0.5, 0.6, 0.7], "the difference is the same for every seed"),
        ([0.6, 0.7, float("nan")], [0.5, 0.6, 0.7], "undefined for 1 of 3 seeds"),
    ]:
        found = effect_size(a, b)
        assert found.method == f"undefined: {why}"
        assert np.isnan(found[:3]).all()


def test_the_spread_of_one_part_has_the_chi_square_interval_and_its_share():
    from scipy import stats

    part, whole = np.array([0.1, 0.3, 0.2, 0.4]), np.array([0.1, 0.5, 0.9, 0.2])
    found = seed_variance(part, whole)
    assert found.sd == pytest.approx(part.std(ddof=1))
    assert found.share == pytest.approx(part.var(ddof=1) / whole.var(ddof=1))
    # The bounds are the standard deviations at which the observed one is an end of its 95 % range.
    for bound, tail in ((found.high, 0.025), (found.low, 0.975)):
        assert stats.chi2.cdf(3 * found.sd**2 / bound**2, 3) == pytest.approx(tail)
    assert np.isnan(seed_variance([0.1], whole).sd)
    assert np.isnan(seed_variance(part, [0.2, 0.2]).share)
