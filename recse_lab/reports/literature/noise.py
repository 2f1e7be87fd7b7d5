"""How far the difference of two encoders would move on new pairs, from stored scores."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy import stats

from recse_lab.data.sts_sets import SEVEN
from recse_lab.errors import LabError
from recse_lab.runs.collection import Arm
from recse_lab.runs.samples import Sample, sts_samples
from recse_lab.runs.store import Run
from recse_lab.statistics.sharing import pairs_covariance
from recse_lab.statistics.sts import by_task

LEAST = 0.5
"""Average of the seven tasks from which an encoder is taken into account."""
COPY = 0.99
"""Agreement from which two encoders are one method, trained a little further."""
PERCENTILES = (90, 50, 10)


class PairNoise(NamedTuple):
    """Two stored encoders of one backbone, and the difference of their averages on new pairs."""

    first: str
    second: str
    agreement: float
    """Spearman between the two encoders' scores of the same pairs, mean over tasks."""
    error: float
    """Standard error of the difference, in points."""
    independent: float
    """As if no two pairs shared a sentence."""

    @property
    def scale(self) -> float:
        """``error`` / √(1 − agreement), which hardly depends on the agreement."""
        return self.error / (1 - self.agreement) ** 0.5


class Noise(NamedTuple):
    """The noise of a difference on the seven tasks: scale · √(1 − agreement), in points."""

    pairs: list[PairNoise]
    scale: float
    """Median over the pairs of encoders."""
    agreements: tuple[float, float, float]
    """90th, 50th and 10th percentile of the agreement of two different methods."""
    ratio: float
    """Median ratio of a standard error to that of independent pairs."""
    runs: tuple[Run, ...] = ()
    """The runs that stand for the methods."""

    def error(self, agreement: float) -> float:
        """Standard error of a difference between methods of that agreement, in points."""
        return self.scale * (1 - agreement) ** 0.5

    @property
    def errors(self) -> tuple[float, float, float]:
        """Standard errors at ``agreements``, from the smallest."""
        close, middle, far = (self.error(agreement) for agreement in self.agreements)
        return close, middle, far


def measure_noise(arms: Sequence[Arm], least: float = LEAST) -> Noise:
    """Measure the noise of a difference between every two stored methods on one backbone.

    One run stands for each arm: the noise of new pairs hardly depends on the seed.

    Args:
        arms: Finished arms of the store.
        least: Lowest average of the seven tasks, −1 to 1.

    Raises:
        LabError: No two arms on one backbone reach ``least`` on the same pairs with known
            sentences.
    """
    runs = {arm.distinct[0].id: arm for arm in arms if _usable(arm, least)}
    samples = sts_samples([arm.distinct[0] for arm in runs.values()], SEVEN)
    known = {name: s for name, s in samples.items() if s.pairs.shared is not None}
    ranks = {name: _ranks(runs[name].distinct[0]) for name in known}
    pairs = [
        _between(runs[a].label, runs[b].label, known[a], known[b], _agreement(ranks[a], ranks[b]))
        for a, b in combinations(known, 2)
        if known[a].pairs == known[b].pairs and runs[a].encoder == runs[b].encoder
    ]
    different = [pair for pair in pairs if pair.agreement < COPY]
    if not different:
        raise LabError(
            f"no two methods on one backbone average at least {100 * least:.0f} on the seven STS "
            "tasks here, so the noise of a published difference cannot be measured; "
            "`recse-lab ablate arms --corpus CORPUS --data-dir SENTEVAL` stores some."
        )
    close, middle, far = np.percentile([pair.agreement for pair in different], PERCENTILES)
    return Noise(
        different,
        float(np.median([pair.scale for pair in different])),
        (float(close), float(middle), float(far)),
        float(np.median([pair.error / pair.independent for pair in different])),
        tuple(runs[name].distinct[0] for name in known),
    )


def _usable(arm: Arm, least: float) -> bool:
    if not arm.runs:
        return False
    run = arm.distinct[0]
    sts = run.record.sts
    value = sts.average.spearman.all
    seven = set(sts.average.tasks) == set(SEVEN)
    return run.scores.is_file() and seven and value is not None and value >= least


def _ranks(run: Run) -> dict[str, Float[np.ndarray, " pairs"]]:
    """Ranks of the scores of each task."""
    scores = by_task(run.read_scores())
    return {task: stats.rankdata(scores[task]["score"].to_numpy()) for task in SEVEN}


def _agreement(first: dict[str, np.ndarray], second: dict[str, np.ndarray]) -> float:
    return float(np.mean([np.corrcoef(first[task], second[task])[0, 1] for task in SEVEN]))


def _between(first: str, second: str, a: Sample, b: Sample, agreement: float) -> PairNoise:
    difference = (a.influence - b.influence)[None]
    variance, independent = pairs_covariance(difference, a.pairs.shared).of_mean()
    return PairNoise(first, second, agreement, 100 * variance**0.5, 100 * independent**0.5)
