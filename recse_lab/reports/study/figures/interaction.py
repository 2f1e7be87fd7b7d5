"""Marginal means of a factorial, one panel per pair of factors."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from recse_lab.figures import style


def interaction_figure(
    frame: pd.DataFrame, factors: list[str], *, y_label: str, note: str = ""
) -> Any:
    """Draw marginal means for every pair of factors: one panel per pair.

    The horizontal axis has the levels of the first, and each line is a level of the second.

    Parallel lines: the two factors do not interact. Bars are 95 % t intervals over the seeds'
    marginal means.

    Args:
        frame: One row per run with the factors, seed and value (raw, drawn ×100).
        factors: Columns of the factors.
        y_label: Label of the scores.
        note: Small print under the figure.
    """
    plt = style.use()
    pairs = list(itertools.combinations(factors, 2))
    across = min(3, len(pairs))
    down = -(-len(pairs) // across)
    figure, grid = plt.subplots(
        down, across, figsize=(style.WIDTH * 1.15, 2.3 * down), sharey=True, squeeze=False
    )
    for axes, (first, second) in zip(grid.flat, pairs, strict=False):
        levels = list(dict.fromkeys(frame[first]))
        for i, (name, part) in enumerate(frame.groupby(second, sort=False)):
            by_seed = part.pivot_table(
                index=first, columns="seed", values="value", aggfunc="mean"
            ).loc[levels]
            means, count = 100 * by_seed.mean(axis=1), by_seed.shape[1]
            half = (
                100 * by_seed.std(axis=1, ddof=1) / count**0.5 * stats.t.ppf(0.975, count - 1)
                if count > 1
                else None
            )
            axes.errorbar(
                np.arange(len(levels)) + 0.06 * (i - 0.5),
                means,
                yerr=half,
                color=style.COLOURS[i],
                marker=style.MARKERS[i],
                markersize=4.5,
                linewidth=1.6,
                capsize=2,
                label=f"{second} {name}",
            )
        axes.set_xticks(range(len(levels)), [str(level) for level in levels])
        axes.set_xlim(-0.35, len(levels) - 0.65)
        axes.set_xlabel(first)
        axes.legend(fontsize=7, loc="best", handlelength=1.4)
    for axes in grid.flat[len(pairs) :]:
        axes.set_visible(False)
    figure.supylabel(y_label, fontsize=9)
    figure.tight_layout()
    style.write_note(figure, note)
    return figure
