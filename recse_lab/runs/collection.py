"""The finished runs of a study, or of the whole store, read once as arms by seed.

The reports, the tables, the claims and notebooks share this model:

    study = read_study(Path("runs/reshape-dim"))
    study.factors                               # ["reshape.dim"]
    arm = study.find("channel-gram", {"reshape.dim": 32})
    arm.runs[0].record.sts.average.spearman.all # of seed 0, raw
    study.frame()                               # one row per arm and run
    study.scores(["stsb"])                      # one row per run and pair
    store = read_store(Path("runs"))            # every study, evaluation and import

``recse_lab.runs.comparing`` compares two arms.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from recse_lab.errors import LabError, suggest
from recse_lab.runs.records import (
    Config,
    Status,
    StoredCell,
    StsResults,
    StudyRecord,
    TransferResults,
)
from recse_lab.runs.store import Run, find_runs

if TYPE_CHECKING:
    import pandas as pd

TEMPERATURES = {"contrast.temperature": "τ", "reshape.temperature": "τ′"}

FRAME_COLUMNS = {
    "study": "string",
    "arm": "string",
    "role": "string",
    "label": "string",
    "encoder": "string",
    "seed": "Int64",
    "run": "string",
    "protocol": "string",
    "average": "float64",
    "dev": "float64",
}
"""Columns of ``Collection.frame`` and their types; factors and tasks follow."""


def short_name(factor: str) -> str:
    """A factor's name without the sections it is nested in.

    >>> short_name("reshape.dim"), short_name("reshape.temperature")
    ('dim', 'τ′')
    """
    return TEMPERATURES.get(factor) or factor.rsplit(".", 1)[-1]


ENCODER = "encoder"
"""The factor of a study over several encoders."""


@dataclass(frozen=True)
class Arm:
    """An arm of a study at one combination of levels, or one evaluated encoder, with its runs."""

    study: str
    name: str
    """The arm as its study calls it, without its levels."""
    role: str = "arm"
    """arm, control or reference."""
    factors: Mapping[str, Any] = field(default_factory=dict)
    """Level of each factor that the arm sweeps."""
    encoder: str = ""
    runs: Mapping[int, Run] = field(default_factory=dict)
    """Finished runs by seed."""
    planned: int = 0
    """Number of seeds that the study plans."""
    seedless: bool = False
    """Whether no seed changes it: it is compared with every seed of another arm."""

    @property
    def levels(self) -> str:
        """Its levels in words, as ``dim 32, centring mean``; empty without factors."""
        return ", ".join(f"{short_name(name)} {level}" for name, level in self.factors.items())

    @property
    def label(self) -> str:
        """Name and levels."""
        return f"{self.name}: {self.levels}" if self.factors else self.name

    @property
    def distinct(self) -> list[Run]:
        """Its runs, each once, by seed."""
        return list({run.id: run for _, run in sorted(self.runs.items())}.values())

    @property
    def seeds(self) -> str:
        """The number of finished seeds, and of how many if some are missing."""
        missing = len(self.runs) < self.planned
        return f"{len(self.runs)}" + (f" of {self.planned}" if missing else "")


class Missing(NamedTuple):
    """A planned cell without a result."""

    cell: StoredCell
    status: Status


@dataclass(frozen=True)
class Collection:
    """Arms with their runs, of one study or of several."""

    arms: list[Arm]
    missing: list[Missing] = field(default_factory=list)
    """Planned cells without a result, in the order of the plan."""

    @cached_property
    def runs(self) -> list[Run]:
        """Finished runs of all arms, each once."""
        return runs_of(self.arms)

    @cached_property
    def factors(self) -> list[str]:
        """Every factor that some arm sweeps, in the order of the study."""
        return list(dict.fromkeys(name for arm in self.arms for name in arm.factors))

    def find(self, name: str, levels: Mapping[str, Any] | None = None) -> Arm:
        """The arm of a name at a combination of levels.

        Raises:
            LabError: There is no such arm.
        """
        wanted = {} if levels is None else dict(levels)
        for arm in self.arms:
            if arm.name == name and arm.factors == wanted:
                return arm
        label = Arm("", name, factors=wanted).label
        raise LabError(f"no arm {label!r} here; {suggest(label, [a.label for a in self.arms])}")

    def frame(self) -> pd.DataFrame:
        """One row per arm and finished run.

        Returns:
            The columns ``FRAME_COLUMNS``: ``average`` is the leading number of the run's protocol,
            ``dev`` the Spearman of the selected weights on the dev set. Then one column per factor
            (its level; missing where the arm does not sweep it) and one per task (float64). Scores
            are raw, −1 to 1; NaN where undefined or not measured.
        """
        import pandas as pd

        rows, tasks = [], dict[str, None]()
        for arm in self.arms:
            for seed, run in sorted(arm.runs.items()):
                scores = run.record.results.headline()
                rows.append(_identity(arm, seed, run) | dict(arm.factors) | scores)
                tasks |= dict.fromkeys(name for name in scores if name != "average")
        types = FRAME_COLUMNS | dict.fromkeys(tasks, "float64")
        own = [factor for factor in self.factors if factor not in FRAME_COLUMNS]
        columns = [*FRAME_COLUMNS, *own, *tasks]
        return pd.DataFrame(rows, columns=columns).astype(types)

    def scores(self, tasks: Sequence[str] | None = None) -> pd.DataFrame:
        """Stored scores of all runs that have any, one row per run and sentence pair.

        Args:
            tasks: Tasks to keep; all by default.

        Returns:
            Columns study and run (string), task, subset, pair, gold and score (cosine).

        Raises:
            LabError: A file of scores is damaged.
        """
        import pandas as pd

        parts = []
        for run in self.runs:
            if not run.scores.is_file():
                continue
            part = run.read_scores()
            if tasks is not None:
                part = part.loc[part["task"].isin(list(tasks))]
            parts.append(part.assign(study=run.study, run=run.id))
        columns = ["study", "run", "task", "subset", "pair", "gold", "score"]
        whole = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)
        return whole.loc[:, columns].astype({"study": "string", "run": "string"})


def _identity(arm: Arm, seed: int, run: Run) -> dict[str, Any]:
    results = run.record.results
    return {
        "study": arm.study,
        "arm": arm.name,
        "role": arm.role,
        "label": arm.label,
        "encoder": arm.encoder,
        "seed": seed,
        "run": run.id,
        "protocol": results.protocol.id,
        "dev": results.dev.spearman,
    }


@dataclass(frozen=True)
class StudyCollection(Collection):
    """The arms of one study, with its study.json."""

    folder: Path = Path()
    record: StudyRecord = field(kw_only=True)

    @property
    def name(self) -> str:
        """Name of the study."""
        return self.record.name


def read_study(folder: Path) -> StudyCollection:
    """Read a study: its arms in the order of the plan, with their finished runs.

    Raises:
        LabError: No study is in the folder, or a file of it is damaged.
    """
    record = StudyRecord.read(folder)
    seedless = {arm.name: arm.seedless for arm in record.spec.arms}
    states = {cell.run: Run(folder / cell.run).status for cell in record.cells}
    arms: dict[str, Arm] = {}
    for cell in record.cells:
        key = json.dumps([cell.arm, cell.factors])
        arm = arms.get(key) or Arm(
            folder.name, cell.arm, cell.role, cell.factors, seedless=seedless[cell.arm]
        )
        arm = replace(arm, planned=arm.planned + 1)
        if states[cell.run].state == "done":
            arm = _with_run(arm, cell.seed, Run(folder / cell.run))
        arms[key] = arm
    missing = [
        Missing(cell, states[cell.run]) for cell in record.cells if states[cell.run].state != "done"
    ]
    return StudyCollection(list(arms.values()), missing, folder, record=record)


def read_store(root: Path, studies: Sequence[str] = ()) -> Collection:
    """Read the finished arms of the named studies, or of all, by encoder and study.

    Arms of a study that consist of the same runs count once. Runs outside a study that differ in
    nothing but their seed are one arm.

    Raises:
        LabError: A named study is not in the store, no run has finished, or a file is damaged.
    """
    found = list(dict.fromkeys(run.study for run in find_runs(root)))
    for name in studies:
        if name not in found:
            hint = suggest(name, found, otherwise=f"known: {', '.join(found) or 'none'}.")
            raise LabError(f"no runs of a study {name!r} in {root}; {hint}")
    parts = [_of_folder(root / name) for name in studies or found]
    arms = [arm for part in parts for arm in _without_repeats(part.arms) if arm.runs]
    if not arms:
        raise LabError(
            f"{root}: no finished run here; `recse-lab ablate`, `train` and `eval` make some."
        )
    encoders: dict[str, str] = {}
    for arm in arms:
        encoders.setdefault(arm.study, arm.encoder)
    arms.sort(key=lambda arm: (encoders[arm.study], arm.study))  # keeps the order within a study
    return Collection(arms, [missing for part in parts for missing in part.missing])


def runs_of(arms: Sequence[Arm]) -> list[Run]:
    """All runs of some arms, each once."""
    return list({run.folder: run for arm in arms for run in arm.distinct}.values())


def _of_folder(folder: Path) -> Collection:
    if (folder / StudyRecord.FILE).is_file():
        return read_study(folder)
    return Collection(_arms_outside_a_study(folder))


def _without_repeats(arms: Sequence[Arm]) -> list[Arm]:
    first: dict[Any, Arm] = {}
    for arm in arms:
        first.setdefault(frozenset(run.id for run in arm.distinct) or arm.label, arm)
    return list(first.values())


def _arms_outside_a_study(folder: Path) -> list[Arm]:
    arms: dict[str, Arm] = {}
    for path in sorted(folder.glob("*/config.json")):
        run = Run(path.parent)
        record = run.record
        if run.state != "done" or not isinstance(record.results, StsResults | TransferResults):
            continue
        options = dict(record.config.tree())
        seed = options.pop("seed", 0)
        key = json.dumps(options, sort_keys=True)
        arm = arms.get(key) or Arm(folder.name, _describe(run), seedless=not record.config.trained)
        arms[key] = _with_run(replace(arm, planned=arm.planned + 1), seed, run)
    return list(arms.values())


def _with_run(arm: Arm, seed: int, run: Run) -> Arm:
    encoder = arm.encoder or _encoder(run.record.config)
    return replace(arm, runs={**arm.runs, seed: run}, encoder=encoder)


def _encoder(config: Config) -> str:
    """What was trained or evaluated, with its number of layers where training cut it."""
    layers = config.model.layers if config.trained else None
    return config.backbone + (f", {layers} layers" if layers else "")


def _describe(run: Run) -> str:
    """A run outside a study: the terms of a training with its id; of an evaluation the baseline
    or the pooling."""
    record = run.record
    config, measured = record.config, record.results.encoder
    if not config.trained:
        if measured.baseline:
            return measured.baseline
        if measured.pooling:
            return f"{measured.pooling} pooling, {measured.layers} layers"
        return "imported"
    terms = [
        config.contrast.objective if config.contrast.weight else None,
        config.view and config.view.family,
        config.reshape and config.reshape.operator,
    ]
    return f"{' + '.join(term for term in terms if term)}, run {run.id}"
