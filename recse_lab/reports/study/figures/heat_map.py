"""Scores over two factors as a heat map."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from recse_lab.figures import style


def heat_map(frame: pd.DataFrame, *, x_label: str, y_label: str, title: str, note: str = "") -> Any:
    """Draw the score of every combination of two factors.

    Reference arms that sweep x alone are rows below.

    Args:
        frame: Columns arm, role, x, y (missing for those rows) and value; raw scores, drawn ×100.
        x_label: Label of the factor on the horizontal axis.
        y_label: Label of the factor on the vertical axis.
        title: What the scores are.
        note: Small print under the figure.
    """
    plt = style.use()
    columns = sorted(set(frame["x"].dropna()))
    crossed, alone = (
        frame.loc[frame["y"].notna()],
        frame.loc[frame["y"].isna() & frame["x"].notna()],
    )
    rows = [
        (
            f"{level:g}" if isinstance(level, float) else str(level),
            crossed.loc[crossed["y"] == level],
        )
        for level in sorted(set(crossed["y"]), reverse=True)
    ]
    rows += [(str(arm), part) for arm, part in alone.groupby("arm", sort=False)]
    values = np.full((len(rows), len(columns)), np.nan)
    for i, (_, part) in enumerate(rows):
        for x, value in zip(part["x"], part["value"], strict=True):
            values[i, columns.index(x)] = 100 * value
    figure, axes = plt.subplots(
        figsize=(min(style.WIDTH, 1.6 + 1.0 * len(columns)), 1.2 + 0.5 * len(rows))
    )
    picture = axes.imshow(values, cmap="cividis", aspect="auto")
    middle = np.nanmean([np.nanmin(values), np.nanmax(values)])
    for i, j in zip(*np.nonzero(np.isfinite(values)), strict=True):
        axes.text(
            j,
            i,
            f"{values[i, j]:.1f}",
            ha="center",
            va="center",
            fontsize=8,
            color="black" if values[i, j] > middle else "white",
        )
    if len(alone):
        axes.axhline(len(rows) - alone["arm"].nunique() - 0.5, color="white", linewidth=3)
    axes.set_xticks(
        range(len(columns)),
        [f"{level:g}" if isinstance(level, float) else str(level) for level in columns],
    )
    axes.set_yticks(range(len(rows)), [name for name, _ in rows])
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    axes.set_title(title)
    figure.colorbar(picture, ax=axes, shrink=0.8).outline.set_visible(False)
    style.write_note(figure, note)
    return figure
