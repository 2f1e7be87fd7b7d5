"""Laws of the probes that read embeddings of sentences: intervals cover their values, rotation
changes nothing where it is said to, equal encoders get equal numbers, input is left alone."""

import numpy as np
import pytest
from scipy import special

from recse_lab.errors import LabError
from recse_lab.probes import PROBES

COUNT, DIM = 80, 6
FIRST, SECOND = np.arange(COUNT // 2), np.arange(COUNT // 2, COUNT)
GOLD = np.linspace(0, 5, COUNT // 2)
LENGTHS = np.tile([3, 5, 8, 13], COUNT // 4)


def alignment(embeddings, **options):
    return PROBES["alignment"].measure(embeddings, FIRST, SECOND, GOLD, resamples=40, **options)


def dimensions(embeddings, **options):
    return PROBES["dimensions"].measure(embeddings, FIRST, SECOND, GOLD, resamples=40, **options)


def layers(embeddings):
    return PROBES["layers"].measure({name: [rows] for name, rows in embeddings.items()})


MEASURES = {
    "alignment": alignment,
    "geometry": lambda x, **options: PROBES["geometry"].measure(x, neighbours=5, **options),
    "layers": layers,
    "dimensions": dimensions,
    "length-collapse": lambda x, **options: PROBES["length-collapse"].measure(
        x, LENGTHS[: len(next(iter(x.values())))], bins=3, **options
    ),
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


@pytest.mark.parametrize("name", [name for name in MEASURES if name != "layers"])
def test_differences_are_paired(name):
    """A row minus the reference is the difference of the two values. Of an encoder and itself it is
    0 without an interval around it; of two alike it is narrower than unpaired intervals allow."""
    x = cloud()
    near = x + 0.05 * cloud(seed=1)
    both = {"e": x, "again": x, "near": near.astype(np.float32)}
    table = MEASURES[name](both, against="e").table.set_index(["encoder", "measure"])
    paired = [key for key in table.index if key[1].endswith(" minus e")]
    assert {encoder for encoder, _ in paired} == {"again", "near"}
    widths = []
    for encoder, label in paired:
        row, measure = table.loc[(encoder, label)], label.removesuffix(" minus e")
        values = table.loc[(encoder, measure)], table.loc[("e", measure)]
        expected = values[0]["value"] - values[1]["value"]
        assert row["value"] == pytest.approx(expected, abs=1e-9, nan_ok=True)
        if np.isfinite(row["low"]):
            assert row["low"] - 1e-9 <= row["value"] <= row["high"] + 1e-9
        if encoder == "again":
            assert row["value"] == pytest.approx(0, abs=1e-9, nan_ok=True)
        elif np.isfinite([row["low"], *(each["low"] for each in values)]).all():
            apart = np.hypot(*(each["high"] - each["low"] for each in values))
            widths.append((row["high"] - row["low"]) / apart)
    assert np.median(widths) < 0.5


@pytest.mark.parametrize("name", [name for name in MEASURES if name != "layers"])
def test_an_unknown_reference_is_refused(name):
    with pytest.raises(LabError, match="'other' is none of the encoders"):
        MEASURES[name]({"e": cloud()}, against="other")


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


def test_the_uniformity_of_a_uniform_sphere_is_a_bessel_function():
    """E e^{−2‖x − y‖²} = e^{−4} Γ(d/2) 2^{1 − d/2} I_{d/2 − 1}(4) on the sphere of d dimensions."""
    x = np.random.default_rng(0).normal(size=(3000, DIM)).astype(np.float32)
    rows = np.arange(1500)
    result = PROBES["alignment"].measure(
        {"e": x}, rows, rows + 1500, np.linspace(0, 5, 1500), resamples=20
    )
    half = DIM / 2
    bessel = special.gamma(half) * 2 ** (1 - half) * special.iv(half - 1, 4)
    row = result.table.set_index("measure").loc["uniformity"]
    assert row["value"] == pytest.approx(np.log(bessel) - 4, abs=0.01)
    assert row["low"] <= np.log(bessel) - 4 <= row["high"]
    independent = result.table.set_index("measure").loc["alignment"]
    assert independent["low"] <= 2 <= independent["high"]  # ‖x − y‖² of independent directions


def test_a_uniform_cloud_has_no_length_collapse_and_its_own_intrinsic_dimension():
    x = np.random.default_rng(1).normal(size=(COUNT, DIM)).astype(np.float32)
    row = MEASURES["length-collapse"]({"e": x}).table.set_index("measure").loc["collapse"]
    assert row["low"] <= 0 <= row["high"]
    flat = np.zeros((1200, DIM), np.float32)
    flat[:, :3] = np.random.default_rng(2).uniform(size=(1200, 3)) + 5
    rows = np.arange(600)
    table = PROBES["dimensions"].measure(
        {"e": flat}, rows, rows + 600, np.linspace(0, 5, 600), resamples=20
    )
    found = table.table.set_index("measure").loc["intrinsic dimension", "value"]
    assert found == pytest.approx(INTRINSIC, rel=0.12)


INTRINSIC = 2
"""Of a cloud in three dimensions, after every embedding has been divided by its length."""


@pytest.mark.parametrize("name", MEASURES)
def test_embeddings_that_are_not_finite_are_refused(name):
    x = cloud()
    x[3, 2] = np.inf
    with pytest.raises(LabError, match="not finite"):
        MEASURES[name]({"e": x})
