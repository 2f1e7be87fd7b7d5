"""Rows of a paper's table: the finished runs of one arm, one a seed, from every study of the store."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from recse_lab.errors import LabError, suggest
from recse_lab.files import read_json
from recse_lab.reports.tables import Cell, Column
from recse_lab.runs.collection import short_name
from recse_lab.runs.store import Run, find_runs


@dataclass(frozen=True)
class Arm:
    """One arm of a study at one combination of levels, or one evaluated encoder."""

    study: str
    name: str
    """The arm as its study calls it, without its levels."""
    role: str
    factors: dict[str, Any]
    encoder: str
    runs: dict[int, Run]
    """By seed; finished runs only."""
    planned: int
    seedless: bool = False
    """No seed changes it: it meets every seed of another arm."""

    @property
    def label(self) -> str:
        levels = ", ".join(
            f"{short_name(factor)} {level}" for factor, level in self.factors.items()
        )
        return f"{self.name}: {levels}" if levels else self.name

    @property
    def distinct(self) -> list[Run]:
        """Its runs, each once, by seed."""
        return list({run.id: run for _, run in sorted(self.runs.items())}.values())

    @property
    def seeds(self) -> str:
        """How many, and out of how many where some are missing."""
        return f"{len(self.runs)}" + (
            f" of {self.planned}" if len(self.runs) < self.planned else ""
        )


def collect_arms(root: Path, studies: Sequence[str] = ()) -> list[Arm]:
    """Arms with a finished run, of the named studies or of all, by encoder and study; the same runs twice in a study count once.

    Raises:
        LabError: A study that the store has not, or a store without a finished run.
    """
    there = list(dict.fromkeys(run.study for run in find_runs(root)))
    for name in studies:
        if name not in there:
            hint = suggest(name, there)
            raise LabError(f"no runs of a study {name!r} in {root}; {hint}")
    arms = [arm for name in (studies or there) for arm in _of_study(root / name) if arm.runs]
    if not arms:
        raise LabError(
            f"{root}: no finished run here; `recse-lab ablate`, `train` and `eval` make some."
        )
    first = {
        study: next(arm.encoder for arm in arms if arm.study == study)
        for study in {arm.study for arm in arms}
    }
    return sorted(
        arms, key=lambda arm: (first[arm.study], arm.study)
    )  # stable: arms stay in their study's order


def _of_study(folder: Path) -> list[Arm]:
    arms = _planned(folder) if (folder / "study.json").is_file() else _single(folder)
    distinct: dict[Any, Arm] = {}
    for arm in arms:
        distinct.setdefault(frozenset(run.id for run in arm.distinct) or arm.label, arm)
    return list(distinct.values())


def _planned(folder: Path) -> list[Arm]:
    """Of a study: as study.json lays them out."""
    study = read_json(folder / "study.json")
    seeds = {arm["name"]: arm["seeds"] for arm in study["spec"]["arms"]}
    found: dict[str, Arm] = {}
    for cell in study["cells"]:
        key = json.dumps([cell["arm"], cell["factors"]])
        seedless = seeds[cell["arm"]] is not None and len(seeds[cell["arm"]]) == 1
        arm = found.setdefault(
            key, Arm(folder.name, cell["arm"], cell["role"], cell["factors"], "", {}, 0, seedless)
        )
        run = Run(folder / cell["run"])
        done = run.state == "done"
        found[key] = replace(
            arm,
            runs=arm.runs | ({cell["seed"]: run} if done else {}),
            planned=arm.planned + 1,
            encoder=arm.encoder or (_encoder(run) if done else ""),
        )
    return list(found.values())


def _single(folder: Path) -> list[Arm]:
    """Of runs outside a study: those that differ in nothing but their seed together."""
    found: dict[str, Arm] = {}
    for run in find_runs(folder.parent):
        if run.study != folder.name or run.state != "done" or "tasks" not in (run.results or {}):
            continue
        config = dict(run.config or {})
        seed = config.pop("seed", 0)
        arm = found.setdefault(
            json.dumps(config, sort_keys=True),
            Arm(
                folder.name,
                _described(run),
                "arm",
                {},
                _encoder(run),
                {},
                0,
                "training" not in config,
            ),
        )
        found[json.dumps(config, sort_keys=True)] = replace(
            arm, runs=arm.runs | {seed: run}, planned=arm.planned + 1
        )
    return list(found.values())


def _encoder(run: Run) -> str:
    """What was trained or evaluated; of a baseline, the encoder whose embeddings it takes."""
    config = run.config or {}
    name = str(config.get("encoder") or "").rpartition("@")[2]
    layers = (config.get("model") or {}).get("layers") if "training" in config else None
    return name + (f", {layers} layers" if layers else "")


def _described(run: Run) -> str:
    """A run outside a study in words: of a training its terms and its id, of an evaluation the baseline or the pooling."""
    config = run.config or {}
    if "training" not in config:
        told = (run.results or {}).get("encoder") or {}
        pooling = (
            f"{told['pooling']} pooling, {told['layers']} layers"
            if told.get("pooling")
            else "imported"
        )
        return told.get("baseline") or pooling
    terms = [config["contrast"]["objective"]] if config["contrast"]["weight"] else []
    terms += [
        part
        for part in (
            (config.get("view") or {}).get("family"),
            (config.get("reshape") or {}).get("operator"),
        )
        if part
    ]
    return f"{' + '.join(terms)}, run {run.id}"


# ---- what every table does with them -----------------------------------------------------------

LEVEL = 0.05  # of the test behind a †
SAME, NOT_COMPARED = "†", "°"
NOT_COMPARED_NOTE = (
    "° not compared with it: no seed, or no scores of the same test items, in common."
)
IDENTITY = [
    Column("method", "method", "text"),
    Column("encoder", "encoder", "text", shared=True),
    Column("study", "study", "text", shared=True),
    Column("seeds", "seeds", "text"),
]


def identity(arm: Arm) -> dict[str, Cell]:
    """The cells that say whose numbers stand in a row."""
    return {
        "method": Cell(arm.label),
        "encoder": Cell(arm.encoder),
        "study": Cell(arm.study),
        "seeds": Cell(arm.seeds),
    }


def protocol(arm: Arm) -> str:
    """Id of the protocol its results were measured under."""
    return str(((arm.distinct[0].results or {}).get("protocol") or {}).get("id") or "not stated")


def kind(arm: Arm) -> Any:
    """The kind of a row: arms of a study that are no question of their own stand apart."""
    return "own" if arm.role == "arm" else "reference"


def mean(values: Sequence[float | None]) -> float | None:
    """Mean, or None where a value is missing: what is missing is no number."""
    defined = [v for v in values if v is not None and np.isfinite(v)]
    return float(np.mean(defined)) if values and len(defined) == len(values) else None


def mean_cell(values: Sequence[float | None], **more: Any) -> Cell:
    """Mean over seeds with its standard deviation, where there are two or more."""
    value = mean(values)
    sd = (
        float(np.std(np.array(values, float), ddof=1))
        if value is not None and len(values) > 1
        else None
    )
    return Cell(value, sd=sd, **more)


def runs_of(arms: Sequence[Arm]) -> list[Run]:
    """All runs of some arms, each once."""
    return list({run.folder: run for arm in arms for run in arm.distinct}.values())
