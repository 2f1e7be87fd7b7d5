"""Stale results: runs whose code or data changed since.

Code is compared as it runs, without comments, docstrings and layout; what a report computes from
stored scores makes no run stale. Only files that the run's commit had are compared. A file that
has moved since is compared with the module it became; one that came apart cannot be compared.
"""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Literal, NamedTuple

from recse_lab.code import PACKAGE, as_it_runs
from recse_lab.data.corpora import Corpus
from recse_lab.data.manifest import corpus_path
from recse_lab.data.sts_sets import load_task, tasks_fingerprint
from recse_lab.data.transfer_sets import TRANSFER, load_transfer_task, transfer_fingerprint
from recse_lab.errors import LabError
from recse_lab.runs.provenance import git
from recse_lab.runs.records import RunRecord
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
    "probes/alignment/compute.py",
    "probes/paired.py",
    "probes/resampling.py",
    "probes/similarity.py",
    "reshape",
    "training",
    "views",
)
"""Modules and packages that the numbers of a run depend on."""

MOVED: dict[str, tuple[str, ...]] = {
    "build.py": (
        "jobs/build.py",
        "jobs/inputs.py",
        "jobs/settling.py",
        "jobs/shared_work.py",
    ),
    "evaluating.py": ("jobs/evaluate.py",),
    "execution.py": ("jobs/train.py",),
    "frameworks.py": ("config/frameworks.py",),
    "encoders": ("models",),
    "encoders/base.py": ("models/encoder.py",),
    "encoders/baselines/base.py": ("models/baselines/wrapped.py",),
    "encoders/embedded.py": ("models/packaged.py",),
    "encoders/embeddings.py": ("models/embedding_cache.py",),
    "encoders/pooling.py": ("pooling.py",),
    "encoders/prompt.py": ("models/readouts/prompt.py",),
    "encoders/residual.py": ("models/readouts/residual.py",),
    "encoders/transformer.py": ("models/transformer.py", "models/loading.py", "models/saving.py"),
    "encoders/vocabulary.py": ("pretraining/vocabulary.py",),
    "data/minimal_pairs.py": ("data/minimal_pair_items.py",),
    "data/sts.py": ("data/sts_sets.py",),
    "data/tokens.py": ("data/token_store.py",),
    "data/transfer.py": ("data/transfer_sets.py",),
    "data/embedded": ("data/samples",),
    "evaluation/encoder.py": ("jobs/measure.py",),
    "evaluation/comparison.py": (),
    "evaluation/factorial.py": (),
    "evaluation/rank_bootstrap.py": (),
    "evaluation/seeds.py": (),
    "evaluation/statistics.py": (),
    "objectives/base.py": ("objectives/contrast.py",),
    "reshape/base.py": ("reshape/operator.py",),
    "reshape/store.py": ("reshape/feature_store.py",),
    "reshape/view.py": ("reshape/token_view.py",),
    "training/batches.py": ("optimisation/batches.py",),
    "training/checkpoint.py": ("optimisation/checkpoint.py",),
    "training/schedule.py": ("optimisation/schedule.py",),
    "training/masking.py": (),
    "training/pretrain.py": (),
    "training/trainer.py": ("training/loop.py",),
    "views/base.py": ("views/view.py",),
    "views/masked_lm.py": ("views/mlm_substitution.py",),
}
"""Path of the first edition -> what it became; nothing where no number of a run depends on it. A
folder stands for all of its files that are not named."""

PACKAGED = ("recse-lab/tiny", ("models/tiny/", "encoders/tiny/"))
"""The encoder whose weights are in the repository, and its folders. They make only its own runs
stale."""

State = Literal["current", "stale", "unknown"]


class Freshness(NamedTuple):
    """Whether the code and the data of a run are those of today; unknown if that is not known."""

    code: State
    data: State
    commit: str
    changed: tuple[str, ...] = ()
    """Modules behind the run that have changed since."""


