"""Which stored numbers are of yesterday: what a run was made with, against the code and the data that lie here now.

Code is compared as it runs: comments, docstrings and layout make no number stale, and neither does what a report computes
anew from stored scores. Only files that the commit already had count; a run cannot have used the others.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Literal, NamedTuple

from recse_lab.code import PACKAGE, as_it_runs
from recse_lab.data.corpora import Corpus
from recse_lab.data.manifest import corpus_path
from recse_lab.data.sts import load_task, tasks_fingerprint
from recse_lab.data.transfer import TRANSFER, load_transfer_task, transfer_fingerprint
from recse_lab.errors import LabError
from recse_lab.reporting.tables import Row, Table
from recse_lab.store import Run, git, read_json

PRODUCING = (
    "training",
    "encoders",
    "objectives",
    "views",
    "reshape",
    "data",
    "evaluation",
    "build.py",
    "evaluating.py",
    "execution.py",
    "frameworks.py",
    "probes/alignment.py",
    "probes/similarity.py",
)
COMPUTED_ANEW = ("statistics", "comparison", "seeds", "rank_bootstrap", "factorial")
"""Modules of evaluation/ that work on stored scores."""
PACKAGED = ("recse-lab/tiny", "encoders/tiny/")
"""The encoder whose weights are in the repository, and their folder. Those of another are not looked at: a run says what it took."""
STALE, UNKNOWN = "‡", "§"

State = Literal["current", "stale", "unknown"]


class Freshness(NamedTuple):
    """Of one run; ``unknown`` where it cannot be told from here."""

    code: State
    data: State
    commit: str
    changed: tuple[str, ...] = ()
    """Modules behind the run that have changed since."""


@cache
def changed_modules(commit: str, package: Path = PACKAGE) -> tuple[str, ...] | None:
    """Modules that run differently now than at ``commit``, and packaged weights that are others; None where that cannot be told (no repository, uncommitted changes)."""
    root = package.parent
    if commit.endswith("+dirty") or not (root / ".git").exists():
        return None
    paths = [f"{package.name}/{name}" for name in PRODUCING]
    paths += [f":(exclude){package.name}/evaluation/{name}.py" for name in COMPUTED_ANEW]
    try:
        names = git(
            root, "diff", "--name-only", "--no-renames", "--diff-filter=a", commit, "--", *paths
        ).splitlines()
        return tuple(
            name
            for name in names
            if (PACKAGED[1] in name and not name.endswith(".md"))
            or (
                name.endswith(".py")
                and as_it_runs(git(root, "show", f"{commit}:{name}"))
                != as_it_runs(_now(root / name))
            )
        )
    except (OSError, subprocess.CalledProcessError):
        return None


def _now(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""


@cache
def _corpus(paths: tuple[str, ...], column: str | None) -> str | None:
    try:
        return Corpus([corpus_path(path) for path in paths], column).fingerprint
    except LabError:
        return None  # it is not here


@cache
def _evaluation(tasks: tuple[str, ...], data_dir: str | None) -> str | None:
    try:
        if tasks[0] in TRANSFER:
            return transfer_fingerprint(
                [load_transfer_task(name, data_dir or "") for name in tasks]
            )
        return tasks_fingerprint([load_task(name, data_dir) for name in tasks])
    except LabError:
        return None


def _data(run: Run) -> State:
    """Fingerprints of corpus and evaluation data against the files as they are; an evaluated encoder has no corpus."""
    path = run.folder / "fingerprints.json"
    config = run.config or {}
    stored = read_json(path) if path.is_file() else {}
    evaluation = config.get("evaluation") or {}
    now: dict[str, str | None] = {}
    if "evaluation" in stored and evaluation.get("tasks"):
        dev = [evaluation["dev"]] if evaluation.get("dev") else []
        now["evaluation"] = _evaluation((*evaluation["tasks"], *dev), evaluation["data_dir"])
    if "corpus" in stored and config.get("corpus"):
        now["corpus"] = _corpus(tuple(config["corpus"]), config.get("column"))
    if any(found is not None and found != stored[name] for name, found in now.items()):
        return "stale"
    return "unknown" if None in now.values() or not now else "current"


def freshness(run: Run) -> Freshness:
    """Whether the code and the data of a run are those that lie here now."""
    commit = str((run.environment or {}).get("commit"))
    changed = changed_modules(commit)
    if changed is None:
        return Freshness("unknown", _data(run), commit)
    own = tuple(
        name
        for name in changed
        if PACKAGED[1] not in name or PACKAGED[0] in str((run.config or {}).get("encoder"))
    )
    return Freshness("stale" if own else "current", _data(run), commit, own)


def mark_stale(table: Table, look: Callable[[Run], Freshness] = freshness) -> Table:
    """The table with a sign on every row whose numbers are stale, or may be, and notes that say why."""
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
            f"{STALE} stale: the code behind {count(stale)} has changed since commit {commits('stale')}{which}."
        )
    if dirty:
        notes.append(
            f"{UNKNOWN} of {count(dirty)} it cannot be told whether their code has changed: commit {commits('unknown')}."
        )
    if other := sum(f.data == "stale" for f in found):
        notes.append(
            f"{STALE} stale: the corpus or the evaluation data of {count(other)} have changed since."
        )
    if absent := sum(f.data == "unknown" for f in found):
        notes.append(
            f"The data of {count(absent)} were not found from here, so that they could not be compared."
        )
    return notes


def _listed(names: Iterable[str], most: int = 4) -> str:
    names = list(names)
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
