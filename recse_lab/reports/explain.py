"""Why does a run not score what was published? The difference of the averages, taken apart as far
as stored scores reach.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from recse_lab.data.sts_sets import SEVEN, STANDARD_PAIRS
from recse_lab.errors import LabError
from recse_lab.evaluation.sts import AGGREGATIONS
from recse_lab.reports.encoder_table import average_interval, unusual_counts
from recse_lab.reports.published import sts_rows
from recse_lab.reports.tables import Cell, Column, Row, Table
from recse_lab.runs.records import Correlation, StsResults, StudyRecord
from recse_lab.runs.store import Run, find_runs

LAYERED = {"first_last_mean": "static_last_mean", "static_last_mean": "first_last_mean"}
"""Pooling -> the other thing that papers call first-last average."""
COLUMNS = [
    Column("step", "step", "text"),
    Column("value", "average"),
    Column("points", "points", "difference"),
    Column("how", "", "text"),
]


def published_row(name: str) -> tuple[dict[str, Any], list[str]]:
    """The first published row of that name with an average, as raw scores, and what the others are
    called.

    Raises:
        LabError: No such row, or none with an average.
    """
    rows = [row for row in sts_rows([name]).to_dict("records") if pd.notna(row["avg"])]
    if not rows:
        raise LabError(f"no published row {name!r} has an average, so there is nothing to explain.")
    told = [f"{row['method']}, {row['encoder']} ({row['aggregation']})" for row in rows]
    scores = {key: float(rows[0][key]) / 100 for key in (*SEVEN, "avg") if pd.notna(rows[0][key])}
    return {
        **{str(key): value for key, value in rows[0].items()},
        **scores,
        "label": told[0],
    }, told[1:]


def explain(run: Run, row: dict[str, Any], root: Path) -> Table:
    """From the run's average to the published one, a row a step; a step that no stored score tells
    says what to run.

    Raises:
        LabError: The run has no average over the seven tasks.
    """
    results, encoder = run.record.sts, run.record.config.encoder
    averages = results.average.spearman
    if averages.all is None:
        measured = bool(results.average.tasks)
        why = (measured and results.average.undefined) or "it was not tested on them"
        raise LabError(
            f"run {run.id} has no average over the seven STS tasks ({why}); a published one says "
            "nothing of it."
        )
    steps = [
        _step(
            "this run",
            averages.all,
            None,
            f"all; {encoder}, pooling {_own_pooling(run)}",
        )
    ]
    steps.append(_step("test data", None, None, _test_data(run, results)))
    value = averages.all
    for name, moved, how in (_aggregation(row, averages), _sick(run, row, results)):
        value += moved or 0.0
        steps.append(_step(name, value, moved, how))
    steps += [
        _step("pooling", None, None, _pooling(run, row)),
        _step("layers", None, None, _layers(run)),
        _step("selection", None, None, _selection(run)),
        _step("seeds", None, None, _seeds(run, row["avg"], root)),
    ]
    steps.append(
        _step(
            "not explained",
            row["avg"],
            row["avg"] - value,
            f"encoder ({encoder} here, {row['encoder']} there), corpus, training, "
            f"and the steps above without a number{_beside_new_pairs(run, row['avg'] - value)}",
        )
    )
    steps.append(Row({"step": Cell(row["label"]), "value": Cell(row["avg"])}, kind="published"))
    return Table(
        f"From run {run.id} to {row['label']}",
        COLUMNS,
        steps,
        [f"{row['source']}; {row['setting']}; {row['confidence']}."],
    )


def _step(name: str, value: float | None, points: float | None, how: str) -> Row:
    return Row({"step": Cell(name), "value": Cell(value), "points": Cell(points), "how": Cell(how)})


def _test_data(run: Run, results: StsResults) -> str:
    """Whether the run was tested on the pairs that published results are about."""
    counts = {task: results.tasks[task].pairs for task in SEVEN if task in results.tasks}
    if other := unusual_counts(results):
        return f"{other[0].rstrip('.')}: no step below makes up for that"
    if not counts or None in counts.values():
        return "the result does not state its numbers of pairs"
    total = sum(count for count in counts.values() if count is not None)
    return f"as many pairs as the published sets have in all tasks ({total:,})"


def _beside_new_pairs(run: Run, left: float) -> str:
    """What is left, against what new pairs alone would change; empty without scores by pair."""
    found = average_interval(run)
    if found is None:
        return ""
    reach = (found[1].high - found[1].low) / 2
    where = "within" if abs(left) <= reach else "beyond"
    return (
        f"; new pairs alone would move this run's average by ±{100 * reach:.2f} (95 %), and this "
        f"difference is {where} what they would give"
    )


# ---- steps that stored scores tell -------------------------------------------------------------


def _aggregation(row: dict[str, Any], averages: Correlation) -> tuple[str, float | None, str]:
    """Pooled pairs, or the mean of subsets: the same scores, averaged as the published row was."""
    stated = str(row["aggregation"]).partition(" ")[0]
    taken = {"mteb": "all"}.get(stated, stated)
    note = (
        ""
        if taken in AGGREGATIONS
        else f"; the published row says {row['aggregation']!r}, and all is taken"
    )
    taken = taken if taken in AGGREGATIONS else "all"
    known = {
        name: value for name in AGGREGATIONS if (value := averages.by(name)) is not None
    }  # an imported result has one
    told = ", ".join(f"{name} {100 * value:.2f}" for name, value in known.items())
    moved = known[taken] - known["all"] if taken in known else None
    return f"aggregation {taken}", moved, f"this run by {told}{note}"


def _sick(run: Run, row: dict[str, Any], results: StsResults) -> tuple[str, float | None, str]:
    """The test split of 4,927 pairs, or MTEB's 9,927."""
    theirs = "sickr-all" if row["aggregation"] == "mteb" else "sickr"
    own = "sickr" if "sickr" in results.average.tasks else "sickr-all"
    counted = results.tasks[own].pairs if own in results.tasks else None
    here = "an unknown number of pairs" if counted is None else f"{counted:,} pairs"
    there = f"{STANDARD_PAIRS[theirs]:,} pairs"
    if own == theirs:
        both = f"{here} on both sides" if here == there else f"{here} here, {there} there"
        return "SICK split", 0.0 if here == there else None, both
    there_found, own_found = results.spearman(theirs), results.spearman(own)
    if there_found is None or own_found is None:
        return (
            "SICK split",
            None,
            f"{here} here, {there} there; {_unknown(run, f'--tasks {theirs}')}",
        )
    moved = (there_found - own_found) / len(SEVEN)
    return "SICK split", moved, f"from {here} to {there}"


