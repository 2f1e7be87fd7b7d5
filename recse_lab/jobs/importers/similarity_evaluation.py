"""similarity_evaluation_*.csv of sentence-transformers: a line per evaluation of an STS set."""

from __future__ import annotations

import csv
import io
import math
import re
from pathlib import Path
from typing import Any

from recse_lab.errors import LabError
from recse_lab.jobs.importers.imported import Imported

LAYOUT = "sentence-transformers' similarity_evaluation_NAME_results.csv"
HEADER = ("epoch", "steps", "cosine_pearson", "cosine_spearman")
NAME = re.compile(r"similarity_evaluation_?(.*?)_results")


def read(path: Path, text: str) -> list[Imported] | None:
    """Read one run with its lines of metrics and its dev result; None with other columns.

    The trainer does not say which weights it kept, so the last ones are taken. A step of −1 is the
    end of an epoch, and counts as it comes.

    Raises:
        LabError: There is no line, or a Spearman correlation that is none.
    """
    rows = list(csv.reader(io.StringIO(text.removeprefix("\ufeff"))))
    head = [cell.strip() for cell in rows[0]] if rows else []
    if not set(HEADER) <= set(head):
        return None
    metrics: list[dict[str, Any]] = []
    for line, cells in enumerate(rows[1:], 2):
        if not any(cells):
            continue
        try:
            told = dict(zip(head, map(float, cells), strict=True))
        except ValueError:
            raise LabError(f"{path}, line {line}: expected {len(head)} numbers.") from None
        spearman = told["cosine_spearman"]
        if abs(spearman) > 1:
            raise LabError(f"{path}, line {line}: {spearman} is no correlation.")
        known = {name: value for name, value in told.items() if math.isfinite(value)}
        step = int(told["steps"]) if told["steps"] >= 0 else len(metrics) + 1
        metrics.append({"step": step, "dev_spearman": known.pop("cosine_spearman", None), **known})
    evaluated = [line for line in metrics if line["dev_spearman"] is not None]
    if not evaluated:
        raise LabError(f"{path}: it has no evaluation with a cosine_spearman.")
    last = evaluated[-1]
    found = NAME.search(path.name)
    dev = {
        "task": (found[1] if found else "") or "sts",
        "selection": "last",
        "spearman": last["dev_spearman"],
        "step": last["step"],
        "checks": len(evaluated),
        "last": {"spearman": last["dev_spearman"]},
        "stopped_early": None,
    }
    results = {"average": None, "dev": dev}
    folder = path.resolve().parent
    name = (folder.parent if folder.name == "eval" else folder).name
    return [Imported(name, None, {}, results, metrics, {"metric": "cosine_spearman"})]
