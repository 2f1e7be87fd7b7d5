"""Figures and paragraphs of the alignment and geometry probes show the numbers of their tables,
undefined ones too.
"""

import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest

from recse_lab.figures import style
from recse_lab.probes import PROBES
from recse_lab.probes.alignment import alignment as measure_alignment
from recse_lab.probes.alignment.figures import plane as draw_plane
from recse_lab.probes.geometry import geometry as measure_geometry
from recse_lab.probes.geometry.figures import LABELS
from recse_lab.probes.layers import layers as measure_layers
from recse_lab.probes.trajectory import trajectory as measure_trajectory


def cloud(seed=0, d=6, shift=0.5):
    rng = np.random.default_rng(seed)
    return (rng.normal(size=(80, d)) * np.linspace(1.5, 0.5, d) + shift).astype(np.float32)


@pytest.fixture(autouse=True)
def close_figures():
    yield
    import matplotlib.pyplot as plt

    plt.close("all")


@pytest.fixture(scope="module")
def plane():
    index, gold = np.arange(80), np.random.default_rng(0).uniform(0, 5, 40)
    zero = cloud(2)
    zero[4] = 0
    encoders = {"wide": cloud(0, shift=0.0), "narrow": cloud(1, d=3, shift=3.0), "broken": zero}
    return measure_alignment(encoders, index[::2], index[1::2], gold, resamples=100)


@pytest.fixture(scope="module")
def shape():
    flat = np.ones((80, 4), np.float32)
    return measure_geometry(
        {"wide": cloud(0, shift=0.0), "narrow": cloud(1, d=3, shift=3.0), "flat": flat},
        neighbours=5,
    )


@pytest.fixture(scope="module")
def deep():
    stack = [cloud(3), cloud(4), np.ones((80, 3), np.float32)]
    return measure_layers({"a": stack, "b": [cloud(5), cloud(3) * 2]})


def look(step, a, u, s):
    return {"step": step, "dev_alignment": a, "dev_uniformity": u, "dev_spearman": s}


@pytest.fixture(scope="module")
def paths():
    return measure_trajectory(
        {
            "simcse": [
                look(1, 0.3, -1.0, 0.5),
                look(2, 0.35, -1.8, 0.6),
                look(4, 0.36, -2.0, 0.55),
            ],
            "recse": [look(1, 0.3, -1.1, 0.5), look(2, None, -1.5, None), look(4, 0.2, -2.2, 0.7)],
            "once": [look(4, 0.1, -0.5, None)],
        }
    )


def words(figure):
    from matplotlib.text import Text

    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]


def marked(axes):
    """Where marks stand, one by one."""
    return [
        tuple(xy)
        for line in axes.lines
        if line.get_marker() not in ("None", "")
        for xy in line.get_xydata()
    ]


def boxes_of_names(figure, axes):
    from matplotlib.text import Annotation, Text

    figure.canvas.draw()
    return [
        Text.get_window_extent(text, figure.canvas.get_renderer())
        for text in axes.findobj(Annotation)
        if text.get_text()
    ]


# ---- alignment
# ------------------------------------------------------------------------------


def test_the_plane_shows_the_table(plane):
    figures = PROBES[plane.name].figures(plane)
    assert list(figures) == ["plane"]
    axes = figures["plane"].axes[0]
    wide = plane.frame().loc[["wide", "narrow"]]
    assert marked(axes) == [tuple(row) for row in wide[["uniformity", "alignment"]].to_numpy()]
    spans = [segment for bars in axes.collections for segment in bars.get_segments()]
    table = plane.table[
        plane.table["encoder"].eq("narrow") & plane.table["measure"].eq("alignment")
    ].iloc[0]
    x = wide.loc["narrow", "uniformity"]
    assert any(np.allclose(span, [[x, table["low"]], [x, table["high"]]]) for span in spans)
    said = words(figures["plane"])
    assert f"narrow ({100 * wide.loc['narrow', 'spearman']:.1f})" in said
    assert "Undefined, and not drawn: broken." in said


