"""Editions of a study: quick or full, with options and seeds of the command line."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal

from recse_lab.ablation.spec import ArmSpec, Levels, StudySpec, check_sweep
from recse_lab.config.overrides import assign, merge
from recse_lab.errors import LabError


def edition(
    spec: StudySpec,
    *,
    size: Literal["quick", "full"] | None = None,
    overrides: Mapping[str, Any] = MappingProxyType({}),
    seeds: int | list[int] | None = None,
) -> StudySpec:
    """The quick or full edition of a study, with options and seeds of the user's.

    An override of a swept factor replaces its levels. Any other changes the base, and an arm's own
    ``set`` still wins, so that arms stay what their names say.

    Args:
        spec: The study as its file has it.
        size: The edition; None for the study itself.
        overrides: Options by dotted key, as ``--set`` takes them.
        seeds: How many seeds, or which.

    Raises:
        LabError: There is no such edition, or it leaves out a level that is needed.
    """
    levels: Levels = getattr(spec, size) if size else Levels()
    if size and levels == Levels():
        raise LabError(
            f"experiment {spec.name} has no {size} edition; leave out --{size}, "
            f"or say in `{size}:` what differs."
        )
    base = merge(spec.base, levels.set)
    sweeps = dict(levels.sweep)
    swept = {factor for arm in spec.arms for factor in arm.sweep}
    for key, value in overrides.items():
        if key in swept:
            sweeps[key] = value if isinstance(value, list) else [value]
        elif key == "seed":
            raise LabError("--set seed: a study sets the seed of every run itself; give --seeds.")
        else:
            base = assign(base, key, value)
    arms = [_with_levels(arm, sweeps) for arm in spec.arms]
    changes = {"base": base, "arms": arms}
    if (chosen := seeds if seeds is not None else levels.seeds) is not None:
        changes["seeds"] = chosen
    if size:
        changes["cost"] = levels.cost or f"unknown for the {size} edition"
    edited = spec.model_copy(update=changes)
    edited = edited.with_origin(spec.origin._replace(size=size, overridden=tuple(overrides)))
    try:
        check_sweep(sweeps)
        edited.check_against_level()
    except ValueError as error:
        raise LabError(f"experiment {spec.name}: {error}.") from None
    return edited


def _with_levels(arm: ArmSpec, sweeps: Mapping[str, list[Any]]) -> ArmSpec:
    """An arm whose factors have the chosen levels, where some are chosen."""
    sweep = {f: _levels(f, levels, sweeps.get(f)) for f, levels in arm.sweep.items()}
    return arm.model_copy(update={"sweep": sweep})


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
