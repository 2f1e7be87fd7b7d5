"""A study as its YAML states it: a question, a base configuration, arms, factors and seeds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import AfterValidator, Field, PrivateAttr, field_validator, model_validator

from recse_lab.config.claims import ClaimSpec, SequentialSpec
from recse_lab.config.frameworks import framework_options
from recse_lab.config.options import Strict, once, one_of
from recse_lab.errors import LabError

TAKEN = ("train", "eval", "pretrain", "imported", "all", "claims")
"""Names that no study may have: other folders of the run store, and other reports."""

FIGURE_NEEDS = {"levels": (), "heat-map": ("x", "y"), "interaction": ("effects",), "paired": ("x",)}
"""Figure -> options of the report that it cannot do without."""


def _check_framework(name: str | None) -> str | None:
    try:
        framework_options(str(name or "simcse"))
    except LabError as error:
        raise ValueError(str(error)) from None
    return name


def check_sweep(sweep: dict[str, Any]) -> dict[str, Any]:
    """Return a sweep if every factor has levels, each once, with known frameworks.

    Raises:
        ValueError: It does not; the message begins with the factor.
    """
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
            raise ValueError("seed: it is not a factor, as every arm has the study's seeds")
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
            known = ", ".join(map(repr, sweep[factor]))
            raise ValueError(f"{where}: {factor} has no level {level!r}; it has {known}")


def _once_each(seeds: int | list[int]) -> int | list[int]:
    return once(seeds) if isinstance(seeds, list) else seeds


Framework = Annotated[str | None, AfterValidator(_check_framework)]
Seeds = Annotated[int | list[int], AfterValidator(_once_each)]


def _listed(seeds: int | list[int]) -> list[int]:
    return list(range(seeds)) if isinstance(seeds, int) else list(seeds)


class Same(Strict):
    """Cells that are other cells' runs by definition."""

    when: dict[str, Any]
    """Levels of a cell."""
    then: dict[str, Any]
    """The levels whose run it takes instead, or options that it sets."""


class ArmSpec(Strict):
    """One arm: a configuration, or a grid of them, that is compared with others."""

    name: str
    """What tables and figures call it."""
    framework: Framework = None
    """Updates the base: one of `recse-lab list frameworks`, or one of them with +reshape."""
    baseline: str | None = None
    """A training-free baseline of the study's encoder: whitening, ppmi-sif … (recse-lab list
    encoders)."""
    set: dict[str, Any] = {}
    """Options that update base and framework; keys may be dotted."""
    sweep: Annotated[
        dict[str, list[Any] | dict[str, dict[str, Any]]], AfterValidator(check_sweep)
    ] = {}
    """Factors and their levels; several factors are crossed. A factor is an option with a list of
    values, or a name of your own with named levels, each the options it sets."""
    skip: list[dict[str, Any]] = []
    """Combinations of levels that are left out."""
    same: list[Same] = []
    """Combinations that are another one's run by definition, as a fixed mask without dropout."""
    role: Literal["arm", "control", "reference"] = "arm"
    """arm: what the study is about. control: what an arm must outperform. reference: what all are
    compared with."""
    seeds: Annotated[list[int], AfterValidator(once)] | None = None
    """For an arm that no seed changes, as an untrained encoder; the study's seeds when absent."""

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
    """Options that update the base."""
    sweep: Annotated[dict[str, list[Any]], AfterValidator(check_sweep)] = {}
    """Factor -> the levels that replace its own wherever it is swept; named levels by name."""
    seeds: Seeds | None = None
    """How many seeds, or which."""
    cost: str | None = None
    """What this edition takes, as measured once."""


