"""Gains against noise: counts by hand."""

import pytest

from recse_lab.reports.literature.gains import Gain
from recse_lab.reports.literature.judgement import (
    answer,
    count,
    exceeds,
    holds_over_tasks,
    with_seeds,
)
from recse_lab.reports.literature.noise import Noise

NOISE = Noise([], scale=2.0, agreements=(0.99, 0.9375, 0.75), ratio=1.45)  # errors 0.2, 0.5, 1


def gain(points, sd=None, tasks_error=0.3):
    return Gain("m", "BERT-base", 76.25 + points, points, tasks_error, sd, "unsup", "a paper")


def test_a_gain_exceeds_its_noise_beyond_two_standard_errors():
    assert exceeds(gain(0.981), 0.5)
    assert not exceeds(gain(0.979), 0.5)
    assert exceeds(gain(-0.981), 0.5)
    assert not exceeds(gain(0.981), 0.3, 0.41)


def test_counts_and_the_sentence():
    gains = [gain(points) for points in (2.5, 1.2, 0.6, 0.1, -0.4, -3.0)]
    assert count(gains, NOISE) == (4, 2, 3, 2, 1, 2)
    assert answer(gains, NOISE).startswith(
        "Of 4 published gains over SimCSE on the same encoder, 2 are larger than"
    )
    assert "(1 to 3, by how closely" in answer(gains, NOISE)
    assert "and 2 are larger than their own spread over the seven tasks" in answer(gains, NOISE)


def test_a_gain_holds_over_tasks_beyond_student_s_t():
    """2.447 standard errors with seven tasks."""
    assert NOISE.errors == pytest.approx((0.2, 0.5, 1.0))
    assert holds_over_tasks(gain(0.74, tasks_error=0.3))
    assert not holds_over_tasks(gain(0.73, tasks_error=0.3))


@pytest.mark.parametrize(("points", "kept"), [(1.7, 1), (1.6, 0)])
def test_a_published_spread_counts_for_both_methods(points, kept):
    """1.96 · √(0.5² + 2 · 0.48²) = 1.65."""
    assert f"{kept} of them exceed seeds and pairs" in with_seeds([gain(points, 0.48)], NOISE)
    assert with_seeds([gain(1.0)], NOISE).startswith("No row")
