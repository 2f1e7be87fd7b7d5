"""Figures of studies, each drawn from a frame that can be printed."""

from __future__ import annotations

import itertools
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy import stats

from recse_lab.figures import style
from recse_lab.reports.study.numbers import StudyNumbers
from recse_lab.runs.collection import short_name


def draw_study(numbers: StudyNumbers) -> Any:
    """Draw the figure that the study's report names, from its frames."""
    report = numbers.report
    score = "STS average" if numbers.seven else numbers.metric
    score_label = f"{score}, Spearman ×100"
    x_label = report.x_label or short_name(report.x or "")
    y_label = report.y_label or short_name(report.y or "")
    seeds = _seeds(numbers)
    plural = "" if seeds == "1" else "s"
    if report.figure == "interaction":
        note = f"{seeds} seeds; bars: 95 %, t over seeds."
        return interaction_figure(
            numbers.seed_frame, report.effects, y_label=score_label, note=note
        )
    if report.figure == "heat-map":
        note = f"{seeds} seed{plural} per cell."
        return heat_map(
            numbers.frame, x_label=x_label, y_label=y_label, title=score_label, note=note
        )
    population = "pairs and seeds" if plural else "pairs"
    note = f"{seeds} seed{plural} per point; 95 % intervals over {population}."
    if report.figure == "paired":
        return paired_figure(numbers.frame, x_label=score_label, y_label=y_label, note=note)
    return levels_figure(
        numbers.frame,
        x_label=x_label,
        y_label=score_label,
        x_scale="log" if report.x_scale == "log" else "category",
        note=note,
    )


def _seeds(numbers: StudyNumbers) -> str:
    """Number of seeds per point, or its range."""
    counts = {
        len(arm.runs)
        for arm in numbers.study.arms
        if arm.runs and not arm.seedless and (arm.factors or arm.name == numbers.against)
    } or {1}
    return "–".join(str(count) for count in dict.fromkeys((min(counts), max(counts))))


def levels_figure(
    frame: pd.DataFrame,
    *,
    x_label: str,
    y_label: str,
    x_scale: Literal["category", "log"] = "category",
    note: str = "",
) -> Any:
    """Plot scores against the levels of one factor: one line per arm, its interval as a band.

    Arms without the factor are horizontal lines.

    Args:
        frame: Columns arm, role, x (missing for horizontal lines), value, low, high and band;
            raw scores, drawn ×100.
        x_label: Label of the factor.
        y_label: Label of the scores.
        x_scale: Whether levels are categories or numbers on a log scale.
        note: Small print under the figure.
    """
    plt = style.use()
    figure, axes = plt.subplots(figsize=(style.WIDTH, 3.9))
    swept = frame.loc[frame["x"].notna()]
    levels = sorted(set(swept["x"]))
    place = {
        level: float(level) if x_scale == "log" else float(i) for i, level in enumerate(levels)
    }
    if x_scale == "log":
        axes.set_xscale("log")
    ends: list[tuple[float, str, str]] = []

    for i, (arm, part) in enumerate(swept.groupby("arm", sort=False)):
        part = part.sort_values(by="x")
        where = [place[level] for level in part["x"]]
        control = part["role"].iloc[0] == "control"
        colour = style.CONTROL if control else style.COLOURS[i % len(style.COLOURS)]
        axes.fill_between(
            where, 100 * part["low"], 100 * part["high"], color=colour, alpha=0.15, linewidth=0
        )
        axes.plot(
            where,
            100 * part["value"],
            color=colour,
            marker=style.MARKERS[i % len(style.MARKERS)],
            markersize=4.5,
            linewidth=1.6,
            linestyle="--" if control else "-",
        )
        ends.append((100 * part["value"].iloc[-1], str(arm), colour))
    dashes = iter(
        (
            (0, (6, 2)),
            (0, (2, 1.5)),
            (0, (5, 1.5, 1, 1.5)),
            (0, (1, 1)),
            (0, (8, 2, 2, 2)),
            (0, (3, 3)),
        )
    )
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
            list(place.values()),
            [f"{level:g}" if isinstance(level, float) else str(level) for level in levels],
        )
        axes.set_xlim(-0.25, max(len(levels) - 1, 1) + 0.12)
    else:
        axes.set_xticks(levels, [f"{level:g}" for level in levels])
        axes.minorticks_off()
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    axes.margins(y=0.08)
    _label_ends(figure, axes, ends)
    _note(figure, note)
    return figure


