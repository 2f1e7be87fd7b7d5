"""Evidence for claims: numbers of finished runs, and differences of arms with intervals."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from recse_lab.data.sts_sets import LABELS
from recse_lab.probes.distributions import NOMINAL
from recse_lab.probes.extreme_mass import extreme_mass
from recse_lab.probes.polarity import COSINE
from recse_lab.reports.paper.polarity_table import TASK, stsb_scores
from recse_lab.reports.paper.sts_table import sample_averages
from recse_lab.runs.collection import Arm, runs_of
from recse_lab.runs.comparing import Paired
from recse_lab.runs.samples import Sample, sts_samples
from recse_lab.runs.store import Run
from recse_lab.statistics.comparison import Comparison
from recse_lab.statistics.spread import Spread

LEVEL = 0.05


class NotRun(Exception):
    """Runs that are needed are not in the store."""

    verdict = "not run"


class NotMeasured(NotRun):
    """The runs of the store did not measure what the question is about."""

    verdict = "not measured"


class Estimate(NamedTuple):
    """Mean of some arms minus mean of others, seed by seed."""

    compared: Comparison
    spread: Spread
    """Variances of the mean difference, by new seeds and by new pairs."""
    differences: Float[np.ndarray, " seeds"]
    """The difference of every seed."""
    runs: tuple[Run, ...]
    planned: int
    """Number of seeds that the study plans."""
    pairs: int = 0
    """Number of sentence pairs; 0 where the number is not about pairs."""
    picked_from: int = 1
    """Number of levels that the compared one is the best of."""
    details: str = ""
    """What else the numbers say."""


@dataclass(frozen=True)
class Evidence:
    """The finished arms of one study and the numbers of their runs."""

    study: str
    arms: list[Arm]

    @cached_property
    def _averages(self) -> Mapping[str, Sample]:
        found = sample_averages(self.arms)
        return found or self._averages_of_common_tasks()

    def _averages_of_common_tasks(self) -> dict[str, Sample]:
        """Where no run has the seven tasks: over the tasks that all have."""
        runs = [run for run in runs_of(self.arms) if run.scores.is_file()]
        tasks = [set(run.record.sts.tasks) for run in runs]
        common = [task for task in LABELS if tasks and task in set.intersection(*tasks)]
        return sts_samples(runs, common) if common else {}

    def sts(self, run: Run) -> Sample:
        """Average of the seven STS tasks; of those that all runs have where none has the seven.

        Raises:
            NotRun: It has none.
        """
        if run.id not in self._averages:
            raise NotRun(f"run {run.id} of {self.study} has no average of STS tasks")
        return self._averages[run.id]

    def extreme(self, run: Run, scaling: str = NOMINAL) -> Sample:
        """Share of the STS-B scores in the outer 5 % at either end, of −1 … 1 or of the run's own
        range.

        Raises:
            NotRun: It has no scores of STS-B.
        """
        scores = stsb_scores(run)
        if scores is None:
            raise NotRun(f"run {run.id} of {self.study} has no scores of STS-B")
        value, influence = extreme_mass(scores["score"].to_numpy(float), COSINE, scaling)
        return Sample(value, influence, sts_samples([run], [TASK])[run.id].pairs)


def difference(
    first: Sequence[Arm],
    second: Sequence[Arm],
    number: Callable[[Run], Sample],
    *,
    picked_from: int = 1,
) -> Estimate:
    """Compare the means of two groups of arms, paired by seed.

    Args:
        first: The arms of a group.
        second: The arms it is compared with.
        number: The number of one run.
        picked_from: Number of levels that the compared one is the best of; the level of the
            interval is 1 − 5 % over that number.

    Raises:
        NotRun: No seed has finished in every arm.
    """
    paired = Paired(first, second, number)
    if not paired.runs:
        labels = ", ".join(arm.label for arm in paired.arms)
        raise NotRun(f"no seed has finished in all of {labels} of {paired.arms[0].study}")
    return Estimate(
        paired.compare(level=1 - LEVEL / picked_from),
        paired.spread,
        paired.first - paired.second,
        tuple(paired.distinct),
        max(arm.planned for arm in paired.arms),
        paired.first_influence.shape[1],
        picked_from,
    )
