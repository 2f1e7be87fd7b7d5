"""The numbers of a study: averages, intervals and comparisons of its arms, from stored scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from recse_lab.config.overrides import flatten
from recse_lab.data.sts_sets import DISJOINT, LABELS, SEVEN
from recse_lab.errors import LabError
from recse_lab.evaluation.protocols import SUITES
from recse_lab.reports.study.measures import measure_run
from recse_lab.runs.collection import ENCODER, Arm, StudyCollection, read_study
from recse_lab.runs.comparing import Paired, compare_across
from recse_lab.runs.records import StoredReport
from recse_lab.runs.samples import Sample, sts_samples
from recse_lab.runs.store import Run
from recse_lab.statistics import Comparison, Interval, holm, mean_interval
from recse_lab.statistics.encoders import AcrossEncoders
from recse_lab.statistics.factorial import factorial_effects
from recse_lab.statistics.letters import compact_letters
from recse_lab.statistics.seeds import SeedVariance, seed_variance

LEVEL = 0.05
"""Of all tests, after adjustment."""

MOST_LETTERED = 24
"""Arms of a study whose table has letters; more are too many to compare with each other."""


SEED_PARTS = {"seeds.init", "seeds.order", "seeds.dropout"}
"""Options that fix a part of the randomness."""


@dataclass(frozen=True)
class Compared:
    """An arm compared with its reference."""

    arm: Arm
    reference: Arm | None
    """None where the reference arm was not run at the levels of ``arm``."""
    comparison: Comparison
    p: float | None
    """Adjusted by Holm over all distinct comparisons; None without a test."""

    @property
    def significant(self) -> bool:
        """Whether the adjusted test is significant."""
        return self.p is not None and self.p < LEVEL

    @property
    def hypothesis(self) -> tuple[frozenset[str], frozenset[str]]:
        """What is compared: two rows of the same runs are one hypothesis and count once."""
        return _hypothesis(self.arm, self.reference)


class BestControl(NamedTuple):
    """The best level of the arms against the best control."""

    arm: Arm
    control: Arm
    comparison: Comparison
    picked_from: int
    """Number of levels that the best one was picked from."""

    @property
    def p(self) -> float | None:
        """Adjusted by Bonferroni: the best of several levels was picked by its score."""
        found = self.comparison.p
        return None if found is None else min(1.0, found * self.picked_from)


class Across(NamedTuple):
    """An arm over all encoders of its study."""

    label: str
    """The arm and its levels, without the encoder."""
    parts: list[Compared]
    """Its comparison on each encoder."""
    over: AcrossEncoders
    p: float | None
    """Of the mean, adjusted by Holm over all arms."""
    interaction_p: float | None
    """Of equal effects on all encoders, adjusted alike."""


class Detectable(NamedTuple):
    """What the median comparison of a study could detect."""

    seeds: int
    difference: float
    """Raw difference that one unadjusted comparison finds in 80 % of studies."""
    pairs_share: float
    """Share of its variance that more seeds do not reduce."""


class StudyNumbers:
    """The stored runs of a study and every number of its report.

    Args:
        study: Arms with their finished runs.

    Raises:
        LabError: No cell of the study has finished.
    """

    def __init__(self, study: StudyCollection) -> None:
        self.study = study
        if not study.runs:
            raise LabError(
                f"{study.folder}: none of its {len(study.record.cells)} cells has finished; "
                "run `recse-lab ablate` again."
            )

    @property
    def report(self) -> StoredReport:
        """What the study asks its report to show."""
        return self.study.record.spec.report

    @property
    def against(self) -> str:
        """Name of the reference arm."""
        return self.report.against or ""

    @cached_property
    def tasks(self) -> list[str]:
        """Tasks that every finished run has scores of: the seven if possible.

        Raises:
            LabError: The runs have no task in common.
        """
        common = set.intersection(*(set(run.record.sts.tasks) for run in self.study.runs))
        for suite in SUITES:
            if set(suite) <= common:
                return list(suite)
        if not common:
            raise LabError(
                f"{self.study.folder}: its runs tested no common task, so there is nothing to "
                "compare."
            )
        return [task for task in LABELS if task in common]

    @property
    def seven(self) -> bool:
        """Whether the primary number averages the seven STS tasks."""
        return len(self.tasks) == len(SEVEN)

    @property
    def metric(self) -> str:
        """Name of the primary number."""
        if self.tasks == list(DISJOINT):
            return "average of the seven STS tasks without shared pairs"
        if self.seven:
            return "average of the seven STS tasks"
        return " and ".join(LABELS[task] for task in self.tasks)

    # ---- of a run ------------------------------------------------------------------------------

    def score(self, run: Run, task: str) -> float:
        """Spearman of a task over pooled pairs, raw; NaN where undefined."""
        value = run.record.sts.spearman(task)
        return float("nan") if value is None else value

    def primary(self, run: Run) -> float:
        """Mean of ``score`` over the tasks."""
        return float(np.mean([self.score(run, task) for task in self.tasks]))

    def sample(self, run: Run) -> Sample:
        """Primary number of a run, with the influence of each pair on it.

        Raises:
            LabError: Two runs were tested on different pairs.
        """
        return self.samples[run.id]

    @cached_property
    def samples(self) -> dict[str, Sample]:
        """Primary number of every run, by id.

        Raises:
            LabError: Two runs were tested on different pairs.
        """
        found = sts_samples(self.study.runs, self.tasks)
        if len({each.pairs for each in found.values()}) > 1:
            raise LabError(
                f"{self.study.folder}: its runs were tested on different pairs; run them again "
                "with --rerun all."
            )
        return found

    @cached_property
    def measures(self) -> dict[str, dict[str, float]]:
        """Measures of the spread of scores, by run id."""
        return {run.id: measure_run(run) for run in self.study.runs}

    # ---- of an arm -----------------------------------------------------------------------------

    def level(self, arm: Arm) -> Any:
        """Level of the factor on the horizontal axis; None where the arm does not sweep it."""
        return arm.factors.get(self.report.x) if self.report.x else None

    def label(self, arm: Arm) -> str:
        """Name of an arm with its levels."""
        if list(arm.factors) in ([], [self.report.x]):
            level = self.level(arm)
            return arm.name if level is None else f"{arm.name} at {level}"
        return f"{arm.name} at {arm.levels}"

    def mean(self, arm: Arm) -> float | None:
        """Mean over seeds of the primary number; None where undefined or not run."""
        return mean([self.primary(run) for run in arm.runs.values()])

    def interval(self, arm: Arm) -> Interval | None:
        """Interval of the mean over seeds, for new seeds and new pairs."""
        if not arm.runs:
            return None
        samples = [self.sample(run) for run in arm.runs.values()]
        points = np.array([sample.point for sample in samples])
        influences = np.stack([sample.influence for sample in samples])
        found = mean_interval(points, influences, samples[0].pairs.shared)
        return found if np.isfinite(found.low) else None

    # ---- comparisons ---------------------------------------------------------------------------

    def reference(self, arm: Arm) -> Arm | None:
        """What an arm is compared with.

        The reference arm at the same levels of the factors that both sweep; or, where the report
        names ``against_level``, the arm itself at that level. None where neither exists.
        """
        against_level = self.report.against_level
        wanted = {**arm.factors, **against_level}
        if against_level.keys() <= arm.factors.keys() and wanted != arm.factors:
            for own in self.study.arms:
                if own.name == arm.name and own.factors == wanted:
                    return own
        for other in self.study.arms:
            levels_agree = all(
                arm.factors.get(factor, level) == level for factor, level in other.factors.items()
            )
            if other.name == self.against and levels_agree:
                return other
        return None

    def compare(self, arm: Arm, other: Arm) -> Comparison:
        """Compare the primary number of two arms; there is no test with one seed."""
        return Paired(arm, other, self.sample).compare()

    @cached_property
    def comparisons(self) -> list[Compared]:
        """Every arm but the reference, against its reference."""
        found = []
        for arm in self.study.arms:
            if arm.name != self.against:
                reference = self.reference(arm)
                comparison = self.compare(arm, reference) if reference else self._not_compared()
                found.append((arm, reference, comparison))
        distinct = {_hypothesis(arm, other): test.p for arm, other, test in found}
        adjusted = dict(zip(distinct, holm(list(distinct.values())), strict=True))
        return [
            Compared(arm, other, test, adjusted[_hypothesis(arm, other)])
            for arm, other, test in found
        ]

    def _not_compared(self) -> Comparison:
        return Comparison(
            delta=float("nan"),
            low=None,
            high=None,
            p=None,
            level=1 - LEVEL,
            seeds=0,
            population="both",
            method="none",
            why=f"{self.against} was not run at its level",
        )

    @property
    def several_encoders(self) -> bool:
        """Whether every arm was run on more than one encoder."""
        return ENCODER in self.study.factors

    @cached_property
    def across(self) -> list[Across]:
        """Every arm that was compared on two encoders or more, over all of them.

        Its p and that of its interaction are adjusted by Holm's method over these arms.
        """
        groups: dict[str, list[Compared]] = {}
        for compared in self.comparisons:
            arm = compared.arm
            if ENCODER in arm.factors and compared.comparison.seeds and compared.reference:
                levels = {name: v for name, v in arm.factors.items() if name != ENCODER}
                groups.setdefault(replace(arm, factors=levels).label, []).append(compared)
        found = {}
        for label, parts in groups.items():
            if len(parts) > 1:
                sides = [(c.arm, c.reference) for c in parts if c.reference]
                found[label] = (parts, compare_across([Paired(*s, self.sample) for s in sides]))
        adjusted = holm([over.p for _, over in found.values()])
        interactions = holm([over.interaction_p for _, over in found.values()])
        return [
            Across(label, parts, over, p, apart)
            for (label, (parts, over)), p, apart in zip(
                found.items(), adjusted, interactions, strict=True
            )
        ]

    @cached_property
    def letters(self) -> dict[str, str]:
        """Letters by label: arms that share one are not significantly different.

        All pairs of arms are compared, with Holm's correction over them; the best arm has an ``a``.
        Empty with more than ``MOST_LETTERED`` arms, with several encoders, or where an arm cannot
        be compared.
        """
        arms = sorted((a for a in self.study.arms if a.runs), key=self._rank, reverse=True)
        if self.several_encoders or not 2 < len(arms) <= MOST_LETTERED:
            return {}
        pairs = list(combinations(range(len(arms)), 2))
        p = [self.compare(arms[i], arms[j]).p for i, j in pairs]
        # Arms of the same runs have no test, and are not different.
        different = np.zeros((len(arms), len(arms)), bool)
        if all(each is None for each in p):
            return {}
        for (i, j), adjusted in zip(pairs, holm(p), strict=True):
            different[i, j] = different[j, i] = adjusted is not None and adjusted < LEVEL
        letters = compact_letters(different)
        return {arm.label: each for arm, each in zip(arms, letters, strict=True)}

    @cached_property
    def levels_in_question(self) -> list[Compared]:
        """Comparisons of the arms that the study is about, each hypothesis once."""
        swept = [c for c in self.comparisons if c.arm.role == "arm" and c.comparison.seeds]
        if self.report.against_level:
            swept = [c for c in swept if c.reference and c.reference.name == c.arm.name]
        first: dict[Any, Compared] = {}
        for compared in swept:
            first.setdefault(compared.hypothesis, compared)
        return list(first.values())

    @cached_property
    def detectable(self) -> Detectable | None:
        """What the median comparison could detect; None where none has two seeds."""
        spreads = [
            Paired(c.arm, c.reference, self.sample).spread
            for c in self.levels_in_question
            if c.p is not None and c.reference is not None and c.comparison.seeds >= 2
        ]
        if not spreads:
            return None
        ranked = sorted((spread.detectable(), spread) for spread in spreads)
        difference, spread = ranked[len(ranked) // 2]
        return Detectable(spread.n, difference, spread.pairs / spread.total)

    @cached_property
    def best_control(self) -> BestControl | None:
        """The best level in question against the best control; None where either is missing, and
        with several encoders.
        """
        arms = [c.arm for c in self.levels_in_question if c.arm.runs]
        controls = [arm for arm in self.study.arms if arm.role == "control" and arm.runs]
        if self.several_encoders or not arms or not controls:
            return None
        arm, control = (max(group, key=self._rank) for group in (arms, controls))
        return BestControl(arm, control, self.compare(arm, control), len(arms))

    def _rank(self, arm: Arm) -> float:
        value = self.mean(arm)
        return float("-inf") if value is None else value

    @cached_property
    def seed_parts(self) -> dict[str, SeedVariance]:
        """Spread over seeds by the part of the randomness that they change, where arms fix others.

        An arm that sets two of ``seeds.init``, ``seeds.order`` and ``seeds.dropout`` lets its seeds
        change the third alone; the reference arm lets them change all.
        """
        found = {}
        whole = self._values(self.against)
        for arm in self.study.record.spec.arms:
            fixed = {key for key in flatten(arm.set) if key.startswith("seeds.")}
            if len(free := SEED_PARTS - fixed) == 1 and arm.name != self.against:
                part = next(iter(free)).removeprefix("seeds.")
                found[part] = seed_variance(self._values(arm.name), whole)
        return found

    def _values(self, name: str) -> list[float]:
        runs = [run for arm in self.study.arms if arm.name == name for run in arm.distinct]
        return [self.primary(run) for run in runs]

    # ---- frames --------------------------------------------------------------------------------

    @cached_property
    def frame(self) -> pd.DataFrame:
        """One row per arm with an interval: what the figure draws.

        Returns:
            The columns arm, role, x, y, value, low, high, band (whether it is the reference arm),
            and one per factor. Scores are raw.
        """
        rows = []
        for arm in self.study.arms:
            interval = self.interval(arm)
            if interval is not None:
                y = self.report.y
                rows.append(
                    {
                        "arm": arm.name,
                        "role": arm.role,
                        "x": self.level(arm),
                        "y": arm.factors.get(y) if y else None,
                        "value": interval.estimate,
                        "low": interval.low,
                        "high": interval.high,
                        "band": arm.name == self.against,
                        **arm.factors,
                    }
                )
        return pd.DataFrame(rows)

    @cached_property
    def seed_frame(self) -> pd.DataFrame:
        """One row per run of the arms that sweep all factors of ``effects``.

        Returns:
            One column per factor, and seed, run and value (primary number, raw).
        """
        rows = []
        for arm in self._factorial_arms:
            levels = {factor: arm.factors[factor] for factor in self.report.effects}
            rows += [
                {**levels, "seed": seed, "run": run.id, "value": self.primary(run)}
                for seed, run in arm.runs.items()
            ]
        return pd.DataFrame(rows)

    @cached_property
    def effects(self) -> pd.DataFrame | None:
        """Main effects and two-way interactions, where the report names factors of a factorial.

        None with several encoders: a factorial is one encoder's.
        """
        if (
            self.several_encoders
            or not self.report.effects
            or not any(arm.runs for arm in self._factorial_arms)
        ):
            return None
        return factorial_effects(self.seed_frame, "value", self.report.effects, run="run")

    @property
    def _factorial_arms(self) -> list[Arm]:
        factors = set(self.report.effects)
        return [arm for arm in self.study.arms if factors <= arm.factors.keys()]


def read_numbers(folder: Path) -> StudyNumbers:
    """Read the numbers of a stored study.

    Raises:
        LabError: There is no study in the folder, none of its cells has finished, or a file is
            damaged.
    """
    return StudyNumbers(read_study(folder))


def mean(values: Sequence[float]) -> float | None:
    """Mean; None where there is no value or an undefined one."""
    return None if not values or not np.isfinite(values).all() else float(np.mean(values))


def standard_deviation(values: Sequence[float]) -> float | None:
    """Standard deviation over seeds; None with one."""
    return float(np.std(values, ddof=1)) if len(values) > 1 else None


def _hypothesis(arm: Arm, reference: Arm | None) -> tuple[frozenset[str], frozenset[str]]:
    own = frozenset(run.id for run in arm.runs.values()) or frozenset([arm.label])
    other = frozenset(run.id for run in reference.runs.values()) if reference else frozenset[str]()
    return own, other
