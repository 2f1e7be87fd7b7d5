"""One table, rendered as Markdown, CSV, LaTeX or to the terminal with the same numbers. ×100 happens here and nowhere else."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd

from recse_lab.data.sts_sets import LABELS, SEVEN
from recse_lab.data.transfer_sets import TRANSFER, TRANSFER_LABELS
from recse_lab.evaluation.protocols import aggregations
from recse_lab.runs.store import Run

if TYPE_CHECKING:
    from rich.table import Table as RichTable


@dataclass(frozen=True)
class Column:
    key: str
    label: str
    kind: Literal["text", "score", "difference", "p", "number"] = "score"
    """Scores and differences are printed ×100; a number is printed as it is."""
    best: bool = False
    """Mark the highest of our own values, in each group of rows."""
    detail: bool = False
    """Left out on a terminal too narrow for the whole table."""
    digits: int = 3
    """Decimals of a number."""
    over: int = 0
    """Of an average: how many other scores of a row it promises to be over."""
    shared: bool = False
    """Where room is scarce it is said once, above the rows that share it."""


@dataclass(frozen=True)
class Cell:
    """A raw value (−1…1 for scores), with what is known of its uncertainty. None is missing and prints as nothing."""

    value: float | str | None
    sd: float | None = None
    low: float | None = None
    high: float | None = None
    mark: str = ""


@dataclass(frozen=True)
class Row:
    cells: dict[str, Cell]
    kind: Literal["own", "reference", "published"] = "own"
    group: str = ""
    """Rows of one group stand together and have a best of their own."""
    runs: tuple[Run, ...] = ()
    """What its numbers were computed from."""


@dataclass(frozen=True)
class Table:
    title: str
    columns: list[Column]
    rows: list[Row]
    notes: list[str] = field(default_factory=list)
    provenance: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        for average in (column for column in self.columns if column.over):
            others = [
                column
                for column in self.columns
                if column.kind == "score" and column is not average
            ]
            for row in (
                row
                for row in self.rows
                if row.kind != "published" and _value(row, average) is not None
            ):
                scores = sum(_value(row, column) is not None for column in others)
                if scores < average.over:
                    raise ValueError(
                        f"{self.title}: {average.label} promises {average.over} scores, and a row has it with {scores}"
                    )

    def is_best(self, row: Row, column: Column) -> bool:
        """Whether ``row`` is ours and has the highest value of its group in a column that has a best."""
        if not column.best or row.kind == "published":
            return False
        values = [
            _value(r, column) for r in self.rows if r.kind != "published" and r.group == row.group
        ]
        numbers = [v for v in values if isinstance(v, float)]
        return len(numbers) > 1 and _value(row, column) == max(numbers)


@dataclass(frozen=True)
class Printed:
    """A cell as text: its parts are shared by every format."""

    value: str
    sd: str = ""
    interval: str = ""
    mark: str = ""


def _value(row: Row, column: Column) -> float | str | None:
    cell = row.cells.get(column.key)
    return cell.value if cell else None


def printed(column: Column, cell: Cell | None) -> Printed:
    """The numbers of a cell, rounded once, for all formats."""
    if cell is None or cell.value is None:
        return Printed("", mark=cell.mark if cell else "")
    if isinstance(cell.value, str):
        return Printed(cell.value, mark=cell.mark)
    if column.kind == "p":
        return Printed("<0.001" if cell.value < 0.001 else f"{cell.value:.3f}", mark=cell.mark)
    # z: what rounds to nothing has no sign of its own
    scale, digits = (1, f"z.{column.digits}f") if column.kind == "number" else (100, "z.2f")
    sign = "+" if column.kind == "difference" else ""
    sd = f"{scale * cell.sd:{digits}}" if cell.sd is not None else ""
    interval = (
        f"{scale * cell.low:{sign}{digits}} … {scale * cell.high:{sign}{digits}}"
        if cell.low is not None and cell.high is not None
        else ""
    )
    return Printed(f"{scale * cell.value:{sign}{digits}}", sd, interval, cell.mark)


def _line(parts: Printed) -> str:
    text = parts.value + (f" ± {parts.sd}" if parts.sd else "")
    return text + (f" [{parts.interval}]" if parts.interval else "") + parts.mark


def markdown(table: Table) -> str:
    """GitHub's tables; the best of our own in bold, published rows in italics."""

    def text(column: Column, row: Row) -> str:
        out = _line(printed(column, row.cells.get(column.key))).replace("|", "\\|")
        if table.is_best(row, column):
            return f"**{out}**"
        return f"*{out}*" if row.kind == "published" and out else out

    lines = ["| " + " | ".join(c.label for c in table.columns) + " |"]
    lines.append(
        "|" + "|".join(" --- " if c.kind == "text" else " ---: " for c in table.columns) + "|"
    )
    lines += ["| " + " | ".join(text(c, row) for c in table.columns) + " |" for row in table.rows]
    notes = [f"{note}  " for note in table.notes]
    return (
        "\n".join(
            [f"**{table.title}**", "", *lines, "", *notes, *(f"_{p}_  " for p in table.provenance)]
        )
        + "\n"
    )


