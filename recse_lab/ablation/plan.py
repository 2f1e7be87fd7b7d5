"""From a study to its cells: one configuration for each arm, combination of levels, and seed."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recse_lab.ablation.cells import cell_config
from recse_lab.ablation.spec import ArmSpec, StudySpec
from recse_lab.errors import LabError
from recse_lab.files import now
from recse_lab.jobs.build import Lab
from recse_lab.jobs.settling import settle
from recse_lab.runs.records import StudyRecord
from recse_lab.runs.store import Run


@dataclass(frozen=True)
class Cell:
    """One point of the design. Several cells may be one run."""

    arm: str
    role: str
    factors: dict[str, Any]
    """Factor -> level."""
    seed: int
    lab: Lab

    @property
    def id(self) -> str:
        """The id of its run."""
        return self.lab.id

    @property
    def label(self) -> str:
        """Arm, levels and seed, for people."""
        levels = " ".join(
            f"{name.rsplit('.', 1)[-1]}={value}" for name, value in self.factors.items()
        )
        return " ".join(part for part in (self.arm, levels, f"seed {self.seed}") if part)


def _cells_of(arm: ArmSpec, spec: StudySpec, seed: int) -> list[Cell]:
    if arm.seeds is not None and seed not in arm.seeds:
        return []
    cells = []
    for combination in itertools.product(*arm.sweep.values()):
        factors = dict(zip(arm.sweep, combination, strict=True))
        if any(all(factors.get(f) == level for f, level in left.items()) for left in arm.skip):
            continue
        config = cell_config(spec, arm, factors, seed)
        cells.append(Cell(arm.name, arm.role, factors, seed, Lab(settle(config))))
    return cells


def plan(spec: StudySpec) -> list[Cell]:
    """All cells, seed by seed: a study cut short has every arm on the seeds it finished.

    Raises:
        LabError: A cell's configuration is not valid (names the arm), its data or encoder cannot be
            read, or an arm has none of the seeds.
    """
    cells = [
        cell for seed in spec.seed_list for arm in spec.arms for cell in _cells_of(arm, spec, seed)
    ]
    if not cells:
        raise LabError(f"experiment {spec.name} has no cell to run: no seeds are left.")
    for arm in spec.arms:
        if arm.seeds and not set(arm.seeds) & set(spec.seed_list):
            raise LabError(
                f"experiment {spec.name}: arm {arm.name} has none of the seeds that are run; "
                "change its seeds."
            )
    return cells


def record_of(folder: Path, spec: StudySpec, cells: list[Cell], command: str) -> StudyRecord:
    """The record of a study; the commands that made earlier cells of it stay listed.

    Raises:
        LabError: The study.json that the folder has is damaged.
    """
    kept = (folder / StudyRecord.FILE).is_file()
    before = StudyRecord.read(folder) if kept else None
    commands = [] if before is None else before.commands
    tree = {
        "name": spec.name,
        "question": spec.question,
        "created": now() if before is None else before.created,
        "updated": now(),
        "commands": list(dict.fromkeys([*commands, command])),
        "seeds": spec.seed_list,
        "spec": spec.model_dump(mode="json"),
        "cells": [
            {"run": c.id, "arm": c.arm, "role": c.role, "factors": c.factors, "seed": c.seed}
            for c in cells
        ],
    }
    return StudyRecord.check(tree, folder / StudyRecord.FILE)


def states(folder: Path, cells: list[Cell]) -> dict[str, str]:
    """Id -> state, for every run of the plan."""
    return {cell.id: Run(folder / cell.id).state for cell in cells}
