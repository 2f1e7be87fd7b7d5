"""A table as comma-separated values."""

from __future__ import annotations

import csv
import io

from recse_lab.reports.tables.model import Column, Table, printed


def comma_separated(table: Table) -> str:
    """Render a table as CSV, one line per row.

    Standard deviation and interval have their own columns; notes and provenance are comment lines
    at the end.
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
