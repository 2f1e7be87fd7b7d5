"""The figure of the influence probe."""

from __future__ import annotations

from typing import Any

from recse_lab.figures import style
from recse_lab.figures.encoders import draw_groups, encoder_colour, encoder_legend, encoder_marker
from recse_lab.probes.result import ProbeResult
from recse_lab.probes.wording import distinct, rows_where

CONTENT = "content word"


def figures(result: ProbeResult) -> dict[str, Any]:
    """``influence``."""
    return {"influence": influence_figure(result)}


def influence_figure(result: ProbeResult) -> Any:
    """What a word's removal does: by kind, by place, by frequency where counted, and how evenly it
    is spread."""
    encoders = distinct(result.table["encoder"])
    relative = [name for name in ("kind", "band") if name in result.curves]
    titles = {"kind": "by kind of word", "band": "by how often the word occurs"}
    plt = style.use()
    figure, grid = plt.subplots(2, 2, figsize=(style.WIDTH, 5.4), layout="constrained")
    for axes, name in zip(grid[:, 0], relative, strict=False):
        draw_groups(axes, result.curves[name], name, encoders)
        axes.set_title(titles[name])
        axes.set_ylabel("relative influence\n(1: the sentence's average word)")

    axes = grid[0, 1]
    content = rows_where(result.curves["place"], "kind", CONTENT)
    for e, encoder in enumerate(encoders):
        line = rows_where(content, "encoder", encoder)
        axes.fill_between(
            line["place"],
            line["low"],
            line["high"],
            color=encoder_colour(e),
            alpha=0.15,
            linewidth=0,
        )
        axes.plot(
            line["place"],
            line["value"],
            color=encoder_colour(e),
            marker=encoder_marker(e),
            markersize=4,
            linewidth=1.3,
        )
    axes.set_xlim(0, 1)
    axes.set_xticks([0, 0.5, 1], ["start", "middle", "end"], fontsize=8)
    axes.set_title("content words, by place")
    for axes in (*grid[: len(relative), 0], grid[0, 1]):
        axes.axhline(1, color=style.REFERENCE, linewidth=0.8, zorder=1)
        axes.set_ylim(bottom=0)

    axes = grid[1, 1]
    draw_groups(
        axes,
        result.table.loc[result.table["measure"].isin(["evenness", "gini"])],
        "measure",
        encoders,
    )
    axes.set_xticks(
        [0, 1], ["evenness\n(1: all words alike)", "Gini\n(1: one word is all)"], fontsize=8
    )
    axes.set_ylim(0, 1)
    axes.set_title("spread over a sentence's words")
    grid[1, 0].set_visible("band" in relative)
    encoder_legend(figure, encoders)
    return figure
