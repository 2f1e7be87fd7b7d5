"""Figures and summary of polarity: what they show is what the table holds, nothing overlaps,
nothing is left out.
"""

from itertools import pairwise

import numpy as np
import pytest

from recse_lab.figures import style
from recse_lab.probes import PROBES
from recse_lab.probes import dip as dips
from recse_lab.probes.polarity import polarity
from recse_lab.probes.result import Measure, ProbeResult, tabulate
from recse_lab.probes.unlabelled_polarity import unlabelled_polarity


def figures(result):
    return PROBES[result.name].figures(result)


def summary(result):
    return PROBES[result.name].summary(result)


NAMES = [
    "untrained",
    "SimCSE",
    "channel-gram, p = 48",
    "a name much too long for the panel above which it stands",
    "e",
]


def measured(count, **extra):
    rng = np.random.default_rng(0)
    gold = rng.integers(0, 26, 200) / 5
    scores = {
        name: np.clip(0.1 * k + (0.3 - 0.05 * k) * gold / 2 + 0.1 * rng.normal(size=200), -1, 1)
        for k, name in enumerate(NAMES[:count])
    }
    return polarity({**scores, **extra}, gold, resamples=20)


@pytest.fixture(scope="module", autouse=True)
def few_draws():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dips, "LARGEST", 30)
        yield


@pytest.fixture(autouse=True)
def closed():
    yield
    style.use().close("all")


@pytest.fixture(scope="module")
def result():
    """Two encoders that are sound, one that is constant and one that has diverged."""
    return measured(2, constant=np.full(200, 0.9), diverged=np.full(200, np.nan))


@pytest.fixture(scope="module")
def drawn(result):
    return figures(result)


def texts(where):
    return [text.get_text() for text in where.findobj(lambda a: hasattr(a, "get_text"))]


def value(result, encoder, measure):
    table = result.table
    return table.loc[(table["encoder"] == encoder) & (table["measure"] == measure)].iloc[0]


def two(number):
    return f"{number:z.2f}".replace("-", "−")


def test_ridges_show_every_bin_with_its_numbers(result, drawn):
    axes = drawn["ridges"].axes
    assert len(axes) == 4
    assert [label.get_text() for label in axes[0].get_yticklabels()] == [
        "all",
        *result.about["bins"],
    ]
    for panel, name in zip(axes[:3], ["untrained", "SimCSE", "constant"], strict=True):
        shown = texts(panel)
        assert name in shown
        for label in result.about["bins"]:
            mean, spread = (
                value(result, name, f"{what} {label}")["value"] for what in ("mean", "spread")
            )
            assert f"{two(mean)} ± {two(spread)}" in shown
        for lower, upper in pairwise(result.about["bins"]):
            assert f"∩ {two(value(result, name, f'overlap {lower} | {upper}')['value'])}" in shown
    ticks = [line.get_xdata()[0] for line in axes[0].get_lines() if line.get_color() == "black"]
    np.testing.assert_allclose(
        ticks, [value(result, "untrained", f"mean {b}")["value"] for b in result.about["bins"]]
    )
    ridges = axes[0].collections
    assert len(ridges) == 6
    curve = result.curves["density"].query("encoder == 'untrained' and bin == '0–1'")
    corners = ridges[1].get_paths()[0].vertices
    assert corners[:, 1].min() == 1  # the second row
    assert corners[:, 1].max() == pytest.approx(2.15)
    assert corners[corners[:, 1].argmax(), 0] == pytest.approx(
        curve["score"].iloc[curve["density"].argmax()]
    )
    head = value(result, "SimCSE", "extreme mass (own range)")
    assert f"ends {two(head['value'])} [{two(head['low'])}, {two(head['high'])}]" in "\n".join(
        texts(axes[1])
    )
    assert "Spearman undefined" in "\n".join(texts(axes[2]))
    assert "undefined: 200 of 200 scores are not finite" in " ".join(texts(axes[3])).replace(
        "\n", " "
    )


