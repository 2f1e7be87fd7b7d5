"""Influences: derivatives of the correlations, against finite differences and known variances."""

import numpy as np
import pytest
from scipy import stats

from recse_lab.statistics.influence import INFLUENCES, pearson_influence, spearman_influence

CORRELATE = {"spearman": stats.spearmanr, "pearson": stats.pearsonr}


def tied(n=25, seed=0):
    rng = np.random.default_rng(seed)
    gold = rng.integers(0, 6, n).astype(float)
    return gold, np.round(gold + 2 * rng.normal(size=n))


@pytest.mark.parametrize("metric", INFLUENCES)
def test_influence_is_the_derivative_in_the_weight_of_a_pair(metric):
    """A pair that counts k + 1 times where all others count k times; ties in both variables."""
    gold, score = tied()
    n, k = len(gold), 400
    psi = INFLUENCES[metric](gold, score[None])[0] * (n * (n - 1)) ** 0.5
    base = CORRELATE[metric](gold, score)[0]
    for pair in range(n):
        heavier = np.append(np.tile(np.arange(n), k), pair)
        moved = CORRELATE[metric](gold[heavier], score[heavier])[0]
        assert (moved - base) * (n * k + 1) == pytest.approx(psi[pair], abs=0.02)


@pytest.mark.parametrize("metric", INFLUENCES)
def test_influences_sum_to_zero_and_scales_change_nothing(metric):
    gold, score = tied()
    psi = INFLUENCES[metric](gold, score[None])
    assert psi.sum() == pytest.approx(0, abs=1e-12)
    np.testing.assert_allclose(INFLUENCES[metric](3 * gold + 1, 0.1 * score[None] - 7), psi)
    np.testing.assert_allclose(INFLUENCES[metric](gold, -score[None]), -psi)
    order = np.random.default_rng(1).permutation(len(gold))
    np.testing.assert_allclose(INFLUENCES[metric](gold[order], score[None, order]), psi[:, order])


def test_ranks_alone_matter_to_spearman():
    gold, score = tied()
    psi = spearman_influence(gold, score[None])
    np.testing.assert_allclose(spearman_influence(np.exp(gold), np.sinh(score[None])), psi)


@pytest.mark.parametrize("rho", [0.0, 0.8])
def test_variance_of_pearson_in_a_normal_population(rho):
    """n · var r → (1 − ρ²)²."""
    rng = np.random.default_rng(0)
    x, y = rng.multivariate_normal([0, 0], [[1, rho], [rho, 1]], 40_000).T
    psi = pearson_influence(x, y[None])[0]
    assert (psi**2).sum() * 40_000 == pytest.approx((1 - rho**2) ** 2, rel=0.04)


def test_variance_of_spearman_without_correlation():
    """n · var ρ → 1 for independent variables (Kendall 1948)."""
    rng = np.random.default_rng(0)
    psi = spearman_influence(rng.normal(size=40_000), rng.normal(size=(1, 40_000)))[0]
    assert (psi**2).sum() * 40_000 == pytest.approx(1, rel=0.04)


@pytest.mark.parametrize("influence", INFLUENCES.values())
def test_undefined_correlations_have_no_influences(influence):
    gold, score = tied()
    bad = np.stack([score, np.full_like(score, 0.5), np.where(gold == gold[0], np.nan, score)])
    assert np.isfinite(influence(gold, bad)).all(axis=1).tolist() == [True, False, False]
    assert np.isnan(influence(np.ones_like(gold), score[None])).all()
    assert np.isnan(influence(gold[:1], score[None, :1])).all()
    with pytest.raises(ValueError, match="not over the same pairs"):
        influence(gold[:-1], score[None])
