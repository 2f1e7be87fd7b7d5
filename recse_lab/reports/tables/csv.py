"""A table as comma-separated values."""

from __future__ import annotations

import csv
import io

from recse_lab.errors import LabError
from recse_lab.reports.tables.model import Column, Table, printed


def comma_separated(table: Table) -> str:
    """Render a table as CSV, one line per row.

    Standard deviation and interval have their own columns; notes and provenance are comment lines
    at the end. A text that a spreadsheet would take for a formula, or a reader for a comment, has
    an apostrophe before it; so has a text that begins with an apostrophe.
    """
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
            low, _, high = parts.interval.partition(", ")
            numbers = {"sd": parts.sd, "low": low, "high": high}
            value = guarded(parts.value) if column.kind == "text" else parts.value
            line += [value, *(numbers[e] for e in extras[column.key])]
            marks += parts.mark
        writer.writerow([*line, row.kind, marks.strip()])
    return out.getvalue() + "".join(
        f"# {' '.join(text.split())}\n" for text in (*table.notes, *table.provenance)
    )


FORMULA = ("=", "+", "-", "@", "\t")
"""What a spreadsheet takes for the beginning of a formula."""


def guarded(text: str) -> str:
    """A text cell that no spreadsheet computes and no reader takes for a comment."""
    text = text.replace("\r", "")
    return f"'{text}" if text.startswith((*FORMULA, "#", "'")) and text not in "-–" else text


def read_csv(text: str) -> tuple[list[dict[str, str]], list[str]]:
    """Read what ``comma_separated`` wrote: its rows as they were, and its comments.

    Raises:
        LabError: It is no such table.
    """
    lines = list(io.StringIO(text, newline=""))
    reader = csv.reader(iter(lines))
    rows = []
    while reader.line_num < len(lines) and not lines[reader.line_num].startswith("# "):
        rows.append([value.removeprefix("'") for value in next(reader)])
    if not rows or any(len(row) != len(rows[0]) for row in rows):
        raise LabError("not a table as comma-separated values (rows of several lengths, or none).")
    header, *body = rows
    comments = [line.removeprefix("# ").rstrip("\n") for line in lines[reader.line_num :]]
    return [dict(zip(header, row, strict=True)) for row in body], comments


def _extras(table: Table, column: Column) -> list[str]:
    cells = [row.cells[column.key] for row in table.rows if column.key in row.cells]
    has_interval = any(c.low is not None for c in cells)
    return ["sd"] * any(c.sd is not None for c in cells) + ["low", "high"] * has_interval
