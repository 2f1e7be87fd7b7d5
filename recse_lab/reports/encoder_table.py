"""The table of one encoder: its STS or transfer results, with published rows below."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from recse_lab.data.sts_sets import LABELS, SEVEN, STANDARD_PAIRS
from recse_lab.data.transfer_sets import TRANSFER, TRANSFER_LABELS
from recse_lab.reports.tables.markdown import one_line
from recse_lab.reports.tables.model import Cell, Column, Row, Table, printed
from recse_lab.runs.records import Results, StsResults, TransferResults, migrate
from recse_lab.runs.samples import sts_samples
from recse_lab.runs.store import Run
from recse_lab.statistics import Interval, mean_interval

AGGREGATED = {
    "all": "pairs of a task pooled",
    "mean": "mean over subsets",
    "wmean": "mean over subsets, weighted by pairs",
}


def results_table(
    results: Mapping[str, Any] | Results, label: str, beside: pd.DataFrame | None = None
) -> Table:
    """Make the table of STS or transfer results.

    Args:
        results: The content of a results.json, or its record.
        label: Name of the encoder.
        beside: Published rows, from ``recse_lab.reports.published``.

    Raises:
        LabError: The results are damaged.
    """
    if isinstance(results, Results):
        record = results
    else:
        kind, tree = migrate(Path("results"), dict(results), Results)
        record = kind.check(tree, "results")
    if isinstance(record, TransferResults):
        return _transfer_table(record, label, beside)
    assert isinstance(record, StsResults)
    return _sts_table(record, label, beside)


def average_interval(run: Run) -> tuple[str, Interval] | None:
    """The leading STS number of a run with its 95 % interval for new pairs.

    Returns:
        Its name and interval: the average over the seven tasks, or the only task measured. None
        where there is none, or no scores by pair.

    Raises:
        LabError: The scores are damaged.
    """
    if not run.scores.is_file():
        return None
    tested = [task for task in run.record.sts.tasks if not task.endswith("-dev")]
    averaged = run.record.sts.average.tasks
    tasks = averaged if averaged and set(averaged) <= set(tested) else tested[:1]
    sample = sts_samples([run], tasks).get(run.id) if tasks else None
    if sample is None:
        return None
    points, influences = np.array([sample.point]), sample.influence[None]
    found = mean_interval(points, influences, sample.pairs.shared, population="pairs")
    name = f"average of {len(tasks)}" if len(tasks) > 1 else LABELS.get(tasks[0], tasks[0])
    return (name, found) if np.isfinite(found.low) else None


def unusual_counts(results: Results) -> list[str]:
    """Warn of STS tasks with other numbers of pairs than the published sets have.

    Args:
        results: Of a run; results of other kinds have no such warning.
    """
    if not isinstance(results, StsResults):
        return []
    other = {
        LABELS.get(task, task): (found.pairs, STANDARD_PAIRS[task])
        for task, found in results.tasks.items()
        if found.pairs and STANDARD_PAIRS.get(task, found.pairs) != found.pairs
    }
    if not other:
        return []
    told = ", ".join(
        f"{name} has {pairs:,} pairs (the published set {standard:,})"
        for name, (pairs, standard) in other.items()
    )
    return [f"other test data than published results: {told}."]


def _sts_table(results: StsResults, label: str, beside: pd.DataFrame | None) -> Table:
    """The averaged tasks and their average: one row per aggregation that the protocol prints.

    Every row names its protocol; all 9,927 SICK-R pairs and the 4,927 of the test split never share
    a column. The notes give other tasks (dev sets) with their numbers of pairs.
    """
    tasks, average = results.tasks, results.average
    averaged = tuple(average.tasks) or SEVEN
    has_averaged = beside is not None or any(task in tasks for task in averaged)
    main = averaged if has_averaged else tuple(tasks)
    rows = []
    for aggregation in results.aggregations:
        cells = {
            "method": Cell(label),
            "protocol": Cell(f"{_protocol_id(results)}, {aggregation}"),
        }
        cells |= {t: Cell(results.spearman(t, aggregation)) for t in main if t in tasks}
        if average.tasks:
            cells["avg"] = Cell(average.spearman.by(aggregation))
        rows.append(Row(cells))
    published = beside.to_dict("records") if beside is not None else []
    for found in published:
        numbers = {key: _published(found[key]) for key in (*SEVEN, "avg")}
        if found["aggregation"] == "mteb":
            numbers["sickr-all"] = numbers.pop("sickr")
        rows.append(_published_row(found, Cell(found["aggregation"]), numbers))
    order = (*main, *(task for task in ("sickr", "sickr-all") if task not in main))
    columns = [Column(task, LABELS.get(task, task)) for task in order]
    columns += [Column("avg", "avg.")] if main == averaged else []
    notes = [
        *_sts_notes(results, main, _filled_keys(rows)),
        *_undefined(results, LABELS),
        *(_provenance(found) for found in published),
    ]
    title = f"Semantic textual similarity of {label}"
    return Table(title, _filled(columns, rows), rows, notes)


def _sts_notes(results: StsResults, main: tuple[str, ...], filled: set[str]) -> list[str]:
    tasks, shown = results.tasks, results.aggregations
    notes = [f"Spearman ×100; {'; '.join(f'{a}: {AGGREGATED[a]}' for a in shown)}."]
    pairs = {LABELS[task]: tasks[task].pairs for task in main if task in tasks}
    counts = ", ".join(f"{name} {count:,}" for name, count in pairs.items() if count)
    notes += [f"Pairs: {counts}."] if counts else []
    if {"sickr", "sickr-all"} <= filled:
        notes.append(
            "Rows of MTEB average over all 9,927 SICK-R pairs, the others over the 4,927 of the "
            "test split."
        )
    for task, found in tasks.items():
        if task not in main:
            cells = [printed(Column(a, a), Cell(found.spearman.by(a))) for a in shown]
            numbers = ", ".join(one_line(cell) or "–" for cell in cells)
            count = f" ({found.pairs:,} pairs)" if found.pairs else ""
            notes.append(f"{LABELS.get(task, task)}{count}: {numbers}.")
    space = results.space
    if space.alignment is not None and space.uniformity is not None:
        notes.append(
            f"{LABELS[space.task or '']}, batch by batch (biased; only to compare with old "
            f"tables): alignment {space.alignment:.3f}, uniformity {space.uniformity:.3f}."
        )
    return notes


def _transfer_table(results: TransferResults, label: str, beside: pd.DataFrame | None) -> Table:
    """Accuracy of the seven transfer tasks, F1 of MRPC, and the average."""
    tasks = results.tasks
    cells = {"method": Cell(label), "protocol": Cell(_protocol_id(results))}
    cells |= {task: Cell(found.accuracy) for task, found in tasks.items()}
    if "mrpc" in tasks:
        cells["mrpc_f1"] = Cell(tasks["mrpc"].f1)
    rows = [Row(cells | {"avg": Cell(results.average.accuracy)})]
    published = beside.to_dict("records") if beside is not None else []
    for found in published:
        numbers = {key: _published(found[key]) for key in (*TRANSFER, "avg")}
        rows.append(_published_row(found, Cell(found["protocol"]), numbers))
    columns = [Column(task, TRANSFER_LABELS[task]) for task in TRANSFER]
    columns += [Column("mrpc_f1", "MRPC F1"), Column("avg", "avg.")]
    notes = [
        "Accuracy ×100 of a logistic regression on frozen embeddings; the average is over "
        "accuracies."
    ]
    counts = ", ".join(f"{TRANSFER_LABELS[t]} {found.n:,}" for t, found in tasks.items() if found.n)
    notes += [f"Examples tested: {counts}."] if counts else []
    notes += [
        f"{TRANSFER_LABELS[t]}: {found.unusual}." for t, found in tasks.items() if found.unusual
    ]
    notes += _undefined(results, TRANSFER_LABELS)
    notes += [_provenance(found) for found in published]
    return Table(f"Transfer tasks of {label}", _filled(columns, rows), rows, notes)


def _protocol_id(results: Results) -> str:
    imported = " (imported)" if results.imported is not None else ""
    return f"{results.protocol.id or 'not stated'}{imported}"


def _published(number: float) -> Cell:
    return Cell(None if pd.isna(number) else float(number) / 100)


def _published_row(found: dict[Any, Any], protocol: Cell, numbers: dict[str, Cell]) -> Row:
    from_memory = " (from memory)" if found["confidence"] == "memory" else ""
    name = (
        found["method"]
        if found["method"] in found["encoder"]
        else f"{found['method']}, {found['encoder']}"
    )
    return Row(
        {"method": Cell(name + from_memory), "protocol": protocol, **numbers}, kind="published"
    )


def _provenance(found: dict[Any, Any]) -> str:
    average = found["average_note"]
    note = f"; average {average}" if isinstance(average, str) and average else ""
    return (
        f"{found['method']}, {found['encoder']}: {found['source']}; {found['setting']}; "
        f"{found['confidence']}{note}"
    )


def _undefined(results: StsResults | TransferResults, labels: Mapping[str, str]) -> list[str]:
    reasons: dict[str, list[str]] = {}
    for task, found in results.tasks.items():
        if found.undefined:
            reasons.setdefault(found.undefined, []).append(labels.get(task, task))
    notes = [f"Undefined: {', '.join(names)}: {why}." for why, names in reasons.items()]
    average = results.average
    if average.undefined and any(task in results.tasks for task in average.tasks):
        notes.append(f"No average: {average.undefined}.")
    return notes


def _filled(columns: list[Column], rows: list[Row]) -> list[Column]:
    """Encoder and protocol, then the columns that were measured here or have a number."""
    head = [
        Column("method", "encoder", "text"),
        Column("protocol", "protocol", "text", shared=True),
    ]
    own = {key for row in rows if row.kind == "own" for key in row.cells}
    return head + [column for column in columns if column.key in own | _filled_keys(rows)]


def _filled_keys(rows: list[Row]) -> set[str]:
    return {key for row in rows for key, cell in row.cells.items() if cell.value is not None}
