"""A table as Markdown."""

from __future__ import annotations

from recse_lab.reports.tables.model import Column, Printed, Row, Table, printed, with_minus


def markdown(table: Table) -> str:
    """Render a table as GitHub Markdown: our best values in bold, published rows in italics."""

    def text(column: Column, row: Row) -> str:
        out = one_line(printed(column, row.cells.get(column.key)))
        out = plain(out) if column.kind == "text" else with_minus(out)
        if table.is_best(row, column):
            return f"**{out}**"
        return f"*{out}*" if row.kind == "published" and out else out

    lines = ["| " + " | ".join(plain(c.label) for c in table.columns) + " |"]
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


def plain(text: str) -> str:
    """A text that stays in its cell: one line, no raw HTML, no bar that would end it."""
    text = " ".join(text.split()).replace("&", "&amp;") if "<" in text else " ".join(text.split())
    return text.replace("<", "&lt;").replace("|", "\\|")


def one_line(parts: Printed) -> str:
    """A cell on one line: value ± standard deviation [interval]."""
    text = parts.value + (f" ± {parts.sd}" if parts.sd else "")
    return text + (f" [{parts.interval}]" if parts.interval else "") + parts.mark
