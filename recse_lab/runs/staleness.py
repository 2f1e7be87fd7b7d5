"""Stale results: runs whose code or data changed since.

Code is compared as it runs: comments, docstrings and layout make no number stale, and neither does what a report computes
again from stored scores. Only files that the commit already had count; a run cannot have used the others."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path
from typing import Literal, NamedTuple

from recse_lab.code import PACKAGE, as_it_runs
from recse_lab.data.corpora import Corpus
from recse_lab.data.manifest import corpus_path
from recse_lab.data.sts_sets import load_task, tasks_fingerprint
from recse_lab.data.transfer_sets import TRANSFER, load_transfer_task, transfer_fingerprint
from recse_lab.errors import LabError
from recse_lab.files import read_json
from recse_lab.runs.provenance import git
from recse_lab.runs.store import Run

PRODUCING = (
    "config/frameworks.py",
    "data",
    "evaluation",
    "jobs/build.py",
    "jobs/evaluate.py",
    "jobs/inputs.py",
    "jobs/measure.py",
    "jobs/settling.py",
    "jobs/shared_work.py",
    "jobs/train.py",
    "models",
    "objectives",
    "optimisation",
    "pooling.py",
    "probes/alignment.py",
    "probes/similarity.py",
    "reshape",
    "training",
    "views",
)

"""What the numbers of a run depend on."""

PACKAGED = ("recse-lab/tiny", "models/tiny/")

"""The encoder whose weights are in the repository, and their folder. Those of another are not looked at: a run says what it took."""


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
