"""Figures and words for the polarity probes, from their tables and curves; no measure is computed here."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from recse_lab.figures import style
from recse_lab.probes.result import ProbeResult

SMALL, NUMBERS = 7.5, 6.5  # points
LINE = 1.3 * NUMBERS / 72  # inches of one line of numbers
LEFT, GAP = 0.5, 0.16  # inches left of the first panel, and between panels
ALL_PAIRS = "#8a8a8a"
SCALINGS = ("nominal", "own range")


def figures(result: ProbeResult) -> dict[str, Any]:
    """``ridges``, ``map`` and ``cumulative`` of ``polarity``; ``ridges`` of ``unlabelled_polarity``.

    Raises:
        ValueError: A result of another probe.
    """
    if result.name == "polarity":
        return {
            "ridges": _bin_ridges(result),
            "map": _map(result),
            "cumulative": _cumulative(result),
        }
    if result.name == "unlabelled-polarity":
        return {"ridges": _group_ridges(result)}
    raise ValueError(f"polarity cannot be drawn from a result of {result.name!r}")


# ---- reading the result ------------------------------------------------------------------------------------------


def _encoders(result: ProbeResult) -> dict[str, str]:
    """Encoders in their order, each with the reason why it has no value at all, or nothing."""
    out: dict[str, str] = {}
    for name, part in result.table.groupby("encoder", sort=False):
        out[str(name)] = str(part["note"].iloc[0]) if bool(part["value"].isna().all()) else ""
    return out


def _lines(result: ProbeResult) -> dict[tuple[str, str], Any]:
    return {(line["encoder"], line["measure"]): line for line in result.table.to_dict("records")}


def _part(curve: pd.DataFrame, **where: str) -> pd.DataFrame:
    for column, value in where.items():
        curve = curve.loc[curve[column] == value]
    return curve


def _number(value: float, digits: int = 2) -> str:
    """A number with a true minus, and no minus before a zero."""
    return f"{value:z.{digits}f}".replace("-", "−")


def _told(line: Mapping[str, Any], digits: int | None = None) -> str:
    """A value with its interval; three decimals where two would say little."""
    if pd.isna(line["value"]):
        return "undefined"
    digits = digits or (2 if abs(line["value"]) >= 0.1 else 3)
    value, low, high = (_number(line[key], digits) for key in ("value", "low", "high"))
    return value if pd.isna(line["low"]) else f"{value} [{low}, {high}]"


# ---- the frame of every figure -----------------------------------------------------------------------------------


def _panels(
    names: Sequence[str],
    across: int,
    height: float,
    *,
    label: str,
    numbers: int,
    foot: float,
    strip: float = 0.0,
    plain: bool = False,
) -> tuple[Any, list[Any]]:
    """A figure of text width with a panel a name, in even rows; ``numbers`` lines fit between name and panel.

    ``height`` of a panel, ``strip`` free at its right and ``foot`` below all of them in inches.
    """
    plt = style.use()
    rows = -(-len(names) // across)
    columns = -(-len(names) // rows)
    width = min(3.0, (style.WIDTH - LEFT - columns * strip - (columns - 1) * GAP) / columns)
    whole = [name.replace(" = ", "\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}") for name in names]
    titles = [
        textwrap.fill(name, int(11.5 * (width + strip)), max_lines=2, placeholder="…")
        for name in whole
    ]
    head, axis = (
        (1 + max(title.count("\n") for title in titles)) * 0.15 + numbers * LINE + 0.1,
        0.45,
    )
    total = rows * (head + height + axis) + foot
    figure = plt.figure(figsize=(style.WIDTH, total))
    panels: list[Any] = []
    for k, title in enumerate(titles):
        row, column = divmod(k, columns)
        x, y = (
            LEFT + column * (width + strip + GAP),
            total - (row + 1) * (head + height) - row * axis,
        )
        axes = figure.add_axes((x / style.WIDTH, y / total, width / style.WIDTH, height / total))
        axes.grid(False)
        axes.tick_params(labelsize=SMALL, labelleft=column == 0)
        axes.set_xlabel("score", fontsize=SMALL, labelpad=2)
        axes.set_ylabel(label if column == 0 else "", fontsize=SMALL)
        axes.annotate(
            title,
            (0, 1),
            xycoords="axes fraction",
            xytext=(0, 4 + 72 * LINE * numbers),
            textcoords="offset points",
            va="bottom",
            fontsize=8.5,
            fontweight="bold",
            linespacing=1.1,
            color="black" if plain else _colour(k),
            annotation_clip=False,
        )
        panels.append(axes)
    return figure, panels


def _head(axes: Any, numbers: Sequence[str]) -> None:
    """Lines between an encoder's name and its panel."""
    axes.annotate(
        "\n".join(numbers),
        (0, 1),
        xycoords="axes fraction",
        xytext=(0, 3),
        textcoords="offset points",
        va="bottom",
        fontsize=NUMBERS,
        color="#444444",
        linespacing=1.3,
        annotation_clip=False,
    )


