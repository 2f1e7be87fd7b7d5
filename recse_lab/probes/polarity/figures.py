"""Figures of the polarity probe: ridges by gold bin, map of scores against gold, cumulative
shares."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from recse_lab.figures.encoders import encoder_colour
from recse_lab.probes.polarity.frame import (
    LINE,
    SMALL,
    decimal,
    encoders_of,
    foot_note,
    panels_of,
    select,
    undefined_panel,
    with_interval,
    write_head,
)
from recse_lab.probes.polarity.ridges import ridges
from recse_lab.probes.result import ProbeResult
from recse_lab.probes.wording import lines_by_measure

SCALINGS = ("nominal", "own range")


def figures(result: ProbeResult) -> dict[str, Any]:
    """``ridges``, ``map`` and ``cumulative``."""
    return {"ridges": _bin_ridges(result), "map": _map(result), "cumulative": _cumulative(result)}


def _bin_ridges(result: ProbeResult) -> Any:
    """Scores in each gold bin, one column per encoder."""
    lines, labels = lines_by_measure(result), result.about["bins"]

    def head(name: str) -> list[str]:
        low, high = (decimal(lines[name, f"used {end}"]["value"]) for end in ("low", "high"))
        ends = lines[name, "extreme mass (own range)"]
        return [
            f"Spearman {with_interval(lines[name, 'spearman'], 2)}",
            f"ends {with_interval(ends, 2)}",
            f"5–95 %: {low} … {high}",
        ]

    def beside(name: str, label: str) -> tuple[float, float] | None:
        if label == "all":
            return None
        return lines[name, f"mean {label}"]["value"], lines[name, f"spread {label}"]["value"]

    overlaps = {upper: f"overlap {lower} | {upper}" for lower, upper in pairwise(labels)}
    figure = ridges(result, "bin", ["all", *labels], head, beside, overlaps)
    foot_note(
        figure,
        "Densities of the scores in each gold bin, and of all pairs, each drawn to the same "
        "height. Tick and numbers: mean ± "
        "standard deviation. ∩: overlap of the two neighbouring bins, 2 (1 − AUC); 0: separate, 1: "
        "indistinguishable. Ends: extreme "
        "mass in the own range, beyond gold's. 5–95 %: the range used.",
    )
    return figure


def _map(result: ProbeResult) -> Any:
    """Where the scores of each grade lie, with the calibration curve, one panel per encoder."""
    lines, encoders, cells = lines_by_measure(result), encoders_of(result), result.curves["map"]
    gold, nominal = result.about["gold_range"], result.about["score_range"]
    gold_used = [result.about["gold"][f"used {end}"] for end in ("low", "high")]
    figure, panels = panels_of(list(encoders), 3, 1.7, label="gold", numbers=3, foot=3.4 * LINE)
    for k, ((name, undefined), axes) in enumerate(zip(encoders.items(), panels, strict=True)):
        colour = encoder_colour(k)
        axes.set_xlim(cells["score_low"].min(), cells["score_high"].max())
        axes.set_ylim(*gold)
        if undefined:
            undefined_panel(axes, undefined)
            continue
        errors = [
            f"error, {s} {with_interval(lines[name, f'calibration error ({s})'])}" for s in SCALINGS
        ]
        write_head(axes, [*errors, f"isotonic R² {with_interval(lines[name, 'isotonic r2'])}"])
        part = select(cells, encoder=name)
        shares = part.pivot(index="gold_low", columns="score_low", values="share")
        x, y = (
            np.unique(part[["score_low", "score_high"]]),
            np.unique(part[["gold_low", "gold_high"]]),
        )
        axes.pcolormesh(x, y, shares.to_numpy(), cmap="Greys", vmin=0, rasterized=True)
        curve = select(result.curves["calibration"], encoder=name)
        axes.fill_between(
            curve["score"], curve["low"], curve["high"], color=colour, alpha=0.3, linewidth=0
        )
        point = "o" if np.ptp(curve["score"]) == 0 else ""  # a constant is calibrated in one place
        axes.plot(curve["score"], curve["gold"], color=colour, linewidth=1.7, marker=point)
        used = [lines[name, f"used {end}"]["value"] for end in ("low", "high")]
        for ends, grades, dashes in (
            (nominal, gold, (0, (5, 2.5))),
            (used, gold_used, (0, (1, 1.4))),
        ):
            if ends is not None and ends[0] < ends[1]:
                axes.plot(
                    ends,
                    grades,
                    color="black",
                    linewidth=0.9,
                    linestyle=dashes,
                    scalex=False,
                    scaley=False,
                )
    foot_note(
        figure,
        "Grey: where the pairs of a grade have their scores; each row of cells adds up to 1, the "
        "fullest cell of a panel is black. Colour: "
        "isotonic fit of gold on the score, with its interval. Black: what a calibrated score "
        "would follow, dashed where the nominal range is "
        "read as the gold scale, dotted where the 5–95 % range is; error: calibration error from "
        "it.",
    )
    return figure


def _cumulative(result: ProbeResult) -> Any:
    """Share of scores up to each value, gold's beside it, in both scalings."""
    lines, encoders, curves = (
        lines_by_measure(result),
        encoders_of(result),
        result.curves["cumulative"],
    )
    scalings = [scaling for scaling in SCALINGS if scaling in set(curves["scaling"])]
    legend = (len(encoders) + 1) * 1.4 * SMALL / 72
    titles = ["nominal range" if scaling == "nominal" else scaling for scaling in scalings] or [
        "no range"
    ]
    figure, panels = panels_of(
        titles,
        2,
        2.3,
        label="share of pairs up to here",
        numbers=0,
        foot=legend + 2.8 * LINE,
        plain=True,
    )
    if not scalings:
        undefined_panel(panels[0], "no encoder has a spread")
    for scaling, axes in zip(scalings, panels, strict=False):
        here = select(curves, scaling=scaling)
        axes.grid(True, axis="y")
        for end in ((0, 0.05), (0.95, 1)):
            axes.axvspan(*end, color="#eeeeee", linewidth=0, zorder=0)
        first = select(here, encoder=here["encoder"].iloc[0])
        axes.plot(
            first["x"],
            first["gold"],
            color="black",
            linewidth=1.4,
            linestyle=(0, (1, 1)),
            label="gold",
        )
        for k, name in enumerate(encoders):
            part, told = (
                select(here, encoder=name),
                with_interval(lines[name, f"wasserstein ({scaling})"]),
            )
            axes.plot(
                part["x"],
                part["scores"],
                color=encoder_colour(k),
                linewidth=1.5,
                label=f"{name}: W₁ {told}",
            )
        axes.set_xlim(0, 1)
        axes.set_ylim(0, 1)
        _ticks(
            axes,
            result.about["score_range"] if scaling == "nominal" else None,
            result.about["gold_range"],
        )
        axes.legend(
            loc="upper left",
            bbox_to_anchor=(-0.02, -0.19),
            fontsize=SMALL,
            handlelength=1.8,
            borderaxespad=0,
            labelspacing=0.3,
        )
    foot_note(
        figure,
        "W₁: the area between the curve of an encoder and gold's, 0 to 1. Shaded: the outer 5 % "
        "at each end, whose share is the extreme mass. "
        "Own range: scores and gold each from their 5th to their 95th percentile.",
    )
    return figure


def _ticks(axes: Any, score_range: Sequence[float] | None, gold_range: Sequence[float]) -> None:
    """The scaled axis in the units that are mapped to it; labels at its ends stay inside the
    panel."""
    places = np.linspace(0, 1, 5)
    if score_range is None:
        names = ["5th percentile", "", "", "", "95th percentile"]
        axes.set_xlabel("score, gold", fontsize=SMALL, labelpad=2)
    else:
        low, high = score_range
        names = [f"{low + place * (high - low):g}".replace("-", "−") for place in places]
        axes.set_xlabel(
            f"score; gold from {gold_range[0]:g} to {gold_range[1]:g}", fontsize=SMALL, labelpad=2
        )
    axes.set_xticks(places, names)
    for label, side in zip(
        axes.get_xticklabels()[:: len(places) - 1], ("left", "right"), strict=True
    ):
        label.set_horizontalalignment(side)