@cache
def changed_modules(commit: str, package: Path = PACKAGE) -> tuple[str, ...] | None:
    """Modules and packaged weights that differ from those of ``commit``, by their paths there.

    None if that is not known: no repository, uncommitted changes, an unknown commit, or no change
    found while some module has come apart since.
    """
    root = package.parent
    if commit.endswith("+dirty") or not (root / ".git").exists():
        return None
    folders = [f"{package.name}/{name}" for name in (*PRODUCING, *MOVED)]
    try:
        listed = git(root, "ls-tree", "-r", "--name-only", commit, "--", *folders).splitlines()
        edited = git(root, "diff", "--name-only", "--no-renames", commit, "--", *listed)
        suspects = [name for name in listed if name in set(edited.splitlines())]
        states = {name: _state(commit, name, package) for name in suspects}
    except (OSError, subprocess.CalledProcessError):
        return None
    changed = tuple(name for name, state in states.items() if state == "stale")
    return None if not changed and "unknown" in states.values() else changed


def _state(commit: str, name: str, package: Path) -> State:
    """Whether a file of ``commit`` runs today as it did, wherever it is now."""
    root, path = package.parent, name.removeprefix(f"{package.name}/")
    weights = any(folder in name for folder in PACKAGED[1]) and not name.endswith(".md")
    if not weights and not name.endswith(".py"):
        return "current"
    targets = (path,) if (package / path).is_file() else _moved_to(path)
    if not targets:
        return "current"
    if len(targets) != 1:
        return "unknown"
    now = package / targets[0]
    if not now.is_file():
        return "stale"
    if weights:
        stored, found = (
            git(root, "rev-parse", f"{commit}:{name}"),
            git(root, "hash-object", str(now)),
        )
        return "current" if stored == found else "stale"
    before = as_it_runs(git(root, "show", f"{commit}:{name}"))
    return "current" if before == as_it_runs(now.read_text(encoding="utf-8")) else "stale"


def _moved_to(path: str) -> tuple[str, ...]:
    """Where a path of the first edition is now; the path itself if it has not moved."""
    if path in MOVED:
        return MOVED[path]
    for parent in PurePosixPath(path).parents:
        if str(parent) in MOVED:
            rest = PurePosixPath(path).relative_to(parent)
            return tuple(str(PurePosixPath(folder) / rest) for folder in MOVED[str(parent)])
    return (path,)


@cache
def _corpus(paths: tuple[str, ...], column: str | None) -> str | None:
    try:
        return Corpus([corpus_path(path) for path in paths], column).fingerprint
    except LabError:
        return None  # it is not on this machine


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


def _data(record: RunRecord) -> State:
    """Compare stored fingerprints of corpus and evaluation data with the files of today."""
    stored, config = record.fingerprints, record.config
    found: list[tuple[str, str | None]] = []
    if stored.evaluation is not None and config.evaluation.tasks:
        dev = [config.evaluation.dev] if config.evaluation.dev else []
        tasks = (*config.evaluation.tasks, *dev)
        found.append((stored.evaluation, _evaluation(tasks, config.evaluation.data_dir)))
    if stored.corpus is not None and config.corpus:
        found.append((stored.corpus, _corpus(tuple(config.corpus), config.column)))
    if any(now is not None and now != before for before, now in found):
        return "stale"
    return "unknown" if not found or any(now is None for _, now in found) else "current"


def freshness(run: Run) -> Freshness:
    """Whether the code and the data of a run are those of today.

    Raises:
        LabError: A file of the run is damaged.
    """
    record = run.record
    commit = str(record.environment.commit)
    changed = changed_modules(commit)
    if changed is None:
        return Freshness("unknown", _data(record), commit)
    encoder, folders = PACKAGED
    packaged = encoder in str(record.config.encoder)
    own = tuple(
        name for name in changed if packaged or not any(folder in name for folder in folders)
    )
    return Freshness("stale" if own else "current", _data(record), commit, own)
