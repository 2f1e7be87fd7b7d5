"""Encoders side by side in one panel: a colour, a marker and a place for each."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import pandas as pd

from recse_lab.figures import style

Row = Mapping[Hashable, Any]


def encoder_colour(e: int) -> str:
    """Colour of the e-th encoder."""
    return style.COLOURS[e % len(style.COLOURS)]


def encoder_marker(e: int) -> str:
    """Marker of the e-th encoder; another one where colours repeat."""
    return style.MARKERS[(e + e // len(style.COLOURS)) % len(style.MARKERS)]


def offset(e: int, count: int, room: float) -> float:
    """Position of the e-th of ``count`` dots of one group, around 0."""
    return (e - (count - 1) / 2) * room / max(count, 1)


def draw_interval(
    axes: Any, row: Row, at: float, e: int, count: int, *, across: bool = False, scale: float = 1
) -> None:
    """Draw the value and interval of ``row`` at position ``at``, upright or across."""
    value, low, high = (scale * row[column] for column in ("value", "low", "high"))
    size = 5 if count <= 6 else 4
    if across:
        axes.plot([low, high], [at, at], color=encoder_colour(e), linewidth=1.4)
        axes.plot(value, at, encoder_marker(e), color=encoder_colour(e), markersize=size)
    else:
        axes.plot([at, at], [low, high], color=encoder_colour(e), linewidth=1.1)
        axes.plot(at, value, encoder_marker(e), color=encoder_colour(e), markersize=size - 1)


def draw_groups(axes: Any, frame: pd.DataFrame, column: str, encoders: list[str]) -> None:
    """Draw groups along x, in each one dot per encoder."""
    groups = list(dict.fromkeys(frame[column]))
    for i, group in enumerate(groups):
        rows = frame.loc[frame[column] == group].to_dict("records")
        for e, row in enumerate(rows):
            draw_interval(axes, row, i + offset(e, len(encoders), 0.5), e, len(encoders))
    axes.set_xticks(
        range(len(groups)),
        [group.replace(" word", "\nword").replace("1 in ", "≥ 1 in\n") for group in groups],
        fontsize=7,
    )
    axes.set_xlim(-0.5, len(groups) - 0.5)


def legend_columns(names: Sequence[str]) -> int:
    """How many names fit side by side."""
    return min(len(names), 3 if sum(map(len, names[:4])) > 40 else 4)


def encoder_legend(figure: Any, encoders: list[str], *, above: bool = False) -> None:
    """Name the encoders below the panels, or above them where a note stands below."""
    from matplotlib.lines import Line2D

    handles = [
        Line2D(
            [],
            [],
            color=encoder_colour(e),
            marker=encoder_marker(e),
            markersize=5,
            linewidth=1.4,
            label=encoder,
        )
        for e, encoder in enumerate(encoders)
    ]
    where = "outside upper left" if above else "outside lower center"
    figure.legend(handles=handles, loc=where, ncols=legend_columns(encoders), fontsize=8)
