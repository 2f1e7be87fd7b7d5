"""Results that other programs measured, as runs of the study ``imported``."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from recse_lab import __version__
from recse_lab.config.identity import run_id
from recse_lab.errors import LabError
from recse_lab.evaluation.protocols import find_protocol
from recse_lab.evaluation.sts import sts_average
from recse_lab.files import now
from recse_lab.jobs.importers import mteb, simcse_log, similarity_evaluation, trainer_state
from recse_lab.jobs.importers.imported import Imported, LeftOut
from recse_lab.runs.provenance import command_line, commit
from recse_lab.runs.records import (
    Config,
    Environment,
    StsResults,
    TransferResults,
    write_metrics,
)
from recse_lab.runs.store import Run

STUDY = "imported"
IMPORTS: dict[str, ModuleType] = {
    "simcse-log": simcse_log,
    "trainer-state": trainer_state,
    "mteb": mteb,
    "similarity-evaluation": similarity_evaluation,
}
"""Format -> its module, with ``LAYOUT`` and ``read``: path and text -> what is in it, ``LeftOut``
if there is nothing to take, None if the layout is another one."""


class Import(NamedTuple):
    """What came of an import."""

    runs: list[Run]
    left_out: list[str]
    """What of the files was not taken, and why."""


def import_files(files: Sequence[Path], root: Path, *, name: str | None = None) -> Import:
    """Read every file, then keep what is in them under ``root/imported/``.

    The same file again is the same run; MTEB's files of one folder are one run.

    Args:
        files: Files in any known layout, or folders of MTEB's results.
        root: The run store.
        name: Name of the encoder; by default what the file or its folder says.

    Raises:
        LabError: A file is absent, of no known layout, or damaged, two of them hold the same
            task, or none has anything to take; nothing is written.
    """
    groups: dict[Any, list[Imported]] = {}
    left_out: list[str] = []
    for path in _listed(files):
        read = read_file(path)
        if isinstance(read, LeftOut):
            left_out.append(f"{path}: {read.why}")
            continue
        for found in read:
            left_out += found.left_out
            groups.setdefault(found.joins or len(groups), []).append(found)
    if not groups:
        raise LabError(f"{left_out[0]}." if left_out else "there is no file to import.")
    together = [joined(group) for group in groups.values()]
    return Import([_keep(found, root, name or found.name) for found in together], left_out)


def _listed(files: Sequence[Path]) -> list[Path]:
    """Files, and the JSON files of folders."""
    found = []
    for path in files:
        inside = sorted(path.glob("*.json")) if path.is_dir() else [path]
        if not inside:
            raise LabError(f"{path}: this folder has no .json file; give the files of the results.")
        found += inside
    return found


def read_file(path: Path) -> list[Imported] | LeftOut:
    """Read a file of any known layout.

    Raises:
        LabError: It is absent, of no known layout, or damaged.
    """
    expected = "expected " + ", or ".join(module.LAYOUT for module in IMPORTS.values())
    try:
        content = path.read_bytes()
    except OSError as error:
        raise LabError(f"{path}: the file cannot be read ({error.strerror}).") from None
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        # A log may hold bytes of another encoding among its messages; its tables are ASCII.
        text = content.decode("utf-8", errors="replace")
        if b"\0" in content or simcse_log.HEADING.search(text) is None:
            raise LabError(f"{path}: this is not a text file; {expected}.") from None
    source = {"name": path.name, "sha256": hashlib.sha256(content).hexdigest()}
    for form, module in IMPORTS.items():
        found: list[Imported] | LeftOut | None = module.read(path, text)
        if isinstance(found, LeftOut):
            return found
        if found is not None:
            return [replace(part, format=form, files=(source,)) for part in found]
    if text.lstrip().startswith("{"):
        try:
            json.loads(text)
        except json.JSONDecodeError as error:
            raise LabError(
                f"{path}, line {error.lineno}: this is broken JSON ({error.msg}); "
                "is the file cut short?"
            ) from None
        except (ValueError, RecursionError):
            raise LabError(
                f"{path}: nested too deep, or a number too long, for an import."
            ) from None
    raise LabError(f"{path}: the layout is unknown; {expected}.")


def joined(parts: Sequence[Imported]) -> Imported:
    """Join the tasks of one encoder from several files, and average them.

    Raises:
        LabError: Two files hold the same task.
    """
    first = parts[0]
    if first.joins is None:
        return first
    tasks: dict[str, dict[str, Any]] = {}
    for part in parts:
        twice = tasks.keys() & part.tasks.keys()
        if twice:
            raise LabError(
                f"{part.files[0]['name']}: another of the files "
                f"holds {min(twice)} of {first.name} too."
            )
        tasks |= part.tasks
    assert first.protocol is not None, "what is joined is of one protocol"
    about = {
        key: value
        for key, value in first.about.items()
        if all(part.about[key] == value for part in parts)
    }
    return replace(
        first,
        tasks=tasks,
        results={"average": sts_average(tasks, find_protocol(first.protocol).tasks)},
        about=about,
        files=tuple(file for part in parts for file in part.files),
    )


def _keep(found: Imported, root: Path, name: str) -> Run:
    source = {"format": found.format, "files": list(found.files), **found.about}
    config = {
        "encoder": name,
        "imported": source,
        "evaluation": {"protocol": found.protocol, "tasks": list(found.tasks)},
    }
    results = {
        "protocol": {"id": found.protocol},
        "imported": source,
        "encoder": {"name": name},
        "tasks": found.tasks,
        **found.results,
    }
    environment = Environment(
        recse_lab=__version__, commit=commit(), command=command_line(), date=now()
    )
    average = found.results.get("average")
    transfer = average is not None and "accuracy" in average
    kind = TransferResults if transfer else StsResults
    run = Run(root / STUDY / run_id(config, {}, {}))
    with run.claim() as lease:
        Config.check(config, Config.FILE).write(run.folder)
        environment.write(run.folder)
        kind.check(results, kind.FILE).write(run.folder)
        if found.metrics:
            write_metrics(run.folder, found.metrics)
        run.set_status("done")
        lease.publish(again=True)
    return run
