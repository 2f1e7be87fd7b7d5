"""Laws of the probes that read embeddings of sentences: intervals cover their values, rotation
changes nothing where it is said to, equal encoders get equal numbers, input is left alone."""

import numpy as np
import pytest

from recse_lab.errors import LabError
from recse_lab.probes import PROBES

COUNT, DIM = 80, 6
FIRST, SECOND = np.arange(COUNT // 2), np.arange(COUNT // 2, COUNT)
GOLD = np.linspace(0, 5, COUNT // 2)
LENGTHS = np.tile([3, 5, 8, 13], COUNT // 4)


def alignment(embeddings):
    return PROBES["alignment"].measure(embeddings, FIRST, SECOND, GOLD, resamples=40)


def dimensions(embeddings):
    return PROBES["dimensions"].measure(embeddings, FIRST, SECOND, GOLD, resamples=40)


MEASURES = {
    "alignment": alignment,
    "geometry": lambda x: PROBES["geometry"].measure(x, neighbours=5),
    "layers": lambda x: PROBES["layers"].measure({name: [rows] for name, rows in x.items()}),
    "dimensions": dimensions,
    "length-collapse": lambda x: PROBES["length-collapse"].measure(x, LENGTHS, bins=3),
}
"""Every probe whose ``needs`` are embeddings, and layers, whose states are embeddings too."""


def cloud(seed=0):
    return (np.random.default_rng(seed).normal(size=(COUNT, DIM)) + 0.5).astype(np.float32)


def values(result, encoder="e"):
    table = result.table[result.table["encoder"] == encoder]
    return dict(zip(table["measure"], table["value"], strict=True))


def test_every_probe_of_embeddings_is_here():
    assert {name for name, probe in PROBES.items() if "embeddings" in probe.needs} <= set(MEASURES)


@pytest.mark.parametrize("name", MEASURES)
def test_intervals_cover_their_values_and_the_input_is_left_alone(name):
    x = cloud()
    before = x.copy()
    table = MEASURES[name]({"e": x}).table.dropna(subset=["value", "low", "high"])
    assert len(table)
    assert (table["low"] <= table["value"] + 1e-9).all()
    assert (table["value"] <= table["high"] + 1e-9).all()
    np.testing.assert_array_equal(x, before)


@pytest.mark.parametrize("name", [name for name in MEASURES if PROBES[name].rotation_invariant])
def test_rotation_changes_nothing(name):
    turn = np.linalg.qr(np.random.default_rng(1).normal(size=(DIM, DIM)))[0]
    plain = values(MEASURES[name]({"e": cloud()}))
    turned = values(MEASURES[name]({"e": (cloud() @ turn).astype(np.float32)}))
    for measure, value in plain.items():
        assert turned[measure] == pytest.approx(value, rel=1e-3, abs=1e-4, nan_ok=True), measure


@pytest.mark.parametrize("name", MEASURES)
def test_equal_encoders_have_equal_numbers(name):
    result = MEASURES[name]({"e": cloud(), "again": cloud()})
    first, second = values(result), values(result, "again")
    assert first.keys() == second.keys()
    for measure, value in first.items():
        assert second[measure] == pytest.approx(value, nan_ok=True), measure


POINT = np.tile(np.array([[3, 0, 0, 0, 0, 4]], np.float32), (COUNT, 1))
TWO_POINTS = np.where(np.arange(COUNT)[:, None] % 2, POINT, -POINT).astype(np.float32)
KNOWN = {
    ("geometry", "mean_cosine"): (1.0, -1 / (COUNT - 1)),
    ("geometry", "effective_rank"): (1.0, 1.0),
    ("geometry", "participation_ratio"): (np.nan, 1.0),
    ("geometry", "norm_cv"): (0.0, 0.0),
    ("alignment", "uniformity"): (0.0, np.log((COUNT / 2 - 1 + COUNT / 2 * np.exp(-8)) / 79)),
    ("layers", "mean_cosine@0"): (1.0, -1 / (COUNT - 1)),
    ("length-collapse", "collapse"): (0.0, None),
    ("dimensions", "spearman"): (np.nan, None),
}
"""Values on a collapsed cloud, and on two opposite points, where they are known."""


@pytest.mark.parametrize(("name", "measure"), KNOWN)
def test_known_values_on_one_point_and_on_two(name, measure):
    for x, expected in zip((POINT, TWO_POINTS), KNOWN[name, measure], strict=True):
        if expected is not None:
            found = values(MEASURES[name]({"e": x}))[measure]
            assert found == pytest.approx(expected, abs=1e-5, nan_ok=True)


def test_a_uniform_cloud_uses_every_direction():
    x = np.random.default_rng(0).normal(size=(4000, DIM)).astype(np.float32)
    found = values(PROBES["geometry"].measure({"e": x}))
    assert found["mean_cosine"] == pytest.approx(0, abs=0.01)
    assert found["participation_ratio"] == pytest.approx(DIM, rel=0.02)
    assert found["isoscore"] == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("name", MEASURES)
def test_embeddings_that_are_not_finite_are_refused(name):
    x = cloud()
    x[3, 2] = np.inf
    with pytest.raises(LabError, match="not finite"):
        MEASURES[name]({"e": x})
