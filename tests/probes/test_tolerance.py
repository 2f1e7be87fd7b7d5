"""Tolerance on classes whose cosines are known."""

import numpy as np
import pytest
import torch

from recse_lab.errors import LabError
from recse_lab.evaluation.space import uniformity
from recse_lab.probes.probe import Labelled
from recse_lab.probes.tolerance import TOLERANCE, class_cosines, tolerance, uniformities


def classes(count=60, spread=0.0):
    """Two classes along two axes at 60°."""
    labels = np.arange(count) % 2
    axes = np.array([[1, 0, 0], [0.5, np.sqrt(3) / 2, 0]])
    x = axes[labels] + spread * np.random.default_rng(0).normal(size=(count, 3))
    return labels, x.astype(np.float32)


def test_two_tight_classes_have_tolerance_one_and_the_cosine_of_their_angle_between():
    labels, x = classes()
    assert class_cosines(x, labels) == pytest.approx((1, 0.5), abs=1e-6)
    assert np.isnan(class_cosines(x, np.zeros(60, int)).different)
    assert np.isnan(class_cosines(x, np.arange(60)).same)


def test_the_closed_form_is_the_mean_over_pairs():
    labels, x = classes(spread=0.5)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    first, second = np.triu_indices(60, 1)
    cosines, same = (x[first] * x[second]).sum(1), labels[first] == labels[second]
    expected = (cosines[same].mean(), cosines[~same].mean())
    assert class_cosines(x, labels) == pytest.approx(expected, rel=1e-5)


def test_a_tighter_encoder_is_more_tolerant_and_less_uniform():
    labels, tight = classes(spread=0.1)
    wide = classes(spread=0.6)[1]
    sets = {"trec": Labelled([""] * 60, labels)}
    given = {"trec": {"tight": tight, "wide": wide}}
    result = tolerance(sets, given, {"tight": 0.5, "wide": None}, against="tight")
    table = result.table.set_index(["encoder", "measure"])
    assert table.loc[("wide", "trec: tolerance minus tight"), "high"] < 0
    assert table.loc[("wide", "trec: uniformity minus tight"), "high"] < 0
    assert table.loc[("tight", "trec: separation"), "value"] > 0.9
    line = table.loc[("wide", "trec: tolerance")]
    assert line["low"] < line["value"] < line["high"]
    assert "tight (trained with τ = 0.5): TREC tolerance" in TOLERANCE.summary(result)
    assert "wide: TREC" in TOLERANCE.summary(result)
    assert TOLERANCE.figures(result)


def test_uniformity_without_each_group_is_that_of_the_others(monkeypatch):
    """One pass gives what as many passes over the others would, whatever the blocks."""
    x = np.random.default_rng(0).normal(size=(50, 4)) + 0.5
    vectors = (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32)
    groups = np.array_split(np.random.default_rng(1).permutation(50), 5)
    kept = [np.arange(50), *(np.setdiff1d(np.arange(50), group) for group in groups)]
    expected = [float(uniformity(torch.from_numpy(vectors[rows]))) for rows in kept]
    for block in (4096, 16):
        monkeypatch.setattr("recse_lab.probes.tolerance.BLOCK", block)
        assert uniformities(vectors, groups) == pytest.approx(expected, abs=1e-5)
    assert uniformities(vectors, []) == pytest.approx(expected[:1], abs=1e-5)


def test_what_is_refused():
    labels, x = classes()
    sets = {"trec": Labelled([""] * 60, labels)}
    with pytest.raises(LabError, match="no labelled set"):
        tolerance({}, {}, {})
    with pytest.raises(LabError, match="60 embeddings are zero"):
        tolerance(sets, {"trec": {"e": 0 * x}}, {})
