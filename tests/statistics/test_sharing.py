"""Variances over pairs that share sentences: known graphs, a double loop, a simulated world."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recse_lab.statistics.influence import spearman_influence
from recse_lab.statistics.sharing import SharedSentences, pairs_covariance


def by_double_loop(first, second, a, b):
    """Every ordered two pairs with a sentence in common, once."""
    total = 0.0
    for i in range(len(first)):
        for j in range(len(first)):
            if {first[i], second[i]} & {first[j], second[j]}:
                total += a[i] * b[j]
    return total


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), pairs=st.integers(1, 25), sentences=st.integers(1, 20))
def test_covariance_is_the_double_loop_over_pairs(seed, pairs, sentences):
    """Duplicates, reversed duplicates, and pairs of a sentence with itself among them."""
    rng = np.random.default_rng(seed)
    first, second = rng.integers(-3, sentences - 3, (2, pairs))
    psi = rng.normal(size=(2, pairs))
    found = SharedSentences(first, second).covariance(psi)
    for a in range(2):
        for b in range(2):
            expected = by_double_loop(first, second, psi[a], psi[b])
            assert found[a, b] == pytest.approx(expected, abs=1e-9)


def test_a_path_a_star_and_a_triangle_by_hand():
    psi = np.array([[1.0, 2.0, 4.0]])
    path = SharedSentences(np.array([0, 1, 2]), np.array([1, 2, 3]))
    assert path.covariance(psi)[0, 0] == 1 + 4 + 16 + 2 * (1 * 2 + 2 * 4)
    star = SharedSentences(np.array([9, 9, 9]), np.array([1, 2, 3]))
    assert star.covariance(psi)[0, 0] == (1 + 2 + 4) ** 2
    triangle = SharedSentences(np.array([0, 1, 2]), np.array([1, 2, 0]))
    assert triangle.covariance(psi)[0, 0] == (1 + 2 + 4) ** 2


def test_counts_of_a_graph():
    shared = SharedSentences(np.array([1, 2, 3, 5, 7, 7]), np.array([2, 1, 4, 5, 8, 8]))
    assert (shared.pairs, shared.sentences) == (6, 7)
    assert shared.duplicates == 2  # (2, 1) repeats (1, 2), and (7, 8) itself
    assert shared.sharing == 4
    alone = SharedSentences(np.array([5, 6]), np.array([5, 7]))
    assert (alone.sharing, alone.duplicates) == (0, 0)


def test_independent_pairs_are_the_floor():
    """Opposed influences of one sentence's pairs leave no dyadic variance."""
    shared = SharedSentences(np.array([0, 0]), np.array([1, 2]))
    psi = np.array([[1.0, -1.0], [0.5, -0.5]])
    covariance = pairs_covariance(psi, shared)
    assert covariance.sharing == pytest.approx(np.zeros((2, 2)))
    assert covariance.of_mean() == pytest.approx((1.125, 1.125))
    assert covariance.between() == pytest.approx((1.0, 1.0))
    np.testing.assert_array_equal(pairs_covariance(psi, None).sharing, psi @ psi.T)
    negative = pairs_covariance(np.array([[1.0, 0], [-1.0, 0]]), None)
    assert negative.between() == (0.0, 0.0)  # a variance is not negative


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="are no pairs"):
        SharedSentences(np.arange(3), np.arange(2))
    shared = SharedSentences(np.arange(3), np.arange(3) + 5)
    with pytest.raises(ValueError, match=r"influences \(1, 2\) are not over the 3 pairs"):
        shared.covariance(np.ones((1, 2)))


def test_a_world_with_sentence_effects():
    """Scores whose errors belong to sentences: the true deviation of ρ is found, and independent
    pairs find half of it."""
    rng = np.random.default_rng(0)
    sentences, pairs = 60, 300
    first, second = rng.integers(0, sentences, (2, pairs))
    second = np.where(first == second, (first + 1) % sentences, second)
    shared = SharedSentences(first, second)
    rhos, sharing, independent = [], [], []
    for _ in range(400):
        x, y = rng.normal(size=(2, sentences))
        gold = x[first] + x[second] + 0.5 * rng.normal(size=pairs)
        score = gold + y[first] + y[second] + 0.5 * rng.normal(size=pairs)
        psi = spearman_influence(gold, score[None])
        covariance = pairs_covariance(psi, shared)
        rhos.append(np.corrcoef(np.argsort(np.argsort(gold)), np.argsort(np.argsort(score)))[0, 1])
        sharing.append(covariance.sharing[0, 0])
        independent.append(covariance.independent[0, 0])
    truth = np.std(rhos)
    assert np.mean(sharing) ** 0.5 == pytest.approx(truth, rel=0.12)
    assert np.mean(independent) ** 0.5 < 0.6 * truth
