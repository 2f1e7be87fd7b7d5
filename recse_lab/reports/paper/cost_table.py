"""What the arms cost: seconds, memory and tokens a second, as each run stored them."""

from __future__ import annotations

from collections.abc import Sequence

from recse_lab.errors import LabError
from recse_lab.reports.paper.arms import IDENTITY, identity, kind, mean_cell
from recse_lab.reports.paper.request import Ask
from recse_lab.reports.provenance import provenance
from recse_lab.reports.tables import Column, Row, Table
from recse_lab.runs.collection import Arm, runs_of
from recse_lab.runs.records import Cost

QUESTION = "What do the arms cost in time and memory?"
COLUMNS = [
    Column("steps", "steps", "number", digits=0),
    Column("train_s", "train s", "number", digits=1),
    Column("dev_s", "dev s", "number", digits=1),
    Column("test_s", "test s", "number", digits=1),
    Column("tokens_per_s", "tokens/s", "number", digits=0),
    Column("peak", "peak MiB", "number", digits=0),
]


def costs(cost: Cost) -> dict[str, float | None]:
    """Seconds, tokens a second of training, and peak memory in MiB; None for what was not done or
    not stored.
    """
    return {
        "steps": cost.steps,
        "train_s": cost.train_s if cost.steps else None,
        "dev_s": cost.dev_s,
        "test_s": cost.test_s,
        "tokens_per_s": cost.tokens_per_s,
        "peak": cost.peak_bytes / 2**20 if cost.peak_bytes else None,
    }


def table(arms: Sequence[Arm], ask: Ask) -> Table:
    """A row an arm.

    Raises:
        LabError: No finished run has stored its cost.
    """
    rows, shown = [], []
    for arm in arms:
        found = [costs(cost) for run in arm.distinct if (cost := run.record.cost).tree()]
        if found:
            cells = {
                column.key: mean_cell([cost[column.key] for cost in found]) for column in COLUMNS
            }
            rows.append(
                Row(
                    identity(arm) | cells, kind=kind(arm), group=arm.study, runs=tuple(arm.distinct)
                )
            )
            shown.append(arm)
    if not rows:
        raise LabError(
            "no finished run has stored its cost; `recse-lab train`, `ablate` and `eval` do."
        )
    notes = [
        "Mean over runs, ± standard deviation; tokens count once for every pass of the encoder, "
        "in training alone."
    ]
    if any("cpu" in str(run.record.environment.device) for arm in shown for run in arm.distinct):
        notes.append(
            "On a CPU the peak is that of the process, testing included, and a worker computes "
            "several cells in turn without giving memory back: it says what a machine needs, and "
            "does not compare arms. Cells of a study share the cores with their neighbours."
        )
    return Table("Cost of a run", [*IDENTITY, *COLUMNS], rows, notes, [provenance(runs_of(shown))])


def answer(made: Table) -> str:
    """Range of training time and of throughput."""
    said = []
    for key, what in (
        ("train_s", "seconds of training a run"),
        ("tokens_per_s", "tokens a second"),
    ):
        values = [v for row in made.rows if isinstance(v := row.cells[key].value, float)]
        if values:
            said.append(f"{min(values):,.0f} to {max(values):,.0f} {what}")
    return f"Over {len(made.rows)} arms: {', '.join(said) or 'nothing was trained'}."
