"""Tables that SimCSE's evaluation.py prints: test, fasttest and dev, STS and transfer."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from recse_lab.data.sts_sets import SEVEN
from recse_lab.data.transfer_sets import TRANSFER, TRANSFER_LABELS
from recse_lab.errors import LabError
from recse_lab.evaluation.sts import sts_average
from recse_lab.jobs.importers.imported import Imported, sts_task

LAYOUT = "the log of SimCSE's evaluation.py (a line '------ test ------', then its tables)"
HEADING = re.compile(r"-{6} (test|fasttest|dev) -{6}")
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
    such a task is missing, and so is the average over it.

    Raises:
        LabError: A heading without its tables, a row that does not fit its header, or an average
            that is not that of its row.

    Source: SimCSE (Gao et al. 2021), evaluation.py.
    """
    headings = list(HEADING.finditer(text))
    if not headings:
        return None
    found = []
    for heading, following in zip(headings, [*headings[1:], None], strict=True):
        said = dict(
            GIVEN.findall(text[: heading.start()])
        )  # the command, where the log holds it: the last one before
        name = said.get("model_name_or_path", path.stem)
        line = text.count("\n", 0, heading.start()) + 1
        about = {"mode": heading[1], "line": line, "pooling": said.get("pooler")}
        tables = list(
            _tables(path, text[heading.end() : following.start() if following else None], line)
        )
        if not tables:
            raise LabError(f"{path}: after '{heading[0]}' no table follows; is the log truncated?")
        for numbers in tables:
            if any(numbers.values()):
                kind = _sts if STS_NAMES.keys() & numbers.keys() else _transfer
                found.append(kind(name, heading[1], numbers, about))
    if not found:
        raise LabError(f"{path}: every number in its tables is 0.00, so that no task was run.")
    return found


def _tables(path: Path, text: str, first_line: int) -> Iterator[dict[str, float]]:
    """Column -> number of each table, without its average."""
    head: tuple[list[str], int] | None = None
    for line, row in enumerate(text.split("\n"), first_line):
        if not ROW.search(row):
            continue
        cells = [cell.strip() for cell in row.split("|")[1:-1]]
        if head is None:
            unknown = [c for c in cells if c not in (*STS_NAMES, *TRANSFER_NAMES, "Avg.")]
            if unknown:
                raise LabError(
                    f"{path}, line {line}: no column of evaluation.py is called {unknown[0]!r}."
                )
            head = cells, line
            continue
        names, head = head[0], None
        try:
            numbers = dict(zip(names, map(float, cells), strict=True))
        except ValueError:
            numbers = {}
        if not numbers or not all(
            0 <= abs(number) <= 100 for number in numbers.values()
        ):  # NaN is none of them
            raise LabError(
                f"{path}, line {line}: {row.strip()!r} is no row of {len(names)} numbers "
                "from −100 to 100."
            )
        average = numbers.pop("Avg.", None)
        if average is not None and abs(np.mean(list(numbers.values())) - average) > ROUNDED:
            raise LabError(
                f"{path}, line {line}: the average {average} is not that of its row; "
                "is the log damaged?"
            )
        yield numbers
    if head is not None:
        raise LabError(
            f"{path}, line {head[1]}: a table ends after its head; is the log truncated?"
        )


def _sts(name: str, mode: str, numbers: dict[str, float], about: dict[str, Any]) -> Imported:
    names = DEV_NAMES if mode == "dev" else STS_NAMES
    tasks = {names[column]: sts_task(number / 100) for column, number in numbers.items() if number}
    return Imported(name, "simcse-2021", tasks, {"average": sts_average(tasks, SEVEN)}, about=about)


def _transfer(name: str, mode: str, numbers: dict[str, float], about: dict[str, Any]) -> Imported:
    dev = mode == "dev"
    undefined = "the log has accuracies on dev sets alone" if dev else None
    tasks = {
        TRANSFER_NAMES[column]: {
            "accuracy": None if dev else number / 100,
            "dev_accuracy": number / 100 if dev else None,
            "f1": None,
            "n": None,
            "undefined": undefined,
        }
        for column, number in numbers.items()
        if number
    }
    missing = [task for task in TRANSFER if task not in tasks]
    reasons = [undefined] * dev + [f"missing {', '.join(missing)}"] * bool(missing)
    accuracies = [tasks[task]["accuracy"] for task in TRANSFER if task in tasks]
    average = {
        "tasks": list(TRANSFER),
        "accuracy": None if reasons else float(np.mean(accuracies)),
        "undefined": "; ".join(filter(None, reasons)) or None,
    }
    return Imported(name, TRANSFER_PROTOCOLS[mode], tasks, {"average": average}, about=about)
