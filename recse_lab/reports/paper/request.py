"""What a user may ask of a paper's table, and the published rows that stand under it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from recse_lab.reports.tables import Cell, Row


@dataclass(frozen=True)
class Ask:
    """Options of `recse-lab report TABLE`."""

    aggregation: str | None = None
    """Of STS: all, mean or wmean; None is what each run's protocol prints."""
    protocol: str | None = None
    """Only results of this protocol."""
    beside: tuple[str, ...] = ()
    """Published methods, by name or NAME@ENCODER."""
    memory: bool = False
    """Also published rows that were written down from memory."""
    data_dir: str | None = None
    """Where the STS sets are, in SentEval's layout; by default where each run read them."""


def published_rows(found: pd.DataFrame, tasks: Sequence[str]) -> tuple[list[Row], list[str]]:
    """Published results (×100, as printed) as rows, and a note with the source of each."""
    rows, notes = [], []
    for line in found.to_dict("records"):
        protocol = line["aggregation"] if "aggregation" in line else line["protocol"]
        # MTEB averages all SICK-R pairs, which have a column of their own.
        keys = {
            "sickr-all" if task == "sickr" and protocol == "mteb" else task: task
            for task in (*tasks, "avg")
            if task in line
        }
        numbers = {
            key: Cell(None if pd.isna(line[task]) else float(line[task]) / 100)
            for key, task in keys.items()
        }
        name = line["method"] + (" (from memory)" if line["confidence"] == "memory" else "")
        told = {
            "method": Cell(name),
            "encoder": Cell(line["encoder"]),
            "study": Cell("published"),
            "protocol": Cell(protocol),
        }
        rows.append(Row(told | numbers, kind="published", group="published"))
        average = line.get("average_note")
        more = f"; average {average}" if isinstance(average, str) and average else ""
        notes.append(
            f"{line['method']}, {line['encoder']}: {line['source']}; {line['setting']}; "
            f"{line['confidence']}{more}"
        )
    return rows, notes