class ReportSpec(Strict):
    """How the study is analysed and drawn."""

    figure: Literal["levels", "heat-map", "interaction", "paired"] = "levels"
    """levels: score against the levels of x. heat-map: x against y. interaction: x, with a line for
    each level of the other factors. paired: levels of x, each without and with y."""
    x: str | None = None
    """Factor on the horizontal axis."""
    x_label: str | None = None
    """What the figure writes below that axis."""
    x_scale: Literal["category", "log"] = "category"
    """How its levels are spaced."""
    y: str | None = None
    """Second factor of a heat map or a paired plot."""
    y_label: str | None = None
    """What the figure writes beside the other axis."""
    effects: Annotated[list[str], AfterValidator(once)] = []
    """Factors whose main effects and two-way interactions are estimated."""
    against: str
    """Arm every other is compared with, paired by seed."""
    against_level: dict[str, Any] = {}
    """Levels at which an arm is its own reference: its other levels are compared with these."""
    measures: list[Literal["polarity"]] = []
    """Further columns: the spread of the scores."""

    @model_validator(mode="after")
    def _drawable(self) -> ReportSpec:
        for name in FIGURE_NEEDS[self.figure]:
            if not getattr(self, name):
                raise ValueError(f"figure: a figure of {self.figure} needs {name}")
        return self


class Origin(NamedTuple):
    """Where the options of a study come from, for error messages."""

    file: str = ""
    lines: Mapping[str, int] = {}
    """Dotted key -> line in that file."""
    size: str | None = None
    """The edition, quick or full."""
    overridden: tuple[str, ...] = ()
    """Dotted keys that were given elsewhere, so that no line has them."""


class StudySpec(Strict):
    """A designed experiment: arms with factors, repeated over seeds, and how they are compared."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    """What the study is called; its folder in the run store."""
    question: str
    """What it asks, in one sentence."""
    cost: str
    """What it takes, as measured once; --dry-run prints it until finished runs tell more."""
    base: dict[str, Any]
    """Options of all arms; keys may be dotted."""
    arms: Annotated[list[ArmSpec], Field(min_length=1)]
    """What is compared."""
    seeds: Seeds = 5
    """How many seeds, or which."""
    encoders: Annotated[list[str], AfterValidator(once)] = []
    """Several encoders: every arm is run on each, and its effect is reported on each and over
    all."""
    quick: Levels = Levels()
    """The cheaper edition."""
    full: Levels = Levels()
    """The larger edition."""
    report: ReportSpec
    """How it is analysed and drawn."""
    claims: list[ClaimSpec] = []
    """What its runs are asked to show; `--until decided` adds seeds until they do."""
    sequential: SequentialSpec = SequentialSpec()
    """How far `--until decided` may go."""
    _origin: Origin = PrivateAttr(Origin())

    @property
    def origin(self) -> Origin:
        """Where its options come from."""
        return self._origin

    def with_origin(self, origin: Origin) -> StudySpec:
        """A copy whose options come from elsewhere."""
        copy = self.model_copy()
        copy._origin = origin
        return copy

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
            raise ValueError(f"report.against: there is no arm {report.against}")
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
        self._check_claims()
        return self

    def check_against_level(self) -> None:
        """Refuse to compare arms with themselves at levels that none of them has.

        Raises:
            ValueError: There is such a level.
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
        options |= {f"arms.{i}.set": arm.set for i, arm in enumerate(self.arms)}
        for where, given in options.items():
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
                raise ValueError(f"arms.{i}.seeds: {strange[0]} is not a seed of the study")

    def _check_claims(self) -> None:
        once([claim.name for claim in self.claims])
        arms = {arm.name: arm for arm in self.arms}
        for i, claim in enumerate(self.claims):
            for side in ("first", "second"):
                choice = getattr(claim, side)
                for name in choice.names if choice else ():
                    where = f"claims.{i}.{side}"
                    try:
                        one_of(name, arms, "arm")
                    except ValueError as error:
                        raise ValueError(f"{where}: {error}") from None
                    for factor in (*choice.at, *choice.without):
                        _check_factor(where, factor, arms[name].sweep)

    @property
    def factors(self) -> dict[str, list[Any]]:
        """Every factor that some arm sweeps, with all levels that it has anywhere."""
        found: dict[str, list[Any]] = {}
        for arm in self.arms:
            for factor, levels in arm.sweep.items():
                known = found.setdefault(factor, [])
                known += [level for level in levels if level not in known]
        return found

    @property
    def seed_list(self) -> list[int]:
        """The seeds, one by one."""
        return _listed(self.seeds)
