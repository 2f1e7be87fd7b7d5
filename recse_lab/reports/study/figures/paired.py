"""One row per level, one dot with its interval per level of a second factor."""

from __future__ import annotations

from typing import Any, NamedTuple

import pandas as pd

from recse_lab.figures import style

DASHES = ((0, ()), (0, (6, 2)), (0, (2, 1.5)), (0, (5, 1.5, 1, 1.5)), (0, (1, 1)))


class _Hue(NamedTuple):
    """How a level of the second factor is drawn."""

    colour: str
    marker: str
    face: str


def paired_figure(frame: pd.DataFrame, *, x_label: str, y_label: str, note: str = "") -> Any:
    """Draw one row per level of x, with a dot and interval per level of y (or per arm).

    A thin line joins the dots of a row.

    Args:
        frame: Columns arm, role, x (missing for vertical lines), y, value, low and high; raw
            scores, drawn ×100.
        x_label: Label of the scores.
        y_label: Label of the factor y.
        note: Small print under the figure.
    """
    plt = style.use()
    swept = frame.loc[frame["x"].notna()]
    by_arm = bool(swept["y"].isna().all())
    swept = swept.assign(hue=swept["arm"] if by_arm else swept["y"])
    hues = _hues(swept)
    rows = list(dict.fromkeys(swept["x"]))
    most = int(swept.groupby("x").size().max())
    figure, axes = plt.subplots(
        figsize=(style.WIDTH, 0.9 + (0.22 + 0.11 * most) * len(rows)), layout="constrained"
    )
    for i, row in enumerate(rows):
        _draw_row(axes, swept.loc[swept["x"] == row], i, hues, most)
    handles = [
        plt.Line2D(
            [],
            [],
            color=hue.colour,
            marker=hue.marker,
            markerfacecolor=hue.face,
            linestyle="",
            label=str(name) if by_arm else f"{y_label} {name}",
        )
        for name, hue in hues.items()
    ]
    handles += _draw_references(axes, frame.loc[frame["x"].isna()])
    axes.set_yticks(range(len(rows)), [str(row) for row in rows])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.grid(axis="x")
    axes.grid(visible=False, axis="y")
    axes.set_xlabel(x_label)
    axes.legend(handles=handles, fontsize=7.5, loc="center left", bbox_to_anchor=(1.01, 0.5))
    style.write_note(figure, note)
    return figure


def _hues(swept: pd.DataFrame) -> dict[Any, _Hue]:
    """Colours and markers; markers differ when colours repeat, and controls are hollow."""
    hollow = set(swept.loc[swept["role"] == "control", "hue"])
    count, found = len(style.COLOURS), {}
    for k, name in enumerate(dict.fromkeys(swept["hue"])):
        colour = style.COLOURS[k % count]
        marker = style.MARKERS[(k + k // count) % len(style.MARKERS)]
        found[name] = _Hue(colour, marker, "white" if name in hollow else colour)
    return found


def _draw_row(axes: Any, part: pd.DataFrame, place: int, hues: dict[Any, _Hue], most: int) -> None:
    ends = [100 * part["value"].min(), 100 * part["value"].max()]
    axes.plot(ends, [place, place], color="#cccccc", linewidth=1, zorder=1)
    order = list(hues)
    records = sorted(part.to_dict("records"), key=lambda record: order.index(record["hue"]))
    for j, record in enumerate(records):
        hue = hues[record["hue"]]
        at = place + (j - (len(part) - 1) / 2) * 0.6 / max(most, 2)
        value, low, high = (100 * record[name] for name in ("value", "low", "high"))
        axes.plot([low, high], [at, at], color=hue.colour, linewidth=1.2, zorder=2)
        style_of = {"color": hue.colour, "markersize": 5, "markerfacecolor": hue.face}
        axes.plot(value, at, hue.marker, zorder=3, **style_of)


def _draw_references(axes: Any, rows: pd.DataFrame) -> list[Any]:
    """Draw arms without the factor as vertical lines; return them for the legend."""
    handles = []
    for record, dash in zip(rows.to_dict("records"), DASHES * len(rows), strict=False):
        value = 100 * record["value"]
        line = axes.axvline(value, color=style.REFERENCE, lw=1.1, linestyle=dash, zorder=0)
        line.set_label(str(record["arm"]))
        handles.append(line)
    return handles
