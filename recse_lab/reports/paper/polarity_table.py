"""How the scores of graded pairs are spread, a row an arm: the polarity probe's measures on stored
STS-B scores.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from recse_lab.errors import LabError
from recse_lab.probes.polarity import polarity
from recse_lab.reports.paper.arms import IDENTITY, identity, kind, mean_cell
from recse_lab.reports.paper.request import Ask
from recse_lab.reports.provenance import provenance
from recse_lab.reports.tables import Column, Row, Table
from recse_lab.runs.collection import Arm, runs_of
from recse_lab.runs.store import Run

QUESTION = "Are scores pushed to the extremes?"
TASK = "stsb"
MEASURES = {
    "spearman": "STS-B",
    "used range": "used range",
    "extreme mass (nominal)": "extreme, nominal",
    "extreme mass (own range)": "extreme, own range",
    "sarle": "Sarle",
    "dip": "dip",
    "wasserstein (nominal)": "W₁, nominal",
    "wasserstein (own range)": "W₁, own range",
    "calibration error (own range)": "calibration, own range",
}


def stsb_scores(run: Run) -> pd.DataFrame | None:
    """Gold and scores of the STS-B test pairs; None where the run was not tested on them."""
    if not run.scores.is_file():
        return None
    scores = run.read_scores(["task", "gold", "score"])
    scores = scores.loc[scores["task"] == TASK]
    return scores if len(scores) else None


def measures(run: Run) -> dict[str, float] | None:
    """The probe's measures of one run, raw; NaN where one is undefined.

    Its intervals are not asked for.
    """
    scores = stsb_scores(run)
    if scores is None:
        return None
    found = polarity(
        {"": scores["score"].to_numpy(float)}, scores["gold"].to_numpy(float), resamples=2
    ).table
    return dict(zip(found["measure"], found["value"], strict=True))


def table(arms: Sequence[Arm], ask: Ask) -> Table:
    """A row an arm.

    Raises:
        LabError: No finished run has scores of STS-B.
    """
    rows, shown = [], []
    for arm in arms:
        found = [measures(run) for run in arm.distinct]
        there = [values for values in found if values is not None]
        if there and len(there) == len(found):
            cells = {name: mean_cell([values[name] for values in there]) for name in MEASURES}
            rows.append(
                Row(
                    identity(arm) | cells, kind=kind(arm), group=arm.study, runs=tuple(arm.distinct)
                )
            )
            shown.append(arm)
    if not rows:
        raise LabError(
            "no finished run has scores of STS-B; `recse-lab eval ENCODER --data-dir SENTEVAL` "
            "makes some."
        )
    columns = [
        *IDENTITY,
        *(
            Column(
                name, label, best=name == "spearman", detail=name not in ("spearman", "used range")
            )
            for name, label in MEASURES.items()
        ),
    ]
    notes = [
        "On the STS-B test pairs, all ×100; ± is the standard deviation over seeds. Used range: "
        "from the 5th to the 95th percentile of the scores. Extreme: share of scores in the outer "
        "5 % at either end, minus gold's own share; nominal: of −1 … 1, own range: of the used "
        "range. Sarle's coefficient: 33 for a normal sample, 56 for a uniform one. W₁: "
        "Wasserstein distance to gold. Intervals over pairs: `recse-lab probe polarity RUN`."
    ]
    return Table(
        "Polarity: how the scores are spread", columns, rows, notes, [provenance(runs_of(shown))]
    )


def answer(made: Table) -> str:
    """How many arms have more scores at the ends of the range than gold has."""
    key = "extreme mass (nominal)"
    found = [
        (v, f"{r.cells['method'].value}, {r.cells['study'].value}")
        for r in made.rows
        if isinstance(v := r.cells[key].value, float)
    ]
    if not found:
        return "No arm has a defined share of extreme scores."
    (low, lowest), (high, highest) = min(found), max(found)
    return (
        f"Of {len(found)} arms {sum(value > 0 for value, _ in found)} have more of their scores "
        "in the outer 5 % of −1 … 1 than gold has of its range; the excess runs from "
        f"{100 * low:.2f} ({lowest}) to {100 * high:.2f} ({highest}) points."
    )
