"""A study as its YAML states it: a question, a base configuration, arms, factors and seeds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    Field,
    PrivateAttr,
    ValidationError,
    field_validator,
    model_validator,
)

import recse_lab
from recse_lab.config.frameworks import framework_options
from recse_lab.config.options import Strict, once, one_of
from recse_lab.config.overrides import assign, merge, without
from recse_lab.config.reading import explain, make_config
from recse_lab.config.schema import RunConfig
from recse_lab.config.yaml import read_yaml
from recse_lab.errors import LabError, suggest

TAKEN = ("train", "eval", "pretrain", "imported", "all", "claims")
"""What a study may not be called: rooms of the run store beside the studies, and what `recse-lab report` has beside them."""
FIGURE_NEEDS = {"levels": (), "heat-map": ("x", "y"), "interaction": ("effects",), "paired": ("x",)}


def _check_framework(name: str | None) -> str | None:
    try:
        framework_options(str(name or "simcse"))
    except LabError as error:
        raise ValueError(str(error)) from None
    return name


def _check_sweep(sweep: dict[str, Any]) -> dict[str, Any]:
    for factor, levels in sweep.items():
        try:
            once(list(levels))
            for options in levels.values() if isinstance(levels, dict) else ():
                _check_framework(options.get("framework"))
        except ValueError as error:
            raise ValueError(f"{factor}: {error}") from None
        if not levels:
            raise ValueError(f"{factor}: there is no level")
        if factor == "seed":
            raise ValueError("seed: it is no factor, as every arm has the study's seeds")
    return sweep


def _check_factor(where: str, factor: str, swept: Iterable[str]) -> None:
    try:
        one_of(factor, swept, "factor")
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None


def _check_levels(where: str, named: Mapping[str, Any], sweep: Mapping[str, Iterable[Any]]) -> None:
    for factor, level in named.items():
        _check_factor(where, factor, sweep)
        if level not in list(sweep[factor]):
            raise ValueError(
                f"{where}: {factor} has no level {level!r}; it has {', '.join(map(repr, sweep[factor]))}"
            )


def _once_each(seeds: int | list[int]) -> int | list[int]:
    return once(seeds) if isinstance(seeds, list) else seeds


Framework = Annotated[str | None, AfterValidator(_check_framework)]
Seeds = Annotated[int | list[int], AfterValidator(_once_each)]


def _listed(seeds: int | list[int]) -> list[int]:
    return list(range(seeds)) if isinstance(seeds, int) else list(seeds)


class Same(Strict):
    when: dict[str, Any]
    """Levels of a cell."""
    then: dict[str, Any]
    """The levels it takes its run from, or options it sets."""


class ArmSpec(Strict):
    name: str
    framework: Framework = None
    """A starting point laid upon the base: one of `recse-lab list frameworks`, or one of them with +reshape."""
    baseline: str | None = None
    """A training-free baseline of the study's encoder, as whitening or ppmi-sif (recse-lab list encoders)."""
    set: dict[str, Any] = {}
    """Options laid upon that; keys may be dotted."""
    sweep: Annotated[
        dict[str, list[Any] | dict[str, dict[str, Any]]], AfterValidator(_check_sweep)
    ] = {}
    """Factors and their levels; several factors are crossed. An option with a list of values, or a name of your own with
    named levels, each the options it sets."""
    skip: list[dict[str, Any]] = []
    """Combinations of levels that are left out."""
    same: list[Same] = []
    """Combinations that are another one's run by definition, as a fixed mask without dropout is no mask at all."""
    role: Literal["arm", "control", "reference"] = "arm"
    """arm: what the study is about. control: what an arm must beat. reference: what everything is compared with."""
    seeds: Annotated[list[int], AfterValidator(once)] | None = None
    """Only for an arm that no seed changes, as an untrained encoder."""

    @model_validator(mode="after")
    def _known_levels(self) -> ArmSpec:
        for i, left in enumerate(self.skip):
            _check_levels(f"skip.{i}", left, self.sweep)
        for i, rule in enumerate(self.same):
            _check_levels(f"same.{i}.when", rule.when, self.sweep)
            taken = {factor: level for factor, level in rule.then.items() if factor in self.sweep}
            _check_levels(f"same.{i}.then", taken, self.sweep)
        return self


