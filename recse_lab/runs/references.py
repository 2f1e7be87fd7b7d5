"""Names that a person gives stored runs: an id, ``last``, NAME@SEED, a folder, an arm's name."""

from __future__ import annotations

import difflib
import re
from pathlib import Path

from recse_lab.errors import LabError, suggest
from recse_lab.runs.collection import Arm, read_store
from recse_lab.runs.records import Config, Status, StudyRecord
from recse_lab.runs.store import Run, find_run, find_runs

LAST = "last"
"""The training run that finished last; without any, the run that did."""

MOST_NAMED = 4

HEXADECIMAL = set("0123456789abcdef")
SHORTEST_ID = 6
"""A name of this many hexadecimal digits or more is an id and no encoder."""


def refer(root: Path, text: str) -> Run:
    """The run that a name stands for.

    Args:
        root: The run store.
        text: A run's folder; the beginning of its id, with or without STUDY/; ``last``, the
            training run that finished last; or NAME@SEED, one seed of an arm, where NAME is an
            arm's name with its levels, with or without STUDY/.

    Raises:
        LabError: There is no such run, with the nearest names, or there are several.
    """
    if (Path(text) / Config.FILE).is_file():
        return Run(Path(text))
    if text == LAST:
        return last_run(root)
    name, at, seed = text.rpartition("@")
    if at and seed.isdigit():
        return _of_seed(root, name, int(seed))
    study, _, beginning = text.rpartition("/")
    if any(r.id.startswith(beginning) and study in ("", r.study) for r in find_runs(root)):
        return find_run(root, text)
    raise LabError(f"no run {text!r} in {root}; {_hint(root, text)}")


def last_run(root: Path) -> Run:
    """The training run that finished last; without any, the evaluation or import that did.

    Raises:
        LabError: No run of the store has finished.
    """
    done = [run for run in find_runs(root) if run.state == "done"]
    if not done:
        raise LabError(f"no finished run in {root}; `recse-lab train` and `eval` make some.")
    trained = [run for run in done if run.record.config.trained]
    return max(trained or done, key=_finished)


def _finished(run: Run) -> tuple[str, int]:
    """When a run finished: the second that its status has, and the file's time within it."""
    return run.record.status.at or "", (run.folder / Status.FILE).stat().st_mtime_ns


def find_arm(root: Path, name: str) -> Arm | None:
    """The finished arm that a name stands for.

    Args:
        root: The run store.
        name: An arm's name with its levels, with or without STUDY/; or words that occur in one
            arm alone, from its study, name and levels, as ``arms/reCSE: cls``. An imported result
            also goes by the name of its encoder.

    Returns:
        None if no arm has that name.

    Raises:
        LabError: Several arms have that name.
    """
    arms = _arms(root)
    found = [arm for arm in arms if name in _names(arm)]
    if not found and (wanted := _words(name)):
        found = [arm for arm in arms if wanted <= _words_of(arm)]
    if len(found) > 1:
        names = "; ".join(f"{arm.study}/{arm.label}" for arm in found[:MOST_NAMED])
        more = f"; and {len(found) - MOST_NAMED} more" if len(found) > MOST_NAMED else ""
        raise LabError(f"{name!r} is the name of {len(found)} arms, give one of: {names}{more}.")
    return found[0] if found else None


def run_label(run: Run) -> str:
    """What a run is called in tables: its arm, levels and seed; an encoder by its own name.

    Raises:
        LabError: A file of the run or of its study is damaged.
    """
    if (run.folder.parent / StudyRecord.FILE).is_file():
        for cell in StudyRecord.read(run.folder.parent).cells:
            if cell.run == run.id:
                levels = [str(level) for level in cell.factors.values()]
                return " ".join([cell.arm, *levels, f"seed {cell.seed}"])
    config = run.record.config
    if config.encoder is not None and not config.trained:
        return encoder_label(config.encoder)
    if config.framework:
        return f"{config.framework} seed {config.seed} ({run.id})"
    return run.id


def encoder_label(encoder: str) -> str:
    """An encoder's name; of a local folder its last part, with the run whose model it is."""
    folder = Path(encoder)
    if folder.parent.name == "model" and (run := folder.parent.parent / Config.FILE).is_file():
        return f"{run_label(Run(run.parent))} ({folder.name})"
    return folder.name if folder.is_dir() or folder.is_absolute() else encoder


def run_or_encoder(root: Path, text: str) -> Run | None:
    """The run that a name stands for; None where it is the name of an encoder.

    Raises:
        LabError: It was meant as a run, and there is none, or there are several.
    """
    seed = text.rpartition("@")[2]
    stored = (Path(text) / Config.FILE).is_file() and (Path(text) / Status.FILE).is_file()
    if stored or text == LAST or ("@" in text and seed.isdigit()) or _begins_an_id(root, text):
        return refer(root, text)
    if "@" in text or Path(text).exists() or not _is_mistyped(root, text):
        return None
    return refer(root, text)


def _begins_an_id(root: Path, text: str) -> bool:
    study, _, beginning = text.rpartition("/")
    if not beginning or set(beginning) - HEXADECIMAL:
        return False
    return any(r.id.startswith(beginning) and study in ("", r.study) for r in find_runs(root))


def _is_mistyped(root: Path, text: str) -> bool:
    """Whether a name that is no run of the store was meant as one, and not as an encoder."""
    if text.partition("/")[0] in {run.study for run in find_runs(root)}:
        return True
    if len(text) >= SHORTEST_ID and set(text) <= HEXADECIMAL:
        return True
    names = [run.id for run in find_runs(root)]
    names += [each for arm in _arms(root) for each in (arm.name, arm.label)]
    return bool(difflib.get_close_matches(text, [*names, LAST], n=1, cutoff=0.8))


def _of_seed(root: Path, name: str, seed: int) -> Run:
    arm = find_arm(root, name)
    if arm is None:
        raise LabError(f"no arm {name!r} in {root}; {_hint(root, name)}")
    if seed not in arm.runs:
        seeds = ", ".join(map(str, sorted(arm.runs)))
        raise LabError(f"{name}: no finished run of seed {seed} in {root}; it has {seeds}.")
    return arm.runs[seed]


def _names(arm: Arm) -> set[str]:
    """What an arm may be called, with and without its study."""
    names = {arm.label}
    names |= {r.record.config.encoder or "" for r in arm.distinct if r.record.config.imported}
    return names | {f"{arm.study}/{name}" for name in names}


def _words(text: str) -> set[str]:
    return {word for word in re.split(r"[\s:,/]+", text.casefold()) if word}


def _words_of(arm: Arm) -> set[str]:
    levels = " ".join(str(level) for level in arm.factors.values())
    return _words(f"{arm.study} {arm.label} {levels}")


def _arms(root: Path) -> list[Arm]:
    return [arm for arm in read_store(root).arms if arm.runs] if find_runs(root) else []


def _hint(root: Path, text: str) -> str:
    runs = find_runs(root)
    ids = [name for run in runs for name in (run.id, f"{run.study}/{run.id}")]
    names = [name for arm in _arms(root) for name in (arm.label, f"{arm.study}/{arm.label}")]
    return suggest(text, [*names, *ids, LAST], "`recse-lab runs ls` lists them.")
