"""Bootstrap, intervals and tests against SciPy, by hand, and by simulation."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from recse_lab.errors import LabError
from recse_lab.evaluation import statistics
from recse_lab.evaluation.statistics import (
    bootstrap_sts,
    holm,
    minimum_detectable,
    nested_interval,
    paired_test,
    resample_counts,
    spearman_bootstrap,
    t_interval,
)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 9999), n=st.integers(3, 60), grades=st.integers(2, 8), decimals=st.integers(0, 3))
def test_rank_bootstrap_equals_scipy_on_the_expanded_resample(seed, n, grades, decimals):
    """Ties in gold, in scores, and by repetition."""
    rng = np.random.default_rng(seed)
    gold = rng.integers(0, grades, n).astype(np.float32)
    scores = np.round(rng.normal(size=(2, n)), decimals).astype(np.float32)
    counts = resample_counts(n, 5, rng)
    got = spearman_bootstrap(gold, scores, counts)
    for i, times in enumerate(counts):
        for run in range(2):
            x, y = np.repeat(gold, times), np.repeat(scores[run], times)
            if np.ptp(x) > 0 and np.ptp(y) > 0:
                assert got[i, run] == pytest.approx(stats.spearmanr(x, y)[0], abs=1e-10)
            else:
                assert np.isnan(got[i, run])


def test_blocks_of_resamples_change_nothing(monkeypatch):
    rng = np.random.default_rng(0)
    gold, scores = rng.integers(0, 6, 50).astype(np.float32), rng.normal(size=(3, 50))
    counts = resample_counts(50, 23, rng)
    whole = spearman_bootstrap(gold, scores, counts)
    monkeypatch.setattr(statistics, "BLOCK", 200)  # four resamples at a time, three in the last
    np.testing.assert_array_equal(spearman_bootstrap(gold, scores, counts), whole)


def test_every_resample_draws_as_many_pairs_as_there_are():
    counts = resample_counts(300, 400, np.random.default_rng(0))
    assert (counts.sum(axis=1) == 300).all()
    assert counts.var() == pytest.approx(1 - 1 / 300, abs=0.02)  # binomial(n, 1/n)


def test_a_score_that_is_none_makes_its_run_undefined_and_no_other():
    rng = np.random.default_rng(0)
    gold, scores = rng.normal(size=40), rng.normal(size=(2, 40))
    scores[0, 7] = np.nan
    boot = spearman_bootstrap(gold, scores, resample_counts(40, 5, rng))
    assert np.isnan(boot[:, 0]).all()
    assert np.isfinite(boot[:, 1]).all()
    with pytest.raises(ValueError, match="not over the same pairs"):
        spearman_bootstrap(gold, scores, resample_counts(39, 5, rng))


def frames(runs=3, n=80, seed=0, tasks=("sts12", "stsb")):
    rng = np.random.default_rng(seed)
    out = []
    gold = {t: rng.integers(0, 26, n) / 5 for t in tasks}
    for _ in range(runs):
        parts = [pd.DataFrame({"task": t, "gold": gold[t], "score": gold[t] + rng.normal(size=n) * 2}) for t in tasks]
        out.append(pd.concat(parts))
    return out


def test_bootstrap_is_paired_centred_and_averages_tasks():
    runs = frames()
    boot = bootstrap_sts([*runs, runs[0]], tasks=("sts12", "stsb"), resamples=400)
    np.testing.assert_array_equal(boot[:, 0], boot[:, 3])  # the same run on the same resamples
    rhos = [np.asarray(stats.spearmanr(p["gold"], p["score"]))[0] for _, p in runs[0].groupby("task")]
    assert boot[:, 0].mean() == pytest.approx(np.mean(rhos), abs=0.02)


def test_runs_over_different_pairs_are_refused():
    a, b = frames(runs=2)
    with pytest.raises(LabError, match="different pairs or gold scores of stsb"):
        bootstrap_sts([a, b[:-1]], tasks=("sts12", "stsb"))
    with pytest.raises(LabError, match="holds no scores of sickr"):
        bootstrap_sts([a, b], tasks=("sickr",))


def test_pairs_in_another_order_are_refused_even_where_gold_agrees():
    a, b = (run.assign(pair=np.arange(len(run)), subset="all") for run in frames(runs=2))
    b = b.assign(pair=b["pair"].to_numpy()[::-1])
    with pytest.raises(LabError, match="different pairs or gold scores of sts12"):
        bootstrap_sts([a, b], tasks=("sts12",))


def test_a_constant_encoder_has_no_interval():
    """Float32 noise around one cosine is no ranking, here as in sts_results."""
    a, b = frames(runs=2)
    noise = np.random.default_rng(0).uniform(0, 1e-7, len(b))
    boot = bootstrap_sts([a, b.assign(score=0.9 + noise)], tasks=("sts12", "stsb"), resamples=20)
    assert np.isfinite(boot[:, 0]).all()
    assert np.isnan(boot[:, 1]).all()


def test_t_interval_is_scipy_s():
    values = [0.61, 0.64, 0.60, 0.66]
    got, expected = t_interval(values), stats.ttest_1samp(values, 0).confidence_interval()
    assert (got.low, got.high) == pytest.approx((expected.low, expected.high))
    assert (got.estimate, got.n) == (pytest.approx(0.6275), 4)
    assert np.isnan(t_interval([0.5]).low)
    assert t_interval([0.5]).estimate == 0.5


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
    p = [paired_test(rng.normal(size=seeds), rng.normal(size=seeds)).p for _ in range(4000)]
    assert np.mean(np.array(p) < 0.05) == pytest.approx(0.05, abs=0.01)


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
    assert stats.ncf.sf(critical**2, 1, seeds - 1, seeds * (effect / 0.5) ** 2) == pytest.approx(power, abs=1e-6)


def test_no_minimum_where_there_is_no_test():
    assert minimum_detectable(1.0, 1) is None
    assert minimum_detectable(0.0, 5) is None
    assert minimum_detectable(float("nan"), 5) is None
    with pytest.raises(ValueError, match="between the level"):
        minimum_detectable(1.0, 5, power=0.01)
