"""Tables as papers print them, one file a table, from the finished runs of the store.

A new one is one file and one line here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from types import ModuleType

from recse_lab.files import atomic_path
from recse_lab.reports import tables
from recse_lab.reports.page.card import Card, write_card
from recse_lab.reports.paper import alignment_uniformity_table as alignment_uniformity
from recse_lab.reports.paper import cost_table as cost
from recse_lab.reports.paper import disjoint_table as disjoint
from recse_lab.reports.paper import polarity_table as polarity
from recse_lab.reports.paper import portability_table as portability
from recse_lab.reports.paper import sharing_table as sharing
from recse_lab.reports.paper import sts_table as sts
from recse_lab.reports.paper import transfer_table as transfer
from recse_lab.reports.paper.request import Ask as Ask
from recse_lab.reports.stale_marks import mark_stale
from recse_lab.reports.tables import Table
from recse_lab.runs.collection import read_store
from recse_lab.runs.store import Run

TABLES: dict[str, ModuleType] = {
    "sts": sts,
    "transfer": transfer,
    "alignment-uniformity": alignment_uniformity,
    "polarity": polarity,
    "portability": portability,
    "cost": cost,
    "disjoint": disjoint,
    "sharing": sharing,
}
"""Name -> the module that has ``QUESTION``, ``table(arms, ask)`` and ``answer(table)``."""


def report_table(
    name: str,
    root: Path,
    folder: Path,
    command: str,
    studies: Sequence[str] = (),
    ask: Ask | None = None,
) -> tuple[Table, str, list[Path]]:
    """Write a table from the finished runs of some studies (or of all) into ``folder``; return it,
    its answer and the paths.

    Rows whose code or data have changed since are marked. A table that goes by the name of a study
    stands beside that study's own, as paper.md, .tex and .csv, and the card of the folder is the
    study's.

    Raises:
        LabError: An unknown study or published row, or no run that the table could show.
    """
    module = TABLES[name]
    made = mark_stale(module.table(read_store(root, studies).arms, ask or Ask()))
    answer = module.answer(made)
    if (root / name / "study.json").is_file():
        return made, answer, write_files(made, folder, "paper")
    card = Card(
        name=name,
        title=made.title,
        question=module.QUESTION,
        summary=[answer],
        tables=[made],
        provenance=[f"`{command}`", *made.provenance],
        runs=run_names(run for row in made.rows for run in row.runs),
    )
    return made, answer, [*write_files(made, folder), write_card(folder, card)]


def write_files(table: Table, folder: Path, stem: str = "table") -> list[Path]:
    """Write a table as STEM.md, .tex and .csv, the same numbers in each; return their paths."""
    texts = {
        "md": tables.markdown(table),
        "tex": tables.latex(table),
        "csv": tables.comma_separated(table),
    }
    paths = [folder / f"{stem}.{ending}" for ending in texts]
    for path, text in zip(paths, texts.values(), strict=True):
        with atomic_path(path) as beside:
            beside.write_text(text, encoding="utf-8")
    return paths


def run_names(runs: Iterable[Run]) -> list[str]:
    """``study/id`` of each run, once."""
    return list(dict.fromkeys(f"{run.study}/{run.id}" for run in runs))