def test_the_map_draws_cells_calibration_and_what_would_be_calibrated(result, drawn):
    axes = drawn["map"].axes
    assert len(axes) == 4
    for panel, name in zip(axes[:2], ["untrained", "SimCSE"], strict=True):
        curve = result.curves["calibration"].query("encoder == @name")
        fit, nominal, own = panel.get_lines()
        assert not fit.get_marker()
        np.testing.assert_array_equal(fit.get_xydata(), curve[["score", "gold"]])
        np.testing.assert_array_equal(nominal.get_xydata(), [[-1, 0], [1, 5]])
        used = [value(result, name, f"used {end}")["value"] for end in ("low", "high")]
        np.testing.assert_allclose(own.get_xydata()[:, 0], used)
        cells = result.curves["map"].query("encoder == @name")
        mesh = panel.collections[0]
        np.testing.assert_allclose(np.sort(mesh.get_array().ravel()), np.sort(cells["share"]))
        top = cells.loc[cells["share"].idxmax()]
        row, column = np.unravel_index(mesh.get_array().argmax(), (10, 24))
        np.testing.assert_allclose(
            mesh.get_coordinates()[row, column], [top["score_low"], top["gold_low"]], atol=1e-12
        )
        line = value(result, name, "calibration error (nominal)")
        assert (
            f"error, nominal {two(line['value'])} [{two(line['low'])}, {two(line['high'])}]"
            in "\n".join(texts(panel))
        )
    assert axes[2].get_lines()[0].get_marker() == "o"  # a constant is calibrated in one place
    assert len(axes[3].get_lines()) == 0


def test_cumulative_curves_stand_beside_gold_with_their_distance(result, drawn):
    nominal, own = drawn["cumulative"].axes
    assert [axes.get_xlim() for axes in (nominal, own)] == [(0, 1), (0, 1)]
    assert [axes.yaxis.get_tick_params()["labelleft"] for axes in (nominal, own)] == [True, False]
    for axes, scaling, encoders in ((nominal, "nominal", 3), (own, "own range", 2)):
        curves = result.curves["cumulative"].query("scaling == @scaling")
        gold, *lines = axes.get_lines()
        np.testing.assert_array_equal(gold.get_ydata(), curves.query("encoder == 'SimCSE'")["gold"])
        np.testing.assert_array_equal(
            lines[1].get_ydata(), curves.query("encoder == 'SimCSE'")["scores"]
        )
        assert sum(len(line.get_xdata()) > 0 for line in lines) == encoders
        told = [text.get_text() for text in axes.get_legend().get_texts()]
        distance = value(result, "SimCSE", f"wasserstein ({scaling})")["value"]
        assert told[0] == "gold"
        assert told[2].startswith(f"SimCSE: W₁ {distance:.{2 if distance >= 0.1 else 3}f} [")
        assert told[4] == "diverged: W₁ undefined"
    assert [label.get_text() for label in nominal.get_xticklabels()] == [
        "−1",
        "−0.5",
        "0",
        "0.5",
        "1",
    ]


@pytest.mark.parametrize("count", [1, 4, 5])
def test_nothing_written_overlaps_or_is_cut(count):
    for name, figure in figures(measured(count)).items():
        figure.canvas.draw()
        renderer = figure.canvas.get_renderer()
        boxes = [
            (text.get_text(), text.get_window_extent(renderer))
            for axes in figure.axes
            for text in axes.texts
            if text.get_text()
        ]
        assert len(boxes) >= (0 if name == "cumulative" else 2 * count)
        assert all(first.count("\n") < 2 for first, _ in boxes if NAMES[3][:6] in first)
        width = figure.get_window_extent(renderer).width
        for i, (first, box) in enumerate(boxes):
            assert box.x0 >= 0, (name, first)
            assert box.x1 <= width * 1.02, (name, first)
            for second, other in boxes[:i]:
                inside = (
                    min(box.x1, other.x1) - max(box.x0, other.x0),
                    min(box.y1, other.y1) - max(box.y0, other.y0),
                )
                assert min(inside) < 3, (name, first, second)  # pixels
        sizes = [
            text.get_fontsize()
            for text in figure.findobj(lambda a: hasattr(a, "get_fontsize"))
            if text.get_text()
        ]
        assert min(sizes) >= 6.5


def test_without_a_nominal_range_or_any_spread():
    gold = np.arange(50) / 10
    free = polarity({"a": gold * 3}, gold, score_range=None, resamples=5)
    assert len(figures(free)["cumulative"].axes) == 1
    assert len(figures(free)["map"].axes[0].get_lines()) == 2  # the fit and the own range
    constant = polarity({"a": np.full(50, 3.0)}, gold, score_range=None, resamples=5)
    assert "no encoder has a spread" in " ".join(texts(figures(constant)["cumulative"])).replace(
        "\n", " "
    )
    assert "nominal range" not in summary(free)


# ---- words
# ------------------------------------------------------------------------------


