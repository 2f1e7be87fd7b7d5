"""Seven transfer tasks and their average, a row an encoder, under SentEval's protocols."""

from __future__ import annotations

from collections.abc import Sequence

from recse_lab.data.transfer import TRANSFER, TRANSFER_LABELS
from recse_lab.errors import LabError
from recse_lab.reporting.paper.arms import IDENTITY, Arm, identity, kind, mean, mean_cell, protocol, runs_of
from recse_lab.reporting.paper.base import Ask, published_rows
from recse_lab.reporting.provenance import provenance
from recse_lab.reporting.published import transfer_rows
from recse_lab.reporting.tables import Cell, Column, Row, Table
from recse_lab.store import Run

QUESTION = "What can a linear classifier read off the embeddings of each encoder?"


def measured(run: Run, task: str, metric: str = "accuracy") -> float | None:
    """Accuracy or F1 of one task, raw; None where the run has none."""
    return (((run.results or {}).get("tasks") or {}).get(task) or {}).get(metric)


def table(arms: Sequence[Arm], ask: Ask) -> Table:
    """A row an encoder, grouped by study and protocol.

    Raises:
        LabError: No finished run has been tested on a transfer task, or an unknown published row.
    """
    shown = [arm for arm in arms if any(measured(run, task) is not None for run in arm.distinct for task in TRANSFER)]
    shown = [arm for arm in shown if ask.protocol in (None, protocol(arm))]
    if not shown:
        which = f" under protocol {ask.protocol}" if ask.protocol else ""
        raise LabError(
            f"no finished run has results of transfer tasks{which}; `recse-lab eval ENCODER --protocol senteval-10fold --data-dir SENTEVAL` makes some."
        )
    rows = [_row(arm) for arm in sorted(shown, key=protocol)]
    beside, sources = published_rows(transfer_rows(ask.beside, memory=ask.memory), TRANSFER)
    protocols = {row.cells["protocol"].value for row in (*rows, *beside)}
    columns = [*IDENTITY, *([Column("protocol", "protocol", "text")] if len(protocols) > 1 else [])]
    columns += [Column(task, TRANSFER_LABELS[task], best=True) for task in TRANSFER]
    columns += [Column("avg", "avg.", best=True, over=len(TRANSFER)), Column("f1", "MRPC F1", detail=True)]
    notes = [
        "Accuracy ×100 of a logistic regression on frozen embeddings; the average is over the seven accuracies. Bold: the highest of its study."
    ]
    for arm in shown:
        lacking = [task for task in TRANSFER if any(measured(run, task) is None for run in arm.distinct)]
        if lacking:
            names = ", ".join(TRANSFER_LABELS[task] for task in lacking)
            notes.append(
                f"{arm.encoder}, {arm.label} has no average: {names} {'is' if len(lacking) == 1 else 'are'} missing or undefined."
            )
    return Table(
        "Transfer tasks: accuracy ×100", columns, [*rows, *beside], [*notes, *sources], [provenance(runs_of(shown))]
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
        f"{row.cells['encoder'].value}, {row.cells['method'].value} has the highest average of {row.group} ({100 * value:.2f})"
        for row, value in found if made.is_best(row, avg)
    ]  # fmt: skip
    alone = [
        f"{row.cells['encoder'].value}, {row.cells['method'].value} averages {100 * value:.2f}" for row, value in found
    ]
    return "; ".join(best or alone or ["No row has all seven tasks"]) + "."


def _row(arm: Arm) -> Row:
    accuracies = {task: [measured(run, task) for run in arm.distinct] for task in TRANSFER}
    averages = [mean(list(values)) for values in zip(*accuracies.values(), strict=True)]
    cells = identity(arm) | {task: Cell(mean(values)) for task, values in accuracies.items()}
    cells |= {
        "protocol": Cell(protocol(arm)),
        "avg": mean_cell(averages),
        "f1": Cell(mean([measured(run, "mrpc", "f1") for run in arm.distinct])),
    }
    return Row(cells, kind=kind(arm), group=f"{arm.study}, {protocol(arm)}", runs=tuple(arm.distinct))