def comma_separated(table: Table) -> str:
    """One line a row; sd and interval in columns of their own; notes and provenance as comment lines at the end."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    extras = {c.key: _extras(table, c) for c in table.columns}
    header = [
        name for c in table.columns for name in (c.key, *(f"{c.key}_{e}" for e in extras[c.key]))
    ]
    writer.writerow([*header, "kind", "marks"])
    for row in table.rows:
        line: list[str] = []
        marks = ""
        for column in table.columns:
            parts = printed(column, row.cells.get(column.key))
            low, _, high = parts.interval.partition(" … ")
            numbers = {"sd": parts.sd, "low": low, "high": high}
            line += [parts.value, *(numbers[e] for e in extras[column.key])]
            marks += parts.mark
        writer.writerow([*line, row.kind, marks.strip()])
    return out.getvalue() + "".join(f"# {text}\n" for text in (*table.notes, *table.provenance))


def _extras(table: Table, column: Column) -> list[str]:
    cells = [row.cells[column.key] for row in table.rows if column.key in row.cells]
    has_interval = any(c.low is not None for c in cells)
    return ["sd"] * any(c.sd is not None for c in cells) + ["low", "high"] * has_interval


def html_rows(table: Table) -> list[dict[str, Any]]:
    """Rows for a page: kind of row, and for each cell its text, what stands small beside it, and its kind."""
    rows = []
    for row in table.rows:
        cells = []
        for column in table.columns:
            parts = printed(column, row.cells.get(column.key))
            extra = [f"± {parts.sd}"] * bool(parts.sd) + [f"[{parts.interval}]"] * bool(
                parts.interval
            )
            kind = f"{column.kind} best" if table.is_best(row, column) else column.kind
            cells.append({"text": parts.value + parts.mark, "extra": " ".join(extra), "kind": kind})
        rows.append({"kind": row.kind, "cells": cells})
    return rows


def shown(table: Table) -> dict[str, Any]:
    """A table as plain data for a page: title, columns (label, kind), rows of printed cells, and all notes."""
    columns = [{"label": column.label, "kind": column.kind} for column in table.columns]
    return {
        "title": table.title,
        "columns": columns,
        "rows": html_rows(table),
        "notes": [*table.notes, *table.provenance],
    }


def rich_table(table: Table, width: int | None = None) -> RichTable:
    """For a terminal of ``width`` columns: published rows dimmed. Where it does not fit, what many rows share becomes a heading over
    them, and then details are left out."""
    from rich.table import Table as RichTable
    from rich.text import Text

    def short(column: Column, row: Row) -> str:
        parts = printed(column, row.cells.get(column.key))
        return parts.value + (f" ±{parts.sd}" if parts.sd else "") + parts.mark

    def natural(columns: list[Column]) -> int:
        return sum(
            2 + max([len(c.label), *(len(short(c, row)) for row in table.rows)]) for c in columns
        )

    columns, notes, above = table.columns, table.notes, [""] * len(table.rows)
    if width is not None and natural(columns) > width:
        columns, above = lifted(table)
    if width is not None and natural(columns) > width and any(c.detail for c in columns):
        columns = [c for c in columns if not c.detail]
        notes = ["The scores of single tasks do not fit here; the table's files have them.", *notes]

    out = RichTable(
        title=table.title, title_justify="left", box=None, pad_edge=False, caption_justify="left"
    )
    for column in columns:
        out.add_column(
            column.label,
            justify="left" if column.kind == "text" else "right",
            no_wrap=column.kind != "text",
            overflow="fold",
        )
    for row, heading, before in zip(table.rows, above, ["", *above], strict=False):
        if heading != before:
            out.add_row(Text(heading, style="italic"))
        style = {"published": "dim", "reference": "", "own": ""}[row.kind]
        out.add_row(
            *(
                Text(short(c, row), style="bold" if table.is_best(row, c) else style)
                for c in columns
            )
        )
    out.caption = "\n".join(notes) if notes else None
    return out


def lifted(table: Table) -> tuple[list[Column], list[str]]:
    """The columns without those that rows share, and for each row what these would have said."""
    shared = [c for c in table.columns if c.shared]
    told = [[printed(c, row.cells.get(c.key)).value for c in shared] for row in table.rows]
    return [c for c in table.columns if not c.shared], [
        ", ".join(filter(None, parts)) for parts in told
    ]


# ---- one encoder, with published rows under it -------------------------------------------------------------------

AGGREGATED = {
    "all": "pairs of a task pooled",
    "mean": "mean over subsets",
    "wmean": "mean over subsets, weighted by pairs",
}


def results_table(results: dict[str, Any], label: str, beside: pd.DataFrame | None = None) -> Table:
    """The table of one results.json: of STS or of transfer tasks, whichever it holds."""
    transfer = "accuracy" in (results.get("average") or {})
    return (transfer_table if transfer else sts_table)(results, label, beside)


def sts_table(results: dict[str, Any], label: str, beside: pd.DataFrame | None = None) -> Table:
    """The averaged tasks and their average for one encoder, a row an aggregation its protocol prints, published rows under it.

    Every row names its protocol; all 9,927 SICK-R pairs and the 4,927 of the test split never share a column. Other tasks in
    ``results`` (dev sets) are told in the notes, with their numbers of pairs.
    """
    tasks, average = results["tasks"], results.get("average") or {}
    protocol, shown = _protocol_id(results), aggregations(results)
    averaged = tuple(average.get("tasks") or SEVEN)
    main = (
        averaged if any(task in tasks for task in averaged) or beside is not None else tuple(tasks)
    )
    rows = []
    for aggregation in shown:
        cells = {task: Cell(tasks[task]["spearman"][aggregation]) for task in main if task in tasks}
        cells |= {"avg": Cell(average["spearman"][aggregation])} if average else {}
        rows.append(
            Row({"method": Cell(label), "protocol": Cell(f"{protocol}, {aggregation}"), **cells})
        )
    published = beside.to_dict("records") if beside is not None else []
    for found in published:
        sick = "sickr-all" if found["aggregation"] == "mteb" else "sickr"
        numbers = {
            sick if key == "sickr" else key: _published(found[key]) for key in (*SEVEN, "avg")
        }
        rows.append(_published_row(found, Cell(found["aggregation"]), numbers))
    order = (*main, *(task for task in ("sickr", "sickr-all") if task not in main))
    columns = [Column(task, LABELS.get(task, task)) for task in order]
    columns += [Column("avg", "avg.")] if main == averaged else []
    notes = [f"Spearman ×100; {'; '.join(f'{a}: {AGGREGATED[a]}' for a in shown)}."]
    pairs = ", ".join(
        f"{LABELS[t]} {tasks[t]['pairs']:,}" for t in main if t in tasks and tasks[t]["pairs"]
    )
    notes += [f"Pairs: {pairs}."] if pairs else []
    if {"sickr", "sickr-all"} <= {
        key for row in rows for key, cell in row.cells.items() if cell.value is not None
    }:
        notes.append(
            "Rows of MTEB average over all 9,927 SICK-R pairs, the others over the 4,927 of the test split."
        )
    for task, values in tasks.items():
        if task not in main:
            numbers = ", ".join(
                _line(printed(Column(a, a), Cell(values["spearman"][a]))) or "–" for a in shown
            )
            count = f" ({values['pairs']:,} pairs)" if values["pairs"] else ""
            notes.append(f"{LABELS.get(task, task)}{count}: {numbers}.")
    space = results.get("space") or {}
    if space.get("alignment") is not None:
        notes.append(
            f"{LABELS[space['task']]}, batch by batch (biased; only to compare with old tables): alignment {space['alignment']:.3f}, "
            f"uniformity {space['uniformity']:.3f}."
        )
    notes += _undefined(results, LABELS)
    return Table(
        f"Semantic textual similarity of {label}",
        _filled(columns, rows),
        rows,
        notes + [_provenance(f) for f in published],
    )


def transfer_table(
    results: dict[str, Any], label: str, beside: pd.DataFrame | None = None
) -> Table:
    """Accuracy of the seven transfer tasks, F1 of MRPC and the average for one encoder, with published rows under it."""
    tasks, average = results["tasks"], results["average"]
    cells = {task: Cell(values["accuracy"]) for task, values in tasks.items()}
    cells |= {"mrpc_f1": Cell(tasks["mrpc"]["f1"])} if "mrpc" in tasks else {}
    protocol = Cell(_protocol_id(results))
    rows = [
        Row(
            {"method": Cell(label), "protocol": protocol, **cells, "avg": Cell(average["accuracy"])}
        )
    ]
    published = beside.to_dict("records") if beside is not None else []
    for found in published:
        numbers = {key: _published(found[key]) for key in (*TRANSFER, "avg")}
        rows.append(_published_row(found, Cell(found["protocol"]), numbers))
    columns = [Column(task, TRANSFER_LABELS[task]) for task in TRANSFER]
    columns += [Column("mrpc_f1", "MRPC F1"), Column("avg", "avg.")]
    notes = [
        "Accuracy ×100 of a logistic regression on frozen embeddings; the average is over accuracies."
    ]
    tested = ", ".join(
        f"{TRANSFER_LABELS[task]} {values['n']:,}" for task, values in tasks.items() if values["n"]
    )
    notes += [f"Examples tested: {tested}."] if tested else []
    for task, values in tasks.items():
        if values.get("unusual"):
            notes.append(f"{TRANSFER_LABELS[task]}: {values['unusual']}.")
    notes += _undefined(results, TRANSFER_LABELS)
    return Table(
        f"Transfer tasks of {label}",
        _filled(columns, rows),
        rows,
        notes + [_provenance(f) for f in published],
    )


def _protocol_id(results: dict[str, Any]) -> str:
    return ((results.get("protocol") or {}).get("id") or "not stated") + " (imported)" * (
        "imported" in results
    )


def _published(number: float) -> Cell:
    return Cell(None if pd.isna(number) else float(number) / 100)


def _published_row(found: dict[Any, Any], protocol: Cell, numbers: dict[str, Cell]) -> Row:
    remembered = " (from memory)" if found["confidence"] == "memory" else ""
    name = (
        found["method"]
        if found["method"] in found["encoder"]
        else f"{found['method']}, {found['encoder']}"
    )
    return Row(
        {"method": Cell(name + remembered), "protocol": protocol, **numbers}, kind="published"
    )


def _provenance(found: dict[Any, Any]) -> str:
    average = found["average_note"]
    note = f"; average {average}" if isinstance(average, str) and average else ""
    return f"{found['method']}, {found['encoder']}: {found['source']}; {found['setting']}; {found['confidence']}{note}"


def _undefined(results: dict[str, Any], labels: Mapping[str, str]) -> list[str]:
    tasks, average = results["tasks"], results.get("average") or {}
    reasons: dict[str, list[str]] = {}
    for task, values in tasks.items():
        if values["undefined"]:
            reasons.setdefault(values["undefined"], []).append(labels.get(task, task))
    notes = [f"Undefined: {', '.join(names)}: {why}." for why, names in reasons.items()]
    if average.get("undefined") and any(task in tasks for task in average["tasks"]):
        notes.append(f"No average: {average['undefined']}.")
    return notes


def _filled(columns: list[Column], rows: list[Row]) -> list[Column]:
    """What a row is and its protocol, then what was measured here, or has a number in some published row."""
    head = [
        Column("method", "encoder", "text"),
        Column("protocol", "protocol", "text", shared=True),
    ]
    own = {key for row in rows if row.kind == "own" for key in row.cells}
    return head + [
        c for c in columns if c.key in own or any(_value(row, c) is not None for row in rows)
    ]
