"""What it costs that pairs share sentences: studies judged with independent pairs and without."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from recse_lab.errors import LabError
from recse_lab.reports.paper.request import Ask
from recse_lab.reports.provenance import provenance
from recse_lab.reports.study.numbers import LEVEL, Compared, StudyNumbers
from recse_lab.reports.tables import Cell, Column, Row, Table
from recse_lab.runs.collection import Arm, read_study, runs_of
from recse_lab.runs.comparing import Paired
from recse_lab.runs.records import StudyRecord
from recse_lab.statistics import Comparison, holm

QUESTION = "Which differences hold when pairs that share sentences do not count as independent?"
COLUMNS = [
    Column("arm", "arm", "text"),
    Column("study", "study", "text", shared=True),
    Column("seeds", "seeds", "text", detail=True),
    Column("independent", "Δ, independent pairs", "difference"),
    Column("p_independent", "p (Holm)", "p"),
    Column("delta", "Δ, pairs that share", "difference"),
    Column("p", "p (Holm)", "p"),
    Column("ratio", "SE over pairs, ratio", "number", digits=2, detail=True),
    Column("wider", "interval, ratio", "number", digits=2, detail=True),
    Column("changed", "", "text"),
]


def table(arms: Sequence[Arm], ask: Ask) -> Table:
    """One row per comparison of each study.

    Raises:
        LabError: No study has a comparison with a test over pairs whose sentences are known.
    """
    rows: list[Row] = []
    shown: list[Arm] = []
    folders = {run.folder.parent: None for arm in arms for run in arm.runs.values()}
    for folder in folders:
        if not (folder / StudyRecord.FILE).is_file():
            continue
        numbers = StudyNumbers(read_study(folder))
        if found := _rows(numbers):
            rows += found
            shown += [arm for arm in numbers.study.arms if arm.runs]
    if not rows:
        raise LabError(
            "no study here compares arms over several seeds on pairs whose sentences are known; "
            "`recse-lab ablate STUDY --data-dir SENTEVAL` makes one."
        )
    notes = [
        "Both columns use the same runs, scores and combination of the variances over seeds and "
        "over pairs; they differ in the variance over pairs alone. Brackets: 95 % for new seeds "
        "and new pairs. p is adjusted by Holm's method over the rows of a study.",
        "SE over pairs, ratio: standard error over pairs that share sentences divided by that of "
        "independent pairs. Interval, ratio: of the widths of the two intervals.",
    ]
    return Table(
        "Shared sentences and verdicts", COLUMNS, rows, notes, [provenance(runs_of(shown))]
    )


def _rows(numbers: StudyNumbers) -> list[Row]:
    """Rows of a study, each hypothesis once."""
    kept: dict[object, Compared] = {}
    for compared in numbers.comparisons:
        if compared.p is not None and compared.comparison.sharing_ratio is not None:
            kept.setdefault(compared.hypothesis, compared)
    before = [
        Paired(each.arm, each.reference, numbers.sample).compare(independent=True)
        for each in kept.values()
        if each.reference is not None
    ]
    adjusted = holm([each.p for each in before])
    return [
        _row(numbers, compared, independent, p)
        for compared, independent, p in zip(kept.values(), before, adjusted, strict=True)
    ]


def _row(
    numbers: StudyNumbers, compared: Compared, before: Comparison, p_before: float | None
) -> Row:
    after = compared.comparison
    was = p_before is not None and p_before < LEVEL
    changed = "" if was == compared.significant else "now n.s." if was else "now significant"
    return Row(
        {
            "arm": Cell(numbers.label(compared.arm)),
            "study": Cell(numbers.study.name),
            "seeds": Cell(compared.arm.seeds),
            "independent": Cell(before.delta, low=before.low, high=before.high),
            "p_independent": Cell(p_before),
            "delta": Cell(after.delta, low=after.low, high=after.high),
            "p": Cell(compared.p),
            "ratio": Cell(after.sharing_ratio),
            "wider": Cell(_width(after) / _width(before)),
            "changed": Cell(changed or None),
        },
        kind="own" if compared.arm.role == "arm" else "reference",
        group=numbers.study.name,
        runs=tuple(compared.arm.distinct),
    )


def _width(found: Comparison) -> float:
    if found.low is None or found.high is None:
        return float("nan")
    return found.high - found.low


def answer(made: Table) -> str:
    """How many verdicts change, and how much wider intervals become."""
    changed = [row for row in made.rows if row.cells["changed"].value]
    lost = sum(row.cells["changed"].value == "now n.s." for row in changed)

    def middle(key: str) -> str:
        values = [v for row in made.rows if isinstance(v := row.cells[key].value, float)]
        return f"{np.median(values):.2f}"

    return (
        f"Of {len(made.rows)} comparisons {lost} are no longer significant and "
        f"{len(changed) - lost} newly are; standard errors over pairs grow by {middle('ratio')}, "
        f"whole intervals by {middle('wider')} (medians)."
    )
