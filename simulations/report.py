"""The report of the simulations, from their table alone: a page and a figure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

from recse_lab.figures import style
from recse_lab.files import atomic_path
from recse_lab.reports.page.card import Card, write_card
from recse_lab.reports.tables import Cell, Column, Row, Table
from simulations.populations import BEHIND, BOTH, FEW, MODELS, TWICE, Study

OFFERED = ("compare, both", "compare, seeds", "sign flips", "compare, pairs", "nested bootstrap")
TITLES = {
    "compare, both": "`compare` (both)",
    "compare, seeds": "paired t over seeds",
    "sign flips": "sign flips over seeds",
    "compare, pairs": "bootstrap over pairs",
    "nested bootstrap": "nested bootstrap",
    "percentiles over pairs": "percentiles over pairs",
}
TOLERANCE = 0.01


class Outcomes:
    """The table, looked up."""

    def __init__(self, table: pd.DataFrame) -> None:
        self.table = table
        self.index = {tuple(row[:5]): row[5:] for row in table.itertuples(index=False, name=None)}

    def get(self, part: str, case: str, n: int, method: str, measure: str) -> float | None:
        """A value, or None where the table has none."""
        found = self.index.get((part, case, n, method, measure))
        return None if found is None else found[0]

    def part(self, part: str) -> pd.DataFrame:
        """Rows of one part."""
        return self.table.loc[self.table["part"] == part]


def share(value: float | None, target: float) -> str:
    """A percentage, in bold where it is further than a point from what it should be; – where there is none."""
    if value is None:
        return "–"
    text = f"{100 * value:.1f}"
    return text if abs(value - target) <= TOLERANCE else f"**{text}**"


def lines(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> list[str]:
    """A table in Markdown, the first two columns on the left."""
    rule = ["---" if i < 2 else "---:" for i in range(len(header))]
    return ["| " + " | ".join(map(str, row)) + " |" for row in (header, rule, *rows)] + [""]


# ---- sections ----------------------------------------------------------------------------------


def arms_section(out: Outcomes) -> list[str]:
    """False positives of every method when nothing differs for other seeds and pairs, and each at its own question."""

    def rejected(study: Study, seeds: Sequence[int], methods: Sequence[str]) -> list[list[str]]:
        return [
            [
                study.name,
                str(n),
                *(share(out.get("arms", study.name, n, m, "rejected"), 0.05) for m in methods),
            ]
            for n in seeds
        ]

    def covered(study: str, seeds: Sequence[int], method: str, population: str) -> list[str]:
        return [
            share(out.get("arms", study, n, method, f"coverage, {population}"), 0.95) for n in seeds
        ]

    text = [
        "## Two arms that do not differ: how often each method says they do",
        "",
        "Both arms are equally good over all seeds and all pairs. Per cent of studies in which p < 0.05; 5 is right, further than a point "
        f"from it in bold, – no test. {BOTH[0].pairs} pairs in 26 grades.",
        "",
        *lines(
            ["chance", "seeds", *(TITLES[m] for m in OFFERED)],
            [row for s in BOTH for row in rejected(s, (1, 3, 5, 10), OFFERED)],
        ),
        "With one seed `compare` is the bootstrap over pairs and says that it is about these models. The paired t and the sign flips know nothing "
        "of other pairs, the bootstrap over pairs nothing of other seeds: where their share of the chance is large they find differences that "
        "are none.",
        "",
        "![figure](figure.png)",
        "",
        "## The same at each method's own question",
        "",
        f"*{TWICE.name}*: the arms are equal on these very pairs too, so that every method should reject 5 %. *{MODELS.name}*: all models are "
        "equally good on all pairs, so that the bootstrap over pairs should.",
        "",
        *lines(
            ["chance", "seeds", *(TITLES[m] for m in OFFERED)],
            [*rejected(TWICE, (3, 5, 10), OFFERED), *rejected(MODELS, (1, 3, 5, 10), OFFERED)],
        ),
        "Coverage of 95 % intervals, per cent. *Both*: of the difference over all seeds and pairs; *pairs*: of these models' difference over all "
        "pairs; *seeds*: of the difference over all seeds on these pairs.",
        "",
    ]
    counts = (1, 3, 5, 10)
    fixed = next((c for c in out.part("arms")["case"].unique() if c.startswith("these pairs")), "")
    rows = []
    for study in (*BOTH, TWICE, MODELS, BEHIND):
        for method, population in (
            ("compare, both", "both"),
            ("nested bootstrap", "both"),
            ("compare, pairs", "pairs"),
        ):
            values = covered(study.name, counts, method, population)
            rows.append(
                [
                    study.name,
                    f"{TITLES[method]}, {population}",
                    *(["–", *values[1:]] if population == "both" else values),
                ]
            )
    rows.append(
        [fixed, "paired t over seeds, seeds", *covered(fixed, counts, "compare, seeds", "seeds")]
    )
    text += lines(
        ["study", "method, question", *(f"{n} seed{'s' * (n > 1)}" for n in counts)], rows
    )
    few = [rejected(FEW, (n,), OFFERED)[0][1:] for n in counts]
    text += [
        f"With {FEW.pairs} pairs ({FEW.name}) the bootstrap overstates the variance of a difference of ranks, and what uses it errs on the careful "
        "side; false positives, per cent:",
        "",
        *lines(["seeds", TITLES[OFFERED[0]], *(TITLES[m] for m in OFFERED[1:])], few),
    ]
    return text


def intervals_section(out: Outcomes) -> list[str]:
    """Coverage of every candidate for the interval of one correlation."""
    part = out.part("intervals")
    methods = list(part["method"].unique())
    rows = [
        [
            case,
            str(n),
            *(share(out.get("intervals", case, n, m, "coverage"), 0.95) for m in methods),
        ]
        for case, n in part[["case", "n"]].drop_duplicates().itertuples(index=False, name=None)
    ]
    return [
        "## One correlation: the interval over pairs",
        "",
        "Coverage of 95 % intervals, per cent. `correlation_interval` is Fisher's scale with the bootstrap's standard error.",
        "",
        *lines(["population", "pairs", *methods], rows),
        "Pearson's r has no valid interval where scores have heavy tails: its variance hangs on fourth moments, which such a sample does not show.",
        "",
    ]


def designs_section(out: Outcomes) -> list[str]:
    """Factorial effects, effect size and the weights of the quantiles."""
    part = out.part("factorial")
    rows = [
        [
            case,
            str(n),
            *(
                share(out.get("factorial", case, n, m, measure), target)
                for m in ("error seeds", "error pooled")
                for measure, target in (("rejected", 0.05), ("coverage", 0.95))
            ),
        ]
        for case, n in part[["case", "n"]].drop_duplicates().itertuples(index=False, name=None)
    ]
    sizes = [
        [
            "d_z 1.5",
            str(n),
            share(out.get("effect size", "d_z 1.5", n, "effect_size", "coverage"), 0.95),
            f"{out.get('effect size', 'd_z 1.5', n, 'effect_size', 'mean estimate') or float('nan'):.2f}",
        ]
        for n in sorted(out.part("effect size")["n"].unique())
    ]
    weights = []
    for n in sorted(out.part("weights")["n"].unique()):
        row = ["any", str(n)]
        for method in ("compare", "Satterthwaite", "Cochran"):
            ends = (
                out.get("weights", "any share", n, method, f"{end} coverage")
                for end in ("least", "greatest")
            )
            row.append(" … ".join(share(end, 0.95) for end in ends))
        weights.append(row)
    return [
        "## Factorial effects",
        "",
        "A 2³ design, seeds as blocks: false positives of a main effect that is none (5 is right), and coverage of an interaction of 1 (95).",
        "",
        *lines(
            ["errors", "seeds", "against seeds: false", "covered", "pooled: false", "covered"], rows
        ),
        "## Effect size",
        "",
        *lines(["true", "seeds", "covered", "mean of Hedges' g"], sizes),
        "## How `compare` weighs Student's and the normal quantile",
        "",
        "Exact coverage of a 95 % interval when one part of the variance is estimated from the seeds and the other known, the least and the greatest "
        "over all shares of the two (one integral each, no simulation).",
        "",
        *lines(
            [
                "share of seeds",
                "seeds",
                "`compare`",
                "Satterthwaite's degrees of freedom",
                "Cochran's weights",
            ],
            weights,
        ),
    ]


def choices_section(out: Outcomes) -> list[str]:
    """What the best of ten gains by luck."""
    part = out.part("best of")
    methods = list(part["method"].unique())
    rows = []
    for case, n in part[["case", "n"]].drop_duplicates().itertuples(index=False, name=None):
        values = (out.get("best of", case, n, m, "points") for m in methods)
        rows.append([case, str(n), *("–" if v is None else f"{v:.2f}" for v in values)])
    return [
        "## The best of ten looks on 200 pairs",
        "",
        "Mean excess of the reported maximum over the truth of what was chosen, in points of Spearman ×100, and what is said of it.",
        "",
        *lines(["truth", "looks", *methods], rows),
    ]


def figure(out: Outcomes) -> Any:
    """False positives for other seeds and pairs, a panel a number of seeds, a row a method, a mark a study."""
    plt = style.use()
    picture, panels = plt.subplots(1, 3, figsize=(style.WIDTH + 1.2, 2.9), sharey=True, sharex=True)
    for axes, n in zip(panels, (3, 5, 10), strict=True):
        axes.axvspan(4, 6, color="#dddddd", linewidth=0)
        axes.axvline(5, color="#888888", linewidth=0.8)
        for i, study in enumerate(BOTH):
            for row, method in enumerate(OFFERED):
                value = out.get("arms", study.name, n, method, "rejected")
                if value is not None:
                    axes.plot(
                        100 * value,
                        -row + 0.2 * (1 - i),
                        style.MARKERS[i],
                        color=style.COLOURS[i],
                        markersize=5,
                        label=study.name if row == 0 else None,
                    )
                elif i == 0:
                    axes.text(
                        5, -row, "no test", fontsize=7, color="#777777", ha="center", va="center"
                    )
        axes.set_title(f"{n} seeds")
        axes.set_xscale("log")
        axes.set_xticks([2, 5, 10, 20, 50], ["2", "5", "10", "20", "50"])
        axes.minorticks_off()
        axes.set_xlim(2, 100)
        axes.grid(axis="x")
    panels[0].set_yticks(
        [-row for row in range(len(OFFERED))], [TITLES[m].replace("`", "") for m in OFFERED]
    )
    panels[0].set_ylim(-len(OFFERED) + 0.5, 0.5)
    panels[1].set_xlabel("false positives at p < 0.05, % (5 is right; band ± 1)")
    panels[1].legend(loc="upper center", bbox_to_anchor=(0.5, -0.24), ncol=3, fontsize=8)
    return picture


def rates(out: Outcomes) -> Table:
    """False positives, a row a study and number of seeds, a column a method."""
    columns = [
        Column("chance", "chance", "text"),
        Column("seeds", "seeds", "text"),
        *(Column(m, TITLES[m].replace("`", "")) for m in OFFERED),
    ]
    found = {
        (study.name, str(n)): {
            m: Cell(out.get("arms", study.name, n, m, "rejected")) for m in OFFERED
        }
        for study in (*BOTH, TWICE, MODELS, FEW)
        for n in (1, 3, 5, 10)
    }
    rows = [
        Row({"chance": Cell(chance), "seeds": Cell(seeds), **cells})
        for (chance, seeds), cells in found.items()
        if any(cell.value is not None for cell in cells.values())
    ]
    return Table(
        "Studies in which p < 0.05 though the arms do not differ, per cent; 5 is right",
        columns,
        rows,
    )


def coverage(out: Outcomes) -> Table:
    """Coverage of one correlation's interval, a row a population and number of pairs, a column a method."""
    part = out.part("intervals")
    methods = list(part["method"].unique())
    columns = [
        Column("population", "population", "text"),
        Column("pairs", "pairs", "text"),
        *(Column(m, m) for m in methods),
    ]
    rows = [
        Row(
            {
                "population": Cell(case),
                "pairs": Cell(str(n)),
                **{m: Cell(out.get("intervals", case, n, m, "coverage")) for m in methods},
            }
        )
        for case, n in part[["case", "n"]].drop_duplicates().itertuples(index=False, name=None)
    ]
    return Table("Coverage of 95 % intervals of one correlation, per cent", columns, rows)


