"""The figure of the minimal-pairs probe."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

import pandas as pd

from recse_lab.data.minimal_pair_items import CHANGES, KEEPS
from recse_lab.figures import style
from recse_lab.probes.result import ProbeResult
from recse_lab.probes.wording import lines_by_measure, percent

SMALL, NOTE = 7.5, 6.5  # points
STEP, GAP = 0.125, 0.12  # inches between the encoders of a group, and between groups
HEAD, LABELS, BETWEEN, AXIS = 0.22, 1.28, 0.24, 0.42  # inches
SPOKEN = {CHANGES: "the edit changes the meaning", KEEPS: "the edit keeps the meaning"}


def figures(result: ProbeResult) -> dict[str, Any]:
    """``phenomena``: the share of items ordered rightly, and how far similarity drops, by
    phenomenon and encoder."""
    return {"phenomena": _phenomena(result)}


def _phenomena(result: ProbeResult) -> Any:
    """One row per group, the groups whose meaning changes above those whose meaning is kept;
    encoders below each other."""
    plt = style.use()
    encoders, lines = list(dict.fromkeys(result.table["encoder"])), lines_by_measure(result)
    places, heads, bottom = _places(result, len(encoders))
    names = [textwrap.shorten(name, 60, placeholder="…") for name in encoders]
    note = textwrap.fill(_note(result), 132)
    foot, top = 0.13 * (note.count("\n") + 1) + 0.06, 0.24 + 0.15 * len(names)
    height = top + bottom + AXIS + foot
    width = (style.WIDTH - LABELS - BETWEEN) / 2
    figure = plt.figure(figsize=(style.WIDTH, height))
    panels = [
        figure.add_axes(
            (x / style.WIDTH, (foot + AXIS) / height, width / style.WIDTH, bottom / height)
        )
        for x in (LABELS, LABELS + width + BETWEEN)
    ]
    middles = [y + STEP * (len(encoders) - 1) / 2 for y in places.values()]
    for axes, title in zip(panels, ("items ordered rightly", "drop of similarity"), strict=True):
        axes.set(ylim=(bottom, 0), yticks=middles)
        _frame(axes, title, list(heads.values()))
    panels[0].set_yticklabels(
        [f"{label.split(' (')[0]}  n = {result.about['groups'][label]}" for label in places]
    )
    panels[1].set_yticklabels([])
    _headings(panels[0], heads)
    for k, name in enumerate(encoders):
        colour, marker = (
            style.COLOURS[k % len(style.COLOURS)],
            style.MARKERS[k % len(style.MARKERS)],
        )
        for label, y in places.items():
            for axes, kind, face in (
                (panels[0], "right", colour),
                (panels[1], "paraphrase drop", "white"),
                (panels[1], "drop", colour),
            ):
                _dot(axes, lines[name, f"{label}: {kind}"], y + STEP * k, colour, marker, face)
        panels[0].plot(
            [], [], color=colour, marker=marker, linestyle="", markersize=4, label=names[k]
        )
    panels[0].axvline(0.5, color=style.REFERENCE, linewidth=0.9, linestyle=(0, (4, 3)), zorder=1)
    panels[0].set(
        xlim=(-0.02, 1.02),
        xticks=[0, 0.25, 0.5, 0.75, 1],
        xticklabels=["0", "25", "50", "75", "100"],
    )
    panels[1].set_xlim(left=min(0.0, panels[1].get_xlim()[0]))
    panels[0].set_xlabel("share of items, %; dashed: 50 %", fontsize=SMALL, labelpad=2)
    panels[1].set_xlabel("(1 − cosine) / scale; hollow: paraphrase", fontsize=SMALL, labelpad=2)
    figure.legend(
        *panels[0].get_legend_handles_labels(),
        loc="upper left",
        bbox_to_anchor=(0, 1),
        fontsize=SMALL,
        borderpad=0,
        borderaxespad=0,
        handletextpad=0.2,
        labelspacing=0.25,
    )
    figure.text(0, 0, note, fontsize=NOTE, color="#555555", va="bottom", linespacing=1.35)
    return figure


def _frame(axes: Any, title: str, heads: list[float]) -> None:
    """Title, grid and ticks of a panel, and lines above all headings but the first."""
    axes.tick_params(labelsize=SMALL, length=0, axis="y")
    axes.tick_params(labelsize=SMALL, axis="x")
    axes.grid(False)
    axes.grid(True, axis="x")
    axes.spines["left"].set_visible(False)
    axes.set_title(title, fontsize=8.5, fontweight="bold", pad=4)
    for y in heads[1:]:
        axes.axhline(y - HEAD / 2, color="#bbbbbb", linewidth=0.6)


def _headings(axes: Any, heads: Mapping[str, float]) -> None:
    """Write what the edit does above the groups, left of the panel."""
    for expect, y in heads.items():
        axes.annotate(
            SPOKEN[expect],
            (0, y),
            xycoords=("axes fraction", "data"),
            xytext=(-72 * LABELS, 0),
            textcoords="offset points",
            va="center",
            fontsize=SMALL,
            fontstyle="italic",
            color="#444444",
            annotation_clip=False,
        )


def _places(result: ProbeResult, encoders: int) -> tuple[dict[str, float], dict[str, float], float]:
    """Where each group's first encoder and each heading stand, in inches from the top, and the
    height of it all."""
    places: dict[str, float] = {}
    heads: dict[str, float] = {}
    y = 0.0
    for expect in SPOKEN:
        labels = [label for label, expected in result.about["expect"].items() if expected == expect]
        if labels:
            heads[expect] = y + HEAD / 2
            y += HEAD
        for label in labels:
            places[label] = y + (STEP + GAP) / 2
            y += STEP * encoders + GAP
    return places, heads, y


def _dot(axes: Any, line: Mapping[str, Any], y: float, colour: str, marker: str, face: str) -> None:
    if pd.isna(line["value"]):
        return
    if not pd.isna(line["low"]):
        axes.plot(
            [line["low"], line["high"]],
            [y, y],
            color=colour,
            linewidth=1,
            zorder=2,
            solid_capstyle="butt",
        )
    axes.plot(
        line["value"],
        y,
        marker=marker,
        markersize=4,
        color=colour,
        markerfacecolor=face,
        markeredgewidth=0.9,
        zorder=3,
    )


def _note(result: ProbeResult) -> str:
    undefined = "".join(
        f" Undefined for {name}: {why}." for name, why in undefined_encoders(result).items()
    )
    return (
        "Rightly: nearer to the paraphrase than to the edit where the edit changes the meaning, "
        "the other way round where it keeps it. "
        "Paraphrases differ in more words, so that word overlap alone scores near 0 above and "
        "near 100 % below. Scale: 1 − mean cosine "
        f"of unrelated sentences. {percent(result.about['level'])} intervals over items.{undefined}"
    )


def undefined_encoders(result: ProbeResult) -> dict[str, str]:
    """Encoders with a measure that is undefined, and the first reason."""
    lost = result.table.loc[result.table["value"].isna()].drop_duplicates("encoder")
    return dict(zip(lost["encoder"], lost["note"], strict=True))
