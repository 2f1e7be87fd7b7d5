"""What sharing costs a bootstrapped measure: against the exact influences, and where it is
nothing.
"""

import numpy as np
import pytest
from scipy import stats

from recse_lab.statistics.influence import spearman_influence
from recse_lab.statistics.rank_bootstrap import resample_counts, spearman_bootstrap
from recse_lab.statistics.shared_bootstrap import SharedBootstrap
from recse_lab.statistics.sharing import SharedSentences, pairs_covariance


def world(pairs=600, sentences=200, seed=0):
    rng = np.random.default_rng(seed)
    first, second = rng.integers(0, sentences, (2, pairs))
    x, y = rng.normal(size=(2, sentences))
    gold = x[first] + x[second] + 0.5 * rng.normal(size=pairs)
    score = gold + y[first] + y[second] + 0.5 * rng.normal(size=pairs)
    return gold, score, SharedSentences(first, second), rng


def test_ratio_of_spearman_is_that_of_its_influences():
    gold, score, shared, rng = world()
    counts = resample_counts(600, 4000, rng)
    boot = spearman_bootstrap(gold, score[None], counts)[:, 0]
    exact = pairs_covariance(spearman_influence(gold, score[None]), shared)
    wanted = (exact.sharing[0, 0] / exact.independent[0, 0]) ** 0.5
    assert wanted > 1.5
    assert SharedBootstrap(counts, shared).ratio(boot) == pytest.approx(wanted, rel=0.08)


def test_a_mean_of_duplicated_pairs_has_the_square_root_of_two():
    rng = np.random.default_rng(0)
    values, ids = np.tile(rng.normal(size=400), 2), np.tile(np.arange(800).reshape(400, 2), (2, 1))
    counts = resample_counts(800, 3000, rng)
    found = SharedBootstrap(counts, SharedSentences(*ids.T))
    assert found.ratio(counts @ values / 800) == pytest.approx(2**0.5, rel=0.06)


def test_independent_pairs_cost_nothing():
    gold, score, _, rng = world()
    counts = resample_counts(600, 300, rng)
    boot = spearman_bootstrap(gold, score[None], counts)[:, 0]
    alone = SharedSentences(np.arange(600), np.arange(600) + 600)
    for shared in (None, alone):
        found = SharedBootstrap(counts, shared)
        assert found.ratio(boot) == 1.0
        assert found.level(0.9, boot) == pytest.approx(0.9)


def test_level_widens_a_normal_interval_by_the_ratio():
    gold, score, shared, rng = world()
    counts = resample_counts(600, 2000, rng)
    boot = spearman_bootstrap(gold, score[None], counts)[:, 0]
    found = SharedBootstrap(counts, shared)
    z = stats.norm.isf((1 - found.level(0.9, boot)) / 2)
    assert z == pytest.approx(stats.norm.isf(0.05) * found.ratio(boot))


def test_undefined_resamples_are_left_out_and_constants_have_no_ratio():
    gold, score, shared, rng = world()
    counts = resample_counts(600, 1000, rng)
    boot = spearman_bootstrap(gold, score[None], counts)[:, 0]
    found = SharedBootstrap(counts, shared)
    holes = np.where(np.arange(1000) % 10 == 3, np.nan, boot)
    kept = np.isfinite(holes)
    assert found.ratio(holes) == pytest.approx(
        SharedBootstrap(counts[kept], shared).ratio(boot[kept])
    )
    assert found.ratio(np.full(1000, 0.5)) == 1.0
    assert found.ratio(np.full(1000, np.nan)) == 1.0
    with pytest.raises(ValueError, match="not over 600 pairs"):
        SharedBootstrap(counts[:, :-1], shared)
