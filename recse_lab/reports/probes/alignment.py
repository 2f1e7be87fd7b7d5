"""Figures and a paragraph of the alignment probe: the plane of alignment and uniformity, and the way through it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from recse_lab.figures import style
from recse_lab.probes.result import ProbeResult

AXES = ("uniformity  (lower: spread more evenly)", "alignment  (lower: paraphrases closer)")
STS = "Spearman × 100"


def figures(result: ProbeResult) -> dict[str, Any]:
    """``plane`` of an alignment result, ``trajectory`` of a trajectory."""
    return (
        {"trajectory": trajectory(result)}
        if result.name == "trajectory"
        else {"plane": plane(result)}
    )


def summary(result: ProbeResult) -> str:
    """What the numbers say, in a paragraph."""
    return _trajectory_summary(result) if result.name == "trajectory" else _plane_summary(result)


# ---- figures -----------------------------------------------------------------------------------------------------


def plane(result: ProbeResult) -> Any:
    """One point an encoder, with its intervals, coloured by Spearman; those undefined are named below."""
    plt = style.use()
    figure, axes = plt.subplots(figsize=(style.WIDTH, 4.0))
    wide: Any = {
        column: result.table.pivot(index="encoder", columns="measure", values=column)
        for column in ("value", "low", "high")
    }
    points: Any = wide["value"].reindex(dict.fromkeys(result.table["encoder"]))
    drawn = points.dropna(subset=["alignment", "uniformity"])
    colour = _colours(plt, figure, axes, drawn["spearman"])
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
    _frame(axes)
    labels = [f"{name} ({_hundred(row['spearman'])})" for name, row in drawn.iterrows()]
    _label_points(
        figure,
        axes,
        drawn[["uniformity", "alignment"]].to_numpy(),
        labels,
        np.array(bars).reshape(-1, 2),
    )
    missing = [str(name) for name in points.index.difference(drawn.index, sort=False)]
    if missing:
        _note(figure, f"Undefined, and not drawn: {', '.join(missing)}.")
    return figure


def trajectory(result: ProbeResult) -> Any:
    """One line an arm over the steps, coloured by Spearman: an open ring where it starts, a filled mark where it ends."""
    from matplotlib.collections import LineCollection

    plt = style.use()
    figure, axes = plt.subplots(figsize=(style.WIDTH, 4.2))
    curve: Any = result.curves["trajectory"].dropna(subset=["alignment", "uniformity"])
    colour = _colours(plt, figure, axes, curve["spearman"])
    ends, labels, paths = [], [], [np.empty((0, 2))]
    for i, (name, part) in enumerate(curve.groupby("encoder", sort=False)):
        at = part[["uniformity", "alignment"]].to_numpy()
        scores = part["spearman"].to_numpy()
        middles = [colour(value) for value in (scores[1:] + scores[:-1]) / 2]
        axes.add_collection(
            LineCollection(
                list(np.stack([at[:-1], at[1:]], axis=1)), colors=middles, linewidths=2, zorder=2
            )
        )
        axes.scatter(*at[1:-1].T, s=9, color=[colour(value) for value in scores[1:-1]], zorder=3)
        mark = {"marker": style.MARKERS[i % len(style.MARKERS)], "zorder": 4}
        axes.scatter(
            *at[:1].T, s=46, facecolor="white", edgecolor=[colour(scores[0])], linewidth=1.6, **mark
        )
        axes.scatter(
            *at[-1:].T, s=70, color=[colour(scores[-1])], edgecolor="#222222", linewidth=0.8, **mark
        )
        ends.append(at[-1])
        along = np.linspace(0, len(at) - 1, 12 * len(at))
        paths.append(
            np.stack([np.interp(along, range(len(at)), at[:, axis]) for axis in (0, 1)], axis=1)
        )
        labels.append(f"{name}, step {part['step'].iloc[-1]} ({_hundred(scores[-1])})")
    axes.margins(0.08)
    axes.autoscale_view()
    _frame(axes)
    _label_points(figure, axes, np.array(ends).reshape(-1, 2), labels, np.concatenate(paths))
    first = sorted(curve.groupby("encoder")["step"].min().unique())
    _note(
        figure,
        f"Open: first look at the dev set (step {', '.join(map(str, first))}). Filled: the last. Dots: looks between.",
    )
    return figure


def _frame(axes: Any) -> None:
    axes.set_xlabel(AXES[0])
    axes.set_ylabel(AXES[1])
    axes.grid(visible=True, axis="both")
    axes.margins(0.12)


def _colours(plt: Any, figure: Any, axes: Any, scores: Any) -> Any:
    """Spearman → colour, with its bar; grey where it is undefined. The palest end of the map is left out."""
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


def _label_points(
    figure: Any, axes: Any, at: np.ndarray, labels: Sequence[str], drawn: np.ndarray
) -> None:
    """Names beside their points, each at the first place where it covers neither what is drawn nor another name."""
    from matplotlib.text import Text
    from matplotlib.transforms import Bbox

    figure.canvas.draw()
    point = figure.dpi / 72
    renderer, inside = figure.canvas.get_renderer(), axes.get_window_extent()
    taken = [
        Bbox.from_bounds(x - 3 * point, y - 3 * point, 6 * point, 6 * point)
        for x, y in axes.transData.transform(drawn)
    ]
    directions = [
        (np.cos(angle), np.sin(angle))
        for angle in np.pi * np.array([0, 1, 0.5, 1.5, 0.25, 1.75, 0.75, 1.25])
    ]
    for xy, label in zip(at, labels, strict=True):
        best: tuple[float, Any, Any] | None = None
        for distance in (11, 20, 32, 48):
            for right, up in directions:
                text = axes.annotate(
                    label,
                    xy,
                    xytext=(distance * right, distance * up),
                    textcoords="offset points",
                    fontsize=8,
                    zorder=5,
                    ha="left" if right > 0.5 else "right" if right < -0.5 else "center",
                    va="center" if abs(up) < 0.5 else "bottom" if up > 0 else "top",
                    arrowprops={
                        "arrowstyle": "-",
                        "linewidth": 0.5,
                        "color": "#777777",
                        "shrinkB": 4,
                    }
                    if distance > 11
                    else None,
                )
                text.update_positions(renderer)
                box = Text.get_window_extent(text, renderer).padded(
                    1.5 * point
                )  # of the letters, without the hair
                outside = not (
                    inside.x0 < box.x0
                    and box.x1 < inside.x1
                    and inside.y0 < box.y0
                    and box.y1 < inside.y1
                )
                cost = sum(box.overlaps(other) for other in taken) + 100 * outside + distance / 1000
                if best is None or cost < best[0]:
                    if best is not None:
                        best[1].remove()
                    best = (cost, text, box)
                else:
                    text.remove()
        assert best is not None
        taken.append(best[2])


def _note(figure: Any, text: str) -> None:
    figure.text(0.0, -0.01, text, fontsize=7, color="#555555", ha="left", va="top", wrap=True)


# ---- paragraphs --------------------------------------------------------------------------------------------------


def _hundred(value: float) -> str:
    return f"{100 * value:.1f}" if np.isfinite(value) else "undefined"


def _with_interval(row: Any, scale: float = 1, digits: int = 3) -> str:
    if not np.isfinite(row["value"]):
        return f"undefined ({row['note']})"
    value = f"{scale * row['value']:.{digits}f}"
    if not np.isfinite(row["low"]):
        return value
    return f"{value} [{scale * row['low']:.{digits}f}, {scale * row['high']:.{digits}f}]"


def _plane_summary(result: ProbeResult) -> str:
    about = result.about
    parts = []
    for measure, said in (
        ("alignment", "Paraphrases are closest in"),
        ("uniformity", "The space is used most evenly by"),
    ):
        parts += _lowest(result.table[result.table["measure"] == measure], said)
    for name, table in result.table.groupby("encoder", sort=False):
        rows = {row["measure"]: row for _, row in table.iterrows()}
        parts.append(
            f"{name}: alignment {_with_interval(rows['alignment'])}, uniformity {_with_interval(rows['uniformity'])}, "
            f"Spearman {_with_interval(rows['spearman'], 100, 1)}."
        )
    parts.append(
        f"{about['sentences']:,} sentences, {about['pairs']:,} pairs, {about['aligned pairs']:,} of them with gold above "
        f"{about['above']:g}; protocol {about['protocol']}."
    )
    parts.append(
        f"Intervals {about['intervals']}."
        if about["protocol"] == "whole"
        else "Per batch: biased, see the protocol."
    )
    return " ".join(parts)


def _lowest(rows: Any, said: str) -> list[str]:
    """Who is lowest, and whether its interval is clear of the next one's."""
    rows = rows.dropna(subset=["value"]).sort_values("value")
    if len(rows) < 2:
        return []
    best, following = rows.iloc[0], rows.iloc[1]
    if not np.isfinite([best["high"], following["low"]]).all():
        return [f"{said} {best['encoder']}, before {following['encoder']}."]
    apart = best["high"] < following["low"]
    how = "their intervals do not touch" if apart else "their intervals overlap"
    return [f"{said} {best['encoder']}, before {following['encoder']}; {how}."]


