"""Intervals, tests and power over seeds against SciPy, by hand, and by simulation; the door to all statistics."""

from math import gamma

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from recse_lab import statistics
from recse_lab.statistics import (
    effect_size,
    expected_maximum,
    holm,
    minimum_detectable,
    paired_test,
    seeds_needed,
    sign_flip_test,
    t_interval,
)


def test_the_door_opens_to_all_it_names():
    assert sorted(statistics.__all__) == statistics.__all__
    for name in statistics.__all__:
        assert getattr(statistics, name).__module__.startswith("recse_lab.evaluation.")


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


@pytest.mark.parametrize("seeds", [2, 3, 5])
def test_minimum_detectable_is_found_by_simulation(seeds):
    effect = minimum_detectable(1.0, seeds)
    assert effect is not None
    rng = np.random.default_rng(0)
    differences = rng.normal(effect, 1.0, (20_000, seeds))
    t = differences.mean(axis=1) / differences.std(axis=1, ddof=1) * seeds**0.5
    power = np.mean(np.abs(t) > stats.t.ppf(0.975, seeds - 1))
    assert power == pytest.approx(0.8, abs=0.015)


@pytest.mark.parametrize("power", [0.1, 0.5, 0.95, 0.999])
@pytest.mark.parametrize("seeds", [2, 3, 4, 8, 30, 500])
def test_minimum_detectable_has_its_power_by_the_noncentral_f(seeds, power):
    """T² is noncentral F: another of SciPy's distributions, for every number of seeds a study may have."""
    effect = minimum_detectable(0.5, seeds, power=power)
    assert effect is not None
    critical = stats.t.ppf(0.975, seeds - 1)
    assert stats.ncf.sf(critical**2, 1, seeds - 1, seeds * (effect / 0.5) ** 2) == pytest.approx(
        power, abs=1e-6
    )


def test_no_minimum_where_there_is_no_test():
    assert minimum_detectable(1.0, 1) is None
    assert minimum_detectable(0.0, 5) is None
    assert minimum_detectable(float("nan"), 5) is None
    with pytest.raises(ValueError, match="between the level"):
        minimum_detectable(1.0, 5, power=0.01)


# ---- sign flips --------------------------------------------------------------------------------------------------


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 9999), n=st.integers(6, 9), decimals=st.integers(1, 8))
def test_sign_flips_are_scipy_s_exact_permutations(seed, n, decimals):
    """Also with ties among the sums. SciPy gets whole numbers, whose sums are exact, and we their decimal fractions."""
    rng = np.random.default_rng(seed)
    a, b = (np.round(rng.normal(mean, 1, n) * 10**decimals) for mean in (0.4, 0.0))
    if np.std(a - b) == 0:
        return
    got = sign_flip_test((a / 10**decimals).tolist(), (b / 10**decimals).tolist())
    expected = stats.permutation_test(
        (a, b),
        lambda x, y, axis: np.abs(np.sum(x - y, axis=axis)),
        permutation_type="samples",
        vectorized=True,
        n_resamples=np.inf,
        alternative="greater",
    )
    assert got.p == pytest.approx(expected.pvalue)
    assert got.delta == pytest.approx(np.mean(a - b) / 10**decimals)


def test_sums_that_tie_do_so_in_tenths_too():
    """Whole numbers tie exactly; their tenths, added in another order, but for rounding."""
    whole = [3.0, 3.0, -1.0, 2.0, -2.0, 7.0, 1.0]
    tenths = sign_flip_test([x / 10 for x in whole], [0.0] * 7)
    assert tenths.p == sign_flip_test(whole, [0.0] * 7).p == 24 / 2**7


def test_few_seeds_cannot_reach_the_level():
    a = [0.61, 0.64, 0.60, 0.66, 0.67]
    b = [0.51, 0.53, 0.52, 0.53, 0.53]
    refused = sign_flip_test(a, b)
    assert refused.p is None
    assert refused.reason == "the smallest p of 5 seeds is 2/2^5 = 0.0625, above 0.05: no test"
    assert refused.delta == pytest.approx(0.112)
    assert sign_flip_test(a, b, level=0.9).p == pytest.approx(2 / 2**5)
    assert sign_flip_test([*a, 0.7], [*b, 0.6]).p == pytest.approx(2 / 2**6)
    assert sign_flip_test([0.5], [0.4]).reason == "one seed: no test"
    assert sign_flip_test([], []).reason == "no seed in common"
    assert "undefined for 1 of 6" in (sign_flip_test([*a, float("nan")], [*b, 0.6]).reason or "")
    with pytest.raises(ValueError, match="5 values with 1"):
        sign_flip_test(a, [0.5])


def test_sign_flips_of_many_seeds_are_drawn_at_random():
    rng = np.random.default_rng(0)
    a, b = rng.normal(0.3, 1, 40).tolist(), [0.0] * 40
    drawn = sign_flip_test(a, b)
    assert drawn.method == "sign flips over seeds (2^17 at random)"
    assert drawn.p == pytest.approx(paired_test(a, b).p, rel=0.1)


# ---- effect size -------------------------------------------------------------------------------------------------


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


# ---- how many seeds ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("effect", "seeds"), [(0.2, 199), (0.5, 34), (0.8, 15), (-0.8, 15)])
def test_seeds_needed_are_those_of_the_textbook(effect, seeds):
    """Matched pairs, two-sided 5 %, power 80 %, as G*Power has them."""
    assert seeds_needed(1.0, effect) == seeds
    assert seeds_needed(0.02, 0.02 * effect) == seeds


@pytest.mark.parametrize("power", [0.5, 0.9])
def test_seeds_needed_turns_minimum_detectable_round(power):
    for effect in (0.3, 1.0, 1.7, 4.0):
        seeds = seeds_needed(1.0, effect, power=power, level=0.01)
        assert seeds is not None
        least, more = (
            minimum_detectable(1.0, n, power=power, level=0.01) for n in (seeds, seeds - 1)
        )
        assert least is not None
        assert least <= effect
        assert more is None or effect < more
    assert seeds_needed(1.0, 1000.0, level=0.01) == 2


def test_no_number_of_seeds():
    assert seeds_needed(1.0, 0.0) is None
    assert seeds_needed(0.0, 1.0) is None
    assert seeds_needed(float("nan"), 1.0) is None
    assert seeds_needed(1.0, float("inf")) is None
    assert seeds_needed(1.0, 1e-6) is None
    with pytest.raises(ValueError, match="between the level"):
        seeds_needed(1.0, 1.0, power=0.05)


def test_expected_maximum_is_known_for_few_looks():
    known = {
        1: 0.0,
        2: 1 / np.pi**0.5,
        3: 1.5 / np.pi**0.5,
        5: 1.1629644736,
        10: 1.5387527308,
        100: 2.5075936364,
    }
    for looks, expected in known.items():
        assert expected_maximum(looks) == pytest.approx(expected, abs=1e-8)
    rng = np.random.default_rng(0)
    common, own = rng.normal(size=(40_000, 1)), rng.normal(size=(40_000, 6))
    simulated = 2 * (0.7**0.5 * common + 0.3**0.5 * own).max(axis=1).mean()
    assert expected_maximum(6, sd=2.0, correlation=0.7) == pytest.approx(simulated, abs=0.03)
    for looks, correlation in ((0, 0.0), (3, 1.1), (3, -0.1)):
        with pytest.raises(ValueError, match="looks with correlation"):
            expected_maximum(looks, correlation=correlation)
