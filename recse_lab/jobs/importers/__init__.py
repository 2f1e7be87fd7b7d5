"""Results that other programs measured, as runs of the study ``imported``."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

from recse_lab import __version__
from recse_lab.config.identity import run_id
from recse_lab.errors import LabError
from recse_lab.evaluation.protocols import find_protocol
from recse_lab.evaluation.sts import sts_average
from recse_lab.files import atomic_path, now, write_json
from recse_lab.jobs.importers import mteb, simcse_log, trainer_state
from recse_lab.jobs.importers.imported import Imported
from recse_lab.runs.provenance import command_line, commit
from recse_lab.runs.store import Run

STUDY = "imported"
IMPORTS: dict[str, ModuleType] = {
    "simcse-log": simcse_log,
    "trainer-state": trainer_state,
    "mteb": mteb,
}
"""Format -> its module: ``read`` (path and text -> what is in it, None where the layout is another one) and ``LAYOUT``."""


def import_files(files: Sequence[Path], root: Path, *, name: str | None = None) -> list[Run]:
    """Read every file, then keep what is in them under ``root/imported/``; the same file again is the same run.

    ``name`` is what the encoder is called; None takes what file or folder tell. MTEB's files of one folder are one run.

    Raises:
        LabError: A file that is absent, of no known layout, or damaged, or two that hold the same task; nothing is written.
    """
    groups: dict[Any, list[Imported]] = {}
    for path in files:
        for found in read_file(path):
            groups.setdefault(found.joins or len(groups), []).append(found)
    together = [joined(group) for group in groups.values()]
    return [_keep(found, root, name or found.name) for found in together]


def read_file(path: Path) -> list[Imported]:
    """What a file of any known layout holds.

    Raises:
        LabError: It is absent, of no known layout, or damaged.
    """
    expected = "expected " + ", or ".join(module.LAYOUT for module in IMPORTS.values())
    try:
        content = path.read_bytes()
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        raise LabError(f"{path}: this is no text; {expected}.") from None
    except OSError as error:
        raise LabError(f"{path}: the file cannot be read ({error.strerror}).") from None
    source = {"name": path.name, "sha256": hashlib.sha256(content).hexdigest()}
    for form, module in IMPORTS.items():
        found: list[Imported] | None = module.read(path, text)
        if found is not None:
            return [replace(part, format=form, files=(source,)) for part in found]
    if text.lstrip().startswith("{"):
        try:
            json.loads(text)
        except json.JSONDecodeError as error:
            raise LabError(
                f"{path}, line {error.lineno}: this is broken JSON ({error.msg}); is the file cut short?"
            ) from None
    raise LabError(f"{path}: not a layout that is known here; {expected}.")


def joined(parts: Sequence[Imported]) -> Imported:
    """Tasks of one encoder from several files, with their average.

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
                f"{part.files[0]['name']}: another of the files holds {min(twice)} of {first.name} too."
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
    told = {"format": found.format, "files": list(found.files), **found.about}
    config = {
        "encoder": name,
        "imported": told,
        "evaluation": {"protocol": found.protocol, "tasks": list(found.tasks)},
    }
    transfer = "accuracy" in (found.results.get("average") or {})
    results = {
        "schema": "recse-lab/transfer/1" if transfer else "recse-lab/results/1",
        "protocol": {"id": found.protocol},
        "imported": told,
        "encoder": {"name": name},
        "tasks": found.tasks,
        **found.results,
    }
    run = Run(root / STUDY / run_id(config, {}, {}))
    with run.claim():
        write_json(run.folder / "config.json", config)
        write_json(
            run.folder / "environment.json",
            {
                "recse_lab": __version__,
                "commit": commit(),
                "command": command_line(),
                "date": now(),
            },
        )
        write_json(run.folder / "results.json", results)
        if found.metrics:
            with atomic_path(run.folder / "metrics.jsonl") as beside:
                beside.write_text(
                    "".join(json.dumps(line) + "\n" for line in found.metrics), encoding="utf-8"
                )
        run.set_status("done")
    return run
