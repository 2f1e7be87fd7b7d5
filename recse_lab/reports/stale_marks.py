"""Mark the rows of a table whose code or data changed since their runs were made."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from recse_lab.reports.tables import Row, Table
from recse_lab.runs.staleness import Freshness, State, freshness
from recse_lab.runs.store import Run

STALE, UNKNOWN = "‡", "§"


def mark_stale(table: Table, look: Callable[[Run], Freshness] = freshness) -> Table:
    """Add a mark to every row whose numbers are, or may be, stale, and notes that say why."""
    first = table.columns[0].key
    found = {run.folder: look(run) for row in table.rows for run in row.runs}

    def marked(row: Row) -> Row:
        states = {
            state for run in row.runs for state in (found[run.folder].code, found[run.folder].data)
        }
        code = {found[run.folder].code for run in row.runs}
        sign = STALE if "stale" in states else UNKNOWN if "unknown" in code else ""
        cell = row.cells[first]
        return (
            replace(row, cells=row.cells | {first: replace(cell, mark=cell.mark + sign)})
            if sign
            else row
        )

    return replace(
        table,
        rows=[marked(row) for row in table.rows],
        notes=[*table.notes, *_notes(list(found.values()))],
    )


def _notes(found: list[Freshness]) -> list[str]:
    def commits(state: State) -> str:
        return _listed(sorted({f.commit for f in found if f.code == state}))

    def count(runs: int) -> str:
        return f"{runs} of {len(found)} runs"

    notes = []
    stale, dirty = (sum(f.code == state for f in found) for state in ("stale", "unknown"))
    if stale:
        modules = sorted({m for f in found for m in f.changed})
        which = f" ({_listed(modules)})" if modules else ""
        notes.append(
            f"{STALE} stale: the code behind {count(stale)} has changed since commit "
            f"{commits('stale')}{which}."
        )
    if dirty:
        notes.append(
            f"{UNKNOWN} of {count(dirty)} it cannot be told whether their code has changed: commit "
            f"{commits('unknown')}."
        )
    if other := sum(f.data == "stale" for f in found):
        notes.append(
            f"{STALE} stale: the corpus or the evaluation data of {count(other)} have changed "
            "since."
        )
    if absent := sum(f.data == "unknown" for f in found):
        notes.append(
            f"The data of {count(absent)} were not found from here, so that they could not be "
            "compared."
        )
    return notes


def _listed(names: Iterable[str], most: int = 4) -> str:
    names = list(names)
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
