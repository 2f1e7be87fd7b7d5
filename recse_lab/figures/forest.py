"""Forest plots: differences with their intervals, one per row, beside the line of no difference."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from recse_lab.figures import style

ROW, DENSE = 0.21, 0.125  # inches
HEAD = 1.1  # inches for the title, the axis and what it is of


class ForestRow(NamedTuple):
    """A difference, raw; without bounds where there is no interval."""

    label: str
    value: float
    low: float | None = None
    high: float | None = None
    text: str = ""
    """Printed at the right margin."""
    total: bool = False
    """Whether it sums up the others: drawn as a diamond, below a line."""
    group: str = ""
    """Rows of a group are adjacent, below its name and in one colour."""
    filled: bool = True
    """Whether its marker is filled: of a significant difference, say."""


def forest(
    rows: Sequence[ForestRow],
    *,
    x_label: str,
    title: str = "",
    zero_label: str = "",
    bands: Sequence[float] = (),
    note: str = "",
    dense: bool = False,
) -> Any:
    """Draw rows from top to bottom, ×100, with a vertical line at 0.

    Args:
        rows: Differences; those that are not finite are named, and not drawn.
        x_label: What the differences are, with the side that is better.
        title: Title of the figure.
        zero_label: What the line at 0 stands for: the reference.
        bands: Raw half widths of grey bands about 0.
        note: Small print under the figure.
        dense: Small rows, for a hundred of them.
    """
    plt = style.use()
    groups = list(dict.fromkeys(row.group for row in rows))
    headed = groups != [""]
    height = len(rows) + (1.4 * len(groups) if headed else 0)
    figure, axes = plt.subplots(
        figsize=(style.WIDTH, HEAD + (DENSE if dense else ROW) * height), layout="constrained"
    )
    for k, half in enumerate(sorted(bands, reverse=True)):
        axes.axvspan(-100 * half, 100 * half, color=str(0.94 - 0.05 * k), linewidth=0, zorder=0)
    axes.axvline(0, color=style.REFERENCE, linewidth=0.9, zorder=1)
    ticks: dict[float, str] = {}
    place = 0.0
    for k, group in enumerate(groups):
        if headed:
            _write_head(axes, group or " ", place, 7 if dense else 9)
            place += 1
        colour = style.COLOURS[k % len(style.COLOURS)]
        for row in (row for row in rows if row.group == group):
            _draw_row(
                axes, row, place, style.COLOURS[1] if row.total else colour, 3 if dense else 4.5
            )
            ticks[place] = row.label
            place += 1
        place += 0.4 if headed else 0
    axes.set_yticks(list(ticks), list(ticks.values()), fontsize=6 if dense else 8)
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(max(place - 0.4, 0.5), -0.6)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x")
    axes.grid(visible=False, axis="y")
    axes.set_xlabel(x_label)
    axes.set_title(title)
    if zero_label:
        _write_zero(axes, zero_label)
    if note:
        style.write_note(figure, note)
    return figure


def _draw_row(axes: Any, row: ForestRow, place: float, colour: str, size: float) -> None:
    if row.value == row.value:
        if row.low is not None and row.high is not None:
            axes.plot([100 * row.low, 100 * row.high], [place, place], color=colour, linewidth=1.4)
        axes.plot(
            [100 * row.value],
            [place],
            "D" if row.total else "o",
            color=colour,
            markersize=size,
            markerfacecolor=colour if row.filled else "white",
        )
    axes.text(1.02, place, row.text, transform=axes.get_yaxis_transform(), va="center", fontsize=8)
    if row.total and place:
        axes.axhline(place - 0.5, color="#cccccc", linewidth=0.7)


def _write_head(axes: Any, group: str, place: float, size: float) -> None:
    axes.text(
        -0.01,
        place,
        group,
        transform=axes.get_yaxis_transform(),
        ha="right",
        va="center",
        fontweight="bold",
        fontsize=size,
    )


def _write_zero(axes: Any, label: str) -> None:
    axes.annotate(
        label,
        (0, 1),
        xycoords=("data", "axes fraction"),
        xytext=(0, 2),
        textcoords="offset points",
        ha="center",
        va="bottom",
        fontsize=8,
    )
