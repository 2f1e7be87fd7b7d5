"""The page of a probe: terminal table, JSON, Markdown, figures and card."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recse_lab.files import atomic_path
from recse_lab.jobs.environment import environment
from recse_lab.probes import PROBES
from recse_lab.probes.probe import Listing
from recse_lab.probes.result import ProbeResult
from recse_lab.probes.wording import undefined_notes
from recse_lab.reports.page.card import Card, write_card
from recse_lab.reports.published import slug
from recse_lab.reports.tables import Cell, Column, Row, Table

if TYPE_CHECKING:
    from rich.table import Table as RichTable

PAGE = """\
# {name}

{summary}

{pictures}

{listings}## How it was computed

```
{command}
```

{computed} All numbers: table.csv.

{subjects}
"""


def terminal_table(result: ProbeResult) -> RichTable:
    """One row per measure, one column per encoder, each number with its interval."""
    from rich.table import Table as RichTable

    title = f"{result.name}, {result.about['task']}"
    out = RichTable(box=None, pad_edge=False, title=title, title_justify="left")
    out.add_column("measure", overflow="fold")
    encoders = list(dict.fromkeys(result.table["encoder"]))
    for encoder in encoders:
        out.add_column(encoder, justify="right", overflow="fold")
    rows: dict[str, dict[str, str]] = {}
    for line in result.table.to_dict("records"):
        number = "–" if math.isnan(line["value"]) else f"{line['value']:.3f}"
        if not math.isnan(line["low"]):
            number += f" [{line['low']:.3f}, {line['high']:.3f}]"
        rows.setdefault(line["measure"], {})[line["encoder"]] = number
    for measure, cells in rows.items():
        out.add_row(measure, *(cells.get(encoder, "") for encoder in encoders))
    return out


def probe_json(result: ProbeResult) -> dict[str, Any]:
    """Schema recse-lab/probe/1: what was measured, every number, environment."""
    return {
        "schema": "recse-lab/probe/1",
        "probe": result.name,
        "about": result.about,
        "measures": result.table.to_dict("records"),
        "environment": environment().tree(),
    }


def write_probe(result: ProbeResult, out: Path) -> list[Path]:
    """Write table.csv, summary.md, the figures and a card into ``out``; return their paths."""
    from recse_lab.figures.style import close, save

    probe, about = PROBES[result.name], environment().tree()
    paths = []
    for name, figure in probe.figures(result).items():
        paths += save(figure, out / slug(name))
        close(figure)
    pictures = [path for path in paths if path.suffix == ".png"]
    listings, summary = probe.listings(result), probe.summary(result)
    computed = (
        f"Pairs: {result.about['task']}; precision {result.about['precision']}; "
        f"torch {about['torch']}; commit {about['commit']}; {str(about['date'])[:10]}."
    )
    named = result.about["subjects"].items()
    subjects = "\n".join(f"- {label}: `{spec}`" for label, spec in named)
    text = PAGE.format(
        name=result.name,
        summary=summary,
        pictures="\n".join(f"![{path.stem}]({path.name})" for path in pictures),
        listings="".join(f"{listing_markdown(listing)}\n\n" for listing in listings),
        command=about["command"],
        computed=computed,
        subjects=subjects,
    )
    table = result.table.to_csv(index=False, float_format="%.6g")
    for path, content in ((out / "summary.md", text), (out / "table.csv", table)):
        with atomic_path(path) as beside:
            beside.write_text(content, encoding="utf-8")
        paths.append(path)
    card = Card(
        name=result.name,
        title=result.name,
        question=probe.question,
        summary=summary.split("\n\n"),
        tables=[*map(listing_table, listings), measure_table(result)],
        figures=[path.name for path in pictures],
        provenance=[f"`{about['command']}`", computed, subjects],
        runs=result.about["runs"],
    )
    return [*paths, write_card(out, card)]


def measure_table(result: ProbeResult) -> Table:
    """One row per measure, one column per encoder; undefined values are blank, notes say why."""
    names = dict.fromkeys(result.table["encoder"])
    keys = {name: f"encoder {i}" for i, name in enumerate(names)}
    columns = [Column("measure", "measure", "text")]
    columns += [Column(key, name, "number") for name, key in keys.items()]
    rows: dict[str, dict[str, Cell]] = {}
    for line in result.table.to_dict("records"):
        value, low, high = (
            None if math.isnan(line[part]) else line[part] for part in ("value", "low", "high")
        )
        cells = rows.setdefault(line["measure"], {"measure": Cell(line["measure"])})
        cells[keys[line["encoder"]]] = Cell(value, low=low, high=high)
    title = f"{result.name}, {result.about['task']}: 95 % intervals"
    return Table(title, columns, list(map(Row, rows.values())), undefined_notes(result))


def listing_table(listing: Listing) -> Table:
    """A listing as a table of the card."""
    columns = [Column(str(i), label, "text") for i, label in enumerate(listing.columns)]
    rows = [Row({str(i): Cell(text) for i, text in enumerate(row)}) for row in listing.rows]
    return Table(listing.title, columns, rows)


def listing_markdown(listing: Listing) -> str:
    """A listing below its heading, numbers to the right and prose to the left."""
    numbers = len(listing.columns) - listing.texts
    lines = [
        [_escaped(label) for label in listing.columns],
        ["---:"] * numbers + ["---"] * listing.texts,
        *([_escaped(text) for text in row] for row in listing.rows),
    ]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return f"## {_escaped(listing.title)}\n\n{table}"


def _escaped(text: str) -> str:
    """Text that Markdown shows as it is, on one line."""
    return re.sub(r"([\\`*_\[\]<>|#])", r"\\\1", " ".join(text.split()))