def _nothing(axes: Any, why: str) -> None:
    axes.annotate(
        textwrap.fill(f"undefined: {why}", 20),
        (0.5, 0.5),
        xycoords="axes fraction",
        ha="center",
        va="center",
        fontsize=SMALL,
        color="#777777",
    )


def _foot(figure: Any, text: str) -> None:
    figure.text(
        0.0,
        0.0,
        textwrap.fill(text, 138),
        fontsize=NUMBERS,
        color="#555555",
        va="bottom",
        linespacing=1.35,
    )


def _colour(k: int) -> str:
    return style.COLOURS[k % len(style.COLOURS)]


# ---- ridges ------------------------------------------------------------------------------------------------------


def _bin_ridges(result: ProbeResult) -> Any:
    """Scores in each gold bin, a column an encoder."""
    lines, labels = _lines(result), result.about["bins"]

    def head(name: str) -> list[str]:
        low, high = (_number(lines[name, f"used {end}"]["value"]) for end in ("low", "high"))
        ends = lines[name, "extreme mass (own range)"]
        return [
            f"Spearman {_told(lines[name, 'spearman'], 2)}",
            f"ends {_told(ends, 2)}",
            f"5–95 %: {low} … {high}",
        ]

    def beside(name: str, label: str) -> tuple[float, float] | None:
        if label == "all":
            return None
        return lines[name, f"mean {label}"]["value"], lines[name, f"spread {label}"]["value"]

    overlaps = {upper: f"overlap {lower} | {upper}" for lower, upper in pairwise(labels)}
    figure = _ridges(result, "bin", ["all", *labels], head, beside, overlaps)
    _foot(
        figure,
        "Densities of the scores in each gold bin, and of all pairs, each drawn to the same height. Tick and numbers: mean ± "
        "standard deviation. ∩: overlap of the two neighbouring bins, 2 (1 − AUC); 0 is apart, 1 cannot be told apart. Ends: extreme "
        "mass in the own range, beyond gold's. 5–95 %: the range used.",
    )
    return figure


def _group_ridges(result: ProbeResult) -> Any:
    """Scores of each group of unlabelled pairs, a column an encoder."""
    lines, against = _lines(result), result.about["against"]
    groups = [against, *(group for group in result.about["pairs"] if group != against)]

    def head(name: str) -> list[str]:
        low, high = (
            _number(lines[name, f"{against}: used {end}"]["value"]) for end in ("low", "high")
        )
        return [f"{against}, 5–95 %:", f"{low} … {high}"]

    def beside(name: str, group: str) -> tuple[float, float] | None:
        return lines[name, f"{group}: mean"]["value"], lines[name, f"{group}: spread"]["value"]

    overlaps = {group: f"{group}: overlap with {against}" for group in groups[1:]}
    figure = _ridges(result, "group", groups, head, beside, overlaps)
    _foot(
        figure,
        "Densities of the scores of each group of pairs, each drawn to the same height. Tick and numbers: mean ± standard "
        f"deviation. ∩: overlap with {against}, 2 (1 − AUC); 0 is apart, 1 cannot be told apart.",
    )
    return figure