def told(rows, gold=0.2):
    """A result from value, low, high by encoder and measure."""
    table = tabulate(
        [Measure(name, measure, *numbers, n=10) for (name, measure), numbers in rows.items()]
    )
    about = {
        "pairs": 1379,
        "level": 0.95,
        "gold": {f"extreme mass ({s})": gold for s in ("nominal", "own range")},
    }
    return ProbeResult("polarity", table, {}, about)


def test_summary_names_who_pushes_to_the_ends_and_at_which():
    rows = {
        ("a", "extreme mass (own range)"): (0.3, 0.2, 0.4),
        ("b", "extreme mass (own range)"): (-0.1, -0.2, -0.05),
    }
    rows |= {("c", "extreme mass (own range)"): (0.01, -0.02, 0.03)}
    for name in "abc":
        rows |= {
            (name, f"extreme mass (own range, {end} end)"): (v, v, v)
            for end, v in (("low", -0.02), ("high", 0.32))
        }
    text = summary(told(rows))
    assert (
        "Within the range that each uses, a (0.30 [0.20, 0.40]; low end −0.02, high end 0.32) "
        "puts more scores at the ends than gold has (0.20); fewer: b." in text
    )
    assert text.startswith(
        "Within the range that each uses, a"
    )  # the answer first, then what it is about
    assert "1,379 pairs; 95 % intervals over pairs." in text
    del rows["a", "extreme mass (own range)"]
    assert (
        "no encoder can be said to put more scores at the ends than gold has (0.20); fewer: b."
        in summary(told(rows))
    )


def test_summary_says_who_is_widest_and_whose_intervals_overlap():
    rows = {
        ("a", "used range"): (0.9, 0.8, 1.0),
        ("b, p = 8", "used range"): (0.7, 0.65, 0.85),
        ("c", "used range"): (0.2, 0.1, 0.3),
    }
    text = summary(told(rows))
    assert (
        "widest for a (0.90 [0.80, 1.00], intervals overlapping with ‘b, p = 8’); narrowest for c "
        "(0.20 [0.10, 0.30])." in text
    )
    rows["c", "used range"] = (0.6, 0.5, 0.9)
    assert (
        "Range used (5–95 %): from 0.60 [0.50, 0.90] for c to 0.90 [0.80, 1.00] for a, overlapping "
        "intervals." in summary(told(rows))
    )
    alone = summary(told({("a", "calibration error (nominal)"): (0.0312, 0.0294, 0.0333)}))
    assert "Calibration error (nominal): 0.031 [0.029, 0.033] for a." in alone
    nan = float("nan")
    assert "overlapping intervals" in summary(
        told({("a", "used range"): (0.9, nan, nan), ("b", "used range"): (0.1, 0, 0.2)})
    )


def test_summary_of_modes_falls_and_what_is_undefined(result):
    rows = {("a", "dip p"): (0.01,), ("b", "dip p"): (0.2,), ("b", "monotonicity"): (0.5, 0.2, 0.9)}
    text = summary(told(rows))
    assert "The dip finds more than one mode (p < 0.05) in a." in text
    assert "Mean scores do not rise with every gold bin for b." in text
    text = summary(result)
    assert "diverged is undefined: 200 of 200 scores are not finite." in text
    assert "constant: all scores are the same: the encoder is constant." in text
    half = polarity(
        {"a": np.linspace(-0.5, 1, 50)}, np.arange(50) / 10, score_range=(0, 1), resamples=5
    )
    assert summary(half).count("17 of 50 scores lie beyond 0 to 1") == 1


# ---- without gold
# ------------------------------------------------------------------------------


def test_unlabelled():
    rng = np.random.default_rng(0)
    given = {
        name: {
            "dropout pairs": rng.normal(0.9, 0.02, 80),
            "random pairs": rng.normal(mean, 0.1, 200),
        }
        for name, mean in (("a", 0.1), ("b", 0.6))
    }
    result = unlabelled_polarity(given, resamples=20)
    figure = figures(result)["ridges"]
    assert len(figure.axes) == 2
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == [
        "random\npairs",
        "dropout\npairs",
    ]
    for axes, name in zip(figure.axes, "ab", strict=True):
        mean, spread = (
            value(result, name, f"random pairs: {what}")["value"] for what in ("mean", "spread")
        )
        assert f"{two(mean)} ± {two(spread)}" in texts(axes)
        overlap = value(result, name, "dropout pairs: overlap with random pairs")["value"]
        assert f"∩ {two(overlap)}" in texts(axes)
    text = summary(result)
    assert "80 dropout pairs, 200 random pairs" in text
    assert "Mean score of random pairs: highest for b (0.6" in text
    assert "Overlap of dropout pairs with random pairs: " in text