class Levels(Strict):
    """A cheaper or larger edition of the study."""

    set: dict[str, Any] = {}
    sweep: Annotated[dict[str, list[Any]], AfterValidator(_check_sweep)] = {}
    """Levels that replace those of a factor wherever it is swept (of a factor with named levels: their names)."""
    seeds: Seeds | None = None
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
    effects: Annotated[list[str], AfterValidator(once)] = []
    """Factors whose main effects and two-way interactions are estimated, over the arms that sweep all of them."""
    against: str
    """Arm every other is compared with, paired by seed."""
    against_level: dict[str, Any] = {}
    """Levels at which an arm is compared with itself: what it does at other levels is measured against these."""
    measures: list[Literal["polarity"]] = []
    """More columns: the spread of the scores."""

    @model_validator(mode="after")
    def _drawable(self) -> ReportSpec:
        for name in FIGURE_NEEDS[self.figure]:
            if not getattr(self, name):
                raise ValueError(f"figure: a figure of {self.figure} needs {name}")
        return self


class StudySpec(Strict):
    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    question: str
    cost: str
    """What it takes, as measured once; printed by --dry-run while the store knows nothing better."""
    base: dict[str, Any]
    arms: Annotated[list[ArmSpec], Field(min_length=1)]
    seeds: Seeds = 5
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

    @field_validator("name")
    @classmethod
    def _free(cls, name: str) -> str:
        if name in TAKEN:
            raise ValueError(f"no study may be called {', '.join(TAKEN)}; give it another name")
        return name

    @model_validator(mode="after")
    def _known_names(self) -> StudySpec:
        report, factors = self.report, self.factors
        if report.against not in {arm.name for arm in self.arms}:
            raise ValueError(f"report.against: it names no arm: {report.against}")
        for where, named in (("x", [report.x]), ("y", [report.y]), ("effects", report.effects)):
            for factor in named:
                if factor is not None:
                    _check_factor(f"report.{where}", factor, factors)
        if not any(set(report.effects) <= arm.sweep.keys() for arm in self.arms):
            raise ValueError(f"report.effects: no arm sweeps all of {', '.join(report.effects)}")
        self.check_against_level()
        for size in ("quick", "full"):
            for factor in getattr(self, size).sweep:
                _check_factor(f"{size}.sweep", factor, factors)
        self._check_seeds()
        return self

    def check_against_level(self) -> None:
        """Refuse to compare arms with themselves at levels that none has: they would be compared with something else.

        Raises:
            ValueError: Such a level.
        """
        where, wanted = "report.against_level", self.report.against_level
        _check_levels(where, wanted, self.factors)
        if not any(
            all(level in list(arm.sweep.get(f, ())) for f, level in wanted.items())
            for arm in self.arms
        ):
            raise ValueError(f"{where}: no arm sweeps all of {', '.join(wanted)} at these levels")

    def _check_seeds(self) -> None:
        options = {"base": self.base, "quick.set": self.quick.set, "full.set": self.full.set}
        for where, given in (
            options | {f"arms.{i}.set": arm.set for i, arm in enumerate(self.arms)}
        ).items():
            if "seed" in given:
                raise ValueError(
                    f"{where}.seed: a study sets the seed of every run itself; give seeds"
                )
        known = [
            seed
            for each in (self.seeds, self.quick.seeds, self.full.seeds)
            if each
            for seed in _listed(each)
        ]
        for i, arm in enumerate(self.arms):
            if strange := [seed for seed in arm.seeds or () if seed not in known]:
                raise ValueError(f"arms.{i}.seeds: {strange[0]} is no seed of the study")

    @property
    def factors(self) -> dict[str, list[Any]]:
        """Every factor that some arm sweeps, with all levels that it has anywhere."""
        found: dict[str, list[Any]] = {}
        for factor, levels in ((f, levels) for arm in self.arms for f, levels in arm.sweep.items()):
            levels_there = found.setdefault(factor, [])
            levels_there += [level for level in levels if level not in levels_there]
        return found

    @property
    def seed_list(self) -> list[int]:
        return _listed(self.seeds)

    def config_of(self, arm: ArmSpec, factors: Mapping[str, Any], seed: int) -> RunConfig:
        """One cell's configuration: the base, the arm's framework, what it sets, its levels, its seed.

        Raises:
            LabError: It is not valid (names the arm, and file and line where they have the option).
        """
        where = f"{self._file or f'experiment {self.name}'} (arm {arm.name})"
        place = f"arms.{self.arms.index(arm)}"
        tree = merge(self.base, _framework(arm.framework, self.base) if arm.framework else {})
        tree = merge(tree, arm.set)
        options_of_same: dict[str, Any] = {}
        for rule in arm.same:
            if all(factors.get(f) == level for f, level in rule.when.items()):
                factors = {f: rule.then.get(f, level) for f, level in factors.items()}
                options_of_same |= {
                    key: value for key, value in rule.then.items() if key not in factors
                }
        for factor, level in factors.items():
            levels = arm.sweep[factor]
            if isinstance(levels, dict) and level not in levels:
                raise LabError(
                    f"{where}: same takes a run from {factor} {level}, which is left out here; keep that level."
                )
            options = levels[level] if isinstance(levels, dict) else {factor: level}
            named = options.get("framework")
            tree = merge(tree, _framework(named, self.base) if named else {})
            tree = merge(tree, {key: value for key, value in options.items() if key != "framework"})
        tree = merge(tree, options_of_same)
        if arm.baseline is not None:
            measured = f"{arm.baseline}@{tree.get('encoder', '')}"
            _check_baseline(measured, where, self._lines.get(f"{place}.baseline"))
            tree = merge(tree, {"encoder": measured, "training.steps": 0})
        tree = assign(tree, "seed", seed)
        lines: dict[str, int] = {}
        for room in (
            "base",
            f"{self._size}.set",
            f"{place}.set",
            f"{place}.sweep",
            f"{self._size}.sweep",
        ):
            lines |= {
                k.removeprefix(f"{room}."): n
                for k, n in self._lines.items()
                if k.startswith(f"{room}.")
            }
        return make_config(tree, where=where, lines=without(lines, self._given))