def test_names_keep_out_of_each_other_s_way():
    """Six encoders at almost one place, and none."""
    index, gold = np.arange(80), np.random.default_rng(0).uniform(0, 5, 40)
    encoders = {f"encoder {i}": cloud(9) + np.float32(0.002 * i) for i in range(6)}
    figure = draw_plane(measure_alignment(encoders, index[::2], index[1::2], gold, resamples=20))
    boxes = boxes_of_names(figure, figure.axes[0])
    assert len(boxes) == 6
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])
    nothing = measure_alignment(
        {"e": np.zeros((80, 2), np.float32)}, index[::2], index[1::2], gold, resamples=20
    )
    assert "Undefined, and not drawn: e." in words(draw_plane(nothing))


def test_the_trajectory_shows_every_defined_evaluation(paths):
    figures = PROBES[paths.name].figures(paths)
    assert list(figures) == ["trajectory"]
    axes = figures["trajectory"].axes[0]
    offsets = {
        tuple(np.round(xy, 9))
        for part in axes.collections
        for xy in np.asarray(part.get_offsets()).reshape(-1, 2)
    }
    curve = paths.curves["trajectory"].dropna(subset=["alignment", "uniformity"])
    assert {tuple(row) for row in curve[["uniformity", "alignment"]].to_numpy()} <= offsets
    said = words(figures["trajectory"])
    assert "simcse, step 4 (55.0)" in said
    assert "once, step 4 (undefined)" in said
    assert any("first dev evaluation (step 1, 4)" in text for text in said)


def test_the_line_follows_the_steps(paths):
    axes = PROBES[paths.name].figures(paths)["trajectory"].axes[0]
    from matplotlib.collections import LineCollection

    lines = [part.get_segments() for part in axes.collections if isinstance(part, LineCollection)]
    ends = [
        pairwise([(-1.0, 0.3), (-1.8, 0.35), (-2.0, 0.36)]),
        pairwise([(-1.1, 0.3), (-2.2, 0.2)]),
    ]
    for found, expected in zip(lines, ends, strict=False):
        np.testing.assert_allclose(found, list(expected))


def test_alignment_in_words(plane, paths):
    text = PROBES[plane.name].summary(plane)
    wide = plane.frame()
    assert f"wide: alignment {wide.loc['wide', 'alignment']:.3f} [" in text
    assert "broken: alignment undefined (1 of 80 embeddings are zero vectors: no direction)" in text
    assert (
        "The space is used most evenly by wide, before narrow; their intervals do not touch."
        in text
    )
    assert "jackknife" in text
    way = PROBES[paths.name].summary(paths)
    assert (
        "simcse goes from alignment 0.300, uniformity -1.000, Spearman 50.0 at step 1 to "
        "alignment 0.360" in way
    )
    assert (
        "alignment rises by 0.060, uniformity falls by 1.000; the best Spearman of 3 dev "
        "evaluations is 60.0 at step 2." in way
    )
    assert (
        "once has one dev evaluation, at step 4: alignment 0.100, uniformity -0.500, Spearman "
        "undefined." in way
    )


def test_the_old_protocol_says_so():
    index, gold = np.arange(80), np.random.default_rng(0).uniform(0, 5, 40)
    old = measure_alignment(
        {"a": cloud(0), "b": cloud(1)},
        index[::2],
        index[1::2],
        gold,
        protocol="legacy-batch",
        resamples=20,
    )
    text = PROBES[old.name].summary(old)
    assert "protocol legacy-batch" in text
    assert "biased" in text
    assert "intervals" not in text
    assert len(marked(draw_plane(old).axes[0])) == 2


# ---- geometry
# ------------------------------------------------------------------------------


