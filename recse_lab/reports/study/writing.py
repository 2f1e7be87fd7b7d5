"""Write the report of a study: its tables, figure, summary, page and card."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from recse_lab.figures import style
from recse_lab.files import atomic_path
from recse_lab.reports import tables
from recse_lab.reports.page import page
from recse_lab.reports.page.card import Card, as_data, write_card
from recse_lab.reports.study.figures import draw_study
from recse_lab.reports.study.numbers import StudyNumbers, read_numbers
from recse_lab.reports.study.summary import summarise
from recse_lab.reports.study.table import effects_table, study_table
from recse_lab.reports.tables import Table


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
    table, effects, summary = study_table(numbers), effects_table(numbers), summarise(numbers)
    pictures = style.save(draw_study(numbers), out / "figure") if _has_figure(numbers) else []
    shown = [t for t in (effects, table) if t is not None]
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
            numbers, summary, shown, commands=commands, pictured=bool(pictures)
        ),
        "page.html": page.card_page(as_data(card), out),
    }
    if effects is not None:
        texts["effects.csv"] = tables.comma_separated(effects)
        texts["effects.tex"] = tables.latex(effects)
    for name, text in texts.items():
        with atomic_path(out / name) as beside:
            beside.write_text(text, encoding="utf-8")
    paths = [*pictures, *(out / name for name in texts), write_card(out, card)]
    return StudyReport(table, summary, paths)


def _has_figure(numbers: StudyNumbers) -> bool:
    return bool(numbers.report.x or numbers.report.effects)


def summary_page(
    numbers: StudyNumbers,
    summary: str,
    shown: Sequence[Table],
    *,
    commands: Sequence[str],
    pictured: bool,
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
        pictured=pictured,
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
