"""Figures, words and lists of the probe ``errors``."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd

from recse_lab.figures import style
from recse_lab.probes.result import ProbeResult
from recse_lab.reports.tables import Cell, Column, Row, Table

NUMBERED = 5  # of the marked pairs
BESIDE = 0.045  # between a number and its point: a share of the axes


def figures(result: ProbeResult) -> dict[str, Any]:
    """One figure for every two arms that were compared, by their name "a vs b"."""
    if "disagreements" not in result.curves:
        return {}
    groups = result.curves["disagreements"].groupby("encoder", sort=False)
    return {str(name): ranks_figure(result, listed) for name, listed in groups}


def ranks_figure(result: ProbeResult, listed: pd.DataFrame) -> Any:
    """Every pair by its place under both arms, coloured by gold, the pairs in ``listed`` ringed and the first numbered."""
    from matplotlib.patheffects import withStroke

    plt = style.use()
    ranks = result.curves["ranks"]
    a, b = listed["a"].iloc[0], listed["b"].iloc[0]
    first, second = (ranks.loc[ranks["encoder"] == name].reset_index(drop=True) for name in (a, b))
    figure, axes = plt.subplots(
        figsize=(0.8 * style.WIDTH, 0.66 * style.WIDTH), layout="constrained"
    )
    axes.plot([0, 1], [0, 1], color=style.REFERENCE, linewidth=0.8, zorder=1)
    for shift in (-result.about["threshold"], result.about["threshold"]):
        axes.axline(
            (0, shift),
            slope=1,
            color=style.CONTROL,
            linewidth=0.7,
            linestyle=(0, (4, 3)),
            zorder=1,
            label=f"{_share(result.about['threshold'])} of the set apart" if shift > 0 else None,
        )
    # In a fixed shuffled order, so that no grade lies on top of the others.
    order = first.sample(frac=1, random_state=0).index
    drawn = axes.scatter(
        first["rank"][order],
        second["rank"][order],
        c=first["gold"][order],
        cmap="viridis",
        s=11,
        alpha=0.75,
        linewidths=0,
    )
    ring = style.COLOURS[1]
    axes.scatter(
        listed["rank_a"],
        listed["rank_b"],
        s=34,
        facecolors="none",
        edgecolors=ring,
        linewidths=1.2,
        label=f"the {len(listed)} furthest apart, the first {min(NUMBERED, len(listed))} numbered",
    )
    for number, (x, y) in enumerate(
        _free_places(listed[["rank_a", "rank_b"]].to_numpy(), NUMBERED), 1
    ):
        text = axes.text(
            x, y, str(number), fontsize=8, ha="center", va="center", color=ring, fontweight="bold"
        )
        text.set_path_effects([withStroke(linewidth=2, foreground="white")])
    axes.set(
        xlim=(-0.01, 1.01),
        ylim=(-0.01, 1.01),
        aspect="equal",
        xlabel=f"rank under {a}",
        ylabel=f"rank under {b}",
    )
    axes.grid(visible=True, axis="both")
    figure.legend(loc="outside lower center", ncols=2, fontsize=8)
    bar = figure.colorbar(drawn, ax=axes, shrink=0.8, label="gold")
    bar.solids.set_alpha(1)
    bar.outline.set_visible(False)
    return figure


def _free_places(points: np.ndarray, count: int) -> list[np.ndarray]:
    """Where the names of the first ``count`` points stand: beside each, where other points and names are furthest."""
    taken = list(points)
    for i, point in enumerate(points[:count]):
        angles = np.linspace(0, 2 * np.pi, 16, endpoint=False)
        around = point + BESIDE * np.stack([np.cos(angles), np.sin(angles)], axis=1)
        around = around[
            (around > BESIDE / 2).all(axis=1)
        ]  # the axes' own labels lie left and below
        others = np.stack([*taken[:i], *taken[i + 1 :]]) if len(taken) > 1 else np.full((1, 2), 0.5)
        taken.append(around[np.linalg.norm(around[:, None] - others, axis=2).min(axis=1).argmax()])
    return taken[len(points) :]


def summary(result: ProbeResult) -> str:
    """What the numbers say, in Markdown."""
    table, about = result.table, result.about
    alone = [
        f"{row['encoder']} {100 * row['value']:.1f} %"
        for _, row in table.loc[
            (table["measure"] == "share wrong") & table["value"].notna()
        ].iterrows()
    ]
    lines = (
        [
            f"Of {about['pairs']:,} pairs, ranked more than {_share(about['threshold'])} of the set away from where gold has them: {', '.join(alone)}."
        ]
        if alone
        else []
    )
    if "disagreements" in result.curves:
        wide = result.frame()
        for name, listed in result.curves["disagreements"].groupby("encoder", sort=False):
            row = wide.loc[name]
            a, b = listed["a"].iloc[0], listed["b"].iloc[0]
            nearer = listed["error_a"].abs() - listed["error_b"].abs()
            fixed = row["agreement at fixed gold"]
            at_fixed_gold = f", at fixed gold {fixed:.2f}" if np.isfinite(fixed) else ""
            lines.append(
                f"{name}: ranks agree at ρ = {row['rank agreement']:.2f}{at_fixed_gold}; "
                f"{100 * row['share disagreeing']:.1f} % of the pairs stand more than {_share(about['threshold'])} of the set apart. "
                f"Of the {len(listed)} they disagree on most, {a} is nearer to gold in {(nearer < 0).sum()}, {b} in {(nearer > 0).sum()}."
            )
    every = table.loc[table["measure"] == "share wrong in every arm"]
    if len(every):
        row = every.iloc[0]
        listed = result.curves["wrong"].drop_duplicates("pair")
        lines.append(
            f"Wrong in every arm, in the same direction: {100 * row['value']:.1f} % [{100 * row['low']:.1f}, {100 * row['high']:.1f}] of "
            "the pairs."
        )
        if len(listed):
            similar, different = (listed["common"] > 0).sum(), (listed["common"] < 0).sum()
            lines[-1] += (
                f" Of the {len(listed)} worst, {similar} are held too similar and {different} too different."
            )
    notes = table.loc[table["value"].isna()].groupby("note", sort=False)["encoder"].unique()
    lines += [f"Undefined for {', '.join(names)}: {why}." for why, names in notes.items()]
    return "\n\n".join(lines)


def listings(result: ProbeResult) -> list[Table]:
    """The listed pairs with text, gold and scores; a rank in per cent of the set stands beside each score."""
    found = []
    if "disagreements" in result.curves:
        for name, listed in result.curves["disagreements"].groupby("encoder", sort=False):
            rows = [
                [
                    str(i),
                    _ranked(row["gold"], row["gold_rank"]),
                    _ranked(row["score_a"], row["rank_a"]),
                    _ranked(row["score_b"], row["rank_b"]),
                    row["first"],
                    row["second"],
                ]
                for i, row in enumerate(listed.to_dict("records"), 1)
            ]
            found.append(
                _listing(
                    f"Where {name} disagree most", [listed["a"].iloc[0], listed["b"].iloc[0]], rows
                )
            )
    wrong = result.curves.get("wrong", pd.DataFrame())
    if len(wrong):
        rows = []
        for i, (_, of_pair) in enumerate(wrong.groupby("pair", sort=False), 1):
            row = of_pair.iloc[0]
            scores = [_ranked(one["score"], one["rank"]) for one in of_pair.to_dict("records")]
            rows.append(
                [
                    str(i),
                    _ranked(row["gold"], row["gold_rank"]),
                    *scores,
                    row["first"],
                    row["second"],
                ]
            )
        found.append(
            _listing("What every arm gets wrong", list(dict.fromkeys(wrong["encoder"])), rows)
        )
    return found


def _listing(title: str, encoders: list[str], rows: list[list[str]]) -> Table:
    columns = [
        Column(str(i), label, "text")
        for i, label in enumerate(["", "gold", *encoders, "first", "second"])
    ]
    return Table(
        title, columns, [Row({str(i): Cell(text) for i, text in enumerate(row)}) for row in rows]
    )


def markdown(result: ProbeResult) -> str:
    """The listings under a heading each, numbers to the right; the last two columns are text."""
    parts = []
    for table in listings(result):
        rule = ["---:"] * (len(table.columns) - 2) + ["---", "---"]
        rows = [
            [str(row.cells[column.key].value) for column in table.columns] for row in table.rows
        ]
        lines = [
            [_escaped(column.label) for column in table.columns],
            rule,
            *([_escaped(c) for c in r] for r in rows),
        ]
        parts.append(
            f"## {_escaped(table.title)}\n\n"
            + "\n".join(f"| {' | '.join(line)} |" for line in lines)
        )
    return "\n\n".join(parts) + "\n"


def _share(value: float) -> str:
    return f"{100 * value:.0f} %"


def _ranked(value: float, rank: float) -> str:
    return f"{value:.2f} ({100 * rank:.0f} %)".replace("-", "−")


def _escaped(text: str) -> str:
    """Text that Markdown shows as it is, on one line."""
    return re.sub(r"([\\`*_\[\]<>|#])", r"\\\1", " ".join(text.split()))
