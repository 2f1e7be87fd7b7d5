"""Figures of the bias probe."""

from __future__ import annotations

from typing import Any

from recse_lab.figures import style
from recse_lab.figures.encoders import draw_interval, encoder_colour, encoder_legend, offset
from recse_lab.probes.result import ProbeResult
from recse_lab.probes.wording import Line, distinct, records, rows_where

HELD = "gold and other covariates"


def figures(result: ProbeResult) -> dict[str, Any]:
    """``partial`` and ``strata``."""
    return {"partial": partial_figure(result), "strata": strata_figure(result)}


def partial_figure(result: ProbeResult) -> Any:
    """Partial rank correlation of similarity with each covariate, one dot per encoder with its
    interval."""
    frame = rows_where(result.curves["partial"], "given", HELD)
    covariates, encoders = distinct(frame["covariate"]), distinct(frame["encoder"])
    plt = style.use()
    height = 1.1 + len(covariates) * (0.32 + 0.13 * len(encoders))
    figure, axes = plt.subplots(figsize=(style.WIDTH, height), layout="constrained")
    for i, covariate in enumerate(covariates):
        if i % 2:
            axes.axhspan(i - 0.5, i + 0.5, color="#f6f6f6", linewidth=0, zorder=0)
        for e, row in enumerate(records(rows_where(frame, "covariate", covariate))):
            draw_interval(
                axes, row, i + offset(e, len(encoders), 0.72), e, len(encoders), across=True
            )
    axes.axvline(0, color=style.REFERENCE, linewidth=0.8, zorder=1)
    axes.set_yticks(range(len(covariates)), covariates)
    axes.set_ylim(len(covariates) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=True, axis="x")
    axes.grid(visible=False, axis="y")
    axes.set_xlabel(
        "partial rank correlation with similarity, gold and the other covariates held fixed"
    )
    encoder_legend(figure, encoders)
    return figure


def strata_figure(result: ProbeResult) -> Any:
    """STS within the low, middle and high third of each covariate, one line per encoder."""
    frame = result.curves["strata"]
    covariates, encoders, labels = (
        distinct(frame[column]) for column in ("covariate", "encoder", "stratum")
    )
    plt = style.use()
    columns = min(len(covariates), 2)
    rows = -(-len(covariates) // columns)
    figure, grid = plt.subplots(
        rows,
        columns,
        figsize=(style.WIDTH, 0.6 + 2.3 * rows),
        sharey=True,
        squeeze=False,
        layout="constrained",
    )
    panels = iter(grid.flat)
    for covariate, axes in zip(covariates, panels, strict=False):
        part = rows_where(frame, "covariate", covariate)
        for e, encoder in enumerate(encoders):
            points = records(rows_where(part, "encoder", encoder))
            at = [i + offset(e, len(encoders), 0.5) for i in range(len(labels))]
            axes.plot(
                at,
                [100 * point["value"] for point in points],
                color=encoder_colour(e),
                linewidth=0.7,
                alpha=0.6,
            )
            for x, point in zip(at, points, strict=True):
                draw_interval(axes, point, x, e, len(encoders), scale=100)
        axes.set_xticks(
            range(len(labels)),
            [_bounds(row) for row in records(part.drop_duplicates("stratum"))],
            fontsize=8,
        )
        axes.set_xlim(-0.45, len(labels) - 0.55)
        axes.set_title(covariate)
    for axes in panels:
        axes.set_visible(False)
    for axes in grid[:, 0]:
        axes.set_ylabel("Spearman ×100")
    encoder_legend(figure, encoders)
    return figure


def _bounds(row: Line) -> str:
    """The name of a stratum over the values in it."""
    ends = dict.fromkeys(
        f"{row[end]:.2f}".rstrip("0").rstrip(".").replace("-", "−") for end in ("from", "to")
    )
    return f"{row['stratum']}\n{' to '.join(ends) if row['n'] else 'none'}"
