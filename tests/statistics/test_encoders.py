"""Effects over encoders: closed forms, a transcription of the published estimators, simulation."""

import numpy as np
import pytest
from scipy import stats

from recse_lab.statistics.encoders import across_encoders, interaction

NONE = np.zeros((3, 3))


def test_without_common_pairs_the_interval_is_student_s_over_encoders():
    effects = np.array([0.01, 0.03, 0.05])
    found = across_encoders(effects, np.full(3, 1e-6), np.full(3, 4.0), NONE)
    test = stats.ttest_1samp(effects, 0)
    low, high = test.confidence_interval()
    assert (found.mean, found.low, found.high) == pytest.approx((0.03, low, high))
    assert found.p == pytest.approx(test.pvalue)
    assert (found.encoders, found.agree) == (3, 3)


def test_the_variance_between_is_dersimonian_and_laird_s_where_all_variances_are_equal():
    """Their moment estimator: max(0, (Q − (m − 1)) / (Σw − Σw²/Σw)), w = 1/variance."""
    effects, variance = np.array([0.01, 0.03, 0.08]), 2e-4
    w = np.full(3, 1 / variance)
    q = (w * (effects - np.average(effects, weights=w)) ** 2).sum()
    wanted = max(0.0, (q - 2) / (w.sum() - (w**2).sum() / w.sum()))
    found = across_encoders(effects, np.full(3, variance), np.full(3, 4.0), NONE)
    assert found.between**2 == pytest.approx(wanted)
    assert wanted > 0


def test_the_prediction_is_higgins_s_and_needs_three_encoders():
    effects, variance = np.array([0.01, 0.03, 0.08]), 1e-5
    found = across_encoders(effects, np.full(3, variance), np.full(3, 4.0), NONE)
    error = np.var(effects, ddof=1) / 3
    reach = stats.t.ppf(0.975, 1) * np.sqrt(found.between**2 + error)
    assert found.prediction == pytest.approx((0.04 - reach, 0.04 + reach))
    two = across_encoders(effects[:2], np.full(2, variance), np.full(2, 4.0), NONE[:2, :2])
    assert two.prediction is None


def test_error_that_all_encoders_share_widens_the_mean_and_not_the_spread():
    effects = np.array([0.01, 0.03, 0.05])
    alone = across_encoders(effects, np.full(3, 1e-5), np.full(3, 4.0), NONE)
    common = across_encoders(effects, np.full(3, 1e-5), np.full(3, 4.0), np.full((3, 3), 1e-4))
    assert common.high - common.low > alone.high - alone.low
    assert common.between == pytest.approx(alone.between)
    assert common.interaction_p == pytest.approx(alone.interaction_p, abs=0.05)


@pytest.mark.usefixtures("shapes_unchecked")
def test_one_encoder_or_other_shapes_are_refused():
    with pytest.raises(ValueError, match="1 effects"):
        across_encoders(np.zeros(1), np.ones(1), np.ones(1), np.zeros((1, 1)))
    with pytest.raises(ValueError, match="covariances"):
        across_encoders(np.zeros(3), np.ones(3), np.ones(3), np.zeros((2, 2)))


def test_without_seeds_there_is_no_test_of_the_interaction():
    assert interaction(np.arange(3.0), np.zeros(3), np.zeros(3), NONE) is None


@pytest.mark.parametrize("share", [0.0, 0.7])
def test_intervals_hold_and_equal_effects_are_found_unequal_at_the_level(share):
    """Three encoders of five seeds; ``share`` of the error is common to all, from the pairs."""
    rng = np.random.default_rng(1)
    runs, m, n = 4000, 3, 5
    covered = predicted = rejected = 0
    pairs = np.full((m, m), share) + 0.1 * np.eye(m)
    root = np.linalg.cholesky(pairs)
    for _ in range(runs):
        true = rng.normal(0.5, 1.0, m + 1)
        noise = root @ rng.normal(size=m)
        drawn = true[:m, None] + noise[:, None] + rng.normal(0, 1.2, (m, n))
        found = across_encoders(drawn.mean(1), drawn.var(1, ddof=1) / n, np.full(m, n - 1.0), pairs)
        covered += found.low <= 0.5 <= found.high
        assert found.prediction is not None
        predicted += found.prediction[0] <= true[m] <= found.prediction[1]
        same = drawn - true[:m, None]
        rejected += (
            interaction(same.mean(1), same.var(1, ddof=1) / n, np.full(m, n - 1.0), pairs) < 0.05
        )
    assert covered / runs > 0.94
    assert predicted / runs > 0.94
    assert 0.02 < rejected / runs < 0.06
