"""The card every report leaves in its folder: question, answer, tables and figures as data, for the
page of everything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from recse_lab.errors import LabError
from recse_lab.files import read_json, write_json
from recse_lab.reports.tables import Table, shown

SCHEMA = "recse-lab/card/1"


@dataclass(frozen=True)
class Card:
    """What a report says of itself: the file ``card.json`` beside its tables and figures."""

    name: str
    """What the report is called in the page's contents: its folder below ``reports/``."""
    title: str
    question: str
    summary: Sequence[str]
    """Paragraphs of Markdown; the first sentence of the first one answers the question."""
    tables: Sequence[Table] = field(default_factory=list)
    figures: Sequence[str] = field(default_factory=list)
    """PNG files beside the card."""
    provenance: Sequence[str] = field(default_factory=list)
    """Lines of Markdown: commands in backticks, protocol, versions, commit."""
    runs: Sequence[str] = field(default_factory=list)
    """``study/id`` of runs in the store; a name without a study is shown without a link."""


def write_card(folder: Path, card: Card) -> Path:
    """Write card.json (schema recse-lab/card/1) into a report's folder, after its figures; return
    its path.

    Raises:
        LabError: A figure is not there, or the disk is full.
    """
    missing = [name for name in card.figures if not (folder / name).is_file()]
    if missing:
        raise LabError(
            f"{folder}: the card names {', '.join(missing)}, which the report did not write."
        )
    write_json(folder / "card.json", as_data(card))
    return folder / "card.json"


def as_data(card: Card) -> dict[str, Any]:
    """What card.json holds."""
    return {
        "schema": SCHEMA,
        "name": card.name,
        "title": card.title,
        "question": card.question,
        "summary": list(card.summary),
        "tables": [shown(table) for table in card.tables],
        "figures": list(card.figures),
        "provenance": list(card.provenance),
        "runs": list(card.runs),
    }


class StoredCell(BaseModel):
    """A printed cell."""

    text: str = ""
    extra: str = ""
    kind: str = "text"


class StoredRow(BaseModel):
    """A row of printed cells."""

    kind: str = "own"
    cells: list[StoredCell]


class StoredColumn(BaseModel):
    """The head of a column."""

    label: str
    kind: str = "text"


class StoredTable(BaseModel):
    """A printed table."""

    title: str
    columns: list[StoredColumn]
    rows: list[StoredRow]
    notes: list[str] = []


class StoredCard(BaseModel):
    """card.json as it is read: fields of the right type, and no others."""

    name: str
    title: str
    question: str
    summary: list[str]
    tables: list[StoredTable] = []
    figures: list[str] = []
    provenance: list[str] = []
    runs: list[str] = []


def read_cards(reports: Path) -> dict[Path, dict[str, Any]]:
    """Every card below ``reports``, by the folder it lies in, in the folders' order; tables hold
    printed cells.

    Raises:
        LabError: A card that is damaged or of another version.
    """
    found = {}
    for path in sorted(reports.rglob("card.json")):
        card = read_json(path, "write its report again")
        if card.get("schema") != SCHEMA:
            raise LabError(f"{path}: not a card of schema {SCHEMA}; write its report again.")
        try:
            stored = StoredCard.model_validate(card)
        except ValidationError as error:
            fault = error.errors()[0]
            where = ".".join(map(str, fault["loc"]))
            raise LabError(
                f"{path}: {where}: {fault['msg'][0].lower()}{fault['msg'][1:]}; "
                "write its report again."
            ) from None
        for name in stored.figures:
            if Path(name).name != name:
                raise LabError(
                    f"{path}: figure {name[:60]!r} is no file beside the card; "
                    "write its report again."
                )
        found[path.parent] = stored.model_dump()
    return found
