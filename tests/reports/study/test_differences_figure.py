"""The forest plot of a study: the differences, intervals and marks of its table."""

import pytest

from recse_lab.figures import style
from recse_lab.reports.study.figures import differences_figure


def test_every_comparison_is_a_row_with_its_difference(study):
    figure = differences_figure(study)
    axes = figure.axes[0]
    drawn = {
        round(float(line.get_xdata()[0]), 9): line.get_markerfacecolor() != "white"
        for line in axes.lines
        if line.get_marker() not in ("None", "")
    }
    compared = [c for c in study.comparisons if c.comparison.seeds]
    expected = {round(100 * c.comparison.delta, 9): c.significant for c in compared}
    assert drawn.keys() == expected.keys()
    assert drawn == expected
    bars = [tuple(line.get_xdata()) for line in axes.lines if line.get_marker() in ("None", "")]
    for c in compared:
        ends = (100 * c.comparison.low, 100 * c.comparison.high)
        assert any(bar == pytest.approx(ends) for bar in bars)
    labels = [tick.get_text() for tick in axes.get_yticklabels()]
    assert len(labels) == len(compared)
    assert any(text.get_text() == study.against for text in axes.texts)
    style.close(figure)