def test_the_spectra_are_the_curves(shape):
    figure = PROBES[shape.name].figures(shape)["spectrum"]
    left, right = figure.axes
    curve = shape.curves["spectrum"]
    wide = curve[curve["encoder"] == "wide"]
    np.testing.assert_allclose(
        left.lines[0].get_ydata(), wide["singular_centred"] / wide["singular_centred"].max()
    )
    np.testing.assert_allclose(right.lines[0].get_ydata(), wide["cumulative"])
    assert [x for x, _ in marked(right)] == list(shape.frame()["participation_ratio"].dropna())
    assert any("not drawn: flat" in text for text in words(figure))
    assert "wide (6 dimensions)" in words(figure)


def test_every_measure_has_its_panel(shape):
    figure = PROBES[shape.name].figures(shape)["measures"]
    frame = shape.frame()
    for axes, measure in zip(figure.axes, LABELS, strict=True):
        assert [x for x, _ in marked(axes)] == list(frame[measure].dropna()), measure
        assert (
            sum(text.get_text() == "undefined" for text in axes.texts)
            == frame[measure].isna().sum()
        )
        rows = shape.table[
            (shape.table["measure"] == measure)
            & shape.table["low"].notna()
            & shape.table["value"].notna()
        ]
        drawn = [segment[:, 0] for bars in axes.collections for segment in bars.get_segments()]
        np.testing.assert_allclose(np.reshape(drawn, (-1, 2)), rows[["low", "high"]])
    assert set(frame.columns) - set(LABELS) == {"mean_cosine_with_self", "rankme"}


def test_layers_and_cka_show_their_curves(deep):
    figures = PROBES[deep.name].figures(deep)
    assert list(figures) == ["layers", "cka"]
    profile = deep.curves["layers"]
    for axes, measure in zip(figures["layers"].axes, geometry_measures(profile), strict=True):
        part = profile[(profile["measure"] == measure) & (profile["encoder"] == "a")]
        np.testing.assert_allclose(axes.lines[0].get_ydata(), part["value"])
    image = figures["cka"].axes[0].images[0].get_array()
    table = deep.curves["cka"].set_index(["encoder", "layer", "other", "other_layer"])["cka"]
    assert image.shape == (5, 5)
    assert image[0, 4] == pytest.approx(table["a", 0, "b", 1])
    assert image[1, 3] == pytest.approx(table["a", 1, "b", 0])
    assert np.ma.getmaskarray(np.ma.masked_invalid(image))[2].all()  # a constant layer has no CKA
    assert "–" in words(figures["cka"])


def geometry_measures(profile):
    return list(dict.fromkeys(profile["measure"]))


def test_geometry_in_words(shape, deep):
    text, frame = PROBES[shape.name].summary(shape), shape.frame()
    assert f"the mean cosine of two sentences is {frame.loc['wide', 'mean_cosine']:.3f} [" in text
    assert f"{frame.loc['narrow', 'participation_ratio']:.1f} [" in text
    assert "equal axes of 3" in text
    assert "undefined (all embeddings coincide)" in text
    assert "By mean cosine the least alike are the embeddings of wide." in text
    told = PROBES[deep.name].summary(deep)
    crossed = deep.curves["cka"].set_index(["encoder", "layer", "other", "other_layer"])["cka"]
    assert np.isnan(crossed["a", 2, "b", 1])  # so that no CKA of the last layers is told
    assert "of the last layers" not in told
    short = measure_layers({"a": [cloud(3)], "b": [cloud(5)]})
    value = short.curves["cka"].set_index(["encoder", "other"])["cka"]["a", "b"]
    assert f"CKA (plain) of the last layers: a and b {value:.2f}." in PROBES[short.name].summary(
        short
    )


def test_a_figure_can_be_saved_the_same_twice(tmp_path, plane):
    once, twice = (style.save(draw_plane(plane), tmp_path / name) for name in ("once", "twice"))
    assert [path.read_bytes() for path in once] == [path.read_bytes() for path in twice]


def test_opens_without_torch():
    code = "import sys, recse_lab.probes, recse_lab.probes.geometry, "
    code += (
        "recse_lab.probes.alignment; assert 'torch' not in sys.modules and 'matplotlib' not "
        "in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
