"""What a reshape adds to each framework: without, with, and the difference."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from recse_lab.errors import LabError
from recse_lab.reports.paper.arms import IDENTITY, mean_cell
from recse_lab.reports.paper.request import Ask
from recse_lab.reports.paper.sts_table import LEVEL, average, compare_averages, sample_averages
from recse_lab.reports.provenance import provenance
from recse_lab.reports.tables import Cell, Column, Row, Table
from recse_lab.runs.collection import Arm, runs_of
from recse_lab.runs.comparing import by_seed
from recse_lab.statistics import holm

QUESTION = "Does a reshape added to another framework improve it?"
FACTORS = {"framework", "reshape"}


def pairs_of(arms: Sequence[Arm]) -> dict[str, tuple[Arm, Arm]]:
    """Framework -> the arms without and with a reshape, where both have finished runs."""
    found: dict[str, dict[str, Arm]] = {}
    for arm in arms:
        if arm.factors.keys() >= FACTORS:
            found.setdefault(str(arm.factors["framework"]), {})[str(arm.factors["reshape"])] = arm
    return {
        name: (both["without"], both["with"])
        for name, both in found.items()
        if both.keys() >= {"without", "with"}
    }


def table(arms: Sequence[Arm], ask: Ask) -> Table:
    """A row a framework of every study that crosses frameworks with a reshape.

    Raises:
        LabError: No study does, or none has both cells of a framework.
    """
    studies = {
        study: both
        for study in dict.fromkeys(arm.study for arm in arms)
        if (both := pairs_of([a for a in arms if a.study == study]))
    }
    if not studies:
        raise LabError(
            "no study here crosses frameworks with a reshape; `recse-lab ablate portability` does."
        )
    samples = sample_averages(
        [arm for both in studies.values() for pair in both.values() for arm in pair]
    )
    rows = []
    for study, both in studies.items():
        compared = {
            name: compare_averages(reshaped, plain, samples, one_seed=False)
            for name, (plain, reshaped) in both.items()
        }
        adjusted = holm([found.p if found else None for found in compared.values()])
        for (name, found), p in zip(compared.items(), adjusted, strict=True):
            plain, reshaped = both[name]
            common = [pair[0] for pair in by_seed((plain, reshaped))]
            cells = {
                "method": Cell(name),
                "encoder": Cell(plain.encoder),
                "study": Cell(study),
                "seeds": Cell(str(len(common))),
                "without": mean_cell([average(run) for run in plain.distinct]),
                "with": mean_cell([average(run) for run in reshaped.distinct]),
            }
            if found is not None and np.isfinite(found.delta):
                cells["delta"] = Cell(
                    found.delta,
                    low=found.low,
                    high=found.high,
                    mark="†" if p is None or p >= LEVEL else "",
                )
            cells["p"] = Cell(p)
            rows.append(Row(cells, group=study, runs=(*plain.distinct, *reshaped.distinct)))
    columns = [
        Column("method", "framework", "text"),
        *IDENTITY[1:],
        Column("without", "without"),
        Column("with", "with reshape"),
    ]
    columns += [Column("delta", "Δ", "difference"), Column("p", "p (Holm)", "p")]
    notes = [
        "Average of the seven STS tasks (all), Spearman ×100; ± is the standard deviation over "
        "seeds. Δ: with minus without, seed by seed; its bracket is the 95 % interval for new "
        "seeds and new pairs (pairs that share a sentence do not count as independent), p is "
        "adjusted by Holm over the frameworks of a study. † not significantly different from 0 at "
        "5 %; with one seed there is no test."
    ]
    shown = [arm for both in studies.values() for pair in both.values() for arm in pair]
    return Table(
        "What a reshape adds to each framework", columns, rows, notes, [provenance(runs_of(shown))]
    )


def answer(made: Table) -> str:
    """How many frameworks gain, lose, or stay where chance may have put them."""
    told = [row for row in made.rows if row.cells.get("delta") and not row.cells["delta"].mark]

    def counted(up: bool) -> str:
        names = [
            str(row.cells["method"].value)
            for row in told
            if (float(row.cells["delta"].value or 0) > 0) == up
        ]
        return f"{len(names)} {'gain' if up else 'lose'}" + (
            f" ({', '.join(names)})" if names else ""
        )

    rest = len(made.rows) - len(told)
    return (
        f"Of {len(made.rows)} frameworks {counted(True)} and {counted(False)} by more than "
        f"chance; {rest} cannot be told apart from no difference."
    )
