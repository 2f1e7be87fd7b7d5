"""Alignment and uniformity on the dev set, as training logged them at the step whose weights were
tested.
"""

from __future__ import annotations

from collections.abc import Sequence

from recse_lab.errors import LabError
from recse_lab.reports.paper.arms import IDENTITY, identity, kind, mean_cell
from recse_lab.reports.paper.request import Ask
from recse_lab.reports.provenance import provenance
from recse_lab.reports.tables import Column, Row, Table
from recse_lab.runs.collection import Arm, runs_of
from recse_lab.runs.store import Run

QUESTION = "Where do the arms put sentences: are positives close, and is the whole spread out?"
MEASURES = ("spearman", "alignment", "uniformity")


def at_selected(run: Run) -> dict[str, float | None]:
    """Spearman, alignment and uniformity on the dev set, raw, at the selected step; None where
    nobody looked then.
    """
    record = run.record
    dev = record.results.dev
    for line in reversed(record.metrics):
        if line["step"] == dev.step and "dev_alignment" in line:
            return {name: line[f"dev_{name}"] for name in MEASURES}
    # The last look is the selected one where the last step is: an arm that was not trained logged
    # no step at all.
    if dev.step != record.cost.steps:
        return dict.fromkeys(MEASURES)
    last = dev.last
    return dict(zip(MEASURES, (last.spearman, last.alignment, last.uniformity), strict=True))


def table(arms: Sequence[Arm], ask: Ask) -> Table:
    """A row an arm.

    Raises:
        LabError: No run has looked at alignment and uniformity.
    """
    rows, shown = [], []
    for arm in arms:
        looks = [at_selected(run) for run in arm.distinct]
        if any(look["alignment"] is not None for look in looks):
            cells = {name: mean_cell([look[name] for look in looks]) for name in MEASURES}
            rows.append(
                Row(
                    identity(arm) | cells, kind=kind(arm), group=arm.study, runs=tuple(arm.distinct)
                )
            )
            shown.append(arm)
    if not rows:
        raise LabError(
            "no finished run has logged alignment and uniformity; `recse-lab train` and `ablate` "
            "do on their dev set."
        )
    columns = [*IDENTITY, Column("spearman", "dev Spearman", best=True)]
    columns += [
        Column("alignment", "alignment", "number"),
        Column("uniformity", "uniformity", "number"),
    ]
    dev = ", ".join(
        sorted({str(run.record.results.dev.task) for arm in shown for run in arm.distinct})
    )
    notes = [
        f"On {dev}: alignment of the pairs with gold above 4, uniformity of all distinct "
        "sentences (Wang & Isola 2020); lower is closer, lower is more even. Spearman ×100. At "
        "the step whose weights were tested; ± is the standard deviation over seeds."
    ]
    return Table(
        "Alignment and uniformity on the dev set",
        columns,
        rows,
        notes,
        [provenance(runs_of(shown))],
    )


def answer(made: Table) -> str:
    """The range of both, with who stands at its ends."""
    said = []
    for name in ("alignment", "uniformity"):
        found = sorted(
            (v, f"{r.cells['method'].value}, {r.cells['study'].value}")
            for r in made.rows
            if isinstance(v := r.cells[name].value, float)
        )
        if found:
            (low, lowest), (high, highest) = found[0], found[-1]
            said.append(f"{name} runs from {low:.3f} ({lowest}) to {high:.3f} ({highest})")
    return f"Over {len(made.rows)} arms {'; '.join(said)}."
