"""The numbers of a probe as one table."""

from __future__ import annotations

import math

from recse_lab.probes.result import ProbeResult
from recse_lab.reports.tables import Cell, Column, Row, Table


def measures(result: ProbeResult) -> Table:
    """A row a measure, a column an encoder, each number with its interval; what is undefined is empty, and a note says why."""
    encoders = {
        name: f"encoder {i}" for i, name in enumerate(dict.fromkeys(result.table["encoder"]))
    }
    columns = [
        Column("measure", "measure", "text"),
        *(Column(key, name, "number") for name, key in encoders.items()),
    ]
    rows: dict[str, dict[str, Cell]] = {}
    for line in result.table.to_dict("records"):
        value, low, high = (
            None if math.isnan(line[part]) else line[part] for part in ("value", "low", "high")
        )
        cells = rows.setdefault(line["measure"], {"measure": Cell(line["measure"])})
        cells[encoders[line["encoder"]]] = Cell(value, low=low, high=high)
    undefined = (
        result.table.loc[result.table["value"].isna()]
        .groupby("note", sort=False)["encoder"]
        .unique()
    )
    notes = [f"Undefined for {', '.join(names)}: {why}." for why, names in undefined.items()]
    return Table(
        f"{result.name}, {result.about['task']}: 95 % intervals",
        columns,
        list(map(Row, rows.values())),
        notes,
    )
