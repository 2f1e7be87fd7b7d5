"""Figures and words of the probes ``bias`` and ``influence``."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from recse_lab.figures import style
from recse_lab.probes.result import ProbeResult

HELD = "gold and other covariates"
CONTENT = "content word"

Row = Mapping[Hashable, Any]


def figures(result: ProbeResult) -> dict[str, Any]:
    """``partial`` and ``strata`` of a result of ``bias``; ``influence`` of a result of ``influence``."""
    if "partial" in result.curves:
        return {"partial": partial_figure(result), "strata": strata_figure(result)}
    return {"influence": influence_figure(result)}


def partial_figure(result: ProbeResult) -> Any:
    """Partial rank correlation of similarity with each covariate, a dot an encoder with its interval."""
    frame = _where(result.curves["partial"], "given", HELD)
    covariates, encoders = _order(frame["covariate"]), _order(frame["encoder"])
    plt = style.use()
    height = 1.1 + len(covariates) * (0.32 + 0.13 * len(encoders))
    figure, axes = plt.subplots(figsize=(style.WIDTH, height), layout="constrained")
    for i, covariate in enumerate(covariates):
        if i % 2:
            axes.axhspan(i - 0.5, i + 0.5, color="#f6f6f6", linewidth=0, zorder=0)
        for e, row in enumerate(_records(_where(frame, "covariate", covariate))):
            _dot(axes, row, i + _aside(e, len(encoders), 0.72), e, len(encoders), across=True)
    axes.axvline(0, color=style.REFERENCE, linewidth=0.8, zorder=1)
    axes.set_yticks(range(len(covariates)), covariates)
    axes.set_ylim(len(covariates) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=True, axis="x")
    axes.grid(visible=False, axis="y")
    axes.set_xlabel(
        "partial rank correlation with similarity, gold and the other covariates held fixed"
    )
    _legend(figure, encoders)
    return figure


def strata_figure(result: ProbeResult) -> Any:
    """STS within the low, middle and high third of each covariate, a line an encoder."""
    frame = result.curves["strata"]
    covariates, encoders, labels = (
        _order(frame[column]) for column in ("covariate", "encoder", "stratum")
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
        part = _where(frame, "covariate", covariate)
        for e, encoder in enumerate(encoders):
            points = _records(_where(part, "encoder", encoder))
            at = [i + _aside(e, len(encoders), 0.5) for i in range(len(labels))]
            axes.plot(
                at,
                [100 * point["value"] for point in points],
                color=_colour(e),
                linewidth=0.7,
                alpha=0.6,
            )
            for x, point in zip(at, points, strict=True):
                _dot(axes, point, x, e, len(encoders), scale=100)
        axes.set_xticks(
            range(len(labels)),
            [_bounds(row) for row in _records(part.drop_duplicates("stratum"))],
            fontsize=8,
        )
        axes.set_xlim(-0.45, len(labels) - 0.55)
        axes.set_title(covariate)
    for axes in panels:
        axes.set_visible(False)
    for axes in grid[:, 0]:
        axes.set_ylabel("Spearman ×100")
    _legend(figure, encoders)
    return figure


def influence_figure(result: ProbeResult) -> Any:
    """What a word's removal does: by kind, by place, by frequency where counted, and how evenly it is spread."""
    encoders = _order(result.table["encoder"])
    relative = [name for name in ("kind", "band") if name in result.curves]
    titles = {"kind": "by kind of word", "band": "by how often the word occurs"}
    plt = style.use()
    figure, grid = plt.subplots(2, 2, figsize=(style.WIDTH, 5.4), layout="constrained")
    for axes, name in zip(grid[:, 0], relative, strict=False):
        _dots(axes, result.curves[name], name, encoders)
        axes.set_title(titles[name])
        axes.set_ylabel("relative influence\n(1: the sentence's average word)")

    axes = grid[0, 1]
    content = _where(result.curves["place"], "kind", CONTENT)
    for e, encoder in enumerate(encoders):
        line = _where(content, "encoder", encoder)
        axes.fill_between(
            line["place"], line["low"], line["high"], color=_colour(e), alpha=0.15, linewidth=0
        )
        axes.plot(
            line["place"],
            line["value"],
            color=_colour(e),
            marker=_marker(e),
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
    _dots(
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
    _legend(figure, encoders)
    return figure


# ---- words -------------------------------------------------------------------------------------------------------


def summary(result: ProbeResult) -> str:
    """What the numbers say, in Markdown: one line a covariate, the gaps between thirds; or who moves the embedding."""
    lines = _bias_lines(result) if "partial" in result.curves else _influence_lines(result)
    notes = (
        result.table.loc[result.table["value"].isna()]
        .groupby("note", sort=False)["encoder"]
        .unique()
    )
    lines += [f"Undefined for {', '.join(names)}: {why}." for why, names in notes.items()]
    return "\n\n".join(lines)


def _bias_lines(result: ProbeResult) -> list[str]:
    frame = _where(result.curves["partial"], "given", HELD)
    own = {row["covariate"]: row["value"] for row in _records(result.curves["gold"])}
    against = result.about["against"]
    bullets = []
    for covariate in _order(frame["covariate"]):
        part = _where(frame, "covariate", covariate).dropna(subset="value").sort_values("value")
        if not len(part):
            continue
        rows = _records(part)
        ends = [
            f"{_signed(row['value'])} ({row['encoder']})"
            for row in (rows[0], rows[-1])[: len(rows)]
        ]
        above, below = sum(row["low"] > 0 for row in rows), sum(row["high"] < 0 for row in rows)
        told = [" to ".join(ends), f"above 0 in {above} and below 0 in {below} of {len(rows)}"]
        if np.isfinite(own[covariate]):
            told.append(f"gold's own ρ with it is {_signed(own[covariate])}")
        if against is not None and "against" in result.curves:
            less = _records(_where(result.curves["against"], "covariate", covariate))
            clear = [
                f"{row['encoder']} {_interval(row)}"
                for row in less
                if row["low"] > 0 or row["high"] < 0
            ]
            told.append(f"other than that of {against}: {', '.join(clear) or 'none'}")
        bullets.append(f"- {covariate}: {'; '.join(told)}.")
    lines = [
        f"Partial rank correlation of similarity with each covariate over {result.about['pairs']:,} pairs, gold and the other "
        "covariates held fixed; above or below where the whole interval is:",
        "\n".join(bullets),
    ]
    lines = lines if bullets else []
    gaps = result.curves["gap"].dropna(subset="value")
    worst = [
        max(_records(_where(gaps, "encoder", name)), key=lambda row: abs(row["value"]))
        for name in _order(gaps["encoder"])
    ]
    if worst:
        told = [f"{row['encoder']} {_interval(row)} along {row['covariate']}" for row in worst]
        gap = f"STS in the high third of a covariate less that in the low one, where most: {'; '.join(told)}."
        lines = [gap, *lines]
    return lines


def _influence_lines(result: ProbeResult) -> list[str]:
    wide, about = result.frame(), result.about
    lines = [
        f"Removing one of {about['words']:,} words from {about['sentences']:,} sentences "
        f"({about['passed over']:,} too short or too long were passed over):"
    ]
    told = (
        ("evenness", "evenness {:.2f}"),
        ("gini", "Gini {:.2f}"),
        (
            f"relative influence ({CONTENT})",
            "a content word moves the embedding {:.2f} times as far as the sentence's average word",
        ),
        ("relative influence (function word)", "a function word {:.2f} times"),
        ("influence / apart", "a removal is {:.1%} of the distance between two sentences"),
    )
    bullets = []
    for row in _records(wide.reset_index()):
        parts = [
            text.format(row[measure]).replace("%", " %")
            for measure, text in told
            if np.isfinite(row[measure])
        ]
        if parts:
            bullets.append(f"- {row['encoder']}: {'; '.join(parts)}.")
    evenness = sorted(wide["evenness"].dropna().items(), key=lambda entry: entry[1])
    ends = [f"{name} ({value:.2f})" for name, value in evenness]
    told = (
        [f"Influence is spread most evenly over the words in {ends[-1]}, least in {ends[0]}."]
        if len(ends) > 1
        else []
    )
    return [*told, *lines, "\n".join(bullets)] if bullets else []


def _signed(value: float) -> str:
    return f"{value:+.2f}".replace("-", "−")


def _interval(row: Row) -> str:
    return f"{_signed(row['value'])} [{_signed(row['low'])}, {_signed(row['high'])}]"


# ---- parts of figures --------------------------------------------------------------------------------------------


def _where(frame: pd.DataFrame, column: str, value: str) -> pd.DataFrame:
    return frame.loc[frame[column] == value]


def _records(frame: pd.DataFrame) -> list[dict[Hashable, Any]]:
    return frame.to_dict("records")


def _order(column: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(column))


def _colour(e: int) -> str:
    return style.COLOURS[e % len(style.COLOURS)]


def _marker(e: int) -> str:
    return style.MARKERS[(e + e // len(style.COLOURS)) % len(style.MARKERS)]


def _aside(e: int, count: int, room: float) -> float:
    """Where the e-th of ``count`` dots of one group lies, about 0."""
    return (e - (count - 1) / 2) * room / max(count, 1)


def _dot(
    axes: Any, row: Row, at: float, e: int, count: int, *, across: bool = False, scale: float = 1
) -> None:
    """A point and its interval, upright or across."""
    value, low, high = (scale * row[column] for column in ("value", "low", "high"))
    size = 5 if count <= 6 else 4
    if across:
        axes.plot([low, high], [at, at], color=_colour(e), linewidth=1.4)
        axes.plot(value, at, _marker(e), color=_colour(e), markersize=size)
    else:
        axes.plot([at, at], [low, high], color=_colour(e), linewidth=1.1)
        axes.plot(at, value, _marker(e), color=_colour(e), markersize=size - 1)


def _dots(axes: Any, frame: pd.DataFrame, column: str, encoders: list[str]) -> None:
    """Groups along x, a dot an encoder in each."""
    groups = _order(frame[column])
    for i, group in enumerate(groups):
        for e, row in enumerate(_records(_where(frame, column, group))):
            _dot(axes, row, i + _aside(e, len(encoders), 0.5), e, len(encoders))
    axes.set_xticks(
        range(len(groups)),
        [group.replace(" word", "\nword").replace("1 in ", "≥ 1 in\n") for group in groups],
        fontsize=7,
    )
    axes.set_xlim(-0.5, len(groups) - 0.5)


def _bounds(row: Row) -> str:
    """The name of a stratum over the values in it."""
    ends = dict.fromkeys(
        f"{row[end]:.2f}".rstrip("0").rstrip(".").replace("-", "−") for end in ("from", "to")
    )
    return f"{row['stratum']}\n{' to '.join(ends) if row['n'] else 'none'}"


def _legend(figure: Any, encoders: list[str]) -> None:
    from matplotlib.lines import Line2D

    handles = [
        Line2D(
            [], [], color=_colour(e), marker=_marker(e), markersize=5, linewidth=1.4, label=encoder
        )
        for e, encoder in enumerate(encoders)
    ]
    figure.legend(
        handles=handles, loc="outside lower center", ncols=min(len(encoders), 3), fontsize=8
    )
