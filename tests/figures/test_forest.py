"""Forest plots: what stands where, and how it is drawn."""

import numpy as np
import pytest

from recse_lab.figures import style
from recse_lab.figures.forest import ForestRow, forest


def dots(figure):
    """Value -> row, marker and whether it is filled."""
    return {
        round(float(line.get_xdata()[0]), 6): (
            float(line.get_ydata()[0]),
            line.get_marker(),
            line.get_markerfacecolor() != "white",
        )
        for line in figure.axes[0].lines
        if line.get_marker() not in ("None", "")
    }


def test_rows_are_drawn_in_their_order_in_points():
    figure = forest(
        [ForestRow("a", 0.01, -0.02, 0.04), ForestRow("b", -0.03, filled=False)], x_label="x"
    )
    assert dots(figure) == {1.0: (0.0, "o", True), -3.0: (1.0, "o", False)}
    bars = [line.get_xdata() for line in figure.axes[0].lines if len(line.get_xdata()) == 2]
    assert any(np.allclose(bar, [-2, 4]) for bar in bars)
    assert [tick.get_text() for tick in figure.axes[0].get_yticklabels()] == ["a", "b"]
    bottom, top = figure.axes[0].get_ylim()
    assert bottom > top  # the first row is at the top
    style.close(figure)


def test_groups_have_heads_and_colours():
    rows = [ForestRow("a", 0.01, group="one"), ForestRow("b", 0.02, group="two")]
    figure = forest(rows, x_label="x", zero_label="reference")
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert {"one", "two", "reference"} <= set(texts)
    colours = {line.get_color() for line in figure.axes[0].lines if line.get_marker() == "o"}
    assert len(colours) == 2
    style.close(figure)


def test_a_total_is_a_diamond_and_what_is_undefined_is_named_only():
    rows = [ForestRow("a", float("nan")), ForestRow("mean", 0.02, 0.01, 0.03, total=True)]
    figure = forest(rows, x_label="x", bands=[0.005, 0.01])
    assert dots(figure) == {2.0: (1.0, "D", True)}
    assert [tick.get_text() for tick in figure.axes[0].get_yticklabels()] == ["a", "mean"]
    widths = sorted(patch.get_width() for patch in figure.axes[0].patches)
    assert widths == pytest.approx([1.0, 2.0])
    style.close(figure)