def _trajectory_summary(result: ProbeResult) -> str:
    parts = []
    curve: Any = result.curves["trajectory"]
    for name, part in curve.groupby("encoder", sort=False):
        start, end = part.iloc[0], part.iloc[-1]
        if len(part) < 2:
            parts.append(f"{name} was looked at once, at step {end['step']}: {_place(end)}.")
            continue
        moves = [
            f"{measure} {'rises' if change > 0 else 'falls' if change < 0 else 'stays'} by {abs(change):.3f}"
            for measure in ("alignment", "uniformity")
            if np.isfinite(change := end[measure] - start[measure])
        ]
        best = part.loc[part["spearman"].idxmax()] if part["spearman"].notna().any() else None
        peak = (
            ""
            if best is None
            else f"; the best Spearman of {len(part)} looks is {_hundred(best['spearman'])} at step {best['step']}"
        )
        parts.append(
            f"{name} goes from {_place(start)} at step {start['step']} to {_place(end)} at step {end['step']}"
            f"{': ' if moves else ''}{', '.join(moves)}{peak}."
        )
    return " ".join(parts)


def _place(look: Any) -> str:
    told = [
        f"{m} {look[m]:.3f}" if np.isfinite(look[m]) else f"{m} undefined"
        for m in ("alignment", "uniformity")
    ]
    return f"{', '.join(told)}, Spearman {_hundred(look['spearman'])}"
