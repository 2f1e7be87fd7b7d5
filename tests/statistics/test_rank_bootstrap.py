"""Correlations on resamples: against SciPy on the expanded resample, integers; bad input."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from recse_lab.statistics import rank_bootstrap
from recse_lab.statistics.correlation import METRICS
from recse_lab.statistics.rank_bootstrap import (
    BOOTSTRAPS,
    bootstrap_correlations,
    pearson_bootstrap,
    resample_counts,
    spearman_bootstrap,
)


@pytest.mark.parametrize("metric", METRICS)
@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 9999),
    n=st.integers(3, 60),
    grades=st.integers(2, 8),
    decimals=st.integers(0, 3),
)
def test_bootstrap_equals_scipy_on_the_expanded_resample(metric, seed, n, grades, decimals):
    """Ties in gold, in scores, and by repetition; resamples with one value only."""
    rng = np.random.default_rng(seed)
    gold = rng.integers(0, grades, n).astype(np.float32)
    scores = np.round(rng.normal(size=(2, n)) + 3, decimals).astype(np.float32)
    counts = resample_counts(n, 5, rng)
    got = BOOTSTRAPS[metric](gold, scores, counts)
    for i, times in enumerate(counts):
        for run in range(2):
            x, y = np.repeat(gold, times).astype(float), np.repeat(scores[run], times).astype(float)
            if np.ptp(x) > 0 and np.ptp(y) > 0:
                assert got[i, run] == pytest.approx(METRICS[metric](x, y)[0], abs=1e-9)
            else:
                assert np.isnan(got[i, run])


@pytest.mark.parametrize("decimals", [1, 4, 12])
def test_ranks_are_exact_at_twenty_thousand_pairs(decimals):
    """The same quotient from 64-bit integers, bit by bit; and SciPy's."""
    n, rng = 20_000, np.random.default_rng(0)
    gold = rng.integers(0, 26, n) / 5
    score = np.round(gold + rng.normal(size=n), decimals)
    counts = resample_counts(n, 2, rng)
    got = spearman_bootstrap(gold, score[None], counts)[:, 0]
    for value, times in zip(got, counts, strict=True):
        x, y = np.repeat(gold, times), np.repeat(score, times)
        x, y = (np.round(2 * stats.rankdata(v)).astype(np.int64) - n - 1 for v in (x, y))
        assert value == int(x @ y) / np.sqrt(float(int(x @ x)) * float(int(y @ y)))
        assert value == pytest.approx(
            stats.spearmanr(np.repeat(gold, times), np.repeat(score, times))[0], abs=1e-12
        )


def test_a_resample_may_leave_out_pairs():
    """The jackknife is a resample too, and so is one of another size than the sample."""
    rng = np.random.default_rng(1)
    gold, score = rng.integers(0, 5, 30).astype(float), rng.normal(size=30)
    got = spearman_bootstrap(gold, score[None], 1 - np.eye(30, dtype=np.int16))[:, 0]
    expected = [stats.spearmanr(np.delete(gold, i), np.delete(score, i))[0] for i in range(30)]
    np.testing.assert_allclose(got, expected, atol=1e-12)


def test_blocks_and_chunks_of_resamples_change_nothing(monkeypatch):
    rng = np.random.default_rng(0)
    gold, scores = rng.integers(0, 6, 50).astype(np.float32), rng.normal(size=(3, 50))
    counts = resample_counts(50, 23, rng)
    whole = [BOOTSTRAPS[m](gold, scores, counts) for m in METRICS]
    drawn = bootstrap_correlations(gold, scores, resamples=23, rng=np.random.default_rng(5))
    monkeypatch.setattr(rank_bootstrap, "BLOCK", 200)  # four resamples at a time, three in the last
    monkeypatch.setattr(rank_bootstrap, "CHUNK", 500)  # ten drawn at a time
    for metric, expected in zip(METRICS, whole, strict=True):
        np.testing.assert_allclose(
            BOOTSTRAPS[metric](gold, scores, counts), expected, rtol=0, atol=1e-13
        )
    again = bootstrap_correlations(gold, scores, resamples=23, rng=np.random.default_rng(5))
    np.testing.assert_array_equal(again, drawn)


def test_every_resample_draws_as_many_pairs_as_there_are():
    counts = resample_counts(300, 400, np.random.default_rng(0))
    assert (counts.sum(axis=1) == 300).all()
    assert counts.var() == pytest.approx(1 - 1 / 300, abs=0.02)  # binomial(n, 1/n)
    rng = np.random.default_rng(0)
    one_by_one = [np.bincount(rng.integers(0, 300, 300), minlength=300) for _ in range(400)]
    np.testing.assert_array_equal(counts, one_by_one)


def test_a_score_that_is_none_makes_its_run_undefined_and_no_other():
    rng = np.random.default_rng(0)
    gold, scores = rng.normal(size=40), rng.normal(size=(2, 40))
    scores[0, 7] = np.nan
    for bootstrap in (spearman_bootstrap, pearson_bootstrap):
        boot = bootstrap(gold, scores, resample_counts(40, 5, rng))
        assert np.isnan(boot[:, 0]).all()
        assert np.isfinite(boot[:, 1]).all()
        assert np.isnan(
            bootstrap(np.r_[np.nan, gold[1:]], scores, resample_counts(40, 5, rng))
        ).all()
        assert np.isnan(bootstrap(np.full(40, 0.1), scores, resample_counts(40, 5, rng))).all()
        with pytest.raises(ValueError, match="not over the same pairs"):
            bootstrap(gold, scores, resample_counts(39, 5, rng))
