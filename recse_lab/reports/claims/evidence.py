"""Numbers of finished runs, and differences of arms in them with their two sources of chance: what claims are judged by."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from recse_lab.probes.distributions import NOMINAL, counted, shape
from recse_lab.probes.polarity import COSINE
from recse_lab.reports.by_seed import about_seeds, by_seed
from recse_lab.reports.paper.arms import Arm, mean
from recse_lab.reports.paper.polarity_table import stsb_scores
from recse_lab.reports.paper.sts_table import average, resample
from recse_lab.reports.resamples import RESAMPLES, Resampled
from recse_lab.runs.store import Run
from recse_lab.statistics.comparison import Comparison, compare_resampled
from recse_lab.statistics.spread import spread_over_both, spread_over_pairs

LEVEL = 0.05


class NotRun(Exception):
    """Runs that are needed are not in the store."""

    verdict = "not run"


class NotMeasured(NotRun):
    """What the runs of the store measured does not answer the question."""

    verdict = "not measured"


class Drawn(NamedTuple):
    """A number of one run on all pairs, and on resamples of them."""

    point: float
    boot: Float[np.ndarray, " resamples"]


class Estimate(NamedTuple):
    """Mean of some arms minus mean of others, seed by seed."""

    compared: Comparison
    seeds_sd: float
    """Standard deviation of the difference over seeds; NaN with one."""
    pairs_variance: float
    """Of the mean difference, from drawing other pairs: no number of seeds takes it away."""
    runs: tuple[Run, ...]
    planned: int
    """Seeds that the study asks for."""
    told: str = ""
    """What else the numbers say."""


@dataclass(frozen=True)
class Evidence:
    """Finished arms of one study, and the numbers of their runs."""

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
        told = ", ".join(f"{factor.replace('_', ' ')} {level}" for factor, level in levels.items())
        raise NotRun(f"{self.study} has no finished run of {name}{f' at {told}' if told else ''}")

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

    def sts(self, run: Run) -> Drawn:
        """Average of the seven STS tasks.

        Raises:
            NotRun: It has none.
        """
        found = average(run)
        if found is None or run.id not in self._resampled:
            raise NotRun(f"run {run.id} of {self.study} has no average of the seven STS tasks")
        return Drawn(found, self._resampled[run.id].averages)

    def extreme(self, run: Run, scaling: str = NOMINAL) -> Drawn:
        """Share of the STS-B scores in the outer 5 % at either end, of −1 … 1 or of the run's own range.

        Raises:
            NotRun: It has no scores of STS-B.
        """
        scores = stsb_scores(run)
        if scores is None:
            raise NotRun(f"run {run.id} of {self.study} has no scores of STS-B")
        counts = counted(len(scores), RESAMPLES, np.random.default_rng(0))
        shares = shape(scores["score"].to_numpy(float), counts, COSINE)[f"extreme mass ({scaling})"]
        return Drawn(float(shares[0]), shares[1:])


def _keyword(factor: str) -> str:
    return factor.replace(".", "_").replace(" ", "_")


def difference(
    first: Sequence[Arm],
    second: Sequence[Arm],
    number: Callable[[Run], Drawn],
    *,
    picked_from: int = 1,
) -> Estimate:
    """Of two groups of arms, each the mean of its members, over the seeds that all have; one that no seed changes meets every seed.

    ``picked_from``: of how many levels the compared one is the best; its interval is at 1 − 5 % over that number.

    Raises:
        NotRun: No seed has finished in every arm.
    """
    arms = (*first, *second)
    rows = by_seed(arms)
    if not rows:
        raise NotRun(
            f"no seed has finished in all of {', '.join(arm.label for arm in arms)} of {arms[0].study}"
        )
    used = {run.folder: run for row in rows for run in row}
    numbers = {folder: number(run) for folder, run in used.items()}

    def group(members: slice) -> tuple[np.ndarray, np.ndarray]:
        drawn = [[numbers[run.folder] for run in row[members]] for row in rows]
        points = np.array([np.mean([d.point for d in of_seed]) for of_seed in drawn])
        return points, np.stack(
            [np.mean([d.boot for d in of_seed], axis=0) for of_seed in drawn], axis=1
        )

    (a, boot_a), (b, boot_b) = group(slice(len(first))), group(slice(len(first), None))
    found = about_seeds(
        compare_resampled(a, b, boot_a, boot_b, level=1 - LEVEL / picked_from), arms
    )
    one = len(rows) == 1
    spread = spread_over_pairs(boot_a - boot_b) if one else spread_over_both(a - b, boot_a - boot_b)
    sd = float("nan") if one else float(np.std(a - b, ddof=1))
    return Estimate(found, sd, spread.pairs, tuple(used.values()), max(arm.planned for arm in arms))


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
