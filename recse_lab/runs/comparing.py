"""Compare arms by a number of their runs: paired by seed, and on the same sentence pairs.

``recse_lab.statistics.comparison`` has the mathematics; ``number`` gives one run's value and the
influence of each pair on it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property

import numpy as np
from jaxtyping import Float

from recse_lab.runs.collection import Arm
from recse_lab.runs.samples import Sample, TestPairs
from recse_lab.runs.store import Run
from recse_lab.statistics.comparison import Comparison, Population, compare_influences
from recse_lab.statistics.encoders import AcrossEncoders, across_encoders
from recse_lab.statistics.sharing import SharedSentences, pairs_covariance
from recse_lab.statistics.spread import Spread, spread_over_both, spread_over_pairs


class Paired:
    """A number of two arms, or the mean of it over two groups of arms, seed by seed.

    Args:
        first: An arm, or the arms of a group.
        second: What it is compared with.
        number: The number of one run; every run must have it.

    Attributes:
        runs: One row of runs per common seed: those of ``first``, then those of ``second``.
        first, second: Values, shape ``seeds``.
        first_influence, second_influence: Of each pair on the values, shape ``seeds pairs``.
        pairs: What the numbers were computed on; None without a common seed.

    Raises:
        ValueError: The runs were tested on different pairs.
    """

    def __init__(
        self,
        first: Arm | Sequence[Arm],
        second: Arm | Sequence[Arm],
        number: Callable[[Run], Sample],
    ) -> None:
        groups = [[arm] if isinstance(arm, Arm) else list(arm) for arm in (first, second)]
        self.arms = [*groups[0], *groups[1]]
        self.runs = by_seed(self.arms)
        samples = {run.folder: number(run) for run in self.distinct}
        size = len(groups[0])
        sides = [[row[:size] for row in self.runs], [row[size:] for row in self.runs]]
        tested = {sample.pairs for sample in samples.values()}
        if len(tested) > 1:
            raise ValueError("runs that were tested on different pairs are not comparable")
        self.pairs: TestPairs | None = next(iter(tested), None)
        (self.first, self.first_influence), (self.second, self.second_influence) = (
            _means([[samples[run.folder] for run in row] for row in side]) for side in sides
        )

    @cached_property
    def distinct(self) -> list[Run]:
        """All runs that are compared, each once."""
        return list({run.folder: run for row in self.runs for run in row}.values())

    @property
    def seedless(self) -> bool:
        """Whether no seed changes any of the arms."""
        return all(arm.seedless for arm in self.arms)

    @property
    def shared(self) -> SharedSentences | None:
        """Which pairs share sentences; None where they count as independent."""
        return self.pairs.shared if self.pairs else None

    @property
    def spread(self) -> Spread:
        """Variance of the mean difference; over pairs alone with one seed."""
        influences = self.first_influence - self.second_influence
        covariance = pairs_covariance(influences, self.shared)
        if len(self.runs) == 1:
            return spread_over_pairs(covariance)
        return spread_over_both(self.first - self.second, covariance)

    def compare(
        self, *, level: float = 0.95, one_seed: bool = False, independent: bool = False
    ) -> Comparison:
        """Compare ``first`` minus ``second``, for new seeds and new pairs (population: both).

        Arms that no seed changes are compared for new pairs alone.

        Args:
            level: Of the interval.
            one_seed: Keep the test over pairs where a single seed stands for all seeds; it is then
                a statement about these models. Without it such a comparison has no test.
            independent: Take pairs as independent although some share sentences.
        """
        population: Population = "pairs" if self.seedless else "both"
        found = compare_influences(
            self.first,
            self.second,
            self.first_influence,
            self.second_influence,
            None if independent else self.shared,
            population=population,
            level=level,
        )
        return found if one_seed else about_seeds(found, self.arms)


def compare_arms(
    first: Arm | Sequence[Arm],
    second: Arm | Sequence[Arm],
    number: Callable[[Run], Sample],
    *,
    level: float = 0.95,
    one_seed: bool = False,
) -> Comparison:
    """Compare two arms, or the means of two groups of arms; see ``Paired``.

    Args:
        first: An arm, or the arms of a group.
        second: What it is compared with.
        number: The number of one run.
        level: Of the interval.
        one_seed: Keep the test over pairs where a single seed stands for all seeds.

    Returns:
        The difference ``first`` minus ``second``; without interval and test if no seed has
        finished in all arms, and then ``why`` says so.
    """
    return Paired(first, second, number).compare(level=level, one_seed=one_seed)


def compare_across(encoders: Sequence[Paired], *, level: float = 0.95) -> AcrossEncoders:
    """One difference on several encoders, for new encoders, new seeds and new pairs.

    Args:
        encoders: The difference on each encoder, all tested on the same pairs.
        level: Of the intervals.

    Raises:
        ValueError: They were tested on different pairs.
    """
    if len({each.pairs for each in encoders}) > 1:
        raise ValueError("encoders that were tested on different pairs are not comparable")
    spreads = [each.spread for each in encoders]
    influences = np.stack([(e.first_influence - e.second_influence).mean(0) for e in encoders])
    pairs = pairs_covariance(influences, encoders[0].shared).sharing.copy()
    np.fill_diagonal(pairs, [spread.pairs for spread in spreads])
    return across_encoders(
        np.array([float((each.first - each.second).mean()) for each in encoders]),
        np.array([spread.seeds for spread in spreads]),
        np.array([spread.n - 1.0 for spread in spreads]),
        pairs,
        level=level,
    )


def by_seed(arms: Sequence[Arm]) -> list[tuple[Run, ...]]:
    """The runs of all arms for each seed that all have.

    An arm that no seed changes is paired with every seed of the others.
    """
    if not all(arm.runs for arm in arms):
        return []
    seeds = [set(arm.runs) for arm in arms if not arm.seedless] or [set(arms[0].runs)]
    return [
        tuple(next(iter(arm.runs.values())) if arm.seedless else arm.runs[seed] for arm in arms)
        for seed in sorted(set.intersection(*seeds))
    ]


def about_seeds(found: Comparison, arms: Sequence[Arm]) -> Comparison:
    """A comparison without its test if one seed stands for all: its pairs are about these models.

    Arms that no seed changes are not a sample of seeds, and keep their test.
    """
    if found.p is None or found.seeds > 1 or all(arm.seedless for arm in arms):
        return found
    return found._replace(low=None, high=None, p=None, why="one seed: no test")


def _means(
    rows: Sequence[Sequence[Sample]],
) -> tuple[Float[np.ndarray, " seeds"], Float[np.ndarray, "seeds pairs"]]:
    """Mean over the arms of a group, by seed."""
    if not rows:
        return np.empty(0), np.empty((0, 0))
    points = np.array([np.mean([sample.point for sample in row]) for row in rows], float)
    return points, np.stack([np.mean([s.influence for s in row], axis=0) for row in rows])