def _selection(run: Run) -> str:
    """What the dev set says of the best and of the last weights."""
    if not _trained(run):
        return "measured as it is: no weights were chosen here"
    tested = run.record.results.dev.selection
    looks = [
        (line["dev_spearman"], line["step"])
        for line in run.metrics()
        if line.get("dev_spearman") is not None
    ]
    if not looks:
        return f"tested: {tested}; no look at the dev set is stored"
    best, last = max(looks), looks[-1]
    told = (
        f"tested: {tested}; on the dev set the best of {len(looks)} looks is {100 * best[0]:.2f} "
        f"(step {best[1]}), the last {100 * last[0]:.2f} (step {last[1]}, "
        f"{100 * (last[0] - best[0]):+.2f})"
    )
    other = "last" if tested == "best" else "best"
    return told if best[1] == last[1] else f"{told}; {_unknown(run, '', folder=other)}"


def _seeds(run: Run, published: float, root: Path) -> str:
    """The spread of the same question over the seeds of its study."""
    if not _trained(run):
        return "measured as it is: it has no seeds here"
    values = {}
    for other in find_runs(root):
        if (
            other.study == run.study
            and other.state == "done"
            and _question(other) == _question(run)
        ):
            record = other.record
            values[record.config.seed] = record.sts.average.spearman.all
    if len(values) < 2:
        return f"no other seed of this run in {run.study}; `recse-lab ablate` runs several"
    scores = 100 * np.array(list(values.values()))
    low, high = scores.min(), scores.max()
    inside = "lies within" if low <= 100 * published <= high else "lies outside"
    return (
        f"{len(scores)} seeds: {scores.mean():.2f} ± {scores.std(ddof=1):.2f}, from {low:.2f} "
        f"to {high:.2f}; the published average {inside} that"
    )


def _trained(run: Run) -> bool:
    """Whether it was trained here: neither an encoder measured as it is, nor an imported result."""
    return run.record.config.seed is not None


def _own_pooling(run: Run) -> str:
    return run.record.config.model.pooling or "not stated"


def _question(run: Run) -> dict[str, Any]:
    return {key: value for key, value in run.record.config.tree().items() if key != "seed"}


# ---- steps that need the encoder ---------------------------------------------------------------


def _pooling(run: Run, row: dict[str, Any]) -> str:
    own = _own_pooling(run)
    stated = next(
        (
            part.strip()
            for part in str(row["setting"]).split(";")
            if "pool" in part or "cls" in part
        ),
        "not stated in the row",
    )
    other = "mean" if own == "cls" else "cls"
    return f"{own} here, there {stated}; {_unknown(run, f'--pooling {other}')}"


def _layers(run: Run) -> str:
    own = _own_pooling(run)
    if own == "not stated":
        return "an imported result does not say which layers it reads"
    if own not in LAYERED:
        return (
            f"pooling {own} reads the last layer alone, so that no convention of first and "
            "last layer applies"
        )
    return (
        f"{own} here; the other convention is {LAYERED[own]}; "
        f"{_unknown(run, f'--pooling {LAYERED[own]}')}"
    )


def _unknown(run: Run, options: str, *, folder: str | None = None) -> str:
    """What to run for a number that cannot be computed from what is stored."""
    config = run.record.config
    if config.imported is not None:
        return "cannot be computed from an imported result"
    if not _trained(run):
        again = " ".join(
            filter(None, [f"recse-lab eval {config.encoder}", options, "--data-dir SENTEVAL"])
        )
        return f"cannot be computed from what is stored: run `{again}`"
    tested = folder or run.record.results.dev.selection or "last"
    kept = run.folder / "model" / tested
    evaluation = " ".join(filter(None, [f"recse-lab eval {kept}", options, "--data-dir SENTEVAL"]))
    if not kept.is_dir():
        study = run.folder.parent
        commands = StudyRecord.read(study).commands if (study / StudyRecord.FILE).is_file() else []
        command = commands[0] if commands else f"recse-lab ablate {run.study}"
        again = f"{command} --rerun all --keep-models"
        return f"cannot be computed from what is stored: run `{again}`, then `{evaluation}`"
    return f"cannot be computed from what is stored: run `{evaluation}`"
