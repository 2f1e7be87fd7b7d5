"""A table as plain data for an HTML page."""

from __future__ import annotations

from typing import Any

from recse_lab.reports.tables.model import Table, printed, with_minus


def html_rows(table: Table) -> list[dict[str, Any]]:
    """Rows for a page: the kind of a row, and text, small print and kind of each cell."""
    rows = []
    for row in table.rows:
        cells = []
        for column in table.columns:
            parts = printed(column, row.cells.get(column.key))
            extra = [f"± {parts.sd}"] * bool(parts.sd) + [f"[{parts.interval}]"] * bool(
                parts.interval
            )
            kind = f"{column.kind} best" if table.is_best(row, column) else column.kind
            text, small = parts.value + parts.mark, " ".join(extra)
            if column.kind != "text":
                text, small = with_minus(text), with_minus(small)
            cells.append({"text": text, "extra": small, "kind": kind})
        rows.append({"kind": row.kind, "cells": cells})
    return rows


def shown(table: Table) -> dict[str, Any]:
    """A table as plain data for a page: title, columns, rows of printed cells, and notes."""
    columns = [{"label": column.label, "kind": column.kind} for column in table.columns]
    return {
        "title": table.title,
        "columns": columns,
        "rows": html_rows(table),
        "notes": [*table.notes, *table.provenance],
    }
