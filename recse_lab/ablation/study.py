"""A study from its name to its finished runs."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from rich.console import Console

from recse_lab.ablation.editions import edition
from recse_lab.ablation.encoders import over_encoders
from recse_lab.ablation.executors import EXECUTORS
from recse_lab.ablation.experiments import load_spec
from recse_lab.ablation.plan import Cell, plan, record_of
from recse_lab.ablation.runner import Outcome, Rerun, run_study
from recse_lab.ablation.spec import StudySpec
from recse_lab.errors import LabError
from recse_lab.jobs.machine import device
from recse_lab.runs.provenance import command_line
from recse_lab.runs.records import StudyRecord


@dataclass(frozen=True)
class Study:
    """A planned study, and its folder in the run store."""

    spec: StudySpec
    cells: list[Cell]
    folder: Path


def plan_study(
    name: str,
    root: Path,
    *,
    quick: bool = False,
    full: bool = False,
    seeds: int | list[int] | None = None,
    encoders: Sequence[str] = (),
    overrides: Mapping[str, Any] = MappingProxyType({}),
) -> Study:
    """Read a study and lay out its cells; nothing is computed or written.

    Args:
        name: A study that comes with the package or is in ./experiments, or a YAML file.
        root: The run store.
        quick: Plan its quick edition.
        full: Plan its full edition.
        seeds: How many seeds, or which, instead of the study's own.
        encoders: Instead of the study's own; with several, every arm is run on each.
        overrides: Options by dotted key, as ``--set`` takes them.

    Raises:
        LabError: An unknown study, a mistake in it or in an override, an edition that it does not
            have, or missing data.
    """
    size = "quick" if quick else "full" if full else None
    read = load_spec(name)
    chosen = encoders or read.encoders
    if len(chosen) == 1:
        overrides = {"encoder": chosen[0], **overrides}
    spec = edition(read, size=size, overrides=overrides, seeds=seeds)
    spec = over_encoders(spec, chosen)
    return Study(spec, plan(spec), root / (f"{spec.name}-{size}" if size else spec.name))


def ablate(
    study: Study,
    *,
    rerun: Rerun = "missing",
    workers: int = 1,
    keep_models: bool = False,
    console: Console | None = None,
    command: str | None = None,
    join: bool = False,
) -> Outcome:
    """Compute what the store lacks of a study. Its report is a separate step.

    Args:
        study: From ``plan_study``.
        rerun: missing (neither done nor failed), failed, all or never.
        workers: Processes that share the cores.
        keep_models: Whether the trained encoders of all cells are kept.
        console: Where progress is shown.
        command: What the study's record names as its command; this process's own by default.
        join: Help a study that others compute: begin in the middle of the plan, so that not all
            reach for the same cell, and leave the record of the study as it is.

    Raises:
        LabError: ``join``, and the study in the store was planned with other options.
        Claimed: ``rerun`` is all, and another process is computing one of the cells.
    """
    record = record_of(study.folder, study.spec, study.cells, command or command_line())
    cells = study.cells
    if join and (study.folder / StudyRecord.FILE).is_file():
        _check_same_plan(StudyRecord.read(study.folder), record)
    else:
        record.write(study.folder)
    if join:
        first = os.getpid() % len(cells)
        cells = [*cells[first:], *cells[:first]]
    return run_study(
        study.folder,
        cells,
        rerun=rerun,
        executor=EXECUTORS["local"](workers),
        keep_models=keep_models,
        console=console or Console(),
    )


def _check_same_plan(stored: StudyRecord, own: StudyRecord) -> None:
    if {cell.run for cell in stored.cells} != {cell.run for cell in own.cells}:
        begun = f": `{stored.commands[-1]}`" if stored.commands else ""
        raise LabError(
            f"--join: study {own.name} in the store was planned with other options; "
            f"give those that it was begun with{begun}."
        )


def default_workers() -> int:
    """One worker per core on a CPU, where small models gain little from threads; else one."""
    return 1 if device().type != "cpu" else len(os.sched_getaffinity(0))
