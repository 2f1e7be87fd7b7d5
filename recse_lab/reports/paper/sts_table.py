"""Seven STS tasks and their average, a row an arm; in each study the best, and what cannot be told apart from it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from recse_lab.data.sts_sets import LABELS, SEVEN
from recse_lab.errors import LabError
from recse_lab.evaluation.protocols import AGGREGATIONS, MTEB_TASKS, aggregations
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
from recse_lab.reports.resamples import RESAMPLES, Resampled, resampled
from recse_lab.reports.tables import Cell, Column, Row, Table
from recse_lab.runs.collection import Arm, runs_of
from recse_lab.runs.comparing import Sample, by_seed, compare_arms
from recse_lab.runs.store import Run
from recse_lab.statistics import Comparison, holm, mean_interval

QUESTION = "Which arms and encoders do best on the seven STS tasks, and which differences are larger than chance?"


def tasks_of(run: Run) -> tuple[str, ...]:
    """The seven tasks of a run's protocol: MTEB's SICK-R is all 9,927 pairs."""
    averaged = ((run.results or {}).get("average") or {}).get("tasks") or ()
    return MTEB_TASKS if "sickr-all" in averaged else SEVEN


def aggregation_of(run: Run, ask: Ask) -> str:
    """What is printed of a run: what was asked for, or what its protocol prints first."""
    return ask.aggregation or aggregations(run.results or {})[0]


def spearman(run: Run, task: str, aggregation: str = "all") -> float | None:
    """Spearman of one task, raw; None where the run has none."""
    found = ((run.results or {}).get("tasks") or {}).get(task) or {}
    return (found.get("spearman") or {}).get(aggregation)


def average(run: Run, aggregation: str = "all") -> float | None:
    """Mean over all seven tasks; None where one is missing or undefined, whatever the run's own average says."""
    return mean([spearman(run, task, aggregation) for task in tasks_of(run)])


def resample(arms: Sequence[Arm]) -> dict[str, Resampled]:
    """Averages on resamples of the pairs of every run that has one and its scores, by run id."""
    runs = [
        run
        for arm in arms
        for run in arm.distinct
        if run.scores.is_file() and average(run) is not None
    ]
    out: dict[str, Resampled] = {}
    for tasks in (SEVEN, MTEB_TASKS):
        out |= resampled([run for run in runs if tasks_of(run) == tasks], tasks)
    return out


def table(arms: Sequence[Arm], ask: Ask) -> Table:
    """A row an arm, grouped by encoder and study.

    Raises:
        LabError: No finished run has been tested on one of the seven tasks, or an unknown published row.
    """
    beside, sources = published_rows(sts_rows(ask.beside, memory=ask.memory), (*SEVEN, "sickr-all"))
    groups = _groups(arms, ask)
    if not groups:
        which = f" under protocol {ask.protocol}" if ask.protocol else ""
        raise LabError(
            f"no finished run has scores of an STS task{which}; `recse-lab eval ENCODER --data-dir SENTEVAL` makes some."
        )
    shown = [arm for members in groups.values() for arm in members]
    used = {aggregation_of(run, ask) for arm in shown for run in arm.distinct}
    # The bootstrap resamples pooled pairs: it knows nothing of other aggregations.
    boot = resample([arm for arm in shown if aggregation_of(arm.distinct[0], ask) == "all"])
    rows, alone = [], False
    for group, members in groups.items():
        marks, of_pairs = _marks(members, boot, ask)
        alone = alone or of_pairs
        rows += [_row(arm, group, ask, boot, marks) for arm in members]
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
                f"{best.cells['study'].value}: {best.cells['method'].value} is highest ({100 * value:.2f}), and "
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
    first: Arm, second: Arm, boot: Mapping[str, Resampled], *, one_seed: bool = True
) -> Comparison | None:
    """Compare the STS averages of two arms, for new seeds and new pairs.

    Args:
        first: An arm.
        second: What it is compared with.
        boot: Resampled averages by the id of a run.
        one_seed: As in ``recse_lab.runs.comparing.compare_arms``.

    Returns:
        The difference, or None if the arms have no scores of the same pairs.
    """
    runs = [run for pair in by_seed((first, second)) for run in pair]
    if not runs or not _comparable(runs, boot):
        return None
    return compare_arms(first, second, partial(_sample, boot=boot), one_seed=one_seed)


