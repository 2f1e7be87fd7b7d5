"""Seven transfer tasks and their average, a row an encoder, under SentEval's protocols."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from recse_lab.data.transfer_sets import TRANSFER, TRANSFER_LABELS
from recse_lab.errors import LabError
from recse_lab.reports.paper.arms import (
    IDENTITY,
    LEVEL,
    NOT_COMPARED,
    NOT_COMPARED_NOTE,
    SAME,
    identity,
    kind,
    mean,
    mean_cell,
    protocol,
)
from recse_lab.reports.paper.request import Ask, published_rows
from recse_lab.reports.provenance import provenance
from recse_lab.reports.published import transfer_rows
from recse_lab.reports.tables import Cell, Column, Row, Table
from recse_lab.runs.collection import Arm, runs_of
from recse_lab.runs.store import Run
from recse_lab.statistics import holm
from recse_lab.statistics.accuracies import (
    Correct,
    average_accuracy,
    compare_accuracies,
    same_examples,
)

QUESTION = "What can a linear classifier read off the embeddings of each encoder?"


def measured(run: Run, task: str, metric: str = "accuracy") -> float | None:
    """Accuracy or F1 of one task, raw; None where the run has none."""
    found = run.record.transfer.tasks.get(task)
    return None if found is None else getattr(found, metric)


def table(arms: Sequence[Arm], ask: Ask) -> Table:
    """A row an encoder, grouped by study and protocol.

    Raises:
        LabError: No finished run has been tested on a transfer task, or an unknown published row.
    """
    shown = [
        arm
        for arm in arms
        if any(measured(run, task) is not None for run in arm.distinct for task in TRANSFER)
    ]
    shown = [arm for arm in shown if ask.protocol in (None, protocol(arm))]
    if not shown:
        which = f" under protocol {ask.protocol}" if ask.protocol else ""
        raise LabError(
            f"no finished run has results of transfer tasks{which}; `recse-lab eval ENCODER "
            "--protocol senteval-10fold --data-dir SENTEVAL` makes some."
        )
    right = {arm.distinct[0].id: found for arm in shown if (found := correct(arm)) is not None}
    marks = _marks(shown, right)
    rows = [_row(arm, right.get(arm.distinct[0].id), marks) for arm in sorted(shown, key=protocol)]
    beside, sources = published_rows(transfer_rows(ask.beside, memory=ask.memory), TRANSFER)
    protocols = {row.cells["protocol"].value for row in (*rows, *beside)}
    columns = [
        *IDENTITY,
        *([Column("protocol", "protocol", "text", shared=True)] if len(protocols) > 1 else []),
    ]
    columns += [Column(task, TRANSFER_LABELS[task], best=True) for task in TRANSFER]
    columns += [
        Column("avg", "avg.", best=True, over=len(TRANSFER)),
        Column("f1", "MRPC F1", detail=True),
    ]
    notes = [
        "Accuracy ×100 of a logistic regression on frozen embeddings; the average is over the "
        "seven accuracies. Bold: the highest of its study."
    ]
    if right:
        notes.append(
            "Brackets: 95 % interval of the average for other test examples, the classifiers as "
            "they are. † its average cannot be told apart from the highest of its study at 5 %, "
            "paired by example, Holm over the study; the highest was picked by its score. "
            f"{NOT_COMPARED_NOTE}"
        )
    for arm in shown:
        lacking = [
            task for task in TRANSFER if any(measured(run, task) is None for run in arm.distinct)
        ]
        if lacking:
            names = ", ".join(TRANSFER_LABELS[task] for task in lacking)
            notes.append(
                f"{arm.encoder}, {arm.label} has no average: {names} "
                f"{'is' if len(lacking) == 1 else 'are'} missing or undefined."
            )
    return Table(
        "Transfer tasks: accuracy ×100",
        columns,
        [*rows, *beside],
        [*notes, *sources],
        [provenance(runs_of(shown))],
    )


def answer(made: Table) -> str:
    """The best average of every study and protocol."""
    avg = next(c for c in made.columns if c.key == "avg")
    found = [
        (row, value)
        for row in made.rows
        if row.kind != "published" and isinstance(value := row.cells["avg"].value, float)
    ]
    best = [
        f"{row.cells['encoder'].value}, {row.cells['method'].value} has the highest average of "
        f"{row.group} ({100 * value:.2f})"
        for row, value in found
        if made.is_best(row, avg)
    ]
    alone = [
        f"{row.cells['encoder'].value}, {row.cells['method'].value} averages {100 * value:.2f}"
        for row, value in found
    ]
    return "; ".join(best or alone or ["No row has all seven tasks"]) + "."


def correct(arm: Arm) -> Correct | None:
    """Of each test example the share of an arm's runs that classified it rightly; None where
    predictions of a task are missing.
    """
    runs = []
    for run in arm.distinct:
        if not run.predictions.is_file() or any(measured(run, task) is None for task in TRANSFER):
            return None
        frame = run.read_predictions(["task", "row", "label", "predicted"]).sort_values(
            "row", kind="stable"
        )
        runs.append(
            {
                str(task): (part["label"] == part["predicted"]).to_numpy(float)
                for task, part in frame.groupby("task", sort=False)
            }
        )
    if not all(same_examples(run, runs[0]) for run in runs):
        return None
    return {task: np.mean([run[task] for run in runs], axis=0) for task in runs[0]}


def _marks(arms: Sequence[Arm], right: Mapping[str, Correct]) -> dict[str, str]:
    """† for every arm (its first run's id) that cannot be told apart from the best of its study and
    protocol, ° for one that could not be compared with it.
    """
    marks: dict[str, str] = {}
    groups: dict[str, dict[str, float]] = {}
    for arm in arms:
        value = mean([measured(run, task) for run in arm.distinct for task in TRANSFER])
        if value is not None:
            groups.setdefault(_group(arm), {})[arm.distinct[0].id] = value
    for members in groups.values():
        best = max(members, key=lambda run: members[run])
        others = [run for run in members if run != best]
        same = [
            run
            for run in others
            if {run, best} <= right.keys() and same_examples(right[run], right[best])
        ]
        adjusted = holm([compare_accuracies(right[best], right[run]).p for run in same])
        marks |= dict.fromkeys(others, NOT_COMPARED)
        marks |= {
            run: "" if p is not None and p < LEVEL else SAME
            for run, p in zip(same, adjusted, strict=True)
        }
    return marks


def _group(arm: Arm) -> str:
    return f"{arm.study}, {protocol(arm)}"


def _row(arm: Arm, right: Correct | None, marks: Mapping[str, str]) -> Row:
    accuracies = {task: [measured(run, task) for run in arm.distinct] for task in TRANSFER}
    averages = [mean(list(values)) for values in zip(*accuracies.values(), strict=True)]
    cells = identity(arm) | {task: Cell(mean(values)) for task, values in accuracies.items()}
    cells |= {
        "protocol": Cell(protocol(arm)),
        "avg": mean_cell(
            averages, mark=marks.get(arm.distinct[0].id, ""), **_interval(averages, right)
        ),
        "f1": Cell(mean([measured(run, "mrpc", "f1") for run in arm.distinct])),
    }
    return Row(cells, kind=kind(arm), group=_group(arm), runs=tuple(arm.distinct))


def _interval(averages: Sequence[float | None], right: Correct | None) -> dict[str, float]:
    """Around the average that is printed, which is over folds, and by that a hair off the mean over
    examples.
    """
    value = mean(averages)
    if right is None or value is None:
        return {}
    found = average_accuracy(right)
    return {"low": value + found.low - found.value, "high": value + found.high - found.value}
