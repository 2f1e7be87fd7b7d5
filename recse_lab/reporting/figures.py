"""Figures of ablations. Each is drawn from a frame that can be printed, and holds no number of its own."""

from __future__ import annotations

from typing import Any, Literal

import pandas as pd

from recse_lab.reporting import style


def levels_figure(
    frame: pd.DataFrame, *, x_label: str, y_label: str, x_scale: Literal["category", "log"] = "category", note: str = ""
) -> Any:
    """Score against the levels of one factor, a line an arm with its interval as a band; arms without it as lines across.

    ``frame``: arm, role, x (missing for lines across), value, low, high; raw scores, drawn ×100.
    """
    plt = style.use()
    figure, axes = plt.subplots(figsize=(style.WIDTH, 3.9))
    swept = frame.loc[frame["x"].notna()]
    levels = sorted(set(swept["x"]))
    place = {level: float(level) if x_scale == "log" else float(i) for i, level in enumerate(levels)}
    if x_scale == "log":
        axes.set_xscale("log")
    ends: list[tuple[float, str, str]] = []

    for i, (arm, part) in enumerate(swept.groupby("arm", sort=False)):
        part = part.sort_values(by="x")
        where = [place[level] for level in part["x"]]
        control = part["role"].iloc[0] == "control"
        colour = style.CONTROL if control else style.COLOURS[i % len(style.COLOURS)]
        axes.fill_between(where, 100 * part["low"], 100 * part["high"], color=colour, alpha=0.15, linewidth=0)
        axes.plot(where, 100 * part["value"], color=colour, marker=style.MARKERS[i % len(style.MARKERS)], markersize=4.5,
                  linewidth=1.6, linestyle="--" if control else "-")  # fmt: skip
        ends.append((100 * part["value"].iloc[-1], str(arm), colour))
    dashes = iter(((0, (6, 2)), (0, (2, 1.5)), (0, (5, 1.5, 1, 1.5)), (0, (1, 1)), (0, (8, 2, 2, 2)), (0, (3, 3))))
    for row in frame.loc[frame["x"].isna()].to_dict("records"):
        reference = row["role"] == "reference"
        colour = style.REFERENCE if reference else style.CONTROL
        axes.axhline(
            100 * row["value"],
            color=colour,
            linewidth=1.2,
            linestyle="-" if reference and row["band"] else next(dashes),
        )
        if row["band"] and pd.notna(row["low"]):
            axes.axhspan(100 * row["low"], 100 * row["high"], color=colour, alpha=0.07, linewidth=0)
        ends.append((100 * row["value"], str(row["arm"]), colour))

    if x_scale == "category":
        axes.set_xticks(
            list(place.values()), [f"{level:g}" if isinstance(level, float) else str(level) for level in levels]
        )
        axes.set_xlim(-0.25, max(len(levels) - 1, 1) + 0.12)
    else:
        axes.set_xticks(levels, [f"{level:g}" for level in levels])
        axes.minorticks_off()
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    axes.margins(y=0.08)
    _label_ends(figure, axes, ends)
    if note:
        figure.text(
            0.0, -0.02, note, fontsize=7, color="#555555", ha="left", va="top", transform=figure.transFigure, wrap=True
        )
    return figure


def _label_ends(figure: Any, axes: Any, ends: list[tuple[float, str, str]]) -> None:
    """Names at the right end of their lines, moved apart where they would overlap, with a hair to the line they name."""
    figure.canvas.draw()
    low, high = axes.get_ylim()
    height = axes.get_window_extent().height / figure.dpi * 72
    least = (high - low) * 10.5 / height  # points of one line of text
    for (value, name, colour), y in zip(ends, style.spread([e[0] for e in ends], least), strict=True):
        axes.annotate(
            name, xy=(1.0, value), xycoords=axes.get_yaxis_transform(), xytext=(1.035, y), textcoords=axes.get_yaxis_transform(),
            color=colour, fontsize=8, va="center", annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": colour, "linewidth": 0.5, "shrinkA": 0, "shrinkB": 0},
        )  # fmt: skip
    axes.set_ylim(low, high)