def _sample(run: Run, boot: Mapping[str, Resampled]) -> Sample:
    value = average(run)
    return Sample(math.nan if value is None else value, boot[run.id].averages)


def _comparable(runs: Sequence[Run], boot: Mapping[str, Resampled]) -> bool:
    return all(run.id in boot for run in runs) and len({boot[run.id].pairs for run in runs}) == 1


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
    arm: Arm, group: str, ask: Ask, boot: Mapping[str, Resampled], marks: Mapping[str, str]
) -> Row:
    aggregation = aggregation_of(arm.distinct[0], ask)
    cells = identity(arm) | {"protocol": Cell(f"{protocol(arm)}, {aggregation}")}
    for task in tasks_of(arm.distinct[0]):
        cells[task] = Cell(mean([spearman(run, task, aggregation) for run in arm.distinct]))
    averages = [average(run, aggregation) for run in arm.distinct]
    cells["avg"] = mean_cell(
        averages, mark=marks.get(arm.distinct[0].id, ""), **_interval(arm, boot)
    )
    return Row(cells, kind=kind(arm), group=group, runs=tuple(arm.distinct))


def _interval(arm: Arm, boot: Mapping[str, Resampled]) -> dict[str, Any]:
    """Of the mean over seeds, for other seeds and other pairs; of one seed, for other pairs."""
    if not _comparable(arm.distinct, boot):
        return {}
    point = np.array([average(run) for run in arm.distinct], float)
    found = mean_interval(point, np.stack([boot[run.id].averages for run in arm.distinct], axis=1))
    return {"low": found.low, "high": found.high} if np.isfinite(found.low) else {}


def _marks(
    members: Sequence[Arm], boot: Mapping[str, Resampled], ask: Ask
) -> tuple[dict[str, str], bool]:
    """† for every arm (its first run's id) that cannot be told apart from the best, ° for one that could not be compared with it;
    and whether any was compared on pairs alone."""
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
        first: compare_averages(best, arm, boot)
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
    tasks = [task for task in (*SEVEN, "sickr-all") if task in SEVEN or task in filled]
    return [
        *IDENTITY,
        *([Column("protocol", "protocol", "text", shared=True)] if several else []),
        *(Column(task, LABELS[task], best=True, detail=True) for task in tasks),
        Column("avg", "avg.", best=True, over=len(SEVEN)),
    ]


def _notes(aggregations: set[str], alone: bool) -> list[str]:
    told = "; ".join(f"{a}: {AGGREGATIONS[a]}" for a in AGGREGATIONS if a in aggregations)
    notes = [
        f"Spearman ×100, {told}. Mean over seeds; after the average ± its standard deviation over seeds."
    ]
    if "all" in aggregations:
        notes.append(
            f"Brackets: 95 % interval of the average for other seeds and other pairs ({RESAMPLES:,} resamples of the pairs). Bold: the highest of "
            "its study. † its average cannot be told apart from the highest at 5 %, Holm over the study; the highest was picked by its score. "
            f"{NOT_COMPARED_NOTE}"
        )
    if alone:
        notes.append(
            "Against a row of one seed pairs alone are resampled: a statement about these models, not about other seeds."
        )
    if aggregations - {"all"}:
        notes.append(
            "The bootstrap pools pairs, so that averages of subsets have neither interval nor mark."
        )
    return notes


def _gaps(arms: Sequence[Arm], ask: Ask) -> list[str]:
    """Which rows have no average, and why: one over fewer tasks is not printed, whoever computed it."""
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
                f"{arm.label} ({arm.study}) has no average: {names} {'is' if len(lacking) == 1 else 'are'} missing or undefined."
            )
    return notes
