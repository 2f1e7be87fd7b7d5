"""Differences between encoders on the same resamples have intervals of their own."""

import numpy as np
import pytest

from recse_lab.errors import LabError
from recse_lab.probes.paired import (
    Draws,
    jackknife,
    jackknife_groups,
    paired_measures,
    percentile,
    weighted_means,
)
from recse_lab.probes.resampling import with_sample
from recse_lab.statistics import resample_counts


def draws(values, counts):
    return {"mean": Draws(weighted_means(values, counts), len(values))}


def test_a_constant_difference_has_an_interval_of_no_width():
    values = np.random.default_rng(0).normal(size=50)
    counts = with_sample(resample_counts(50, 200, np.random.default_rng(1)))
    rows = paired_measures(
        {"a": draws(values, counts), "b": draws(values + 2, counts)},
        against="a",
        interval=percentile(),
    )
    assert [row.measure for row in rows] == ["mean", "mean", "mean minus a"]
    assert rows[0].value == pytest.approx(values.mean())
    assert rows[0].low < rows[0].value < rows[0].high
    assert rows[2][2:5] == pytest.approx((2, 2, 2))
    assert rows[0].high - rows[0].low > 0.3


def test_the_jackknife_of_a_mean_is_students_interval():
    values = np.random.default_rng(0).normal(size=40)
    groups = jackknife_groups(40, seed=0)
    left = [np.delete(values, group).mean() for group in groups]
    low, high = jackknife(np.array([values.mean(), *left]))
    means = np.array([values[group].mean() for group in groups])
    half = 2.093 * means.std(ddof=1) / np.sqrt(len(groups))  # t of 19 degrees of freedom
    assert (low, high) == pytest.approx((values.mean() - half, values.mean() + half), rel=1e-3)
    assert jackknife_groups(39, seed=0) == []


def test_an_undefined_value_has_its_reason_and_an_unknown_reference_is_refused():
    found = {"a": {"x": Draws(np.full(3, np.nan), 4, "nothing there")}}
    (row,) = paired_measures(found, against=None, interval=percentile())
    assert np.isnan(row.value)
    assert row.note == "nothing there"
    with pytest.raises(LabError, match="'z' is none of the encoders"):
        paired_measures(found, against="z", interval=percentile())
