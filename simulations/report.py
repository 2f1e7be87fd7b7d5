"""The report of the simulations, from their table alone: a page and a figure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from recse_lab.figures import style
from recse_lab.files import atomic_path
from recse_lab.reports.page.card import Card, write_card
from recse_lab.reports.tables import Cell, Column, Row, Table

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
    """A percentage, in bold where it is further than a point from what it should be; – where there
    is none.
    """
    if value is None:
        return "–"
    text = f"{100 * value:.1f}"
    return text if abs(value - target) <= TOLERANCE else f"**{text}**"


def lines(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> list[str]:
    """A table in Markdown, the first two columns on the left."""
    rule = ["---" if i < 2 else "---:" for i in range(len(header))]
    return ["| " + " | ".join(map(str, row)) + " |" for row in (header, rule, *rows)] + [""]


# ---- promises ----------------------------------------------------------------------------------


class Promise(NamedTuple):
    """A rate that is promised, the rows that it is about, and how far it may go."""

    says: str
    part: str
    measure: str
    limit: float
    method: str = ""
    at_least: bool = False
    case: str = ""
    """A regular expression that the case matches."""


FAILING = "one collapses"
"""The world in which the promises over seeds do not hold."""

PROMISES = (
    Promise("false positives at 5 %", "laws", "rejected at 0.05", 0.06, "both"),
    Promise("false positives at 1 %", "laws", "rejected at 0.01", 0.013, "both"),
    Promise("false positives at 0.1 %", "laws", "rejected at 0.001", 0.002, "both"),
    Promise(
        "tables of 6 with a false finding", "tables", "some false finding", 0.06, "Holm, 6 arms"
    ),
    Promise(
        "tables of 20 with a false finding", "tables", "some false finding", 0.06, "Holm, 20 arms"
    ),
    Promise("real sharing graphs, at 5 %", "graphs", "rejected at 0.05", 0.06, "sentences shared"),
    Promise("real sharing graphs, at 1 %", "graphs", "rejected at 0.01", 0.013, "sentences shared"),
    Promise(
        "the same through ranks, at 5 %", "ranks", "rejected at 0.05", 0.06, "sentences shared"
    ),
    Promise(
        "a difference as large as the margin called negligible",
        "equivalence",
        "negligible",
        0.06,
        "at the margin",
    ),
    Promise(
        "stopping: a direction found where there is none",
        "stopping",
        "direction decided",
        0.06,
        "plan",
        case="difference 0$",
    ),
    Promise(
        "stopping: the margin called negligible",
        "stopping",
        "size negligible",
        0.06,
        "plan",
        case="difference the margin$",
    ),
    Promise("stopping: the final interval holds", "stopping", "coverage", 0.94, "plan", True),
)


def rows_of(out: Outcomes, promise: Promise, failing: bool = False) -> pd.DataFrame:
    """The rows that a promise is about, with the failing world or without it."""
    part = out.part(promise.part)
    kept = (part["measure"] == promise.measure) & (part["method"] == promise.method)
    kept &= part["case"].str.contains(promise.case, regex=True)
    kept &= part["case"].str.startswith(FAILING) == failing
    return part.loc[kept]


def broken(promise: Promise, value: float, error: float) -> bool:
    """Whether a rate breaks its promise by more than two Monte Carlo errors."""
    beyond = promise.limit - value if promise.at_least else value - promise.limit
    return beyond > 2 * error


def promises_section(out: Outcomes) -> list[str]:
    """Every promise, its worst case, and whether it holds; then where it does not."""
    rows, failures = [], []
    for promise in PROMISES:
        found = rows_of(out, promise)
        if found.empty:
            continue
        sign = 1 if promise.at_least else -1
        worst = found.iloc[(sign * found["value"]).argmin()]
        best = found.iloc[(sign * found["value"]).argmax()]
        holds = not broken(promise, worst["value"], worst["error"])
        rows.append(
            [
                promise.says,
                f"{worst['case']}, {worst['n']} seeds",
                f"{'≥' if promise.at_least else '≤'} {100 * promise.limit:.3g}",
                f"{100 * worst['value']:.3g} ± {100 * worst['error']:.2g}",
                f"{100 * best['value']:.3g}",
                "yes" if holds else "**no**",
            ]
        )
        for _, row in rows_of(out, promise, failing=True).iterrows():
            if broken(promise, row["value"], row["error"]):
                failures.append(
                    [row["case"], promise.says, str(row["n"]), f"{100 * row['value']:.3g}"]
                )
    return [
        "## Where each promise holds",
        "",
        "Per cent, the worst case over all worlds but the failing one, and the opposite end.",
        "",
        *lines(["promise", "worst case", "limit", "worst", "other end", "holds"], rows),
        "## Where it does not",
        "",
        "One seed in ten of one arm collapses, by ten standard deviations of the others, and the "
        "other arm's do not: most samples of few seeds hold no collapsed seed, so that neither "
        "their mean nor their spread knows of it. The mean is then the wrong summary: reports "
        "print the median over the seeds and the probability that A beats B on a new seed beside "
        "it. Rates that break a promise, per cent:",
        "",
        *lines(["world", "promise", "seeds", "rate"], failures),
    ]


def laws_section(out: Outcomes) -> list[str]:
    """One difference that is none: every world, number of seeds and level."""
    part = out.part("laws")
    rows = []
    for case, n in part[["case", "n"]].drop_duplicates().itertuples(index=False, name=None):
        world, _, share = case.partition(", ")
        cells = [
            out.get("laws", case, n, "both", f"rejected at {alpha}")
            for alpha in (0.05, 0.01, 0.001)
        ]
        cells.append(out.get("laws", case, n, "paired t", "rejected at 0.05"))
        shown = ["–" if value is None else f"{100 * value:.2f}" for value in cells]
        rows.append([world, f"{share.partition(' of')[0]}, {n} seeds", *shown])
    header = ["seeds", "share of the variance", "5 %", "1 %", "0.1 %", "paired t on its own, 5 %"]
    return [
        "## A difference that is none, by the law of the seeds",
        "",
        "False positives, per cent, of the test over seeds and pairs. *unequal*: log-normal seeds, "
        "one arm's variance four times the other's; paired differences have one variance, so that "
        "only the skew is felt. *t3*: Student's t of 3 degrees. *collapse*: one seed in ten falls "
        "by ten standard deviations.",
        "",
        *lines(header, rows),
    ]


def tables_section(out: Outcomes) -> list[str]:
    """Whole tables after Holm's correction, and equivalence."""
    part = out.part("tables")
    rows = []
    for case, n in part[["case", "n"]].drop_duplicates().itertuples(index=False, name=None):
        values = (
            out.get("tables", case, n, f"Holm, {m} arms", "some false finding") for m in (6, 20)
        )
        rows.append([case, str(n), *("–" if v is None else f"{100 * v:.1f}" for v in values)])
    part = out.part("equivalence")
    small = []
    for case, n in part[["case", "n"]].drop_duplicates().itertuples(index=False, name=None):
        values = (
            out.get("equivalence", case, n, m, "negligible") for m in ("at the margin", "at 0")
        )
        small.append([case, str(n), *("–" if v is None else f"{100 * v:.1f}" for v in values)])
    return [
        "## Whole tables",
        "",
        "Share of tables, per cent, with at least one false finding after Holm's correction; all "
        "arms are compared with one reference, and none differs.",
        "",
        *lines(["world", "seeds", "6 arms", "20 arms"], rows),
        "## Negligible",
        "",
        "Called negligible, per cent, with a margin of 3.5 standard errors: a difference as large "
        "as the margin (at most 5), and none at all.",
        "",
        *lines(["world", "seeds", "at the margin", "at 0"], small),
    ]


