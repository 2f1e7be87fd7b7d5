"""The plane of alignment and uniformity."""

from __future__ import annotations

from typing import Any

import numpy as np

from recse_lab.figures import style
from recse_lab.figures.labels import label_points, note_below
from recse_lab.probes.result import ProbeResult

AXES = ("uniformity  (lower: spread more evenly)", "alignment  (lower: paraphrases closer)")
STS = "Spearman × 100"


def figures(result: ProbeResult) -> dict[str, Any]:
    """``plane``."""
    return {"plane": plane(result)}


def plane(result: ProbeResult) -> Any:
    """One point per encoder, with its intervals, coloured by Spearman; those undefined are named
    below."""
    plt = style.use()
    figure, axes = plt.subplots(figsize=(style.WIDTH, 4.0))
    wide: Any = {
        column: result.table.pivot(index="encoder", columns="measure", values=column)
        for column in ("value", "low", "high")
    }
    points: Any = wide["value"].reindex(dict.fromkeys(result.table["encoder"]))
    drawn = points.dropna(subset=["alignment", "uniformity"])
    colour = spearman_colours(plt, figure, axes, drawn["spearman"])
    bars: list[tuple[float, float]] = []
    for i, (name, row) in enumerate(drawn.iterrows()):
        spans = {
            m: (wide["low"].loc[name, m], wide["high"].loc[name, m])
            for m in ("alignment", "uniformity")
        }
        for along, across in (("uniformity", "alignment"), ("alignment", "uniformity")):
            if np.isfinite(spans[along]).all():
                line = axes.hlines if along == "uniformity" else axes.vlines
                line(row[across], *spans[along], color="#555555", linewidth=1.1, zorder=2)
            low, high = np.where(np.isfinite(spans[along]), spans[along], row[along])
            for place in np.linspace(low, high, 9):
                bars.append((place, row[across]) if along == "uniformity" else (row[across], place))
        axes.plot(
            row["uniformity"],
            row["alignment"],
            style.MARKERS[i % len(style.MARKERS)],
            markersize=8,
            zorder=3,
            markerfacecolor=colour(row["spearman"]),
            markeredgecolor="#222222",
            markeredgewidth=0.8,
        )
    frame_plane(axes)
    labels = [f"{name} ({times_100(row['spearman'])})" for name, row in drawn.iterrows()]
    label_points(
        figure,
        axes,
        drawn[["uniformity", "alignment"]].to_numpy(),
        labels,
        np.array(bars).reshape(-1, 2),
    )
    missing = [str(name) for name in points.index.difference(drawn.index, sort=False)]
    if missing:
        note_below(figure, f"Undefined, and not drawn: {', '.join(missing)}.")
    return figure


def frame_plane(axes: Any) -> None:
    """Label the axes of the plane of alignment and uniformity."""
    axes.set_xlabel(AXES[0])
    axes.set_ylabel(AXES[1])
    axes.grid(visible=True, axis="both")
    axes.margins(x=0.22, y=0.12)


def spearman_colours(plt: Any, figure: Any, axes: Any, scores: Any) -> Any:
    """Spearman → colour, with its bar; grey where it is undefined. The palest end of the map is
    left out."""
    from matplotlib.colors import LinearSegmentedColormap, Normalize

    palette = LinearSegmentedColormap.from_list(
        "sts", plt.get_cmap("viridis")(np.linspace(0, 0.92, 256))
    )
    defined = 100 * scores.dropna()
    if defined.empty:
        return lambda value: style.CONTROL
    low, high = float(defined.min()), float(defined.max())
    scale = Normalize(*((low, high) if high > low else (low - 1, high + 1)))
    bar = figure.colorbar(plt.cm.ScalarMappable(scale, palette), ax=axes, pad=0.02, fraction=0.045)
    bar.set_label(STS)
    bar.outline.set_visible(False)
    return lambda value: palette(scale(100 * value)) if np.isfinite(value) else style.CONTROL


def times_100(value: float) -> str:
    """A correlation times 100, or that it is undefined."""
    return f"{100 * value:.1f}" if np.isfinite(value) else "undefined"
