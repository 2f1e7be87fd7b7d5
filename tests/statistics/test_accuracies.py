"""Accuracies on new examples: against the bootstrap, McNemar's closed form, by simulation."""

import numpy as np
import pytest
from scipy import stats

from recse_lab.statistics.accuracies import average_accuracy, compare_accuracies


def tasks(seed, *rates, n=400):
    rng = np.random.default_rng(seed)
    return {f"t{i}": (rng.random(n + 100 * i) < rate).astype(float) for i, rate in enumerate(rates)}


def test_the_interval_is_the_bootstraps():
    values = tasks(0, 0.9, 0.6, 0.75)
    found = average_accuracy(values)
    rng = np.random.default_rng(1)
    drawn = np.mean([rng.choice(v, (20_000, len(v))).mean(1) for v in values.values()], axis=0)
    assert found.value == pytest.approx(np.mean([v.mean() for v in values.values()]))
    np.testing.assert_allclose(
        (found.low, found.high), np.quantile(drawn, (0.025, 0.975)), atol=6e-4
    )


def test_one_task_is_mcnemar():
    first, second = tasks(2, 0.8)["t0"], tasks(3, 0.75)["t0"]
    b, c, n = (first > second).sum(), (first < second).sum(), len(first)
    # Wald's form, variance with n − 1
    z = (b - c) / np.sqrt((b + c - (b - c) ** 2 / n) * n / (n - 1))
    found = compare_accuracies({"t": first}, {"t": second})
    assert found.value == pytest.approx((b - c) / n)
    assert found.p == pytest.approx(2 * stats.norm.sf(abs(z)))
    turned = compare_accuracies({"t": second}, {"t": first})
    assert (turned.value, turned.low, turned.high) == pytest.approx(
        (-found.value, -found.high, -found.low)
    )
    assert turned.p == pytest.approx(found.p)


def test_an_encoder_does_not_differ_from_itself():
    values = tasks(4, 0.8, 0.7)
    assert compare_accuracies(values, values) == (0, 0, 0, 1)


def test_pairing_narrows_the_difference_of_two_that_err_alike():
    base = tasks(5, 0.8, 0.7)
    worse = {task: np.where(np.arange(len(v)) % 50 == 0, 0.0, v) for task, v in base.items()}
    paired = compare_accuracies(base, worse)
    assert paired.value > 0
    assert paired.p < 0.001
    assert paired.high - paired.low < (average_accuracy(base).high - average_accuracy(base).low) / 2


def test_false_differences_are_five_in_a_hundred():
    p = [
        compare_accuracies(tasks(2 * i, 0.8, 0.6, n=150), tasks(2 * i + 1, 0.8, 0.6, n=150)).p
        for i in range(2000)
    ]
    assert np.mean(np.array(p) < 0.05) == pytest.approx(0.05, abs=0.016)  # 3.3 standard errors


def test_other_examples_are_refused():
    with pytest.raises(ValueError, match="different examples"):
        compare_accuracies(tasks(0, 0.8), tasks(0, 0.8, n=300))
