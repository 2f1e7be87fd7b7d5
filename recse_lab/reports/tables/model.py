"""A table of raw numbers with their uncertainty, and their one rounding for every format."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from recse_lab.runs.store import Run


@dataclass(frozen=True)
class Column:
    """A column of a table, and how its numbers are printed."""

    key: str
    label: str
    kind: Literal["text", "score", "difference", "p", "number"] = "score"
    """Scores and differences are printed ×100; a number is printed as it is."""
    best: bool = False
    """Mark the highest of our own values, in each group of rows."""
    detail: bool = False
    """Omitted on a terminal that is too narrow for the whole table."""
    digits: int = 3
    """Decimals of a number."""
    over: int = 0
    """Of an average: the number of scores in its row that it is the mean of."""
    shared: bool = False
    """Where space is scarce, printed once above the rows that share it."""


@dataclass(frozen=True)
class Cell:
    """A raw value (−1 to 1 for scores) with its uncertainty; a missing one is None, not printed."""

    value: float | str | None
    sd: float | None = None
    low: float | None = None
    high: float | None = None
    mark: str = ""


@dataclass(frozen=True)
class Row:
    """A row, with a cell per column key; a key it lacks is an empty cell."""

    cells: dict[str, Cell]
    kind: Literal["own", "reference", "published"] = "own"
    group: str = ""
    """Rows of a group are adjacent and have their own best value."""
    runs: tuple[Run, ...] = ()
    """The runs its numbers were computed from."""


@dataclass(frozen=True)
class Table:
    """A table with its notes.

    Raises:
        ValueError: A row has an average over fewer scores than its column promises (``over``).
    """

    title: str
    columns: list[Column]
    rows: list[Row]
    notes: list[str] = field(default_factory=list)
    provenance: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        own = [row for row in self.rows if row.kind != "published"]
        for average in (column for column in self.columns if column.over):
            others = [c for c in self.columns if c.kind == "score" and c is not average]
            for row in own:
                if value_of(row, average) is None:
                    continue
                scores = sum(value_of(row, column) is not None for column in others)
                if scores < average.over:
                    raise ValueError(
                        f"{self.title}: {average.label} is a mean of {average.over} scores, and a "
                        f"row has it with {scores}"
                    )

    def is_best(self, row: Row, column: Column) -> bool:
        """Whether ``row`` has the highest value of our rows in its group, in a ``best`` column."""
        if not column.best or row.kind == "published":
            return False
        values = [
            value_of(r, column) for r in self.rows if r.kind != "published" and r.group == row.group
        ]
        numbers = [v for v in values if isinstance(v, float)]
        return len(numbers) > 1 and value_of(row, column) == max(numbers)


@dataclass(frozen=True)
class Printed:
    """A cell as text, in the parts that every format shares."""

    value: str
    sd: str = ""
    interval: str = ""
    mark: str = ""


def with_minus(text: str) -> str:
    """A printed number with the sign that readers expect: − and not a hyphen."""
    return text.replace("-", "−")


def value_of(row: Row, column: Column) -> float | str | None:
    """Raw value of a row in a column; None where missing."""
    cell = row.cells.get(column.key)
    return cell.value if cell else None


def printed(column: Column, cell: Cell | None) -> Printed:
    """Round the numbers of a cell, once for all formats; scores are multiplied by 100 only here."""
    if cell is None or cell.value is None:
        return Printed("", mark=cell.mark if cell else "")
    if isinstance(cell.value, str):
        return Printed(cell.value, mark=cell.mark)
    if column.kind == "p":
        return Printed("<0.001" if cell.value < 0.001 else f"{cell.value:.3f}", mark=cell.mark)
    # z: a number that rounds to 0 has no minus sign
    scale, digits = (1, f"z.{column.digits}f") if column.kind == "number" else (100, "z.2f")
    sign = "+" if column.kind == "difference" else ""
    sd = f"{scale * cell.sd:{digits}}" if cell.sd is not None else ""
    interval = (
        f"{scale * cell.low:{sign}{digits}}, {scale * cell.high:{sign}{digits}}"
        if cell.low is not None and cell.high is not None
        else ""
    )
    return Printed(f"{scale * cell.value:{sign}{digits}}", sd, interval, cell.mark)


def lift_shared(table: Table) -> tuple[list[Column], list[str]]:
    """Split off the shared columns.

    Returns:
        The other columns, and for each row the heading that replaces its shared cells.
    """
    shared = [column for column in table.columns if column.shared]
    headings = []
    for row in table.rows:
        parts = [printed(column, row.cells.get(column.key)).value for column in shared]
        headings.append(", ".join(filter(None, parts)))
    return [column for column in table.columns if not column.shared], headings
