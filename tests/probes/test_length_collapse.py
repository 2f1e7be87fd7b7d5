"""Length collapse on clouds whose spread is known at every length."""

import numpy as np
import pytest

from recse_lab.errors import LabError
from recse_lab.probes.length_collapse import LENGTH_COLLAPSE, length_bins, length_collapse


def value(result, measure, encoder):
    table = result.table.set_index(["encoder", "measure"])
    return table.loc[(encoder, measure)]


def clouds(count=400, dim=16):
    rng = np.random.default_rng(0)
    lengths = np.repeat([3, 6, 9, 12], count // 4)
    noise = rng.normal(size=(count, dim))
    common = np.zeros(dim)
    common[0] = 8
    even = noise + common
    falling = noise * (4 / lengths[:, None]) + common
    return lengths, {"even": even.astype(np.float32), "narrow": falling.astype(np.float32)}


def test_a_cloud_that_narrows_with_length_collapses_and_an_even_one_does_not():
    lengths, found = clouds()
    result = length_collapse(found, lengths, bins=4, against="even")
    narrow, even = (value(result, "collapse", name) for name in ("narrow", "even"))
    assert narrow["low"] > 0.1
    assert even["low"] < 0 < even["high"]
    assert value(result, "collapse minus even", "narrow")["low"] > 0.1
    assert "narrow: mean cosine" in LENGTH_COLLAPSE.summary(result)
    assert LENGTH_COLLAPSE.figures(result)


def test_a_bin_is_the_mean_cosine_of_its_distinct_pairs():
    lengths, found = clouds()
    result = length_collapse(found, lengths, bins=4)
    x = found["even"][lengths == 6].astype(np.float64)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    cosines = (x @ x.T)[np.triu_indices(len(x), 1)]
    line = value(result, "mean cosine, 6–6 words", "even")
    assert line["value"] == pytest.approx(cosines.mean(), rel=1e-5)
    assert line["low"] < line["value"] < line["high"]


def test_equal_lengths_share_a_bin_and_collapse_of_everything_is_undefined():
    assert [len(rows) for rows in length_bins(np.array([1, 1, 1, 1, 2]), 5)] == [4, 1]
    lengths, found = clouds()
    same = length_collapse({"one point": np.ones_like(found["even"])}, lengths, bins=4)
    assert value(same, "collapse", "one point")["value"] == pytest.approx(0, abs=1e-6)
    assert value(same, "relative collapse", "one point")["note"] == "all embeddings coincide"
    zero = length_collapse({"zero": np.zeros_like(found["even"])}, lengths, bins=4)
    assert "zero vectors" in value(zero, "collapse", "zero")["note"]
    assert "zero vectors" in LENGTH_COLLAPSE.summary(zero)
    with pytest.raises(LabError, match="all 400 sentences have 3 words"):
        length_collapse(found, np.full(400, 3))
    with pytest.raises(ValueError, match="3 lengths for 400"):
        length_collapse(found, [1, 2, 3])
