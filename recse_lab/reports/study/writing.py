"""Write the report of a study: its tables, figure, summary, page and card."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from recse_lab.figures import style
from recse_lab.files import atomic_path
from recse_lab.reports import tables
from recse_lab.reports.claims.verdicts import RULE, Verdict, claims_table, judge_study, outcome
from recse_lab.reports.claims.verdicts import summary as claims_summary
from recse_lab.reports.page import page
from recse_lab.reports.page.card import Card, as_data, write_card
from recse_lab.reports.study.figures import differences_figure, draw_study, encoders_figure
from recse_lab.reports.study.numbers import StudyNumbers, read_numbers
from recse_lab.reports.study.summary import summarise
from recse_lab.reports.study.table import effects_table, encoders_table, seeds_table, study_table
from recse_lab.reports.tables import Table

FIGURES = {
    "encoders": encoders_figure,
    "differences": differences_figure,
    "figure": draw_study,
}
"""The differences that are tested come first; then the levels themselves, of one encoder."""


class StudyReport(NamedTuple):
    """A report that was written: its main table, its summary, and its files."""

    table: Table
    summary: str
    paths: list[Path]


def write_study(folder: Path, out: Path) -> StudyReport:
    """Write table.md, .tex and .csv, figure.png and .pdf, summary.md, page.html and card.json.

    Args:
        folder: The study, ``runs/<study>``.
        out: Where to write.

    Raises:
        LabError: There is no study in the folder, none of its cells has finished, its runs were
            tested on different pairs, or the disk is full.
    """
    numbers = read_numbers(folder)
    table, summary = study_table(numbers), summarise(numbers)
    over, effects, parts = encoders_table(numbers), effects_table(numbers), seeds_table(numbers)
    judged = judge_study(folder)
    claims = (
        claims_table(judged, f"{folder.name}: claims and what the runs say") if judged else None
    )
    if judged:
        summary = f"{claims_summary(judged)} {summary}"
    pictures = [
        path
        for name, draw in FIGURES.items()
        if _can_be_drawn(name, numbers)
        for path in style.save(draw(numbers), out / name)
    ]
    shown = [t for t in (claims, over, effects, parts, table) if t is not None]
    commands = [*numbers.study.record.commands, f"recse-lab report {folder.name}"]
    card = Card(
        folder.name,
        numbers.study.name,
        numbers.study.record.spec.question or "",
        [summary],
        shown,
        [path.name for path in pictures if path.suffix == ".png"],
        [f"`{command}`" for command in commands],
        [f"{folder.name}/{run.id}" for run in numbers.study.runs],
    )
    texts = {
        "table.md": tables.markdown(table),
        "table.tex": tables.latex(table),
        "table.csv": tables.comma_separated(table),
        "summary.md": summary_page(
            numbers,
            summary,
            shown,
            commands=commands,
            pictures=[path.stem for path in pictures if path.suffix == ".png"],
            judged=judged,
        ),
        "page.html": page.card_page(as_data(card), out),
    }
    for name, extra in {"encoders": over, "effects": effects, "seeds": parts}.items():
        if extra is not None:
            texts[f"{name}.csv"] = tables.comma_separated(extra)
            texts[f"{name}.tex"] = tables.latex(extra)
    for name, text in texts.items():
        with atomic_path(out / name) as beside:
            beside.write_text(text, encoding="utf-8")
    paths = [*pictures, *(out / name for name in texts), write_card(out, card)]
    return StudyReport(table, summary, paths)


def _can_be_drawn(figure: str, numbers: StudyNumbers) -> bool:
    if figure == "encoders":
        return bool(numbers.across)
    if figure == "differences":
        return any(c.comparison.low is not None for c in numbers.comparisons)
    levels = bool(numbers.report.x or numbers.report.effects)
    return levels and not numbers.several_encoders


def summary_page(
    numbers: StudyNumbers,
    summary: str,
    shown: Sequence[Table],
    *,
    commands: Sequence[str],
    pictures: Sequence[str],
    judged: Sequence[Verdict] = (),
) -> str:
    """The text of summary.md."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("recse_lab.reports.study"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    spec = numbers.study.record.spec
    return environment.get_template("summary.md.j2").render(
        study=numbers.study,
        summary=summary,
        tables=[tables.markdown(table) for table in shown],
        commands=commands,
        pictures=pictures,
        rule=RULE,
        outcomes=[(j.name, j.verdict, j.claim.question, outcome(j)) for j in judged],
        base=_without_locations(spec.base),
        arms=[arm.tree() for arm in spec.arms],
    )


def _without_locations(base: dict[str, Any]) -> dict[str, Any]:
    """The base configuration without the file locations of this machine.

    The commands name the corpus and the evaluation data.
    """
    kept = {name: options for name, options in base.items() if name != "corpus"}
    if "evaluation" in kept:
        evaluation = kept["evaluation"].items()
        kept["evaluation"] = {name: value for name, value in evaluation if name != "data_dir"}
    return kept
