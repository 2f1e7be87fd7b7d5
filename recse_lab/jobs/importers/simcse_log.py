"""Tables that SimCSE's evaluation.py prints: test, fasttest and dev, STS and transfer."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from recse_lab.data.sts_sets import SEVEN
from recse_lab.data.transfer_sets import TRANSFER, TRANSFER_LABELS
from recse_lab.errors import LabError
from recse_lab.evaluation.sts import sts_average
from recse_lab.jobs.importers.imported import Imported, sts_task

LAYOUT = "the log of SimCSE's evaluation.py (a line '------ test ------', then its tables)"
HEADING = re.compile(r"-{6} (test|fasttest|dev) -{6}")
COLOUR = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
ROW = re.compile(r"\|([^|]+\|){2,}\s*$")  # a progress bar does not end in one
GIVEN = re.compile(r"--(model_name_or_path|pooler)[ =](\S+)")
STS_NAMES = {
    "STS12": "sts12",
    "STS13": "sts13",
    "STS14": "sts14",
    "STS15": "sts15",
    "STS16": "sts16",
    "STSBenchmark": "stsb",
    "SICKRelatedness": "sickr",
}
DEV_NAMES = {"STSBenchmark": "stsb-dev", "SICKRelatedness": "sickr-trial"}
TRANSFER_NAMES = {label: name for name, label in TRANSFER_LABELS.items()}
TRANSFER_PROTOCOLS = {
    "test": "senteval-10fold",
    "fasttest": "senteval-fast",
    "dev": "senteval-fast",
}
ROUNDED = 0.0101  # an average of printed numbers, itself rounded to 0.01


def read(path: Path, text: str) -> list[Imported] | None:
    """Read a run per table with a number in it; None without a line ``------ test ------``.

    The line may also read fasttest or dev. evaluation.py prints 0.00 for a task that was not run:
    such a task is missing, and so is the average over it. A task that is NaN is undefined; columns
    that evaluation.py does not have, and damaged tables beside good ones, are left out and named.
    Colours of a terminal are no part of the text.

    Raises:
        LabError: There is no table that could be read.

    Source: SimCSE (Gao et al. 2021), evaluation.py.
    """
    text = COLOUR.sub("", text)
    headings = list(HEADING.finditer(text))
    if not headings:
        return None
    found: list[Imported] = []
    faults: list[str] = []
    for heading, following in zip(headings, [*headings[1:], None], strict=True):
        # The command, where the log holds it: the last one before.
        said = dict(GIVEN.findall(text[: heading.start()]))
        name = said.get("model_name_or_path", path.stem)
        line = text.count("\n", 0, heading.start()) + 1
        about = {"mode": heading[1], "line": line, "pooling": said.get("pooler")}
        part = text[heading.end() : following.start() if following else None]
        tables = list(_tables(part, line))
        if not tables:
            faults.append(f"after '{heading[0]}' no table follows; is the log truncated?")
        for table in tables:
            if isinstance(table, str):
                faults.append(table)
            elif any(table.numbers.values()):
                kind = _sts if STS_NAMES.keys() & table.numbers.keys() else _transfer
                read_table = kind(name, heading[1], table.numbers, about)
                found.append(replace(read_table, left_out=table.left_out))
    if not found:
        why = faults[0] if faults else "every number in its tables is 0.00: no task was run."
        raise LabError(f"{path}{'' if why.startswith(', ') else ': '}{why}")
    told = [f"{path.name}{'' if fault.startswith(', ') else ': '}{fault}" for fault in faults]
    return [replace(found[0], left_out=(*found[0].left_out, *told)), *found[1:]]


class LogTable(NamedTuple):
    """Column -> number of a table, without its average; NaN where the log has it."""

    numbers: dict[str, float]
    left_out: tuple[str, ...]


def _tables(text: str, first_line: int) -> Iterator[LogTable | str]:
    """Each table, or what is wrong with it."""
    head: tuple[list[str], int] | None = None
    for line, row in enumerate(text.split("\n"), first_line):
        if not ROW.search(row):
            continue
        cells = [cell.strip() for cell in row.split("|")[1:-1]]
        if head is None:
            head = cells, line
            continue
        names, head = head[0], None
        yield _table(names, cells, row, line)
    if head is not None:
        yield f", line {head[1]}: a table ends after its head; is the log truncated?"


def _table(names: list[str], cells: list[str], row: str, line: int) -> LogTable | str:
    unknown = [name for name in names if name not in (*STS_NAMES, *TRANSFER_NAMES, "Avg.")]
    if len(unknown) == len([name for name in names if name != "Avg."]):
        return f", line {line}: no column of evaluation.py is called {unknown[0]!r}."
    try:
        numbers = dict(zip(names, map(float, cells), strict=True))
    except ValueError:
        numbers = {}
    known = [number for number in numbers.values() if not math.isnan(number)]
    if not numbers or not all(0 <= abs(number) <= 100 for number in known):
        return f", line {line}: {row.strip()!r} is no row of {len(names)} numbers from −100 to 100."
    average = numbers.pop("Avg.", math.nan)
    mean = float(np.mean(list(numbers.values())))
    if abs(mean - average) > ROUNDED:  # NaN is not
        return f", line {line}: the average {average} is not that of its row; is the log damaged?"
    left_out = tuple(
        f"line {line}: no column of evaluation.py is called {name!r}" for name in unknown
    )
    return LogTable({n: value for n, value in numbers.items() if n not in unknown}, left_out)


def _sts(name: str, mode: str, numbers: dict[str, float], about: dict[str, Any]) -> Imported:
    names = DEV_NAMES if mode == "dev" else STS_NAMES
    tasks = {
        names[column]: sts_task(None, None, "the log has NaN")
        if math.isnan(number)
        else sts_task(number / 100)
        for column, number in numbers.items()
        if number
    }
    return Imported(name, "simcse-2021", tasks, {"average": sts_average(tasks, SEVEN)}, about=about)


def _transfer(name: str, mode: str, numbers: dict[str, float], about: dict[str, Any]) -> Imported:
    dev = mode == "dev"
    undefined = "the log has accuracies on dev sets alone" if dev else None
    tasks = {}
    for column, number in numbers.items():
        if number:
            value = None if math.isnan(number) else number / 100
            tasks[TRANSFER_NAMES[column]] = {
                "accuracy": None if dev else value,
                "dev_accuracy": value if dev else None,
                "f1": None,
                "n": None,
                "undefined": undefined if value is not None else "the log has NaN",
            }
    missing = [task for task in TRANSFER if task not in tasks]
    nothing = [task for task, found in tasks.items() if found["accuracy"] is None and not dev]
    reasons = [undefined] * dev + [f"missing {', '.join(missing)}"] * bool(missing)
    reasons += [f"undefined {', '.join(nothing)}"] * bool(nothing)
    accuracies = [tasks[task]["accuracy"] for task in TRANSFER if task in tasks]
    average = {
        "tasks": list(TRANSFER),
        "accuracy": None if reasons else float(np.mean(accuracies)),
        "undefined": "; ".join(filter(None, reasons)) or None,
    }
    return Imported(name, TRANSFER_PROTOCOLS[mode], tasks, {"average": average}, about=about)
