"""Ridges: densities of scores, one row per group of pairs, one column per encoder."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from recse_lab.figures.encoders import encoder_colour
from recse_lab.probes.polarity.frame import (
    LINE,
    NUMBERS,
    decimal,
    encoders_of,
    panels_of,
    select,
    undefined_panel,
    write_head,
)
from recse_lab.probes.result import ProbeResult
from recse_lab.probes.wording import lines_by_measure

ALL_PAIRS = "#8a8a8a"


def ridges(
    result: ProbeResult,
    column: str,
    rows: Sequence[str],
    head: Callable[[str], list[str]],
    beside: Callable[[str, str], tuple[float, float] | None],
    overlaps: Mapping[str, str],
) -> Any:
    """Densities one above the other, the first row lowest, with their numbers at the right."""
    lines, encoders, curve = lines_by_measure(result), encoders_of(result), result.curves["density"]
    heads = {name: [] if undefined else head(name) for name, undefined in encoders.items()}
    figure, panels = panels_of(
        list(encoders),
        4,
        0.4 * len(rows) + 0.35,
        label="gold" if column == "bin" else "",
        numbers=max(map(len, heads.values())),
        foot=3.4 * LINE,
        strip=0.58,
    )
    limits = curve["score"].min(), curve["score"].max()
    for k, ((name, undefined), axes) in enumerate(zip(encoders.items(), panels, strict=True)):
        colour = encoder_colour(k)
        write_head(axes, heads[name])
        axes.spines["left"].set_visible(False)
        axes.set_yticks(range(len(rows)), [textwrap.fill(row, 9) for row in rows], va="center")
        axes.tick_params(axis="y", length=0)
        axes.set_ylim(-0.1, len(rows) + 0.25)
        axes.set_xlim(*limits)
        axes.locator_params(axis="x", nbins=3 if len(panels) > 2 else 6)
        if undefined:
            undefined_panel(axes, undefined)
            continue
        drawn = {row: select(curve, encoder=name, **{column: row}) for row in rows}
        for y, row in enumerate(rows):
            shade, layer = ALL_PAIRS if row == "all" else colour, 3 * (len(rows) - y)
            axes.axhline(y, color="#cfcfcf", linewidth=0.6, zorder=layer)
            if not len(drawn[row]):
                continue
            x, height = (
                drawn[row]["score"],
                y + 1.15 * drawn[row]["density"] / drawn[row]["density"].max(),
            )
            axes.fill_between(x, y, height, color=shade, alpha=0.4, linewidth=0, zorder=layer)
            some = np.flatnonzero(height > y + 0.01)
            along = slice(some[0], some[-1] + 1)
            axes.plot(
                x.iloc[along], height.iloc[along], color=shade, linewidth=1.0, zorder=layer + 1
            )
            numbers = beside(name, row)
            if numbers is not None:
                mean, spread = numbers
                axes.plot(
                    [mean, mean], [y, y + 0.2], color="black", linewidth=1.1, zorder=layer + 2
                )
                text = decimal(mean) + ("" if pd.isna(spread) else f" ± {decimal(spread)}")
                _right(axes, y + 0.12, text, "black")
            if row in overlaps and pd.notna(lines[name, overlaps[row]]["value"]):
                lift = -0.38 if column == "bin" else 0.45
                _right(axes, y + lift, f"∩ {decimal(lines[name, overlaps[row]]['value'])}", colour)
    return figure


def _right(axes: Any, y: float, text: str, colour: str) -> None:
    """Numbers in the strip right of a panel."""
    axes.annotate(
        text,
        (1, y),
        xycoords=axes.get_yaxis_transform(),
        xytext=(4, 0),
        textcoords="offset points",
        va="center",
        fontsize=NUMBERS,
        color=colour,
        annotation_clip=False,
    )
