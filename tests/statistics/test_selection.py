"""The bias of the best of several results: order statistics, simulated truths, and bad input."""

import numpy as np
import pytest

from recse_lab.statistics.selection import best_of


def looks(rng, truth, correlation=0.9, resamples=300):
    """Values of several looks with noise of deviation 1, correlated like checkpoints."""

    def noise(n):
        common, own = rng.normal(size=(n, 1)), rng.normal(size=(n, len(truth)))
        return correlation**0.5 * common + (1 - correlation) ** 0.5 * own

    values = truth + noise(1)[0]
    return values, values + noise(resamples)


def test_luck_of_the_best_of_equals_is_that_of_order_statistics():
    rng = np.random.default_rng(0)
    found = [best_of(*looks(rng, np.zeros(8))) for _ in range(300)]
    expected = 1.4236003060 * (1 - 0.9) ** 0.5  # the maximum of eight normals, tabulated
    assert np.mean([f.inflation_if_equal for f in found]) == pytest.approx(expected, rel=0.03)
    assert np.mean([f.inflation for f in found]) == pytest.approx(expected, rel=0.1)
    assert found[0].corrected == found[0].reported - found[0].inflation


@pytest.mark.parametrize("spread", [0.3, 1.0])
def test_luck_of_the_best_of_unequal_looks(spread):
    """On average what the choice gained by noise; without shrinkage it is far too little."""
    rng = np.random.default_rng(1)
    gained, estimated = [], []
    for _ in range(600):
        truth = spread * rng.normal(size=8)
        values, boot = looks(rng, truth)
        error = values - truth
        # The mean error is 0 on average; subtracting it reduces the Monte Carlo error.
        gained.append(error[values.argmax()] - error.mean())
        estimated.append(best_of(values, boot).inflation)
    assert np.mean(estimated) == pytest.approx(np.mean(gained), rel=0.2)


def test_a_clear_winner_was_not_luck():
    values, boot = looks(np.random.default_rng(0), np.array([0.0, 0.1, 20.0]))
    found = best_of(values, boot)
    assert (found.chosen, found.looks) == (2, 3)
    assert found.inflation == pytest.approx(0, abs=1e-9)
    alone = best_of(values[:1], boot[:, :1])
    assert (alone.chosen, alone.inflation, alone.corrected) == (0, 0.0, values[0])


def test_no_best_of_nothing():
    values, boot = looks(np.random.default_rng(0), np.zeros(3))
    assert best_of(values[:0], boot[:, :0]).reason == "no looks"
    undefined = best_of(np.r_[np.nan, values[1:]], boot)
    assert (undefined.chosen, undefined.reason) == (None, "undefined values")
    assert np.isnan([undefined.reported, undefined.inflation, undefined.corrected]).all()
    boot[3, 1] = np.nan
    assert best_of(values, boot).reason == "undefined resamples"
