"""Evidence for claims: numbers of finished runs, and differences of arms with intervals."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from recse_lab.probes.distributions import NOMINAL, counted, shape
from recse_lab.probes.polarity import COSINE
from recse_lab.reports.paper.arms import mean
from recse_lab.reports.paper.polarity_table import stsb_scores
from recse_lab.reports.paper.sts_table import average, resample
from recse_lab.reports.resamples import RESAMPLES, Resampled
from recse_lab.runs.collection import Arm
from recse_lab.runs.comparing import Paired, Sample
from recse_lab.runs.store import Run
from recse_lab.statistics.comparison import Comparison

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
    seeds_sd: float
    """Standard deviation of the difference over seeds; NaN with one."""
    pairs_variance: float
    """Variance of the mean difference from drawing new pairs; more seeds do not reduce it."""
    runs: tuple[Run, ...]
    planned: int
    """Number of seeds that the study plans."""
    details: str = ""
    """What else the numbers say."""


@dataclass(frozen=True)
class Evidence:
    """The finished arms of one study and the numbers of their runs."""

    study: str
    arms: list[Arm]

    def arm(self, name: str, **levels: Any) -> Arm:
        """The arm of that name at these levels of its factors, whose names have _ for blanks and dots.

        Raises:
            NotRun: It has no finished run.
        """
        wanted = {factor: str(level) for factor, level in levels.items()}
        for arm in self.arms:
            if (
                arm.name == name
                and {_keyword(factor): str(level) for factor, level in arm.factors.items()}
                == wanted
            ):
                return arm
        wanted_levels = ", ".join(
            f"{factor.replace('_', ' ')} {level}" for factor, level in levels.items()
        )
        raise NotRun(
            f"{self.study} has no finished run of {name}{f' at {wanted_levels}' if wanted_levels else ''}"
        )

    def levels(self, name: str) -> list[Arm]:
        """Every level of an arm.

        Raises:
            NotRun: None has a finished run.
        """
        found = [arm for arm in self.arms if arm.name == name]
        if not found:
            raise NotRun(f"{self.study} has no finished run of {name}")
        return found

    @cached_property
    def _resampled(self) -> Mapping[str, Resampled]:
        return resample(self.arms)

    def sts(self, run: Run) -> Sample:
        """Average of the seven STS tasks.

        Raises:
            NotRun: It has none.
        """
        found = average(run)
        if found is None or run.id not in self._resampled:
            raise NotRun(f"run {run.id} of {self.study} has no average of the seven STS tasks")
        return Sample(found, self._resampled[run.id].averages)

    def extreme(self, run: Run, scaling: str = NOMINAL) -> Sample:
        """Share of the STS-B scores in the outer 5 % at either end, of −1 … 1 or of the run's own range.

        Raises:
            NotRun: It has no scores of STS-B.
        """
        scores = stsb_scores(run)
        if scores is None:
            raise NotRun(f"run {run.id} of {self.study} has no scores of STS-B")
        counts = counted(len(scores), RESAMPLES, np.random.default_rng(0))
        shares = shape(scores["score"].to_numpy(float), counts, COSINE)[f"extreme mass ({scaling})"]
        return Sample(float(shares[0]), shares[1:])


def _keyword(factor: str) -> str:
    return factor.replace(".", "_").replace(" ", "_")


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
    differences = paired.first - paired.second
    return Estimate(
        paired.compare(level=1 - LEVEL / picked_from),
        float("nan") if len(differences) == 1 else float(np.std(differences, ddof=1)),
        paired.spread.pairs,
        tuple(paired.distinct),
        max(arm.planned for arm in paired.arms),
    )


def best(arms: Sequence[Arm]) -> Arm:
    """The arm with the highest STS average.

    Raises:
        NotRun: None has one.
    """
    means = [
        (value, k)
        for k, arm in enumerate(arms)
        if (value := mean([average(run) for run in arm.distinct])) is not None
    ]
    if not means:
        raise NotRun(f"no arm of {arms[0].study} has an average of the seven STS tasks")
    return arms[max(means)[1]]
