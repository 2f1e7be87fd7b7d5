"""Scores against the levels of one factor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd

from recse_lab.figures import style

DASHES = (
    (0, (6, 2)),
    (0, (2, 1.5)),
    (0, (5, 1.5, 1, 1.5)),
    (0, (1, 1)),
    (0, (8, 2, 2, 2)),
    (0, (3, 3)),
)


class _End(NamedTuple):
    """Where a line ends, for its label."""

    value: float
    name: str
    colour: str


def levels_figure(
    frame: pd.DataFrame,
    *,
    x_label: str,
    y_label: str,
    x_scale: Literal["category", "log"] = "category",
    note: str = "",
) -> Any:
    """Plot scores against the levels of one factor, with their intervals.

    Numbers are joined by a line with a band, names are dots with bars: between two names there is
    nothing to read off. Arms without the factor are horizontal lines.

    Args:
        frame: Columns arm, role, x (missing for horizontal lines), value, low, high and band;
            raw scores, drawn ×100.
        x_label: Label of the factor.
        y_label: Label of the scores.
        x_scale: Whether levels are evenly spaced or numbers on a log scale.
        note: Small print under the figure.
    """
    plt = style.use()
    figure, axes = plt.subplots(figsize=(style.WIDTH, 3.9))
    swept = frame.loc[frame["x"].notna()]
    levels = list(dict.fromkeys(swept["x"]))
    named = any(isinstance(level, str) for level in levels)
    levels = levels if named else sorted(levels)
    if x_scale == "log":
        axes.set_xscale("log")
        place = {level: float(level) for level in levels}
    else:
        place = {level: float(i) for i, level in enumerate(levels)}
    arms = list(swept.groupby("arm", sort=False))
    ends = []
    for i, (arm, part) in enumerate(arms):
        shift = (i - (len(arms) - 1) / 2) * 0.12 if named else 0.0
        end = _draw_arm(axes, part.sort_values(by="x"), i, place, shift, joined=not named)
        if not named:
            ends.append(end)
        else:
            axes.plot([], [], color=end.colour, marker=style.MARKERS[i], ls="", label=str(arm))
    ends += _draw_references(axes, frame.loc[frame["x"].isna()])
    _set_levels(axes, levels, place, x_scale, room=0.5 if named else 0.15)
    if named and len(arms) > 1:
        where = {"loc": "lower left", "bbox_to_anchor": (0, 1), "ncols": min(len(arms), 4)}
        axes.legend(fontsize=8, columnspacing=1, handletextpad=0.2, **where)
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    axes.margins(y=0.08)
    _label_ends(figure, axes, ends)
    style.write_note(figure, note)
    return figure


def _draw_arm(
    axes: Any, part: pd.DataFrame, i: int, place: dict[Any, float], shift: float, *, joined: bool
) -> _End:
    """Draw one arm: a line with a band, or dots with bars."""
    control = part["role"].iloc[0] == "control"
    colour = style.CONTROL if control else style.COLOURS[i % len(style.COLOURS)]
    where = np.array([place[level] + shift for level in part["x"]])
    value, low, high = (100 * part[name].to_numpy(float) for name in ("value", "low", "high"))
    marker = style.MARKERS[i % len(style.MARKERS)]
    if joined:
        axes.fill_between(where, low, high, color=colour, alpha=0.15, linewidth=0)
        dash = "--" if control else "-"
        axes.plot(where, value, color=colour, marker=marker, ms=4.5, lw=1.6, linestyle=dash)
    else:
        axes.vlines(where, low, high, color=colour, linewidth=1.4)
        axes.plot(where, value, marker, color=colour, markersize=5)
    return _End(value[-1], str(part["arm"].iloc[0]), colour)


def _draw_references(axes: Any, rows: pd.DataFrame) -> list[_End]:
    """Draw arms without the factor as horizontal lines; the one of ``band`` with its interval."""
    dashes, ends = iter(DASHES), []
    for row in rows.to_dict("records"):
        reference = row["role"] == "reference"
        colour = style.REFERENCE if reference else style.CONTROL
        line = "-" if reference and row["band"] else next(dashes)
        axes.axhline(100 * row["value"], color=colour, linewidth=1.2, linestyle=line)
        if row["band"] and pd.notna(row["low"]):
            axes.axhspan(100 * row["low"], 100 * row["high"], color=colour, alpha=0.07, linewidth=0)
        ends.append(_End(100 * row["value"], str(row["arm"]), colour))
    return ends


def _set_levels(
    axes: Any, levels: Sequence[Any], place: dict[Any, float], x_scale: str, room: float
) -> None:
    labels = [f"{level:g}" if isinstance(level, float) else str(level) for level in levels]
    axes.set_xticks(list(place.values()), labels)
    if x_scale == "log":
        axes.minorticks_off()
    else:
        axes.set_xlim(-room, max(len(levels) - 1, 1) + room)


def _label_ends(figure: Any, axes: Any, ends: Sequence[_End]) -> None:
    """Label lines at their right ends.

    Labels that would overlap are moved apart; a thin line connects each to its line.
    """
    figure.canvas.draw()
    low, high = axes.get_ylim()
    height = axes.get_window_extent().height / figure.dpi * 72
    least = (high - low) * 10.5 / height  # points of one line of text
    for (value, name, colour), y in zip(
        ends, style.spread([end.value for end in ends], least), strict=True
    ):
        axes.annotate(
            name,
            xy=(1.0, value),
            xycoords=axes.get_yaxis_transform(),
            xytext=(1.035, y),
            textcoords=axes.get_yaxis_transform(),
            color=colour,
            fontsize=8,
            va="center",
            annotation_clip=False,
            arrowprops={
                "arrowstyle": "-",
                "color": colour,
                "linewidth": 0.5,
                "shrinkA": 0,
                "shrinkB": 0,
            },
        )
    axes.set_ylim(low, high)
