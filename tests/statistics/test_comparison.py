"""Two arms over seeds and pairs: by hand, against SciPy, and in simulated studies."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from recse_lab.errors import LabError
from recse_lab.statistics.comparison import compare, compare_influences, compare_sts, mean_interval
from recse_lab.statistics.influence import pearson_influence, spearman_influence
from recse_lab.statistics.seeds import paired_test
from recse_lab.statistics.sharing import SharedSentences


def study(rng, seeds, *, u=1.0, v=1.0, w=0.5, delta=0.0, pairs=200):
    """Values of two arms, normal with these deviations of the parts of D_s, and influences of as
    many pairs."""
    a = delta + u * rng.normal(size=seeds) + v * rng.normal() + w * rng.normal(size=seeds)
    psi = v * rng.normal(size=(1, pairs)) + w * rng.normal(size=(seeds, pairs))
    return a, np.zeros(seeds), psi / pairs**0.5, np.zeros((seeds, pairs))


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 999),
    n=st.integers(1, 6),
    population=st.sampled_from(["both", "pairs", "seeds"]),
)
def test_interval_and_p_agree_and_arms_change_places(seed, n, population):
    """0 is the end of the interval at level 1 − p; swapping the arms turns the interval round."""
    rng = np.random.default_rng(seed)
    a, b, psi_a, psi_b = study(rng, n, delta=2.0, pairs=30)
    found = compare_influences(a, b, psi_a, psi_b, population=population)
    back = compare_influences(b, a, psi_b, psi_a, population=population)
    if found.p is None or found.low is None or found.high is None:
        assert (population, n) == ("seeds", 1)
        return
    assert (back.delta, back.low, back.high, back.p) == pytest.approx(
        (-found.delta, -found.high, -found.low, found.p)
    )
    assert (found.p < 0.05) == (found.low > 0 or found.high < 0)
    at_p = compare_influences(a, b, psi_a, psi_b, population=population, level=1 - found.p)
    assert at_p.low is not None
    assert at_p.high is not None
    assert min(abs(at_p.low), abs(at_p.high)) == pytest.approx(0, abs=1e-6)


def test_every_population_has_its_method():
    a, b, psi_a, psi_b = study(np.random.default_rng(0), 5)
    b = b + 0.1
    seeds = compare_influences(a, b, psi_a, psi_b, population="seeds")
    paired = paired_test(a.tolist(), b.tolist())
    assert (seeds.delta, seeds.low, seeds.high, seeds.p, seeds.method) == (
        *paired[:4],
        "paired t over seeds",
    )
    pairs = compare_influences(a, b, psi_a, psi_b, population="pairs", level=0.9)
    half = stats.norm.isf(0.05) * np.sqrt(((psi_a - psi_b).mean(axis=0) ** 2).sum())
    assert (pairs.low, pairs.high) == pytest.approx((pairs.delta - half, pairs.delta + half))
    assert pairs.why == "these models on new pairs"
    both = compare_influences(a, b, psi_a, psi_b)
    assert (both.method, both.population, both.seeds) == (
        "t over seeds with variance over pairs",
        "both",
        5,
    )
    assert both.p is not None
    assert pairs.p is not None
    assert both.p > pairs.p


def test_one_seed_falls_back_on_the_pairs_and_says_so():
    a, b, psi_a, psi_b = study(np.random.default_rng(0), 1)
    found = compare_influences(a, b, psi_a, psi_b)
    assert found.population == "pairs"
    assert "not about new seeds" in found.why
    assert found.p == compare_influences(a, b, psi_a, psi_b, population="pairs").p
    alone = compare_influences(a, b, psi_a, psi_b, population="seeds")
    assert (alone.p, alone.low, alone.why) == (None, None, "one seed: no test")


def test_no_comparison_and_why():
    a, b, psi_a, psi_b = study(np.random.default_rng(0), 3)
    same = compare_influences(a, a, psi_a, psi_a)
    assert (same.p, same.low, same.delta) == (None, None, 0.0)
    assert "the same for every seed and all pairs" in same.why
    missing = compare_influences(np.r_[np.nan, a[1:]], b, psi_a, psi_b)
    assert missing.why == "undefined for 1 of 3 seeds: no test"
    psi_a[0, 5] = np.nan
    undefined = compare_influences(a, b, psi_a, psi_b)
    assert undefined.why == "undefined influence of pairs for 1 of 3 seeds: no test"
    one = compare_influences(a, b, psi_a[:, 1:2], psi_b[:, 1:2])
    assert one.why == "fewer than two pairs: no test"
    none, empty = np.empty(0), np.empty((0, 9))
    assert compare_influences(none, none, empty, empty).why == "no seed in common"
    for wrong in (
        (a[:2], b, psi_a, psi_b),
        (a, b, psi_a[:2], psi_b),
        (a, b, psi_a[:, :9], psi_b),
    ):
        with pytest.raises(ValueError, match="arms"):
            compare_influences(*wrong)


def test_interval_of_one_arm_says_what_it_is_about():
    a, _, psi, _ = study(np.random.default_rng(0), 4)
    both, one = mean_interval(a, psi), mean_interval(a[:1], psi[:1])
    assert both.estimate == pytest.approx(a.mean())
    assert both.low < a.mean() < both.high
    assert "4 seeds: variances over seeds and over pairs added" in both.method
    assert "not about new seeds" in one.method
    undefined = mean_interval(np.r_[np.nan, a[1:]], psi)
    assert np.isnan([undefined.low, undefined.high]).all()
    assert "undefined for 1 of 4 seeds" in undefined.method


def scored(rng, seeds=3, pairs=150):
    gold = rng.integers(0, 26, pairs) / 5
    return gold, *(gold + rng.normal(size=(seeds, pairs)) * sd for sd in (1.0, 2.0))


def test_comparison_of_scores_is_that_of_their_influences():
    gold, a, b = scored(np.random.default_rng(0))
    found = compare(gold, a, b)
    means = [np.mean([stats.spearmanr(gold, row)[0] for row in arm]) for arm in (a, b)]
    assert found.delta == pytest.approx(means[0] - means[1])
    point = np.array([stats.spearmanr(gold, row)[0] for row in (*a, *b)])
    psi = spearman_influence(gold, np.concatenate([a, b]))
    expected = compare_influences(point[:3], point[3:], psi[:3], psi[3:])
    assert found[:4] == pytest.approx(expected[:4])
    assert found.p is not None
    assert found.p < 0.02
    seeds = compare(gold, a, b, population="seeds")
    assert seeds.p == pytest.approx(stats.ttest_rel(point[:3], point[3:]).pvalue)
    pearson = compare(gold, a, b, metric="pearson")
    r = np.array([stats.pearsonr(gold, row)[0] for row in (*a, *b)])
    psi = pearson_influence(gold, np.concatenate([a, b]))
    assert pearson[:4] == pytest.approx(compare_influences(r[:3], r[3:], psi[:3], psi[3:])[:4])


def test_pairs_that_share_sentences_widen_every_interval():
    """Every pair twice: the same information as once."""
    gold, a, b = scored(np.random.default_rng(0))
    ids = np.arange(300).reshape(150, 2)
    twice = (np.tile(gold, 2), np.tile(a, 2), np.tile(b, 2))
    shared = SharedSentences(*np.tile(ids, (2, 1)).T)
    for population in ("pairs", "both"):
        once = compare(gold, a, b, population=population)
        known = compare(*twice, shared, population=population)
        # a factor n / (n − 1) of 150 and of 300 pairs is all that differs
        assert known[:3] == pytest.approx(once[:3], rel=2e-3)
        assert known.sharing_ratio == pytest.approx(2**0.5)
        naive = compare(*twice, population=population)
        assert naive.sharing_ratio == 1
        if population == "pairs":
            assert naive.p < known.p
    assert "share sentences" in compare(*twice, shared).method


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
    one = compare_sts(frames(gold, a), frames(gold, b), tasks=["stsb"])
    assert one[:4] == pytest.approx(compare(gold, a, b)[:4])
    other = scored(np.random.default_rng(1))
    two = [
        [
            pd.concat(parts)
            for parts in zip(frames(gold, arm), frames(other[0], more, "sts12"), strict=True)
        ]
        for arm, more in ((a, other[1]), (b, other[2]))
    ]
    mean = compare_sts(*two, tasks=["stsb", "sts12"])
    assert mean.delta == pytest.approx((one.delta + compare(*other, population="seeds").delta) / 2)
    ids = {"first": np.zeros(150, int), "second": np.arange(150)}  # one sentence in all pairs
    known = [[frame.assign(**ids) for frame in frames(gold, arm)] for arm in (a, b)]
    wide = compare_sts(*known, tasks=["stsb"])
    shared = SharedSentences(*ids.values())
    assert wide[:4] == pytest.approx(compare(gold, a, b, shared)[:4])
    assert compare_sts(*known, tasks=["stsb"], independent=True)[:4] == pytest.approx(one[:4])
    swapped = [frame.assign(pair=frame["pair"].to_numpy()[::-1]) for frame in frames(gold, b)]
    with pytest.raises(LabError, match="different pairs or gold scores of stsb"):
        compare_sts(frames(gold, a), swapped, tasks=["stsb"])
    with pytest.raises(LabError, match="3 seeds of one arm and 2 of the other"):
        compare_sts(frames(gold, a), frames(gold, b[:2]), tasks=["stsb"])


@pytest.mark.parametrize(("u", "v"), [(1.0, 0.2), (0.7, 0.7), (0.1, 1.0)])
@pytest.mark.parametrize("seeds", [3, 5, 10])
def test_false_positives_of_compare_are_five_percent(seeds, u, v):
    """For other seeds and other pairs; whichever of the two is most of the chance."""
    rng = np.random.default_rng(seeds)
    p = [compare_influences(*study(rng, seeds, u=u, v=v, w=0.3, pairs=60)).p for _ in range(1500)]
    assert np.mean(np.array(p) < 0.05) == pytest.approx(0.05, abs=0.019)


def test_single_source_methods_fail_for_the_population_both():
    """A paired t ignores the chance of new pairs, the variance over pairs that of new seeds."""
    rng = np.random.default_rng(0)
    rejected = {"seeds": 0, "pairs": 0}
    for _ in range(600):
        of_pairs = study(rng, 3, u=0.1, v=1.0, pairs=60)
        of_seeds = study(rng, 3, u=1.0, v=0.05, w=0.05)
        rejected["seeds"] += compare_influences(*of_pairs, population="seeds").p < 0.05
        rejected["pairs"] += compare_influences(*of_seeds, population="pairs").p < 0.05
    assert min(rejected.values()) > 600 * 0.12
