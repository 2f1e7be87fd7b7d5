"""Stored STS scores under simcse-2021 and under sts-disjoint, which has no pair twice."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from recse_lab.data.sts_sets import DISJOINT_DEVS, SEVEN, kept_rows, load_task
from recse_lab.errors import LabError
from recse_lab.reports.paper.arms import IDENTITY, identity, kind, mean, mean_cell
from recse_lab.reports.paper.request import Ask
from recse_lab.reports.paper.sts_table import average
from recse_lab.reports.provenance import provenance
from recse_lab.reports.tables import Cell, Column, Row, Table
from recse_lab.runs.collection import Arm, runs_of
from recse_lab.runs.store import Run
from recse_lab.statistics.correlation import correlation

QUESTION = "What do scores and orders of encoders become without the pairs that STS tasks share?"
DEV = DISJOINT_DEVS[0].removesuffix("-disjoint")


def disjoint_scores(run: Run, data_dir: str) -> dict[str, float]:
    """Spearman of stored scores of simcse-2021 on the pairs that sts-disjoint keeps.

    Args:
        run: A run with scores of the seven tasks.
        data_dir: The sets it was tested on, in SentEval's layout.

    Returns:
        Spearman by task (and of STS-B dev, if the run has its scores), raw, and their ``average``
        over the seven; NaN where undefined.

    Raises:
        LabError: The data are missing, or the run was tested on others.
    """
    kept = kept_rows(data_dir)
    found = {}
    for task, part in run.read_scores().groupby("task", sort=False):
        if task in kept:
            gold, score = part["gold"].to_numpy(float), part["score"].to_numpy(float)
            if not np.array_equal(gold.astype(np.float32), _gold(str(task), data_dir)):
                raise LabError(
                    f"{run.folder}: its scores of {task} are not on the pairs in {data_dir}; give "
                    "the sets that it was tested on with --data-dir."
                )
            rows = kept[str(task)]
            found[str(task)] = float(correlation("spearman", gold[rows], score[rows]))
    return found | {"average": float(np.mean([found[task] for task in SEVEN]))}


@cache
def _gold(task: str, data_dir: str) -> np.ndarray:
    return np.concatenate([pairs.gold for pairs in load_task(task, data_dir).subsets.values()])


def table(arms: Sequence[Arm], ask: Ask) -> Table:
    """One row per arm or encoder with stored scores of the seven tasks, in the order of studies.

    Raises:
        LabError: There is none, or the STS sets that it was tested on cannot be read.
    """
    shown = [arm for arm in arms if arm.distinct and all(map(_is_complete, arm.distinct))]
    if not shown:
        raise LabError(
            "no finished run has stored scores of the seven STS tasks under simcse-2021; "
            "`recse-lab eval ENCODER --data-dir SENTEVAL` makes some."
        )
    rows = []
    for study in dict.fromkeys(arm.study for arm in shown):
        rows += _study_rows([arm for arm in shown if arm.study == study], ask)
    columns = [
        *IDENTITY,
        Column("avg", "avg. simcse-2021"),
        Column("disjoint", "avg. sts-disjoint"),
        Column("delta", "difference", "difference"),
        Column("place", "place", "number", digits=0),
        Column("place_disjoint", "place, disjoint", "number", digits=0),
        Column("stsb", "STS-B", detail=True),
        Column("stsb_disjoint", "STS-B disjoint", detail=True),
    ]
    if any("dev" in row.cells for row in rows):
        columns += [
            Column("dev", "STS-B dev", detail=True),
            Column("dev_disjoint", "STS-B dev disjoint", detail=True),
        ]
    notes = [
        "Spearman ×100 over pooled pairs, mean over seeds; ± is the standard deviation over seeds. "
        "The same stored scores twice: all pairs of the seven tasks, and every distinct pair once, "
        "in the smallest task that has it (docs/data.md). Place: by the average, within a study.",
        "A difference is a change of the test, not of the encoders: it has no test of its own.",
    ]
    return Table(
        "The seven STS tasks with and without shared pairs",
        columns,
        rows,
        notes,
        [provenance(runs_of(shown))],
    )


def _is_complete(run: Run) -> bool:
    if run.record.results.protocol.id != "simcse-2021" or not run.scores.is_file():
        return False
    return average(run) is not None


def _study_rows(arms: Sequence[Arm], ask: Ask) -> list[Row]:
    rows = []
    for arm in arms:
        runs = arm.distinct
        found = [disjoint_scores(run, _data_dir(run, ask)) for run in runs]
        before, after = [average(run) for run in runs], [each["average"] for each in found]
        cells = identity(arm) | {"avg": mean_cell(before), "disjoint": mean_cell(after)}
        old, new = mean(before), mean(after)
        cells["delta"] = Cell(None if old is None or new is None else new - old)
        cells["stsb"] = Cell(mean([_spearman(run, "stsb") for run in runs]))
        cells["stsb_disjoint"] = Cell(mean([each["stsb"] for each in found]))
        if all(DEV in each for each in found):
            cells["dev"] = Cell(mean([_spearman(run, DEV) for run in runs]))
            cells["dev_disjoint"] = Cell(mean([each[DEV] for each in found]))
        rows.append(Row(cells, kind=kind(arm), group=arm.study, runs=tuple(runs)))
    for place, key in (("place", "avg"), ("place_disjoint", "disjoint")):
        values = pd.Series([row.cells[key].value for row in rows], dtype=float)
        for row, rank in zip(rows, values.rank(ascending=False, method="min"), strict=True):
            row.cells[place] = Cell(float(rank) if np.isfinite(rank) else None)
    return rows


def _spearman(run: Run, task: str) -> float | None:
    return run.record.sts.spearman(task)


def _data_dir(run: Run, ask: Ask) -> str:
    folder = ask.data_dir or run.record.config.evaluation.data_dir
    if folder is None:
        raise LabError(f"{run.folder} does not say where its STS sets are; give --data-dir.")
    return folder


def answer(made: Table) -> str:
    """How far averages move, and whether the order of the arms of each study stays."""
    deltas = [d for row in made.rows if isinstance(d := row.cells["delta"].value, float)]
    sentences = [
        f"Without shared pairs the average of {len(deltas)} rows changes by "
        f"{100 * min(deltas):+.2f} to {100 * max(deltas):+.2f} points (mean "
        f"{100 * np.mean(deltas):+.2f})."
    ]
    for study in dict.fromkeys(row.group for row in made.rows):
        rows = [row for row in made.rows if row.group == study]
        places = np.array(
            [[row.cells[key].value for key in ("place", "place_disjoint")] for row in rows], float
        )
        if len(rows) > 2 and np.isfinite(places).all():
            correlation: Any = stats.kendalltau(*places.T)
            tau = correlation.statistic
            best = (
                "the same row is"
                if (places.argmin(0) == places.argmin(0)[0]).all()
                else "another row is"
            )
            sentences.append(f"{study}: {best} highest; Kendall's τ of the two orders {tau:.2f}.")
    return " ".join(sentences)
