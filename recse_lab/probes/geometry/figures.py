"""Figures of the geometry probe: spectra, and all measures side by side."""

from __future__ import annotations

from typing import Any

import numpy as np

from recse_lab.figures import style
from recse_lab.figures.labels import note_below
from recse_lab.probes.result import ProbeResult

LABELS = {
    "mean_cosine": "mean cosine",
    "partition_isotropy": "partition isotropy",
    "partition_isotropy_unit": "…, of unit vectors",
    "isoscore": "IsoScore",
    "participation_ratio": "participation ratio",
    "top_share": "variance on first axis",
    "effective_rank": "effective rank",
    "effective_rank_centred": "…, centred",
    "hubness_skew": "hubness (skew of N$_k$)",
    "antihubs": "nobody's neighbour",
    "norm_mean": "mean norm",
    "norm_cv": "spread of norms (CV)",
}
"""Drawn in this order; mean_cosine_with_self and rankme stand in the table and repeat a
neighbour."""
LINES = ("-", (0, (5, 1.5)), (0, (5, 1.5, 1, 1.5)), (0, (1.5, 1.2)))


def figures(result: ProbeResult) -> dict[str, Any]:
    """``spectrum`` and ``measures``."""
    return {"spectrum": spectra(result), "measures": small_multiples(result)}


def spectra(result: ProbeResult) -> Any:
    """Standard deviations along the principal axes beside the variance they add up to; a mark at
    the participation ratio."""
    plt = style.use()
    figure, (left, right) = plt.subplots(1, 2, figsize=(style.WIDTH, 3.1))
    ratios: Any = result.frame()["participation_ratio"]
    undefined = []
    curve: Any = result.curves["spectrum"]
    for i, (name, part) in enumerate(curve.groupby("encoder", sort=False)):
        if part["share"].isna().any():
            undefined.append(str(name))
            continue
        look = {
            "color": style.COLOURS[i % len(style.COLOURS)],
            "linewidth": 1.6,
            "linestyle": LINES[i % len(LINES)],
        }
        seen = part[part["singular_centred"] > 1e-6 * part["singular_centred"].iloc[0]]
        left.plot(
            seen["component"], seen["singular_centred"] / seen["singular_centred"].iloc[0], **look
        )
        right.plot(
            part["component"], part["cumulative"], label=f"{name} ({len(part)} dimensions)", **look
        )
        at = ratios[name]
        height = np.interp(np.log(at), np.log(part["component"]), part["cumulative"])
        right.plot(
            at,
            height,
            style.MARKERS[i % len(style.MARKERS)],
            color=look["color"],
            markeredgecolor="white",
            markersize=7,
        )
    for axes in (left, right):
        axes.set_xscale("log")
        axes.set_xlabel("principal axis")
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    left.set_yscale("log")
    left.set_title("Standard deviation, the first = 1")
    right.set_title("Cumulative share of the variance")
    right.set_ylim(0, 1.03)
    figure.tight_layout(w_pad=2)
    if right.has_data():
        figure.legend(
            *right.get_legend_handles_labels(),
            loc="lower left",
            bbox_to_anchor=(0.02, 1.0),
            ncols=2,
            fontsize=8,
        )
    note = (
        "After centring. Marks: participation ratio, the number of equal axes "
        "that are as concentrated."
    )
    note_below(
        figure,
        note + (f" No variance, and not drawn: {', '.join(undefined)}." if undefined else ""),
    )
    return figure


def small_multiples(result: ProbeResult) -> Any:
    """One panel per measure, one dot per encoder, with its interval where it has one."""
    plt = style.use()
    table: Any = result.table.set_index(["measure", "encoder"])
    names = list(dict.fromkeys(result.table["encoder"]))
    columns, rows = 4, -(-len(LABELS) // 4)
    figure, grid = plt.subplots(
        rows,
        columns,
        figsize=(style.WIDTH + 0.8, rows * (0.72 + 0.2 * len(names))),
        sharey=True,
        squeeze=False,
    )
    for axes, (measure, label) in zip(grid.flat, LABELS.items(), strict=True):
        part = table.loc[measure].loc[names]
        for y, (_, row) in enumerate(part.iterrows()):
            colour = style.COLOURS[y % len(style.COLOURS)]
            if not np.isfinite(row["value"]):
                axes.text(
                    0.5,
                    y,
                    "undefined",
                    transform=axes.get_yaxis_transform(),
                    color=style.CONTROL,
                    fontsize=7,
                    ha="center",
                    va="center",
                    style="italic",
                )
                continue
            if np.isfinite(row["low"]):
                axes.hlines(y, row["low"], row["high"], color=colour, linewidth=1.6)
            axes.plot(
                row["value"], y, style.MARKERS[y % len(style.MARKERS)], color=colour, markersize=5
            )
        _scale(axes, part["value"].dropna(), logarithmic=measure == "partition_isotropy")
        axes.set_title(label, fontsize=8.5)
        axes.tick_params(labelsize=7)
        axes.tick_params(axis="y", labelsize=8, length=0)
        axes.grid(axis="x")
    grid[0, 0].set_yticks(range(len(names)), names)
    grid[0, 0].set_ylim(len(names) - 0.5, -0.5)
    figure.tight_layout(h_pad=1.2, w_pad=0.8)
    note_below(
        figure,
        f"{result.about['sentences']:,} sentences; N$_k$ counts the lists of "
        f"{result.about['neighbours']} nearest "
        "neighbours a sentence stands in. Bars: 95 % jackknife, often narrower than the mark.",
    )
    return figure


def _scale(axes: Any, values: Any, *, logarithmic: bool) -> None:
    """Three ticks; logarithmic for what falls exponentially with the norms."""
    from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

    if logarithmic and len(values) and values.max() > 10 * values.min() > 0:
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(numticks=3))
        axes.xaxis.set_minor_locator(NullLocator())
    else:
        axes.xaxis.set_major_locator(MaxNLocator(3))
    axes.margins(x=0.18)
