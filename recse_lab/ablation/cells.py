"""From a point of a study's design to the configuration of its run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from recse_lab.ablation.spec import ArmSpec, StudySpec
from recse_lab.config.frameworks import framework_options
from recse_lab.config.overrides import assign, merge, without
from recse_lab.config.reading import make_config
from recse_lab.config.schema import RunConfig
from recse_lab.errors import LabError


def cell_config(spec: StudySpec, arm: ArmSpec, factors: Mapping[str, Any], seed: int) -> RunConfig:
    """The configuration of one cell: base, framework, what the arm sets, its levels, its seed.

    Args:
        spec: The study.
        arm: One of its arms.
        factors: Factor -> level, for every factor that the arm sweeps.
        seed: One of its seeds.

    Raises:
        LabError: It is not valid (names the arm, and file and line where they have the option).
    """
    place = f"arms.{spec.arms.index(arm)}"
    where = f"{spec.origin.file or f'experiment {spec.name}'} (arm {arm.name})"
    tree = merge(_with_framework(spec.base, arm.framework, spec), arm.set)
    factors, instead = _taken_from(arm, factors)
    for factor, level in factors.items():
        options = _options_of(arm, factor, level, where)
        tree = _with_framework(tree, options.pop("framework", None), spec)
        tree = merge(tree, options)
    tree = merge(tree, instead)
    if arm.baseline is not None:
        measured = f"{arm.baseline}@{tree.get('encoder', '')}"
        _check_baseline(measured, where, spec.origin.lines.get(f"{place}.baseline"))
        tree = merge(tree, {"encoder": measured, "training.steps": 0})
    tree = assign(tree, "seed", seed)
    return make_config(tree, where=where, lines=_lines_of(spec, place))


def _with_framework(tree: Mapping[str, Any], name: str | None, spec: StudySpec) -> dict[str, Any]:
    """Options updated with a framework's, whose reshape is the study's where the study has one."""
    if name is None:
        return dict(tree)
    options = framework_options(name)
    own, shared = options.get("reshape"), spec.base.get("reshape", {})
    if own is not None:
        # A shared one that is no mapping of options is refused when the configuration is made.
        own = {**shared, **own} if isinstance(shared, dict) else shared or own
    return merge(dict(tree), options | {"reshape": own})


def _taken_from(arm: ArmSpec, factors: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The levels whose run a cell takes by the rules of ``same``, and options that they set."""
    levels, options = dict(factors), {}
    for rule in arm.same:
        if all(levels.get(factor) == level for factor, level in rule.when.items()):
            levels = {factor: rule.then.get(factor, level) for factor, level in levels.items()}
            options |= {key: value for key, value in rule.then.items() if key not in levels}
    return levels, options


def _options_of(arm: ArmSpec, factor: str, level: Any, where: str) -> dict[str, Any]:
    levels = arm.sweep[factor]
    if not isinstance(levels, dict):
        return {factor: level}
    if level not in levels:
        raise LabError(
            f"{where}: same takes a run from {factor} {level}, which is left out here; "
            "keep that level."
        )
    return dict(levels[level])


def _lines_of(spec: StudySpec, place: str) -> dict[str, int]:
    """Dotted option of a cell -> its line in the study's file; what comes last wins."""
    lines, size = spec.origin.lines, spec.origin.size
    found: dict[str, int] = {}
    for group in ("base", f"{size}.set", f"{place}.set", f"{place}.sweep", f"{size}.sweep"):
        inside = f"{group}."
        found |= {k.removeprefix(inside): n for k, n in lines.items() if k.startswith(inside)}
    return without(found, spec.origin.overridden)


def _check_baseline(name: str, where: str, line: int | None) -> None:
    from recse_lab.models.baselines import parse_baseline  # imports torch

    try:
        parse_baseline(name)
    except LabError as error:
        place = f"{where}, line {line}" if line else where
        raise LabError(f"{place}: {error}") from None