def _check_baseline(name: str, where: str, line: int | None) -> None:
    from recse_lab.models.baselines import (
        parse_baseline,  # heavy: torch, needed only when a study is planned
    )

    try:
        parse_baseline(name)
    except LabError as error:
        raise LabError(f"{where}{f', line {line}' if line else ''}: {error}") from None


def _framework(name: str, base: Mapping[str, Any]) -> dict[str, Any]:
    """A framework's options; its reshape is the study's, where the study has one."""
    options = framework_options(name)
    own, shared = options.get("reshape", None), base.get("reshape") or {}
    if own is not None and isinstance(shared, dict):
        own = {**shared, **own}
    elif own is not None:
        own = shared  # no options at all: told when the configuration is made
    return options | {"reshape": own}


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
        raise LabError(f"no experiment {name!r}; {suggest(name, known)}")
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
    if parent in seen:
        raise LabError(f"{where}: extends {parent}, which extends itself.")
    if parent not in known:
        hint = suggest(parent, known)
        raise LabError(f"{where}: extends {parent}, which is not an experiment; {hint}")
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

    Raises:
        LabError: There is no such edition, or it leaves a factor without a level that is needed.
    """
    levels: Levels = getattr(spec, size) if size else Levels()
    if size and levels == Levels():
        raise LabError(
            f"experiment {spec.name} has no {size} edition; leave out --{size}, or say in `{size}:` what differs."
        )
    base = merge(spec.base, levels.set)
    sweeps = dict(levels.sweep)
    swept = {factor for arm in spec.arms for factor in arm.sweep}
    for key, value in (overrides or {}).items():
        if key in swept:
            sweeps[key] = value if isinstance(value, list) else [value]
        elif key == "seed":
            raise LabError("--set seed: a study sets the seed of every run itself; give --seeds.")
        else:
            base = assign(base, key, value)
    arms = [
        arm.model_copy(
            update={"sweep": {f: _levels(f, v, sweeps.get(f)) for f, v in arm.sweep.items()}}
        )
        for arm in spec.arms
    ]
    chosen = (
        seeds if seeds is not None else levels.seeds if levels.seeds is not None else spec.seeds
    )
    told = {"cost": levels.cost or f"unknown for the {size} edition"} if size else {}
    edited = spec.model_copy(update={"base": base, "arms": arms, "seeds": chosen} | told)
    edited._size, edited._given = size, tuple(overrides or ())
    try:
        _check_sweep(sweeps)
        edited.check_against_level()
    except ValueError as error:
        raise LabError(f"experiment {spec.name}: {error}.") from None
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
