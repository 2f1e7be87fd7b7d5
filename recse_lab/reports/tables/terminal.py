"""A table for the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recse_lab.reports.tables.model import Column, Row, Table, lift_shared, printed, with_minus

if TYPE_CHECKING:
    from rich.console import Group


LEAST = 10
"""Columns of the terminal that a text has at least."""


def rich_table(table: Table, width: int | None = None) -> Group:
    """Render a table for a terminal with its notes below, published rows dimmed.

    Where it does not fit, shared columns become headings over their rows; then intervals, and then
    details are omitted.

    Args:
        table: The table.
        width: Columns of the terminal; None prints everything.
    """
    from rich.console import Group
    from rich.table import Table as RichTable
    from rich.text import Text

    intervals = True

    def short(column: Column, row: Row) -> str:
        parts = printed(column, row.cells.get(column.key))
        sd = f" ±{parts.sd}" if parts.sd else ""
        interval = f" [{parts.interval}]" if parts.interval and intervals else ""
        text = parts.value + sd + interval + parts.mark
        return text if column.kind == "text" else with_minus(text)

    def natural(columns: list[Column]) -> int:
        return sum(
            2 + max([len(c.label), *(len(short(c, row)) for row in table.rows)]) for c in columns
        )

    columns, notes, above = table.columns, table.notes, [""] * len(table.rows)
    if width is not None and natural(columns) > width:
        columns, above = lift_shared(table)
    if width is not None and natural(columns) > width:
        intervals = False
    if width is not None and natural(columns) > width and any(c.detail for c in columns):
        columns = [c for c in columns if not c.detail]
        notes = [
            "The scores of single tasks do not fit here; the files of the table have them.",
            *notes,
        ]

    out = RichTable(title=table.title, title_justify="left", box=None, pad_edge=False)
    for column in columns:
        out.add_column(
            column.label,
            justify="left" if column.kind == "text" else "right",
            no_wrap=column.kind != "text",
            min_width=min(LEAST, len(column.label) or 1) if column.kind == "text" else None,
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
    return Group(out, *(Text(note, style="italic dim") for note in notes))