def graphs_section(out: Outcomes) -> list[str]:
    """Real sharing graphs, with and without allowing for shared sentences."""
    methods = ("sentences shared", "pairs independent")
    rows = []
    for name in ("graphs", "ranks"):
        part = out.part(name)
        for case, n in part[["case", "n"]].drop_duplicates().itertuples(index=False, name=None):
            label = case if name == "graphs" else f"average of seven, through ranks: {case}"
            values = (
                out.get(name, case, n, method, f"rejected at {alpha}")
                for method in methods
                for alpha in (0.05, 0.01)
            )
            rows.append([label, str(n), *("–" if v is None else f"{100 * v:.1f}" for v in values)])
    return [
        "## The sharing graphs of the seven sets",
        "",
        "Pairs and sentences are those of the data; half of a pair's own variance is its "
        "sentences'. False positives, per cent, where the variance over pairs allows for shared "
        "sentences, and where it takes pairs as independent.",
        "",
        *lines(["pairs: world", "seeds", "shared, 5 %", "1 %", "independent, 5 %", "1 %"], rows),
    ]


def stopping_section(out: Outcomes) -> list[str]:
    """Sequential studies."""
    part = out.part("stopping")
    rows = []
    for case in part["case"].unique():

        def get(measure: str, method: str = "plan", case: str = case) -> float:
            n = int(part["n"].iloc[0])
            return out.get("stopping", case, n, method, measure) or 0.0

        names = ("supported", "contradicted", "negligible", "futile", "coverage")
        rows.append(
            [
                case,
                f"{get('seeds'):.1f}",
                *(f"{100 * get(name):.1f}" for name in names),
                f"{100 * get('direction decided', 'peeking'):.1f}",
            ]
        )
    header = ["world", "mean seeds", "supported", "contradicted", "negligible", "futile"]
    return [
        "## Stopping early",
        "",
        "Looks at 5, 8, 12 and 20 seeds by the bounds of a registered plan; the margin is 3.5 "
        "standard errors of the mean over 20 seeds. Per cent. The last column is what comes of "
        "looking as often at 5 % each: how often some difference from 0 is found.",
        "",
        *lines([*header, "interval holds", "peeking"], rows),
    ]