def card(out: Outcomes, pictures: Sequence[str], provenance: Sequence[str]) -> Card:
    """What the page of all reports shows: the rates of what is recommended, and the two tables that choose it."""
    cases = [(study.name, n) for study in BOTH for n in (3, 5, 10)]
    values = [
        v
        for name, n in cases
        if (v := out.get("arms", name, n, OFFERED[0], "rejected")) is not None
    ]
    told = (
        [
            f"`compare` finds a difference where there is none in {100 * min(values):.1f} to {100 * max(values):.1f} % of studies with 3 to 10 seeds; "
            "5 % is right."
        ]
        if values
        else []
    )
    return Card(
        "statistics",
        "Statistics validated by simulation",
        "Do the intervals and tests hold?",
        [*told, "All tables: [summary.md](summary.md)."],
        [table for table in (rates(out), coverage(out)) if table.rows],
        pictures,
        provenance,
    )


def write(out: Path) -> None:
    """summary.md, figure.png, figure.pdf and card.json beside table.csv."""
    outcomes = Outcomes(pd.read_csv(out / "table.csv"))
    parts = {
        "arms": arms_section,
        "intervals": intervals_section,
        "factorial": designs_section,
        "best of": choices_section,
    }
    held = [section(outcomes) for part, section in parts.items() if len(outcomes.part(part))]
    pictures = style.save(figure(outcomes), out / "figure") if len(outcomes.part("arms")) else []
    shares = outcomes.table.loc[outcomes.table["measure"] == "rejected"]
    counts = sorted({int(shares["replicates"].min()), int(shares["replicates"].max())})
    errors = [f"{100 * (0.05 * 0.95 / n) ** 0.5:.2f}" for n in reversed(counts)]
    command = f"python -m simulations{'' if counts[-1] == 4000 else f' --replicates {counts[-1]}'}"
    versions = (
        f"recse-lab {version('recse-lab')}, numpy {version('numpy')}, scipy {version('scipy')}."
    )
    text = [
        "# Do the intervals and tests hold?",
        "",
        f"Simulated studies whose truth is known, {' to '.join(f'{n:,}' for n in counts)} of each: a rate of 5 % has a Monte Carlo error of {' to '.join(errors)} points. Every "
        "number, with its own error, is in [table.csv](table.csv); which function answers which question is in "
        "[docs/statistics.md](../../docs/statistics.md).",
        "",
        *(line for section in held for line in section),
        "## How it was computed",
        "",
        "```",
        command,
        "```",
        "",
        "The score of an arm, a seed and a pair is slope × gold + what makes the pair hard for both arms + what makes it hard for one arm + noise; "
        "slopes differ between seeds, half of it in both arms alike. Spearman's truth is an integral over the normal distribution "
        "(`simulations/populations.py`). "
        f"{versions}",
        "",
    ]
    with atomic_path(out / "summary.md") as beside:
        beside.write_text("\n".join(text), encoding="utf-8")
    write_card(
        out,
        card(
            outcomes,
            [path.name for path in pictures if path.suffix == ".png"],
            [f"`{command}`", versions],
        ),
    )
