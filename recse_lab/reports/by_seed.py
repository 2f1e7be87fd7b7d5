"""Runs of several arms that belong together: those of one seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

from recse_lab.runs.store import Run
from recse_lab.statistics.comparison import Comparison


@runtime_checkable
class Seeded(Protocol):
    """An arm with its finished runs by seed. No seed changes a ``seedless`` one."""

    @property
    def runs(self) -> Mapping[int, Run]: ...

    @property
    def seedless(self) -> bool: ...


def by_seed(arms: Sequence[Seeded]) -> list[tuple[Run, ...]]:
    """A run of every arm for each seed that all have; one that no seed changes meets every seed of the others."""
    if not all(arm.runs for arm in arms):
        return []
    seeds = [set(arm.runs) for arm in arms if not arm.seedless] or [set(arms[0].runs)]
    return [
        tuple(next(iter(arm.runs.values())) if arm.seedless else arm.runs[seed] for arm in arms)
        for seed in sorted(set.intersection(*seeds))
    ]


def about_seeds(found: Comparison, arms: Sequence[Seeded]) -> Comparison:
    """A comparison without its test where one seed stands for all: what its pairs tell is of these very models.

    Arms that no seed changes are no sample of seeds, and keep it.
    """
    if found.p is None or found.seeds > 1 or all(arm.seedless for arm in arms):
        return found
    return found._replace(low=None, high=None, p=None, why="one seed: no test")
