"""The test of a mean over seeds and pairs: its limits, its laws, and its exact false positives."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special, stats

from recse_lab.statistics.combined import (
    LEAST_P,
    combined_test,
    half_width,
    p_value,
    tasks_test,
)
from recse_lab.statistics.seeds import paired_test

SHARES = np.logspace(-3, 3, 31)


def misses(df, alpha, share, pairs_df=np.inf, steps=400):
    """Exact false positives where the seeds' variance is ``share`` times that of the pairs.

    The mean is normal; each estimated variance is its truth times an independent chi-square.
    """
    middle = (np.arange(steps) + 0.5) / steps
    seeds = share * stats.chi2.ppf(middle, df) / df
    pairs = 1.0 if np.isinf(pairs_df) else stats.chi2.ppf(middle, pairs_df)[:, None] / pairs_df
    half = half_width(seeds, pairs, df, alpha, pairs_df=pairs_df)
    return np.mean(2 * special.ndtr(-half / np.sqrt(1 + share)))


@pytest.mark.parametrize("df", [1, 2, 4, 9, 19, 49])
@pytest.mark.parametrize("alpha", [0.2, 0.1, 0.05, 0.05 / 6, 0.05 / 20, 0.001])
def test_false_positives_never_exceed_the_level(df, alpha):
    """At every level that a table of up to 50 rows uses after Holm, and every share of seeds."""
    rates = [misses(df, alpha, share) for share in SHARES]
    assert max(rates) <= 1.01 * alpha
    if df >= 4 and alpha >= 0.05:
        assert min(rates) >= 0.8 * alpha  # and the care is bounded


@pytest.mark.parametrize("df", [2, 4, 19])
@pytest.mark.parametrize("pairs_df", [5, 20])
def test_they_do_not_where_pairs_estimate_their_variance_too(df, pairs_df):
    for alpha in (0.1, 0.05, 0.01):
        assert max(misses(df, alpha, share, pairs_df) for share in SHARES[::3]) <= alpha


def test_half_width_by_hand():
    t, z = stats.t.isf(0.025, 4), stats.norm.isf(0.025)
    m = 2 + 0.4 * np.log(t**2 / z**2)
    by_hand = ((t * 0.3) ** m + (z * 0.4) ** m) ** (1 / m)
    assert half_width(0.09, 0.16, 4, 0.05) == pytest.approx(by_hand)
    assert half_width(0.0, 0.0, 4, 0.05) == 0.0
    assert half_width(0.09, 0.16, 4, 0.05, pairs_df=4) == pytest.approx(t * 0.5)  # Banerjee's


positive = st.floats(1e-3, 1e3)


@given(st.lists(st.floats(-10, 10), min_size=2, max_size=12), st.floats(0, 100))
def test_p_for_both_is_never_below_that_for_seeds_or_for_pairs(values, pairs):
    differences = np.array(values)
    alone = paired_test(differences, np.zeros(len(values)))
    found = combined_test(differences, pairs)
    if alone.p is not None:
        assert found.p >= min(1, max(alone.p, LEAST_P)) * (1 - 1e-9)
    if pairs > 1e-12:
        assert found.p >= max(LEAST_P, 2 * stats.norm.sf(abs(found.delta) / pairs**0.5)) * (
            1 - 1e-9
        )


@given(st.integers(1, 40), positive, positive, st.floats(0.01, 30))
def test_p_falls_with_the_value_and_rises_with_either_variance(df, seeds, pairs, value):
    p = p_value(value, seeds, pairs, df)
    assert p_value(1.1 * value, seeds, pairs, df) <= p
    assert p_value(value, 1.1 * seeds, pairs, df) >= p
    assert p_value(value, seeds, 1.1 * pairs, df) >= p
    if p > LEAST_P:
        assert half_width(seeds, pairs, df, p) == pytest.approx(value, rel=1e-6)


def test_without_pairs_it_is_the_paired_t():
    rng = np.random.default_rng(0)
    for n in (2, 3, 5, 20):
        a, b = rng.normal(size=(2, n))
        found, alone = combined_test(a - b, 0.0, level=0.9), paired_test(a, b, level=0.9)
        assert found[:4] == pytest.approx(alone[:4])


@pytest.mark.parametrize(
    ("differences", "pairs", "message"),
    [
        ([], 0.1, "finite"),
        ([0.1, np.nan], 0.1, "finite"),
        ([0.1, 0.2], -1e-9, "variance over pairs"),
    ],
)
def test_refused(differences, pairs, message):
    with pytest.raises(ValueError, match=message):
        combined_test(np.array(differences), pairs)


def test_new_tasks_are_a_t_over_the_tasks_where_seeds_agree():
    rng = np.random.default_rng(0)
    tasks = rng.normal(0.3, 1, 7)
    same = np.tile(tasks, (5, 1))
    found, alone = tasks_test(same), stats.ttest_1samp(tasks, 0)
    assert found.p == pytest.approx(alone.pvalue)
    hits = []
    for _ in range(2000):
        values = rng.normal(size=7) + rng.normal(size=(5, 1)) + 0.3 * rng.normal(size=(5, 7))
        hits.append(tasks_test(values).p < 0.05)
    assert np.mean(hits) <= 0.06
    with pytest.raises(ValueError, match="two tasks"):
        tasks_test(np.zeros((3, 1)))