def _label_ends(figure: Any, axes: Any, ends: list[tuple[float, str, str]]) -> None:
    """Label lines at their right ends.

    Labels that would overlap are moved apart; a thin line connects each to its line.
    """
    figure.canvas.draw()
    low, high = axes.get_ylim()
    height = axes.get_window_extent().height / figure.dpi * 72
    least = (high - low) * 10.5 / height  # points of one line of text
    for (value, name, colour), y in zip(
        ends, style.spread([e[0] for e in ends], least), strict=True
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
    _note(figure, note)
    return figure


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
    _note(figure, note)
    return figure


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
    rows = list(dict.fromkeys(swept["x"]))
    hues = list(dict.fromkeys(swept["arm"] if by_arm else swept["y"]))
    swept = swept.assign(hue=swept["arm"] if by_arm else swept["y"])
    most = int(swept.groupby("x").size().max())
    figure, axes = plt.subplots(
        figsize=(style.WIDTH, 0.9 + (0.22 + 0.11 * most) * len(rows)), layout="constrained"
    )
    count = len(style.COLOURS)
    colours = [style.COLOURS[k % count] for k in range(len(hues))]
    # When colours repeat, their markers differ.
    markers = [style.MARKERS[(k + k // count) % len(style.MARKERS)] for k in range(len(hues))]
    hollow = {record["hue"] for record in swept.to_dict("records") if record["role"] == "control"}
    faces = [
        "white" if hue in hollow else colour for hue, colour in zip(hues, colours, strict=True)
    ]
    for i, row in enumerate(rows):
        part = swept.loc[swept["x"] == row]
        axes.plot(
            [100 * part["value"].min(), 100 * part["value"].max()],
            [i, i],
            color="#cccccc",
            linewidth=1,
            zorder=1,
        )
        for j, record in enumerate(
            sorted(part.to_dict("records"), key=lambda record: hues.index(record["hue"]))
        ):
            k = hues.index(record["hue"])
            at = i + (j - (len(part) - 1) / 2) * 0.6 / max(most, 2)
            value, low, high = (100 * record[name] for name in ("value", "low", "high"))
            axes.plot([low, high], [at, at], color=colours[k], linewidth=1.2, zorder=2)
            axes.plot(
                value,
                at,
                markers[k],
                color=colours[k],
                markersize=5,
                zorder=3,
                markerfacecolor=faces[k],
            )
    handles = [
        plt.Line2D(
            [],
            [],
            color=colours[k],
            marker=markers[k],
            markerfacecolor=faces[k],
            linestyle="",
            label=str(hue) if by_arm else f"{y_label} {hue}",
        )
        for k, hue in enumerate(hues)
    ]
    dashes = iter(((0, ()), (0, (6, 2)), (0, (2, 1.5)), (0, (5, 1.5, 1, 1.5)), (0, (1, 1))))
    for record in frame.loc[frame["x"].isna()].to_dict("records"):
        line = axes.axvline(
            100 * record["value"],
            color=style.REFERENCE,
            linewidth=1.1,
            linestyle=next(dashes),
            zorder=0,
        )
        line.set_label(str(record["arm"]))
        handles.append(line)
    axes.set_yticks(range(len(rows)), [str(row) for row in rows])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.grid(axis="x")
    axes.grid(visible=False, axis="y")
    axes.set_xlabel(x_label)
    axes.legend(handles=handles, fontsize=7.5, loc="center left", bbox_to_anchor=(1.01, 0.5))
    _note(figure, note)
    return figure


def _note(figure: Any, note: str) -> None:
    if note:
        figure.text(
            0.0,
            -0.02,
            note,
            fontsize=7,
            color="#555555",
            ha="left",
            va="top",
            transform=figure.transFigure,
            wrap=True,
        )
