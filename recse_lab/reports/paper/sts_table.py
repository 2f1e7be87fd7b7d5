"""Seven STS tasks and their average, a row an arm; in each study the best, and what cannot be told
apart from it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from recse_lab.data.sts_sets import LABELS, SEVEN
from recse_lab.errors import LabError
from recse_lab.evaluation.protocols import AGGREGATIONS, SUITES
from recse_lab.reports.paper.arms import (
    IDENTITY,
    LEVEL,
    NOT_COMPARED,
    NOT_COMPARED_NOTE,
    SAME,
    identity,
    kind,
    mean,
    mean_cell,
    protocol,
)
from recse_lab.reports.paper.request import Ask, published_rows
from recse_lab.reports.provenance import provenance
from recse_lab.reports.published import sts_rows
from recse_lab.reports.tables import Cell, Column, Row, Table
from recse_lab.runs.collection import Arm, runs_of
from recse_lab.runs.comparing import by_seed, compare_arms
from recse_lab.runs.samples import Sample, sts_samples
from recse_lab.runs.store import Run
from recse_lab.statistics import Comparison, holm, mean_interval

QUESTION = (
    "Which arms and encoders do best on the seven STS tasks, and which differences are larger "
    "than chance?"
)


def tasks_of(run: Run) -> tuple[str, ...]:
    """The seven tasks of a run's protocol: MTEB's SICK-R is all 9,927 pairs."""
    averaged = set(run.record.sts.average.tasks)
    return next((suite for suite in SUITES if averaged == set(suite)), SEVEN)


def aggregation_of(run: Run, ask: Ask) -> str:
    """What is printed of a run: what was asked for, or what its protocol prints first."""
    return ask.aggregation or run.record.sts.aggregations[0]


def spearman(run: Run, task: str, aggregation: str = "all") -> float | None:
    """Spearman of one task, raw; None where the run has none."""
    return run.record.sts.spearman(task, aggregation)


def average(run: Run, aggregation: str = "all") -> float | None:
    """Mean over all seven tasks; None where one is missing or undefined, whatever the run's own
    average says.
    """
    return mean([spearman(run, task, aggregation) for task in tasks_of(run)])


def sample_averages(arms: Sequence[Arm]) -> dict[str, Sample]:
    """Averages of every run that has one and its scores, by run id."""
    runs = [
        run
        for arm in arms
        for run in arm.distinct
        if run.scores.is_file() and average(run) is not None
    ]
    out: dict[str, Sample] = {}
    for tasks in SUITES:
        out |= sts_samples([run for run in runs if tasks_of(run) == tasks], tasks)
    return out


def table(arms: Sequence[Arm], ask: Ask) -> Table:
    """A row an arm, grouped by encoder and study.

    Raises:
        LabError: No finished run has been tested on one of the seven tasks, or an unknown published
            row.
    """
    beside, sources = published_rows(sts_rows(ask.beside, memory=ask.memory), (*SEVEN, "sickr-all"))
    groups = _groups(arms, ask)
    if not groups:
        which = f" under protocol {ask.protocol}" if ask.protocol else ""
        raise LabError(
            f"no finished run has scores of an STS task{which}; `recse-lab eval ENCODER "
            "--data-dir SENTEVAL` makes some."
        )
    shown = [arm for members in groups.values() for arm in members]
    used = {aggregation_of(run, ask) for arm in shown for run in arm.distinct}
    # Influences are those on the correlation of pooled pairs, not on other aggregations.
    samples = sample_averages(
        [arm for arm in shown if aggregation_of(arm.distinct[0], ask) == "all"]
    )
    rows, alone = [], False
    for group, members in groups.items():
        marks, of_pairs = _marks(members, samples, ask)
        alone = alone or of_pairs
        rows += [_row(arm, group, ask, samples, marks) for arm in members]
    notes = [*_notes(used, alone), *_gaps(shown, ask), *sources]
    return Table(
        "Semantic textual similarity: Spearman ×100 on the seven STS tasks",
        _columns([*rows, *beside]),
        [*rows, *beside],
        notes,
        [provenance(runs_of(shown))],
    )


def answer(made: Table) -> str:
    """The best of every study, and how many of its other rows cannot be told apart from it."""
    avg = next(c for c in made.columns if c.key == "avg")
    sentences = []
    for group in dict.fromkeys(row.group for row in made.rows if row.kind != "published"):
        rows = [row for row in made.rows if row.group == group]
        for best in (row for row in rows if made.is_best(row, avg)):
            value = best.cells["avg"].value
            assert isinstance(value, float)
            same, left = (
                sum(mark in row.cells["avg"].mark for row in rows) for mark in (SAME, NOT_COMPARED)
            )
            unknown = sum(row is not best and row.cells["avg"].value is None for row in rows)
            compared = len(rows) - 1 - left - unknown
            sentences.append(
                f"{best.cells['study'].value}: {best.cells['method'].value} is highest "
                f"({100 * value:.2f}), and "
                + (
                    f"{same} of the other {compared} rows cannot be told apart from it"
                    if compared
                    else "no other row was compared with it"
                )
                + (f" ({left + unknown} not compared)." if compared and left + unknown else ".")
            )
    return (
        " ".join(sentences)
        or "No study has two rows with an average, so there is nothing to compare."
    )


def compare_averages(
    first: Arm, second: Arm, samples: Mapping[str, Sample], *, one_seed: bool = True
) -> Comparison | None:
    """Compare the STS averages of two arms, for new seeds and new pairs.

    Args:
        first: An arm.
        second: What it is compared with.
        samples: Averages by the id of a run.
        one_seed: As in ``recse_lab.runs.comparing.compare_arms``.

    Returns:
        The difference, or None if the arms have no scores of the same pairs.
    """
    runs = [run for pair in by_seed((first, second)) for run in pair]
    if not runs or not _comparable(runs, samples):
        return None
    return compare_arms(first, second, lambda run: samples[run.id], one_seed=one_seed)


def _comparable(runs: Sequence[Run], samples: Mapping[str, Sample]) -> bool:
    there = all(run.id in samples for run in runs)
    return there and len({samples[run.id].pairs for run in runs}) == 1


def _groups(arms: Sequence[Arm], ask: Ask) -> dict[str, list[Arm]]:
    """Arms with a score of one of the seven tasks, by study and protocol: what may be compared."""
    groups: dict[str, list[Arm]] = {}
    for arm in arms:
        scored = any(
            spearman(run, task, aggregation_of(run, ask)) is not None
            for run in arm.distinct
            for task in tasks_of(run)
        )
        if scored and ask.protocol in (None, protocol(arm)):
            groups.setdefault(f"{arm.study}, {protocol(arm)}", []).append(arm)
    return groups


def _row(
    arm: Arm, group: str, ask: Ask, samples: Mapping[str, Sample], marks: Mapping[str, str]
) -> Row:
    aggregation = aggregation_of(arm.distinct[0], ask)
    cells = identity(arm) | {"protocol": Cell(f"{protocol(arm)}, {aggregation}")}
    for task in tasks_of(arm.distinct[0]):
        cells[task] = Cell(mean([spearman(run, task, aggregation) for run in arm.distinct]))
    averages = [average(run, aggregation) for run in arm.distinct]
    cells["avg"] = mean_cell(
        averages, mark=marks.get(arm.distinct[0].id, ""), **_interval(arm, samples)
    )
    return Row(cells, kind=kind(arm), group=group, runs=tuple(arm.distinct))


def _interval(arm: Arm, samples: Mapping[str, Sample]) -> dict[str, Any]:
    """Of the mean over seeds, for new seeds and new pairs; of one seed, for new pairs."""
    if not _comparable(arm.distinct, samples):
        return {}
    found = [samples[run.id] for run in arm.distinct]
    point = np.array([sample.point for sample in found])
    influences = np.stack([sample.influence for sample in found])
    interval = mean_interval(point, influences, found[0].pairs.shared)
    return {"low": interval.low, "high": interval.high} if np.isfinite(interval.low) else {}


def _marks(
    members: Sequence[Arm], samples: Mapping[str, Sample], ask: Ask
) -> tuple[dict[str, str], bool]:
    """† for every arm (its first run's id) that cannot be told apart from the best, ° for one that
    could not be compared with it; and whether any was compared on pairs alone.
    """
    ranked = {
        arm.distinct[0].id: (value, arm)
        for arm in members
        if (value := mean([average(run, aggregation_of(run, ask)) for run in arm.distinct]))
        is not None
    }
    if len(ranked) < 2:
        return {}, False
    best = max(ranked.values(), key=lambda pair: pair[0])[1]
    compared = {
        first: compare_averages(best, arm, samples)
        for first, (_, arm) in ranked.items()
        if arm is not best
    }
    adjusted = holm([found.p if found else None for found in compared.values()])
    marks = {
        first: SAME if found else NOT_COMPARED
        for (first, found), p in zip(compared.items(), adjusted, strict=True)
        if p is None or p >= LEVEL
    }
    return marks, any(
        found is not None and found.population == "pairs" for found in compared.values()
    )


def _columns(rows: Sequence[Row]) -> list[Column]:
    """Protocols are named where there are several; MTEB's SICK-R has a column of its own."""
    several = len({row.cells["protocol"].value for row in rows}) > 1
    filled = {key for row in rows for key, cell in row.cells.items() if cell.value is not None}
    shown = filled | set(SEVEN if filled & set(SEVEN) else ())
    tasks = [t for t in dict.fromkeys(t for suite in SUITES for t in suite) if t in shown]
    return [
        *IDENTITY,
        *([Column("protocol", "protocol", "text", shared=True)] if several else []),
        *(Column(task, LABELS[task], best=True, detail=True) for task in tasks),
        Column("avg", "avg.", best=True, over=len(SEVEN)),
    ]


def _notes(aggregations: set[str], alone: bool) -> list[str]:
    told = "; ".join(f"{a}: {AGGREGATIONS[a]}" for a in AGGREGATIONS if a in aggregations)
    notes = [
        f"Spearman ×100, {told}. Mean over seeds; after the average ± its standard deviation over "
        "seeds."
    ]
    if "all" in aggregations:
        notes.append(
            "Brackets: 95 % interval of the average for new seeds and new pairs; pairs that share "
            "a sentence, within a task or across tasks, do not count as independent. Bold: the "
            "highest of its study. † not significantly different from the highest at 5 % (Holm "
            f"over the study; the highest was picked by its score). {NOT_COMPARED_NOTE}"
        )
    if alone:
        notes.append(
            "A comparison with a row of one seed is for new pairs alone: about these models, not "
            "about new seeds."
        )
    if aggregations - {"all"}:
        notes.append(
            "Intervals are of pooled pairs; averages over subsets have neither interval nor mark."
        )
    return notes


def _gaps(arms: Sequence[Arm], ask: Ask) -> list[str]:
    """Which rows have no average, and why: one over fewer tasks is not printed, whoever computed
    it.
    """
    notes = []
    for arm in arms:
        lacking = [
            t
            for t in tasks_of(arm.distinct[0])
            if any(spearman(run, t, aggregation_of(run, ask)) is None for run in arm.distinct)
        ]
        if lacking:
            names = ", ".join(LABELS[task] for task in lacking)
            notes.append(
                f"{arm.label} ({arm.study}) has no average: {names} "
                f"{'is' if len(lacking) == 1 else 'are'} missing or undefined."
            )
    return notes
