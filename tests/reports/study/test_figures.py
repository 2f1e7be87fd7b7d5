"""Dots of a paired figure: every arm can be told from every other, and a control is hollow."""

import pandas as pd

from recse_lab.reports.study.figures import paired_figure


def test_eight_arms_are_eight_signs_and_controls_are_hollow():
    arms = [f"arm {i}" for i in range(8)]
    frame = pd.DataFrame(
        [
            {
                "arm": arm,
                "role": "control" if i % 2 else "arm",
                "x": x,
                "y": None,
                "value": 0.5 + i / 100,
                "low": 0.4,
                "high": 0.7,
            }
            for x in ("one", "two")
            for i, arm in enumerate(arms)
        ]
    )
    axes = paired_figure(frame, x_label="score", y_label="").axes[0]
    signs = {
        (line.get_color(), line.get_marker())
        for line in axes.lines
        if line.get_marker() not in ("None", "")
    }
    assert len(signs) == 8
    legend = axes.get_legend()
    assert [text.get_text() for text in legend.get_texts()] == arms
    drawn = [
        (line.get_color(), line.get_marker(), line.get_markerfacecolor())
        for line in legend.get_lines()
    ]
    assert {sign[:2] for sign in drawn} == signs
    assert [face == "white" for *_, face in drawn] == [bool(i % 2) for i in range(8)]


def test_dots_of_a_row_stand_around_its_middle_whatever_other_rows_hold():
    rows = [("one", "a", 0.5), ("one", "b", 0.6), ("two", "c", 0.7)]
    frame = pd.DataFrame(
        [
            {"arm": a, "role": "arm", "x": x, "y": None, "value": v, "low": v, "high": v}
            for x, a, v in rows
        ]
    )
    axes = paired_figure(frame, x_label="", y_label="").axes[0]
    at = {
        float(line.get_xdata()[0]): float(line.get_ydata()[0])
        for line in axes.lines
        if line.get_marker() not in ("None", "")
    }
    assert at[50.0] + at[60.0] == 0
    assert at[70.0] == 1