# ---- single numbers, effects and choices -------------------------------------------------------


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
        "Coverage of 95 % intervals, per cent. `correlation_interval` is Fisher's scale with the "
        "bootstrap's standard error.",
        "",
        *lines(["population", "pairs", *methods], rows),
        "Pearson's r has no valid interval where scores have heavy tails: its variance hangs on "
        "fourth moments, which such a sample does not show.",
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
    means = {
        n: out.get("effect size", "d_z 1.5", n, "effect_size", "mean estimate")
        for n in sorted(out.part("effect size")["n"].unique())
    }
    sizes = [
        [
            "d_z 1.5",
            str(n),
            share(out.get("effect size", "d_z 1.5", n, "effect_size", "coverage"), 0.95),
            f"{mean if mean else float('nan'):.2f}",
        ]
        for n, mean in means.items()
    ]
    exact = []
    for n in sorted(out.part("exact")["n"].unique()):
        row = ["any", str(n)]
        for method in ("recse-lab", "Banerjee", "Satterthwaite"):
            for alpha in (0.05, 0.01, 0.001):
                ends = (
                    out.get("exact", "any share", n, method, f"{end} at {alpha}")
                    for end in ("least", "greatest")
                )
                row.append(" … ".join("–" if e is None else f"{100 * e:.3g}" for e in ends))
        exact.append(row)
    return [
        "## Factorial effects",
        "",
        "A 2³ design, seeds as blocks: false positives of a main effect that is none (5 is "
        "right), and coverage of an interaction of 1 (95).",
        "",
        *lines(
            ["errors", "seeds", "against seeds: false", "covered", "pooled: false", "covered"], rows
        ),
        "## Effect size",
        "",
        *lines(["true", "seeds", "covered", "mean of Hedges' g"], sizes),
        "## How careful the test is",
        "",
        "Exact false positives at 5, 1 and 0.1 % when one part of the variance is estimated from "
        "the seeds and the other known: the least and the greatest over all shares of the two (one "
        "integral each, no simulation). Less than the level is care that a better test would save; "
        "more is an error.",
        "",
        *lines(
            [
                "share of seeds",
                "seeds",
                *(
                    f"{method}, {level} %"
                    for method in ("recse-lab", "Banerjee", "Satterthwaite")
                    for level in ("5", "1", "0.1")
                ),
            ],
            exact,
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
        "Mean excess of the reported maximum over the truth of what was chosen, in points of "
        "Spearman ×100, and what is said of it.",
        "",
        *lines(["truth", "looks", *methods], rows),
    ]


# ---- figure and card ---------------------------------------------------------------------------


def figure(out: Outcomes) -> Any:
    """False positives at 5 %, one panel per number of seeds, one mark per world and share."""
    plt = style.use()
    picture, panels = plt.subplots(1, 4, figsize=(style.WIDTH + 1.2, 2.6), sharey=True, sharex=True)
    part = out.part("laws")
    worlds = list(dict.fromkeys(case.partition(",")[0] for case in part["case"]))
    for axes, n in zip(panels, sorted(part["n"].unique()), strict=False):
        axes.axvline(5, color="#888888", linewidth=0.8)
        for i, case in enumerate(part["case"].unique()):
            world = case.partition(",")[0]
            value = out.get("laws", case, n, "both", "rejected at 0.05")
            if value is not None:
                axes.plot(
                    100 * value,
                    -worlds.index(world) + 0.2 * (1 - i % 3),
                    style.MARKERS[i % 3],
                    color=style.COLOURS[i % 3],
                    markersize=5,
                    label=case.partition(", ")[2] if world == worlds[0] else None,
                )
        axes.set_title(f"{n} seeds")
        axes.set_xlim(0, 21)
        axes.grid(axis="x")
    panels[0].set_yticks([-i for i in range(len(worlds))], worlds)
    panels[1].set_xlabel("false positives at p < 0.05, %")
    panels[0].legend(loc="upper left", bbox_to_anchor=(0.0, -0.24), ncol=3, fontsize=8)
    return picture


def rates(out: Outcomes) -> Table:
    """The promises as a table for the page of all reports."""
    columns = [
        Column("promise", "promise", "text"),
        Column("worst case", "worst case", "text"),
        Column("limit", "limit"),
        Column("worst", "worst"),
    ]
    rows = []
    for promise in PROMISES:
        found = rows_of(out, promise)
        if found.empty:
            continue
        sign = 1 if promise.at_least else -1
        worst = found.iloc[(sign * found["value"]).argmin()]
        cells = {
            "promise": Cell(promise.says),
            "worst case": Cell(f"{worst['case']}, {worst['n']} seeds"),
            "limit": Cell(promise.limit),
            "worst": Cell(float(worst["value"])),
        }
        rows.append(Row(cells))
    return Table("What is promised, and the worst simulated case, per cent", columns, rows)


def coverage(out: Outcomes) -> Table:
    """Coverage of one correlation's interval, a row a population and number of pairs, a column a
    method.
    """
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
    """What the page of all reports shows."""
    kept = [
        broken(promise, row["value"], row["error"])
        for promise in PROMISES
        for _, row in rows_of(out, promise).iterrows()
    ]
    said = (
        f"{len(kept) - sum(kept):,} of {len(kept):,} simulated rates keep what is promised; where "
        "one arm's seeds collapse now and then, it does not hold."
    )
    return Card(
        "statistics",
        "Statistics validated by simulation",
        "Do the intervals and tests hold?",
        [said, "All tables: [summary.md](summary.md)."],
        [table for table in (rates(out), coverage(out)) if table.rows],
        pictures,
        provenance,
    )


SECTIONS = {
    "laws": (promises_section, laws_section, tables_section),
    "graphs": (graphs_section,),
    "stopping": (stopping_section,),
    "intervals": (intervals_section,),
    "factorial": (designs_section,),
    "best of": (choices_section,),
}


def write(out: Path) -> None:
    """summary.md, figure.png, figure.pdf and card.json beside table.csv."""
    outcomes = Outcomes(pd.read_csv(out / "table.csv"))
    sections = [
        section(outcomes)
        for part, several in SECTIONS.items()
        if len(outcomes.part(part))
        for section in several
    ]
    pictures = style.save(figure(outcomes), out / "figure") if len(outcomes.part("laws")) else []
    command = "python -m simulations --data-dir SENTEVAL"
    versions = (
        f"recse-lab {version('recse-lab')}, numpy {version('numpy')}, scipy {version('scipy')}."
    )
    text = [
        "# Do the intervals and tests hold?",
        "",
        "Simulated studies whose truth is known. Every rate, with its Monte Carlo error and number "
        "of replicates, is in [table.csv](table.csv); which function answers which question is in "
        "[docs/statistics.md](../../docs/statistics.md).",
        "",
        *(["![figure](figure.png)", ""] if pictures else []),
        *(line for section in sections for line in section),
        "## How it was computed",
        "",
        "```",
        command,
        "```",
        "",
        f"{versions}",
        "",
    ]
    with atomic_path(out / "summary.md") as beside:
        beside.write_text("\n".join(text), encoding="utf-8")
    shown = [path.name for path in pictures if path.suffix == ".png"]
    write_card(out, card(outcomes, shown, [f"`{command}`", versions]))
