"""A study as its YAML states it: a question, a base configuration, arms, factors and seeds."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, PrivateAttr, ValidationError, field_validator, model_validator

import recse_lab
from recse_lab.config import RunConfig, Strict, assign, explain, make_config, merge, read_yaml, without
from recse_lab.errors import LabError


class ArmSpec(Strict):
    name: str
    set: dict[str, Any] = {}
    """Options laid upon the base; keys may be dotted."""
    sweep: dict[str, list[Any]] = {}
    """Factors and their levels; several factors are crossed."""
    role: Literal["arm", "control", "reference"] = "arm"
    """arm: what the study is about. control: what an arm must beat. reference: what everything is compared with."""
    seeds: list[int] | None = None
    """Only for an arm that no seed changes, as an untrained encoder."""


class Levels(Strict):
    """A cheaper or larger edition of the study."""

    set: dict[str, Any] = {}
    sweep: dict[str, list[Any]] = {}
    """Levels that replace those of a factor wherever it is swept."""
    seeds: int | list[int] | None = None
    cost: str | None = None
    """What this edition takes, as measured once."""


class ReportSpec(Strict):
    x: str | None = None
    """Factor on the horizontal axis."""
    x_label: str | None = None
    x_scale: Literal["category", "log"] = "category"
    against: str
    """Arm every other is compared with, paired by seed."""


class StudySpec(Strict):
    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    question: str
    cost: str
    """What it takes, as measured once; printed by --dry-run while the store knows nothing better."""
    base: dict[str, Any]
    arms: Annotated[list[ArmSpec], Field(min_length=1)]
    seeds: int | list[int] = 5
    quick: Levels = Levels()
    full: Levels = Levels()
    report: ReportSpec
    _file: str = PrivateAttr("")
    _lines: dict[str, int] = PrivateAttr({})
    """Line of every option in the file, by dotted key."""
    _size: str | None = PrivateAttr(None)
    _given: tuple[str, ...] = PrivateAttr(())
    """Options of the command line: they stand in no line."""

    @field_validator("arms")
    @classmethod
    def _distinct(cls, arms: list[ArmSpec]) -> list[ArmSpec]:
        names = [arm.name for arm in arms]
        if len(set(names)) < len(names):
            raise ValueError("two arms have the same name")
        return arms

    @model_validator(mode="after")
    def _known_arm(self) -> StudySpec:
        if self.report.against not in {arm.name for arm in self.arms}:
            raise ValueError(f"report.against names no arm: {self.report.against}")
        return self

    @property
    def seed_list(self) -> list[int]:
        return list(range(self.seeds)) if isinstance(self.seeds, int) else list(self.seeds)

    def config_of(self, arm: ArmSpec, factors: Mapping[str, Any], seed: int) -> RunConfig:
        """One cell's configuration: the base, what the arm sets, its levels, its seed.

        Raises:
            LabError: It is not valid (names the arm, and file and line where they have the option).
        """
        tree = assign(merge(merge(self.base, arm.set), factors), "seed", seed)
        place = f"arms.{self.arms.index(arm)}"
        lines: dict[str, int] = {}
        for room in ("base", f"{self._size}.set", f"{place}.set", f"{place}.sweep", f"{self._size}.sweep"):
            lines |= {k.removeprefix(f"{room}."): n for k, n in self._lines.items() if k.startswith(f"{room}.")}
        where = f"{self._file or f'experiment {self.name}'} (arm {arm.name})"
        return make_config(tree, where=where, lines=without(lines, self._given))


def experiment_files() -> dict[str, Path]:
    """Studies by name: those that came with the package, then those in ./experiments, which win."""
    folders = (Path(recse_lab.__file__).parent / "experiments", Path("experiments"))
    return {path.stem: path for folder in folders for path in sorted(folder.glob("*.yaml"))}


def load_spec(name: str) -> StudySpec:
    """Read a study by name or by file.

    Raises:
        LabError: No such study (with the nearest name), or a mistake in it (file, line, option).
    """
    known = experiment_files()
    path = Path(name) if name.endswith((".yaml", ".yml")) else known.get(name)
    if path is None:
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
        raise LabError(
            f"no experiment {name!r}; {f'did you mean {near[0]}?' if near else 'known: ' + ', '.join(known) + '.'}"
        )
    tree, lines = read_yaml(path)
    try:
        spec = StudySpec.model_validate(tree)
    except ValidationError as error:
        raise LabError(explain(error, StudySpec, where=str(path), lines=lines)) from None
    spec._file, spec._lines = str(path), lines
    return spec


def edition(
    spec: StudySpec,
    *,
    size: Literal["quick", "full"] | None = None,
    overrides: Mapping[str, Any] | None = None,
    seeds: int | list[int] | None = None,
) -> StudySpec:
    """The study with a cheaper or larger edition, the user's ``--set`` and ``--seeds`` laid upon it.

    A ``--set`` on a swept factor replaces its levels; on anything else it changes the base, and an arm's own ``set``
    still wins, so that arms stay what their names say.
    """
    levels: Levels = getattr(spec, size) if size else Levels()
    base = merge(spec.base, levels.set)
    sweeps = dict(levels.sweep)
    swept = {factor for arm in spec.arms for factor in arm.sweep}
    for key, value in (overrides or {}).items():
        if key in swept:
            sweeps[key] = value if isinstance(value, list) else [value]
        else:
            base = assign(base, key, value)
    arms = [arm.model_copy(update={"sweep": {f: sweeps.get(f, v) for f, v in arm.sweep.items()}}) for arm in spec.arms]
    chosen = seeds if seeds is not None else levels.seeds if levels.seeds is not None else spec.seeds
    told = {"cost": levels.cost or f"unknown for the {size} edition"} if size else {}
    edited = spec.model_copy(update={"base": base, "arms": arms, "seeds": chosen} | told)
    edited._size, edited._given = size, tuple(overrides or ())
    return edited
