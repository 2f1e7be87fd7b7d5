"""Intervals of one correlation: against the bootstrap, their coverage, and where there is none."""

import numpy as np
import pytest

from recse_lab.statistics.correlation import METRICS
from recse_lab.statistics.correlation_interval import correlation_interval
from recse_lab.statistics.rank_bootstrap import bootstrap_correlations
from recse_lab.statistics.sharing import SharedSentences


@pytest.mark.parametrize("metric", METRICS)
def test_interval_is_fisher_s_and_close_to_the_bootstrap(metric):
    rng = np.random.default_rng(0)
    gold = rng.integers(0, 26, 200) / 5
    score = gold + rng.normal(size=200)
    got = correlation_interval(gold, score, metric=metric, level=0.9)
    r = METRICS[metric](gold, score)[0]
    assert got.estimate == pytest.approx(r)
    middle = np.tanh(np.mean(np.arctanh([got.low, got.high])))
    assert middle == pytest.approx(r)
    boot = bootstrap_correlations(
        gold, score[None], metric=metric, resamples=4000, rng=np.random.default_rng(3)
    )
    half = 1.644854 * np.std(np.arctanh(boot), ddof=1)
    assert np.arctanh(got.high) - np.arctanh(r) == pytest.approx(half, rel=0.06)
    assert (got.level, got.n) == (0.9, 200)


def test_duplicated_pairs_count_once():
    rng = np.random.default_rng(0)
    gold, ids = rng.normal(size=100), np.arange(200).reshape(100, 2)
    score = gold + rng.normal(size=100)
    once = correlation_interval(gold, score)
    shared = SharedSentences(*np.tile(ids, (3, 1)).T)
    thrice = correlation_interval(np.tile(gold, 3), np.tile(score, 3), shared)
    assert thrice[:3] == pytest.approx(once[:3], rel=5e-3)
    assert "share sentences" in thrice.method


@pytest.mark.parametrize(
    ("metric", "truth"), [("spearman", 6 / np.pi * np.arcsin(0.4)), ("pearson", 0.8)]
)
def test_interval_of_a_correlation_covers_at_its_level(metric, truth):
    """500 draws of 60 pairs from a bivariate normal, whose correlations are known."""
    rng = np.random.default_rng(0)
    hits = []
    for _ in range(500):
        x, y = rng.multivariate_normal([0, 0], [[1, 0.8], [0.8, 1]], 60).T
        interval = correlation_interval(x, y, metric=metric)
        hits.append(interval.low <= truth <= interval.high)
    assert 0.92 <= np.mean(hits) <= 0.975


def test_no_interval_of_a_correlation_and_why():
    x = np.arange(12.0)
    for gold, score, why in [
        (np.ones(12), x, "all gold scores are the same"),
        (np.r_[np.nan, x[1:]], x, "gold has values that are not finite"),
        (x, np.ones(12), "the encoder is constant"),
        (x, np.r_[np.nan, x[1:]], "1 of 12 scores are not finite"),
        (x[:1], x[:1], "fewer than two pairs"),
        (x, x, "the correlation is perfect"),
    ]:
        interval = correlation_interval(gold, score)
        assert why in interval.method
        assert np.isnan([interval.low, interval.high]).all()
    assert correlation_interval(x, x).estimate == pytest.approx(1.0)
    with pytest.raises(ValueError, match="12 gold values and 11 scores"):
        correlation_interval(x, x[1:])
