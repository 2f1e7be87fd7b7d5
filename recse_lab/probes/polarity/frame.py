"""The panels of a polarity figure, one per encoder, with numbers between name and panel."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from recse_lab.figures import style
from recse_lab.probes.result import ProbeResult

SMALL, NUMBERS = 7.5, 6.5  # points
LINE = 1.3 * NUMBERS / 72  # inches of one line of numbers
LEFT, GAP = 0.5, 0.16  # inches left of the first panel, and between panels


def encoders_of(result: ProbeResult) -> dict[str, str]:
    """Encoders in their order, each with the reason why it has no value at all, or nothing."""
    out: dict[str, str] = {}
    for name, part in result.table.groupby("encoder", sort=False):
        out[str(name)] = str(part["note"].iloc[0]) if bool(part["value"].isna().all()) else ""
    return out


def select(curve: pd.DataFrame, **where: str) -> pd.DataFrame:
    """Rows of a frame where every named column has the given value."""
    for column, value in where.items():
        curve = curve.loc[curve[column] == value]
    return curve


def decimal(value: float, digits: int = 2) -> str:
    """A number with a true minus, and no minus before a zero."""
    return f"{value:z.{digits}f}".replace("-", "−")


def with_interval(line: Mapping[str, Any], digits: int | None = None) -> str:
    """A value with its interval; three decimals where two would say little."""
    if pd.isna(line["value"]):
        return "undefined"
    digits = digits or (2 if abs(line["value"]) >= 0.1 else 3)
    value, low, high = (decimal(line[key], digits) for key in ("value", "low", "high"))
    return value if pd.isna(line["low"]) else f"{value} [{low}, {high}]"


def panels_of(
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
    """A figure of text width with one panel per name, in even rows; ``numbers`` lines fit between
    name and panel.

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
            color="black" if plain else encoder_colour(k),
            annotation_clip=False,
        )
        panels.append(axes)
    return figure, panels


def write_head(axes: Any, numbers: Sequence[str]) -> None:
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


def undefined_panel(axes: Any, why: str) -> None:
    """Say in an empty panel why there is nothing to draw."""
    axes.annotate(
        textwrap.fill(f"undefined: {why}", 20),
        (0.5, 0.5),
        xycoords="axes fraction",
        ha="center",
        va="center",
        fontsize=SMALL,
        color="#777777",
    )


def foot_note(figure: Any, text: str) -> None:
    """Explain below the panels how to read them."""
    figure.text(
        0.0,
        0.0,
        textwrap.fill(text, 138),
        fontsize=NUMBERS,
        color="#555555",
        va="bottom",
        linespacing=1.35,
    )


def encoder_colour(k: int) -> str:
    """Colour of the encoder at this place."""
    return style.COLOURS[k % len(style.COLOURS)]
