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
from recse_lab.frameworks import framework_options


class Same(Strict):
    when: dict[str, Any]
    """Levels of a cell."""
    then: dict[str, Any]
    """The levels it takes its run from, or options it sets."""


class ArmSpec(Strict):
    name: str
    framework: str | None = None
    """A starting point laid upon the base: one of `recse-lab list frameworks`, or one of them with +reshape."""
    baseline: str | None = None
    """A training-free baseline of the study's encoder, as whitening or ppmi-sif (recse-lab list encoders)."""
    set: dict[str, Any] = {}
    """Options laid upon that; keys may be dotted."""
    sweep: dict[str, list[Any] | dict[str, dict[str, Any]]] = {}
    """Factors and their levels; several factors are crossed. An option with a list of values, or a name of your own with
    named levels, each the options it sets."""
    skip: list[dict[str, Any]] = []
    """Combinations of levels that are left out."""
    same: list[Same] = []
    """Combinations that are another one's run by definition, as a fixed mask without dropout is no mask at all."""
    role: Literal["arm", "control", "reference"] = "arm"
    """arm: what the study is about. control: what an arm must beat. reference: what everything is compared with."""
    seeds: list[int] | None = None
    """Only for an arm that no seed changes, as an untrained encoder."""


class Levels(Strict):
    """A cheaper or larger edition of the study."""

    set: dict[str, Any] = {}
    sweep: dict[str, list[Any]] = {}
    """Levels that replace those of a factor wherever it is swept (of a factor with named levels: their names)."""
    seeds: int | list[int] | None = None
    cost: str | None = None
    """What this edition takes, as measured once."""


class ReportSpec(Strict):
    figure: Literal["levels", "heat-map", "interaction", "paired"] = "levels"
    """levels: score against the levels of x. heat-map: x against y. interaction: x, with a line for each level of the other
    factors. paired: levels of x, each without and with y."""
    x: str | None = None
    """Factor on the horizontal axis."""
    x_label: str | None = None
    x_scale: Literal["category", "log"] = "category"
    y: str | None = None
    """Second factor of a heat map or a paired plot."""
    y_label: str | None = None
    effects: list[str] = []
    """Factors whose main effects and two-way interactions are estimated, over the arms that sweep all of them."""
    against: str
    """Arm every other is compared with, paired by seed."""
    against_level: dict[str, Any] = {}
    """Levels at which an arm is compared with itself: what it does at other levels is measured against these."""
    measures: list[Literal["polarity"]] = []
    """More columns: the spread of the scores."""


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
        """One cell's configuration: the base, the arm's framework, what it sets, its levels, its seed.

        Raises:
            LabError: It is not valid (names the arm, and file and line where they have the option).
        """
        tree = merge(self.base, _framework(arm.framework, self.base) if arm.framework else {})
        tree = merge(tree, arm.set)
        options_of_same: dict[str, Any] = {}
        for rule in arm.same:
            if all(factors.get(f) == level for f, level in rule.when.items()):
                factors = {f: rule.then.get(f, level) for f, level in factors.items()}
                options_of_same |= {key: value for key, value in rule.then.items() if key not in factors}
        for factor, level in factors.items():
            levels = arm.sweep[factor]
            options = levels[level] if isinstance(levels, dict) else {factor: level}
            named = options.get("framework")
            tree = merge(tree, _framework(named, self.base) if named else {})
            tree = merge(tree, {key: value for key, value in options.items() if key != "framework"})
        tree = merge(tree, options_of_same)
        if arm.baseline is not None:
            tree = merge(tree, {"encoder": f"{arm.baseline}@{tree.get('encoder', '')}", "training.steps": 0})
        tree = assign(tree, "seed", seed)
        place = f"arms.{self.arms.index(arm)}"
        lines: dict[str, int] = {}
        for room in ("base", f"{self._size}.set", f"{place}.set", f"{place}.sweep", f"{self._size}.sweep"):
            lines |= {k.removeprefix(f"{room}."): n for k, n in self._lines.items() if k.startswith(f"{room}.")}
        where = f"{self._file or f'experiment {self.name}'} (arm {arm.name})"
        return make_config(tree, where=where, lines=without(lines, self._given))


def _framework(name: str, base: Mapping[str, Any]) -> dict[str, Any]:
    """A framework's options; its reshape is the study's, where the study has one."""
    options = framework_options(name)
    own = options.get("reshape", None)
    return options | ({"reshape": {**base.get("reshape", {}), **own}} if own is not None else {"reshape": None})


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
    tree = _inherit(tree, str(path))
    try:
        spec = StudySpec.model_validate(tree)
    except ValidationError as error:
        raise LabError(explain(error, StudySpec, where=str(path), lines=lines)) from None
    spec._file, spec._lines = str(path), lines
    return spec


def _inherit(tree: dict[str, Any], where: str, seen: tuple[str, ...] = ()) -> dict[str, Any]:
    """A study that says ``extends: NAME`` takes base, seeds, quick and full from there, and lays its own upon them.

    Raises:
        LabError: It extends no known study, or itself.
    """
    if "extends" not in tree:
        return tree
    own, parent = dict(tree), str(tree["extends"])
    own.pop("extends")
    known = experiment_files()
    if parent not in known or parent in seen:
        why = "extends itself" if parent in seen else "is no experiment"
        near = difflib.get_close_matches(parent, known, n=1, cutoff=0.4)
        raise LabError(f"{where}: extends {parent}, which {why}{f'; did you mean {near[0]}?' if near else '.'}")
    inherited = _inherit(read_yaml(known[parent])[0], str(known[parent]), (*seen, parent))
    kept = {key: inherited[key] for key in ("base", "seeds", "quick", "full") if key in inherited}
    return merge(kept, {key: value for key, value in own.items() if isinstance(value, dict)}) | {
        key: value for key, value in own.items() if not isinstance(value, dict)
    }


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
    arms = [
        arm.model_copy(update={"sweep": {f: _levels(f, v, sweeps.get(f)) for f, v in arm.sweep.items()}})
        for arm in spec.arms
    ]
    chosen = seeds if seeds is not None else levels.seeds if levels.seeds is not None else spec.seeds
    told = {"cost": levels.cost or f"unknown for the {size} edition"} if size else {}
    edited = spec.model_copy(update={"base": base, "arms": arms, "seeds": chosen} | told)
    edited._size, edited._given = size, tuple(overrides or ())
    return edited


def _levels(factor: str, levels: Any, chosen: list[Any] | None) -> Any:
    """The levels of a factor, or those chosen instead."""
    if chosen is None:
        return levels
    if not isinstance(levels, dict):
        return chosen
    unknown = [str(name) for name in chosen if name not in levels]
    if unknown:
        raise LabError(f"{factor} has no level {unknown[0]}; it has {', '.join(levels)}.")
    return {name: levels[name] for name in chosen}
