"""Two arms over seeds and pairs, and the best of several: by hand, against SciPy, and in simulated studies."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from recse_lab.errors import LabError
from recse_lab.statistics.comparison import (
    Spread,
    best_of,
    compare,
    compare_resampled,
    compare_sts,
    mean_interval,
    nested_interval,
    nested_test,
    spread_over_both,
    spread_over_pairs,
)
from recse_lab.statistics.rank_bootstrap import resample_counts, spearman_bootstrap
from recse_lab.statistics.seeds import (
    expected_maximum,
    minimum_detectable,
    paired_test,
    seeds_needed,
)


def study(rng, seeds, *, u=1.0, v=1.0, w=0.5, delta=0.0, resamples=200):
    """Numbers of two arms and their resamples, normal, with these deviations of u, v and w in the difference."""
    a = delta + u * rng.normal(size=seeds) + v * rng.normal() + w * rng.normal(size=seeds)
    boot = a + v * rng.normal(size=(resamples, 1)) + w * rng.normal(size=(resamples, seeds))
    return a, np.zeros(seeds), boot, np.zeros((resamples, seeds))


# ---- by hand -----------------------------------------------------------------------------------------------------


def test_the_parts_of_the_variance_by_hand():
    point = np.array([0.1, 0.2, 0.6])
    boot = np.array([[0.0, 0.2, 0.5], [0.3, 0.2, 0.7], [0.2, 0.3, 0.9], [0.1, 0.4, 0.4]])
    both = spread_over_both(point, boot)
    assert both.seeds == pytest.approx(np.var(point, ddof=1) / 3)
    covariances = [np.cov(boot[:, i], boot[:, j])[0, 1] for i, j in ((0, 1), (0, 2), (1, 2))]
    assert both.pairs == pytest.approx(np.mean(covariances))
    assert spread_over_pairs(boot) == (0.0, pytest.approx(np.var(boot.mean(axis=1), ddof=1)), 3)
    opposed = np.array([[0.0, 1.0], [1.0, 0.0], [0.5, 0.4]])
    assert spread_over_both(point[:2], opposed).pairs == 0.0  # a variance is not negative


def test_p_is_student_s_or_the_normal_s_where_one_part_is_all():
    for size, n in ((0.1, 2), (0.5, 3), (4.0, 5), (60.0, 10)):
        assert Spread(1.0, 0.0, n).p(size) == pytest.approx(2 * stats.t.sf(size, n - 1), rel=1e-9)
        assert Spread(0.0, 4.0, n).p(size / 4) == pytest.approx(
            2 * stats.norm.sf(size / 8), rel=1e-9
        )
    assert Spread(0.0, 1.0, 4).p(1e6) == 1e-80  # and still a number
    assert 0 < Spread(1e-6, 1.0, 4).p(1e9) < 1e-50
    assert Spread(1.0, 1.0, 3).p(0.0) == 1.0


def test_critical_value_by_hand():
    t, z = stats.t.isf(0.025, 2), stats.norm.isf(0.025)
    assert Spread(1.0, 3.0, 3).critical(0.05) == pytest.approx(z + (t - z) * 0.25**1.5)
    t = stats.t.isf(0.005, 1)
    assert Spread(1.0, 3.0, 2).critical(0.01) == pytest.approx(
        0.25 * t + 0.75 * stats.norm.isf(0.005)
    )


def test_power_is_that_of_the_t_or_the_normal_where_one_part_is_all():
    for effect, n in ((0.5, 3), (2.0, 5), (1.0, 10)):
        t = stats.t.isf(0.025, n - 1)
        wanted = stats.nct.sf(t, n - 1, effect / 0.3) + stats.nct.cdf(-t, n - 1, effect / 0.3)
        assert Spread(0.09, 0.0, n).power(effect) == pytest.approx(wanted, abs=2e-4)
        z = stats.norm.isf(0.025)
        wanted = stats.norm.sf(z - effect / 0.3) + stats.norm.sf(z + effect / 0.3)
        assert Spread(0.0, 0.09, n).power(effect) == pytest.approx(wanted)


def test_power_is_how_often_a_comparison_finds_it():
    """By drawing: the variance over seeds is estimated anew in every study, that over pairs is known."""
    spread, n, effect = Spread(0.02, 0.03, 4), 4, 0.6
    rng = np.random.default_rng(0)
    studies = 20_000
    deltas = effect + rng.normal(scale=spread.total**0.5, size=studies)
    estimated = spread.seeds * rng.chisquare(n - 1, studies) / (n - 1)
    found = [
        abs(d) > Spread(e, spread.pairs, n).critical(0.05) * (e + spread.pairs) ** 0.5
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
    assert (
        Spread(0.08 / n, 0.03, n).power(0.6) >= 0.8 > Spread(0.08 / (n - 1), 0.03, n - 1).power(0.6)
    )
    assert (
        mixed.seeds_to_find(0.4) is None
    )  # the pairs alone: 2.8 standard errors of 0.173 are more than 0.4


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 999),
    n=st.integers(1, 6),
    population=st.sampled_from(["both", "pairs", "seeds"]),
)
def test_interval_and_p_agree_and_arms_change_places(seed, n, population):
    """0 is the end of the interval at level 1 − p; swapping the arms turns the interval round."""
    rng = np.random.default_rng(seed)
    a, b, boot_a, boot_b = study(rng, n, delta=2.0, resamples=30)
    found = compare_resampled(a, b, boot_a, boot_b, population=population)
    back = compare_resampled(b, a, boot_b, boot_a, population=population)
    if found.p is None or found.low is None or found.high is None:
        assert (population, n) == ("seeds", 1)
        return
    assert (back.delta, back.low, back.high, back.p) == pytest.approx(
        (-found.delta, -found.high, -found.low, found.p)
    )
    assert (found.p < 0.05) == (found.low > 0 or found.high < 0)
    at_p = compare_resampled(a, b, boot_a, boot_b, population=population, level=1 - found.p)
    assert at_p.low is not None
    assert at_p.high is not None
    assert min(abs(at_p.low), abs(at_p.high)) == pytest.approx(0, abs=1e-6)


def test_every_population_has_its_method():
    a, b, boot_a, boot_b = study(np.random.default_rng(0), 5)
    b = b + 0.1
    seeds = compare_resampled(a, b, boot_a, boot_b, population="seeds")
    paired = paired_test(a.tolist(), b.tolist())
    assert (seeds.delta, seeds.low, seeds.high, seeds.p, seeds.method) == (
        *paired[:4],
        "paired t over seeds",
    )
    pairs = compare_resampled(a, b, boot_a, boot_b, population="pairs", level=0.9)
    half = stats.norm.isf(0.05) * (boot_a - boot_b).mean(axis=1).std(ddof=1)
    assert (pairs.low, pairs.high) == pytest.approx((pairs.delta - half, pairs.delta + half))
    assert pairs.why == "these models on other pairs"
    both = compare_resampled(a, b, boot_a, boot_b)
    assert (both.method, both.population, both.seeds) == (
        "t over seeds with bootstrap over pairs",
        "both",
        5,
    )
    assert both.p is not None
    assert pairs.p is not None
    assert both.p > pairs.p


def test_one_seed_falls_back_on_the_pairs_and_says_so():
    a, b, boot_a, boot_b = study(np.random.default_rng(0), 1)
    found = compare_resampled(a, b, boot_a, boot_b)
    assert found.population == "pairs"
    assert "not about other seeds" in found.why
    assert found.p == compare_resampled(a, b, boot_a, boot_b, population="pairs").p
    alone = compare_resampled(a, b, boot_a, boot_b, population="seeds")
    assert (alone.p, alone.low, alone.why) == (None, None, "one seed: no test")


def test_no_comparison_and_why():
    a, b, boot_a, boot_b = study(np.random.default_rng(0), 3)
    same = compare_resampled(a, a, boot_a, boot_a)
    assert (same.p, same.low, same.delta) == (None, None, 0.0)
    assert "the same for every seed and every resample" in same.why
    missing = compare_resampled(np.r_[np.nan, a[1:]], b, boot_a, boot_b)
    assert missing.why == "undefined for 1 of 3 seeds: no test"
    boot_a[5, 0] = np.nan
    assert compare_resampled(a, b, boot_a, boot_b).why == "undefined on 1 of 200 resamples: no test"
    assert nested_test(a, b, boot_a, boot_b, np.random.default_rng(0)).p is None
    assert (
        compare_resampled(a, b, boot_a[:1], boot_b[:1]).why == "fewer than two resamples: no test"
    )
    none = np.empty(0)
    assert (
        compare_resampled(none, none, np.empty((9, 0)), np.empty((9, 0))).why == "no seed in common"
    )
    for wrong in (
        (a[:2], b, boot_a, boot_b),
        (a, b, boot_a[:, :2], boot_b),
        (a, b, boot_a[:9], boot_b),
    ):
        with pytest.raises(ValueError, match="arms"):
            compare_resampled(*wrong)


def test_interval_of_one_arm_says_what_it_is_about():
    a, _, boot, _ = study(np.random.default_rng(0), 4)
    both, one = mean_interval(a, boot), mean_interval(a[:1], boot[:, :1])
    assert both.estimate == pytest.approx(a.mean())
    assert both.low < a.mean() < both.high
    assert "4 seeds: spread over seeds and over pairs added" in both.method
    assert "not about other seeds" in one.method
    undefined = mean_interval(np.r_[np.nan, a[1:]], boot)
    assert np.isnan([undefined.low, undefined.high]).all()
    assert "undefined for 1 of 4 seeds" in undefined.method


# ---- from scores -------------------------------------------------------------------------------------------------


def scored(rng, seeds=3, pairs=150):
    gold = rng.integers(0, 26, pairs) / 5
    return gold, *(gold + rng.normal(size=(seeds, pairs)) * sd for sd in (1.0, 2.0))


def test_comparison_of_scores_is_that_of_their_resamples():
    gold, a, b = scored(np.random.default_rng(0))
    found = compare(gold, a, b, resamples=400, seed=1)
    means = [np.mean([stats.spearmanr(gold, row)[0] for row in arm]) for arm in (a, b)]
    assert found.delta == pytest.approx(means[0] - means[1])
    counts = resample_counts(150, 400, np.random.default_rng(1))
    boot = spearman_bootstrap(gold, np.concatenate([a, b]), counts)
    point = np.array([stats.spearmanr(gold, row)[0] for row in (*a, *b)])
    expected = compare_resampled(point[:3], point[3:], boot[:, :3], boot[:, 3:])
    assert found[:4] == pytest.approx(expected[:4])
    assert found.p is not None
    assert found.p < 0.01
    seeds = compare(gold, a, b, population="seeds")
    assert seeds.p == pytest.approx(stats.ttest_rel(point[:3], point[3:]).pvalue)
    pearson = compare(gold, a, b, metric="pearson", resamples=50)
    assert pearson.delta == pytest.approx(
        np.mean(
            [
                stats.pearsonr(gold, x)[0] - stats.pearsonr(gold, y)[0]
                for x, y in zip(a, b, strict=True)
            ]
        )
    )


def test_scores_without_a_correlation_are_not_compared():
    gold, a, b = scored(np.random.default_rng(0))
    for bad_gold, bad_a, why in [
        (np.ones(150), a, "all gold scores are the same: no test"),
        (np.r_[np.nan, gold[1:]], a, "gold has values that are not finite: no test"),
        (gold, np.full_like(a, 0.5), "the encoder is constant: no test"),
        (gold, np.where(np.arange(150) == 3, np.nan, a), "1 of 150 scores are not finite: no test"),
    ]:
        found = compare(bad_gold, bad_a, b)
        assert why in found.why
        assert (found.p, found.low, found.high) == (None, None, None)
        assert np.isnan(found.delta)
    for wrong in ((gold, a[:2], b), (gold[:-1], a, b), (gold, a[0], b[0])):
        with pytest.raises(ValueError, match="not over the same pairs and seeds"):
            compare(*wrong)


def frames(gold, arm, task="stsb"):
    return [
        pd.DataFrame({"task": task, "gold": gold, "score": row, "pair": np.arange(len(gold))})
        for row in arm
    ]


def test_comparison_of_frames_is_that_of_their_scores():
    gold, a, b = scored(np.random.default_rng(0))
    one = compare_sts(frames(gold, a), frames(gold, b), tasks=["stsb"], resamples=100, seed=4)
    assert one[:4] == pytest.approx(compare(gold, a, b, resamples=100, seed=4)[:4])
    other = scored(np.random.default_rng(1))
    two = [
        [
            pd.concat(parts)
            for parts in zip(frames(gold, arm), frames(other[0], more, "sts12"), strict=True)
        ]
        for arm, more in ((a, other[1]), (b, other[2]))
    ]
    mean = compare_sts(*two, tasks=["stsb", "sts12"], resamples=100)
    assert mean.delta == pytest.approx((one.delta + compare(*other, population="seeds").delta) / 2)
    swapped = [frame.assign(pair=frame["pair"].to_numpy()[::-1]) for frame in frames(gold, b)]
    with pytest.raises(LabError, match="different pairs or gold scores of stsb"):
        compare_sts(frames(gold, a), swapped, tasks=["stsb"])
    with pytest.raises(LabError, match="3 seeds of one arm and 2 of the other"):
        compare_sts(frames(gold, a), frames(gold, b[:2]), tasks=["stsb"])


# ---- simulated studies: normal numbers, so that thousands are cheap; simulations/ does it with ranks ---------------


@pytest.mark.parametrize(("u", "v"), [(1.0, 0.2), (0.7, 0.7), (0.1, 1.0)])
@pytest.mark.parametrize("seeds", [3, 5, 10])
def test_false_positives_of_compare_are_five_percent(seeds, u, v):
    """For other seeds and other pairs; whichever of the two is most of the chance."""
    rng = np.random.default_rng(seeds)
    p = [
        compare_resampled(*study(rng, seeds, u=u, v=v, w=0.3, resamples=60)).p for _ in range(1500)
    ]
    assert np.mean(np.array(p) < 0.05) == pytest.approx(0.05, abs=0.019)


def test_other_methods_fail_where_the_document_says():
    """A paired t knows nothing of other pairs, pairs nothing of other seeds; resampled seeds are too few of three."""
    rng = np.random.default_rng(0)
    rejected = {"seeds": 0, "pairs": 0, "nested": 0}
    for _ in range(600):
        of_pairs, of_seeds = (
            study(rng, 3, u=0.1, v=1.0, resamples=60),
            study(rng, 3, u=1.0, v=0.05, w=0.05),
        )
        rejected["seeds"] += compare_resampled(*of_pairs, population="seeds").p < 0.05
        rejected["pairs"] += compare_resampled(*of_seeds, population="pairs").p < 0.05
        rejected["nested"] += nested_test(*of_seeds, rng).p < 0.05
    assert min(rejected.values()) > 600 * 0.12


def test_interval_over_pairs_covers_at_its_level():
    """One seed: the interval is for this encoder on other pairs of the same kind. 300 draws of 150 pairs, rho known."""
    rng = np.random.default_rng(0)
    rho = 0.6
    truth = 6 / np.pi * np.arcsin(rho / 2)  # Spearman of a bivariate normal
    hits = 0
    for _ in range(300):
        x, y = rng.multivariate_normal([0, 0], [[1, rho], [rho, 1]], 150).T
        boot = spearman_bootstrap(x, y[None], resample_counts(150, 300, rng))
        interval = nested_interval(boot, np.array([stats.spearmanr(x, y)[0]]), rng)
        hits += interval.low <= truth <= interval.high
    assert 0.90 <= hits / 300 <= 0.985
    assert interval.method == "bootstrap over pairs (one seed)"


def test_nested_interval_sees_the_spread_of_seeds():
    rng = np.random.default_rng(0)
    pairs = rng.normal(0, 0.001, (2000, 1))
    seeds = np.array([0.5, 0.6, 0.7])
    interval = nested_interval(seeds + pairs, seeds, rng)
    assert interval.estimate == pytest.approx(0.6)
    assert interval.low == pytest.approx(0.5, abs=0.01)  # all three draws the smallest: 1 in 27
    assert interval.high == pytest.approx(0.7, abs=0.01)


def test_nested_test_is_two_sided_and_never_zero():
    rng = np.random.default_rng(0)
    a, b, boot_a, boot_b = study(rng, 3, delta=50.0)
    assert nested_test(a, b, boot_a, boot_b, rng).p == pytest.approx(2 / 201)
    assert nested_test(b, a, boot_b, boot_a, rng).p == pytest.approx(2 / 201)
    interval = nested_interval(boot_a, a, np.random.default_rng(5))
    found = nested_test(a, b, boot_a, boot_b, np.random.default_rng(5))
    assert (found.low, found.high) == (interval.low, interval.high)


# ---- the best of several -----------------------------------------------------------------------------------------


def looks(rng, truth, correlation=0.9, resamples=300):
    """Values of several looks with noise of deviation 1, correlated as checkpoints on the same pairs are."""

    def noise(n):
        common, own = rng.normal(size=(n, 1)), rng.normal(size=(n, len(truth)))
        return correlation**0.5 * common + (1 - correlation) ** 0.5 * own

    values = truth + noise(1)[0]
    return values, values + noise(resamples)


def test_luck_of_the_best_of_equals_is_that_of_order_statistics():
    rng = np.random.default_rng(0)
    found = [best_of(*looks(rng, np.zeros(8))) for _ in range(300)]
    expected = expected_maximum(8, correlation=0.9)
    assert np.mean([f.inflation_if_equal for f in found]) == pytest.approx(expected, rel=0.03)
    assert np.mean([f.inflation for f in found]) == pytest.approx(expected, rel=0.1)
    assert found[0].corrected == found[0].reported - found[0].inflation


@pytest.mark.parametrize("spread", [0.3, 1.0])
def test_luck_of_the_best_of_unequal_looks(spread):
    """On average what the choice gained by noise; without drawing the values together it is far too little."""
    rng = np.random.default_rng(1)
    gained, told = [], []
    for _ in range(600):
        truth = spread * rng.normal(size=8)
        values, boot = looks(rng, truth)
        error = values - truth
        gained.append(
            error[values.argmax()] - error.mean()
        )  # the mean error is 0 on average: less Monte Carlo error
        told.append(best_of(values, boot).inflation)
    assert np.mean(told) == pytest.approx(np.mean(gained), rel=0.2)


def test_a_clear_winner_was_not_luck():
    values, boot = looks(np.random.default_rng(0), np.array([0.0, 0.1, 20.0]))
    found = best_of(values, boot)
    assert (found.index, found.looks) == (2, 3)
    assert found.inflation == pytest.approx(0, abs=1e-9)
    alone = best_of(values[:1], boot[:, :1])
    assert (alone.index, alone.inflation, alone.corrected) == (0, 0.0, values[0])


def test_no_best_of_nothing():
    values, boot = looks(np.random.default_rng(0), np.zeros(3))
    assert best_of(values[:0], boot[:, :0]).reason == "no looks"
    undefined = best_of(np.r_[np.nan, values[1:]], boot)
    assert (undefined.index, undefined.reason) == (None, "undefined values")
    assert np.isnan([undefined.reported, undefined.inflation, undefined.corrected]).all()
    boot[3, 1] = np.nan
    assert best_of(values, boot).reason == "undefined resamples"