def _ridges(
    result: ProbeResult,
    column: str,
    rows: Sequence[str],
    head: Callable[[str], list[str]],
    beside: Callable[[str, str], tuple[float, float] | None],
    overlaps: Mapping[str, str],
) -> Any:
    """Densities one above the other, the first row lowest, with their numbers at the right."""
    lines, encoders, curve = _lines(result), _encoders(result), result.curves["density"]
    heads = {name: [] if undefined else head(name) for name, undefined in encoders.items()}
    figure, panels = _panels(
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
        colour = _colour(k)
        _head(axes, heads[name])
        axes.spines["left"].set_visible(False)
        axes.set_yticks(range(len(rows)), [textwrap.fill(row, 9) for row in rows], va="center")
        axes.tick_params(axis="y", length=0)
        axes.set_ylim(-0.1, len(rows) + 0.25)
        axes.set_xlim(*limits)
        axes.locator_params(axis="x", nbins=3 if len(panels) > 2 else 6)
        if undefined:
            _nothing(axes, undefined)
            continue
        drawn = {row: _part(curve, encoder=name, **{column: row}) for row in rows}
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
                text = _number(mean) + ("" if pd.isna(spread) else f" ± {_number(spread)}")
                _right(axes, y + 0.12, text, "black")
            if row in overlaps and pd.notna(lines[name, overlaps[row]]["value"]):
                lift = -0.38 if column == "bin" else 0.45
                _right(axes, y + lift, f"∩ {_number(lines[name, overlaps[row]]['value'])}", colour)
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


# ---- score against gold ------------------------------------------------------------------------------------------


def _map(result: ProbeResult) -> Any:
    """Where the scores of each grade lie, with the calibration curve, a panel an encoder."""
    lines, encoders, cells = _lines(result), _encoders(result), result.curves["map"]
    gold, nominal = result.about["gold_range"], result.about["score_range"]
    gold_used = [result.about["gold"][f"used {end}"] for end in ("low", "high")]
    figure, panels = _panels(list(encoders), 3, 1.7, label="gold", numbers=3, foot=3.4 * LINE)
    for k, ((name, undefined), axes) in enumerate(zip(encoders.items(), panels, strict=True)):
        colour = _colour(k)
        axes.set_xlim(cells["score_low"].min(), cells["score_high"].max())
        axes.set_ylim(*gold)
        if undefined:
            _nothing(axes, undefined)
            continue
        errors = [f"error, {s} {_told(lines[name, f'calibration error ({s})'])}" for s in SCALINGS]
        _head(axes, [*errors, f"isotonic R² {_told(lines[name, 'isotonic r2'])}"])
        part = _part(cells, encoder=name)
        shares = part.pivot(index="gold_low", columns="score_low", values="share")
        x, y = (
            np.unique(part[["score_low", "score_high"]]),
            np.unique(part[["gold_low", "gold_high"]]),
        )
        axes.pcolormesh(x, y, shares.to_numpy(), cmap="Greys", vmin=0, rasterized=True)
        curve = _part(result.curves["calibration"], encoder=name)
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
    _foot(
        figure,
        "Grey: where the pairs of a grade have their scores; each row of cells adds up to 1, the fullest cell of a panel is black. Colour: "
        "isotonic fit of gold on the score, with its interval. Black: what a calibrated score would follow, dashed where the nominal range is "
        "read as the gold scale, dotted where the 5–95 % range is; error: calibration error from it.",
    )
    return figure


# ---- cumulative --------------------------------------------------------------------------------------------------


def _cumulative(result: ProbeResult) -> Any:
    """Share of scores up to each value, gold's beside it, in both scalings."""
    lines, encoders, curves = _lines(result), _encoders(result), result.curves["cumulative"]
    scalings = [scaling for scaling in SCALINGS if scaling in set(curves["scaling"])]
    legend = (len(encoders) + 1) * 1.4 * SMALL / 72
    titles = ["nominal range" if scaling == "nominal" else scaling for scaling in scalings] or [
        "no range"
    ]
    figure, panels = _panels(
        titles,
        2,
        2.3,
        label="share of pairs up to here",
        numbers=0,
        foot=legend + 2.8 * LINE,
        plain=True,
    )
    if not scalings:
        _nothing(panels[0], "no encoder has a spread")
    for scaling, axes in zip(scalings, panels, strict=False):
        here = _part(curves, scaling=scaling)
        axes.grid(True, axis="y")
        for end in ((0, 0.05), (0.95, 1)):
            axes.axvspan(*end, color="#eeeeee", linewidth=0, zorder=0)
        first = _part(here, encoder=here["encoder"].iloc[0])
        axes.plot(
            first["x"],
            first["gold"],
            color="black",
            linewidth=1.4,
            linestyle=(0, (1, 1)),
            label="gold",
        )
        for k, name in enumerate(encoders):
            part, told = _part(here, encoder=name), _told(lines[name, f"wasserstein ({scaling})"])
            axes.plot(
                part["x"],
                part["scores"],
                color=_colour(k),
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
    _foot(
        figure,
        "W₁: the area between the curve of an encoder and gold's, 0 to 1. Shaded: the outer 5 % at each end, whose share is the extreme mass. "
        "Own range: scores and gold each from their 5th to their 95th percentile.",
    )
    return figure


def _ticks(axes: Any, score_range: Sequence[float] | None, gold_range: Sequence[float]) -> None:
    """The scaled axis in the units that are mapped to it; labels at its ends stay inside the panel."""
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


# ---- words -------------------------------------------------------------------------------------------------------


def summary(result: ProbeResult) -> str:
    """What the numbers say, in a paragraph: who pushes scores to the ends, who uses which range, who is calibrated.

    Encoders are set apart only where their intervals do not overlap, which is stricter than a test of the difference.

    Raises:
        ValueError: A result of another probe.
    """
    if result.name == "polarity":
        return " ".join(filter(None, _words(result)))
    if result.name == "unlabelled-polarity":
        return " ".join(filter(None, _group_words(result)))
    raise ValueError(f"a result of {result.name!r} says nothing of polarity")


def _words(result: ProbeResult) -> list[str]:
    about = result.about
    said = []
    for scaling, where in (
        ("own range", "Within the range that each uses"),
        ("nominal", "Of the nominal range"),
    ):
        masses, gold = (
            _column(result, f"extreme mass ({scaling})"),
            about["gold"][f"extreme mass ({scaling})"],
        )
        more = [name for name, mass in masses.items() if mass["low"] > 0]
        fewer = [name for name, mass in masses.items() if mass["high"] < 0]
        pushed = []
        for name in more:
            low, high = (
                _column(result, f"extreme mass ({scaling}, {end} end)")[name]["value"]
                for end in ("low", "high")
            )
            pushed.append(
                f"{_called(name)} ({_told(masses[name])}; low end {_number(low)}, high end {_number(high)})"
            )
        if masses:
            does = (
                f"{_and(pushed)} {'put' if len(more) > 1 else 'puts'}"
                if more
                else "no encoder can be said to put"
            )
            less = f"; fewer: {_and(map(_called, fewer))}." if fewer else "."
            said.append(
                f"{where}, {does} more scores at the ends than gold has ({_number(gold)}){less}"
            )
    said.append(_ends(_column(result, "used range"), "Range used (5–95 %)", "widest", "narrowest"))
    for scaling in ("own range", "nominal"):
        errors = _column(result, f"calibration error ({scaling})")
        said.append(_ends(errors, f"Calibration error ({scaling})", "largest", "smallest"))
    said.append(
        _ends(
            _column(result, "isotonic r2"),
            "Gold explained by the isotonic fit (R²)",
            "most",
            "least",
        )
    )
    modes = [
        _called(name) for name, line in _column(result, "dip p").items() if line["value"] < 0.05
    ]
    said.append(f"The dip finds more than one mode (p < 0.05) in {_and(modes) or 'none'}.")
    falls = [
        _called(name) for name, line in _column(result, "monotonicity").items() if line["value"] < 1
    ]
    said.append(f"Mean scores do not rise with every gold bin for {_and(falls)}." if falls else "")
    scope = f"{about['pairs']:,} pairs; {about['level']:.0%} intervals over pairs.".replace(
        "%", " %"
    )
    return [*said, scope, *_notes(result)]


def _group_words(result: ProbeResult) -> list[str]:
    about = result.about
    pairs = ", ".join(f"{n:,} {group}" for group, n in about["pairs"].items())
    said = []
    for group in about["pairs"]:
        said.append(
            _ends(_column(result, f"{group}: mean"), f"Mean score of {group}", "highest", "lowest")
        )
        if group != about["against"]:
            overlap = _column(result, f"{group}: overlap with {about['against']}")
            said.append(
                _ends(overlap, f"Overlap of {group} with {about['against']}", "largest", "smallest")
            )
    return [
        *said,
        f"{pairs}; {about['level']:.0%} intervals over pairs.".replace("%", " %"),
        *_notes(result),
    ]


def _column(result: ProbeResult, measure: str) -> dict[str, Any]:
    """The lines of one measure by encoder, those that have a value."""
    part = result.table.loc[(result.table["measure"] == measure) & result.table["value"].notna()]
    return {line["encoder"]: line for line in part.to_dict("records")}


def _ends(column: Mapping[str, Any], what: str, most: str, least: str) -> str:
    """Who has most and who least of something, with whoever cannot be told apart from them."""
    if not column:
        return ""
    order = sorted(column, key=lambda name: column[name]["value"], reverse=True)
    first, last = order[0], order[-1]
    if first == last:
        return f"{what}: {_told(column[first])} for {_called(first)}."
    if _meet(column[first], column[last]):
        told = [f"{_told(column[name])} for {_called(name)}" for name in (first, last)]
        return f"{what}: from {told[1]} to {told[0]}, not told apart."
    parts = []
    for word, name in ((most, first), (least, last)):
        like = [
            _called(other)
            for other in order
            if other != name and _meet(column[other], column[name])
        ]
        alike = f", not told apart from {_and(like)}" if like else ""
        parts.append(f"{word} for {_called(name)} ({_told(column[name])}{alike})")
    return f"{what}: {'; '.join(parts)}."


def _meet(a: Mapping[str, Any], b: Mapping[str, Any]) -> bool:
    """Whether two intervals share a value; without bounds nothing can be told apart."""
    return not (a["low"] > b["high"] or b["low"] > a["high"])


def _notes(result: ProbeResult) -> list[str]:
    """What must be known to read the numbers: what is undefined for an encoder, and scores beyond the range."""
    encoders, lines = _encoders(result), _lines(result)
    said = [f"{_called(name)} is undefined: {why}." for name, why in encoders.items() if why]
    for name in (name for name, why in encoders.items() if not why):
        rank = lines.get((name, "spearman"))
        if rank is not None and pd.isna(rank["value"]):
            said.append(f"{_called(name)}: {rank['note']}.")
        beyond = result.table.loc[
            (result.table["encoder"] == name) & result.table["note"].str.contains("beyond"), "note"
        ]
        said += [f"{_called(name)}: {note}." for note in beyond.unique()]
    return said


def _called(name: str) -> str:
    """A name that can stand in a list."""
    return f"‘{name}’" if "," in name else name


def _and(names: Iterable[str]) -> str:
    names = list(names)
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))
