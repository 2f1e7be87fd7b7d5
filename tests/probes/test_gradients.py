"""Gradients by the cosines against the formula of InfoNCE, and on views whose angles are known."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from recse_lab.errors import LabError
from recse_lab.objectives.adnce import ADNCE
from recse_lab.objectives.arc_con import ArcCon
from recse_lab.objectives.info_nce import InfoNCE
from recse_lab.probes.contrast_gradients import cosine_gradients
from recse_lab.probes.gradients import GRADIENTS, gradient_map, gradients, mechanics

TAU = 0.1


def units(count, dim, seed=0):
    rows = torch.randn(count, dim, generator=torch.Generator().manual_seed(seed)).double()
    return F.normalize(rows, dim=1)


def test_info_nce_has_ratio_one_and_a_margin_pulls_more_than_it_pushes():
    anchor, candidates = units(1, 6)[0], units(5, 6, seed=1)
    found = {}
    for contrast in (InfoNCE(temperature=TAU), ArcCon(temperature=TAU, margin_degrees=10)):
        cosines, slopes = cosine_gradients(contrast, anchor, candidates)
        values = mechanics(slopes.numpy()[None], cosines.numpy()[None], TAU)
        found[type(contrast).__name__] = values["ratio"][0]
    assert found["InfoNCE"] == pytest.approx(1)
    theta = np.arccos(float(candidates[0] @ anchor))
    expected = np.sin(theta) / np.sin(theta + np.radians(10))
    assert found["ArcCon"] == pytest.approx(expected, rel=1e-6)


def test_negatives_all_alike_are_all_effective_and_one_near_one_is_alone():
    slopes = np.array([[-0.6, 0.2, 0.2, 0.2], [-0.6, 0.6, 0.0, 0.0]])
    cosines = np.array([[0.99, 0.1, 0.2, 0.3], [0.5, -0.999, 0.0, 0.0]])
    found = mechanics(slopes, cosines, TAU)
    np.testing.assert_allclose(found["effective negatives"], [3, 1])
    np.testing.assert_allclose(found["flat positives"], [1, 0])
    np.testing.assert_allclose(found["flat negatives"], [0, 1 / 3])
    np.testing.assert_allclose(found["dissipation"], [0.06, 0.06])
    np.testing.assert_allclose(found["felt pull"], 0.06 * np.sqrt(1 - np.array([0.99, 0.5]) ** 2))


def test_the_map_is_that_of_the_formula():
    curve = gradient_map({"a": InfoNCE(temperature=TAU), "b": InfoNCE(temperature=TAU)}, 3)
    assert set(curve["contrast"]) == {"InfoNCE, τ = 0.1"}
    at = curve.sample(20, random_state=0)
    gap = np.cos(np.radians(at["negative"])) - np.cos(np.radians(at["positive"]))
    expected = 1 - 1 / (1 + 3 * np.exp(gap / TAU))
    np.testing.assert_allclose(at["dissipation"], expected, atol=1e-6)
    other = gradient_map({"a": ADNCE(temperature=TAU)}, 3)
    np.testing.assert_allclose(other["dissipation"], curve["dissipation"], atol=1e-6)


@pytest.fixture(scope="module")
def told():
    """One encoder whose views are 60° apart, and one whose views are 5° apart."""
    rng = np.random.default_rng(0)
    base = rng.normal(size=(20, 30))
    base /= np.linalg.norm(base, axis=1, keepdims=True)
    other = rng.normal(size=(20, 30))
    other -= (other * base).sum(1, keepdims=True) * base
    other /= np.linalg.norm(other, axis=1, keepdims=True)
    views = {
        name: np.stack([base, np.cos(angle) * base + np.sin(angle) * other]).astype(np.float32)
        for name, angle in {"far": np.pi / 3, "near": np.pi / 36}.items()
    }
    contrasts = dict.fromkeys(views, InfoNCE(temperature=0.05))
    return gradients(views, contrasts, batch=10, against="far", resamples=50)


def test_views_close_together_are_flat_and_feel_no_pull(told):
    table = told.table.set_index(["encoder", "measure"])
    assert table.loc[("far", "positive angle"), "value"] == pytest.approx(60, abs=0.01)
    assert table.loc[("near", "positive angle"), "value"] == pytest.approx(5, abs=0.01)
    assert table.loc[("near", "flat positives"), "value"] == 1
    assert table.loc[("far", "flat positives"), "value"] == 0
    assert table.loc[("far", "ratio"), "value"] == pytest.approx(1)
    assert table.loc[("near", "dissipation minus far"), "high"] < 0
    line = table.loc[("far", "dissipation")]
    assert line["low"] <= line["value"] <= line["high"]
    curve = told.curves["temperature"].set_index(["encoder", "measure", "temperature"])["value"]
    active = curve.loc[("far", "effective negatives")]
    assert active.is_monotonic_increasing
    assert active.loc[1.0] > 8
    assert "far (InfoNCE, τ = 0.05): positives at 60°" in GRADIENTS.summary(told)
    assert set(GRADIENTS.figures(told)) == {"map", "temperature"}


def test_what_is_refused_or_undefined():
    same = np.ones((2, 6, 4), np.float32)
    collapsed = gradients({"e": same}, {"e": InfoNCE()}, resamples=20)
    note = collapsed.table.set_index("measure").loc["dissipation", "note"]
    assert note == "the two views coincide, or nothing pushes"
    assert "coincide" in GRADIENTS.summary(collapsed)
    assert GRADIENTS.figures(collapsed)
    with pytest.raises(LabError, match="2 sentences: a sentence needs two others"):
        gradients({"e": same[:, :2]}, {"e": InfoNCE()})
    with pytest.raises(LabError, match="zero vectors"):
        gradients({"e": 0 * same}, {"e": InfoNCE()})
