"""Panels that most probes draw: lines over a scale, and measures side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from recse_lab.figures import style
from recse_lab.figures.encoders import encoder_colour, encoder_marker, legend_columns


def grid_of_panels(count: int, columns: int, *, height: float = 2.3) -> tuple[Any, list[Any]]:
    """A figure of text width with ``count`` panels; places left over stay empty."""
    plt = style.use()
    rows = -(-count // columns)
    figure, grid = plt.subplots(
        rows, columns, figsize=(style.WIDTH, rows * height + 0.3), squeeze=False
    )
    for axes in grid.flat[count:]:
        axes.set_visible(False)
    return figure, list(grid.flat[:count])


def draw_lines(axes: Any, frame: pd.DataFrame, x: str, names: Sequence[str]) -> None:
    """Draw columns ``value``, ``low`` and ``high`` over ``x``, one line per encoder."""
    for e, name in enumerate(names):
        part = frame.loc[frame["encoder"] == name].sort_values(x)
        look = {"color": encoder_colour(e)}
        if {"low", "high"} <= set(part.columns):
            axes.fill_between(part[x], part["low"], part["high"], alpha=0.18, linewidth=0, **look)
        axes.plot(
            part[x],
            part["value"],
            marker=encoder_marker(e),
            markersize=4,
            linewidth=1.5,
            label=name,
            **look,
        )


def legend_above(figure: Any, axes: Any) -> None:
    """Name the encoders above the panels."""
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(
        handles,
        labels,
        loc="lower left",
        bbox_to_anchor=(0.02, 1.0),
        ncols=max(legend_columns(labels), 1),
        fontsize=8,
    )


def measure_panels(table: pd.DataFrame, labels: Mapping[str, str], columns: int = 3) -> Any:
    """One panel per measure, one dot per encoder with its interval; undefined ones say so."""
    names = list(dict.fromkeys(table["encoder"]))
    figure, panels = grid_of_panels(len(labels), columns, height=0.7 + 0.2 * len(names))
    for place, (axes, (measure, label)) in enumerate(zip(panels, labels.items(), strict=True)):
        rows = table.loc[table["measure"] == measure].set_index("encoder")
        for y, name in enumerate(names):
            if name not in rows.index or not np.isfinite(float(rows.loc[name, "value"])):
                axes.text(0.5, y, "undefined", transform=axes.get_yaxis_transform(), fontsize=7)
                continue
            value, low, high = (float(rows.loc[name, key]) for key in ("value", "low", "high"))
            axes.hlines(y, low, high, color=encoder_colour(y), linewidth=1.6)
            axes.plot(value, y, encoder_marker(y), color=encoder_colour(y), markersize=5)
        axes.set_title(label, fontsize=8.5)
        axes.tick_params(labelsize=7)
        axes.set_ylim(len(names) - 0.5, -0.5)
        axes.set_yticks(range(len(names)), names if place % columns == 0 else [])
        axes.grid(axis="x")
    figure.tight_layout(h_pad=1.0, w_pad=0.8)
    return figure
