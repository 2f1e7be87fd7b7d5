"""Is A better than B? Two sides by task and on average, from stored scores: `recse-lab compare`."""

from __future__ import annotations

import html
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from recse_lab.data.sts_sets import LABELS, SEVEN
from recse_lab.errors import LabError
from recse_lab.figures import style
from recse_lab.figures.forest import ForestRow, forest
from recse_lab.files import atomic_path, write_json
from recse_lab.reports.provenance import provenance
from recse_lab.reports.tables import (
    Cell,
    Column,
    Row,
    Table,
    comma_separated,
    latex,
    markdown,
)
from recse_lab.runs.collection import Arm, runs_of
from recse_lab.runs.comparing import Paired, by_seed
from recse_lab.runs.samples import Sample, sts_samples
from recse_lab.runs.store import Run
from recse_lab.statistics import Comparison, compare_influences, holm, tasks_test
from recse_lab.statistics.combined import CombinedTest
from recse_lab.statistics.spread import Spread

if TYPE_CHECKING:
    import pandas as pd

LEVEL = 0.05
POWER = 0.8
MOST_PAIRS = 1000
"""More pairs than this many times those at hand are nobody's to collect."""
POPULATIONS = {
    "both": "new seeds and new pairs",
    "seeds": "new seeds on these pairs",
    "pairs": "new pairs, these very encoders",
}
COLUMNS = [
    Column("task", "", "text"),
    Column("first", "A"),
    Column("second", "B"),
    Column("delta", "A − B", "difference"),
    Column("p", "p", "p"),
    Column("holm", "p, Holm", "p", detail=True),
]


@dataclass(frozen=True)
class Difference:
    """A − B of one task, or of the average."""

    task: str
    label: str
    first: float
    second: float
    compared: Comparison
    spread: Spread | None
    """None where there is no interval over pairs."""


class ComparedSides:
    """Two sides of a comparison, with a table, a summary, a figure and a frame.

    Args:
        first: A; its runs by seed.
        second: B.

    Raises:
        LabError: The sides have no STS task in common, were tested on different pairs, or have
            different numbers of runs and no seed in common.
    """

    def __init__(self, first: Arm, second: Arm) -> None:
        self.first, self.second, self.notes = *_aligned(first, second), []
        self.tasks = self._common_tasks()
        self.averaged = self._averaged()
        self._refuse_other_counts()

    @cached_property
    def rows(self) -> list[Difference]:
        """One difference per task, then the average if there are several tasks.

        Raises:
            LabError: The sides were tested on different pairs.
        """
        rows = [self._difference(LABELS.get(task, task), [task]) for task in self.tasks]
        return rows if len(self.averaged) < 2 else [*rows, self.total]

    @cached_property
    def total(self) -> Difference:
        """The average over the tasks, or the only task.

        Raises:
            LabError: The sides were tested on different pairs.
        """
        names = self.averaged
        label = f"average of {len(names)}" if len(names) > 1 else LABELS.get(names[0], names[0])
        return self._difference(label, names)

    @cached_property
    def for_new_tasks(self) -> CombinedTest | None:
        """The average difference for new tasks of this kind and new seeds.

        None with fewer than two tasks, or a score that is undefined.
        """
        scores = np.array(
            [
                [[run.record.sts.spearman(task) for task in self.averaged] for run in row]
                for row in _rows(self.first, self.second)
            ],
            float,
        )
        if len(self.averaged) < 2 or not np.isfinite(scores).all():
            return None
        return tasks_test(scores[:, 0] - scores[:, 1])

    def tasks_summary(self) -> str:
        """What follows for new tasks: a sentence."""
        found = self.for_new_tasks
        if found is None:
            return "For new tasks there is no interval: it takes two tasks with scores."
        verdict = "differ" if found.p < LEVEL else "do not differ significantly"
        return (
            f"For new tasks too, of the kind of these {len(self.averaged)}, the sides {verdict}: "
            f"{100 * found.delta:+.2f} [{100 * found.low:+.2f}, {100 * found.high:+.2f}], "
            f"{_p(found.p)} (tasks as a sample, Student's t)."
        )

    @property
    def holm(self) -> dict[str, float | None]:
        """p of each averaged task, adjusted by Holm over these tasks."""
        raw = {row.task: row.compared.p for row in self.rows if row.task in self.averaged}
        return dict(zip(raw, holm(list(raw.values())), strict=True)) if len(raw) > 1 else {}

    @property
    def significant(self) -> bool:
        """Whether the difference of the averages is significant."""
        return self.total.compared.p is not None and self.total.compared.p < LEVEL

    def frame(self) -> pd.DataFrame:
        """One row per task and the average: first, second, delta, low, high, p, p_holm, seeds,
        population. Scores are raw; missing where there is no interval or test."""
        import pandas as pd

        adjusted = self.holm
        rows = [
            {
                "task": row.task,
                "first": row.first,
                "second": row.second,
                "delta": row.compared.delta,
                "low": row.compared.low,
                "high": row.compared.high,
                "p": row.compared.p,
                "p_holm": adjusted.get(row.task),
                "seeds": row.compared.seeds,
                "population": row.compared.population,
            }
            for row in self.rows
        ]
        numbers = ["first", "second", "delta", "low", "high", "p", "p_holm"]
        return pd.DataFrame(rows).astype(dict.fromkeys(numbers, float))

    def table(self) -> Table:
        """The differences with their intervals and p-values."""
        adjusted = self.holm
        rows = [
            Row(
                {
                    "task": Cell(row.label),
                    "first": _cell(row.first),
                    "second": _cell(row.second),
                    "delta": replace(
                        _cell(row.compared.delta), low=row.compared.low, high=row.compared.high
                    ),
                    "p": Cell(row.compared.p),
                    "holm": Cell(adjusted.get(row.task)),
                },
                runs=tuple(runs_of([self.first, self.second])),
            )
            for row in self.rows
        ]
        notes = [
            f"A: {_described(self.first)}. B: {_described(self.second)}.",
            f"Spearman ×100 over pooled pairs; [95 % interval] for {self._population}.",
            *self.notes,
        ]
        if adjusted:
            notes.append(
                f"p, Holm: adjusted over the {len(adjusted)} tasks; the average is one test."
            )
        notes.append(provenance(runs_of([self.first, self.second])))
        return Table(f"{self.first.label} against {self.second.label}", COLUMNS, rows, notes)

    def summary(self) -> str:
        """The verdict on the average: difference, interval, p, population, and what is needed."""
        row, compared = self.total, self.total.compared
        the = "the " if len(self.averaged) > 1 else ""
        size, a, b = abs(100 * compared.delta), self.first.label, self.second.label
        if not np.isfinite(compared.delta):
            return f"There is no difference in {the}{row.label}: {compared.why}."
        if compared.p is None or compared.low is None or compared.high is None:
            return (
                f"{a} is {100 * compared.delta:+.2f} points from {b} in {the}{row.label}, "
                f"without interval or test: {compared.why}."
            )
        numbers = (
            f"[{100 * compared.low:+.2f}, {100 * compared.high:+.2f}], {_p(compared.p)}, "
            f"for {self._population}{self._repetitions}"
        )
        if self.significant:
            better, worse = (a, b) if compared.delta > 0 else (b, a)
            return (
                f"{better} is better than {worse} by {size:.2f} points in {the}{row.label}; "
                f"A − B {numbers}."
            )
        return (
            f"{a} and {b} do not differ significantly in {the}{row.label}: "
            f"{100 * compared.delta:+.2f} {numbers}. {self._needed()}"
        )

    def plot(self) -> Any:
        """Forest plot of the differences; as the value of a cell it is displayed once."""
        rows = [
            ForestRow(
                row.label,
                row.compared.delta,
                row.compared.low,
                row.compared.high,
                _p(row.compared.p) if row.compared.p is not None else "no test",
                total=row is self.total and len(self.rows) > 1,
            )
            for row in self.rows
        ]
        figure = forest(
            rows,
            title=f"{self.first.label} − {self.second.label}",
            x_label=f"Spearman ×100, 95 % intervals for {self._population}",
        )
        return style.once(figure)

    def document(self) -> dict[str, Any]:
        """The content of comparison.json (docs/formats.md)."""
        rows = self.frame().astype(object).where(lambda frame: frame.notna(), None)
        return {
            "schema": "recse-lab/comparison/1",
            "first": _identity(self.first),
            "second": _identity(self.second),
            "level": 1 - LEVEL,
            "summary": self.summary(),
            "new_tasks": None if self.for_new_tasks is None else self.for_new_tasks._asdict(),
            "differences": rows.to_dict("records"),
        }

    def __repr__(self) -> str:
        return self.summary()

    def _repr_html_(self) -> str:
        columns = ["task", "first", "second", "delta", "low", "high", "p", "p_holm"]
        scores = self.frame()[columns].round(4).to_html(index=False, na_rep="")
        return f"<p>{html.escape(self.summary())}</p>{scores}"

    # ---- numbers -------------------------------------------------------------------------------

    def _difference(self, label: str, tasks: list[str]) -> Difference:
        task = tasks[0] if tasks == [tasks[0]] else "average"
        runs = runs_of([self.first, self.second])
        samples = sts_samples([run for run in runs if run.scores.is_file()], tasks)
        if len(samples) < len({run.id for run in runs}):
            return self._without_scores(task, label, tasks)

        def number(run: Run) -> Sample:
            return samples[run.id]

        try:
            paired = Paired(self.first, self.second, number)
        except ValueError:
            raise LabError(
                f"{label}: {self.first.label} and {self.second.label} were tested on different "
                "pairs; measure both on the same --data-dir."
            ) from None
        first, second = float(paired.first.mean()), float(paired.second.mean())
        compared = paired.compare(one_seed=True)
        spread = paired.spread if compared.p is not None else None
        return Difference(task, label, first, second, compared, spread)

    def _without_scores(self, task: str, label: str, tasks: list[str]) -> Difference:
        """A difference of results without scores by pair: a test over seeds, or none."""

        def value(run: Run) -> float:
            found = [run.record.sts.spearman(name) for name in tasks]
            return float(np.mean([np.nan if each is None else each for each in found]))

        paired = _rows(self.first, self.second)
        first, second = (np.array([value(row[side]) for row in paired]) for side in (0, 1))
        none = np.empty((len(first), 0))
        found = compare_influences(first, second, none, none, population="seeds")
        if len(first) == 1:
            found = found._replace(why="one result without scores by pair")
        return Difference(task, label, float(first.mean()), float(second.mean()), found, None)

    def _common_tasks(self) -> list[str]:
        results = [run.record.sts.tasks for run in runs_of([self.first, self.second])]
        common = set.intersection(*(set(tasks) for tasks in results))
        if not common:
            raise LabError(
                f"{self.first.label} and {self.second.label} have no STS task in common "
                f"({' against '.join(_tasks_of(arm) for arm in (self.first, self.second))}); "
                "measure both under one protocol, on the same --data-dir."
            )
        return [task for task in LABELS if task in common]

    def _averaged(self) -> list[str]:
        """What the average is over: that of the protocol if all tasks are there."""
        stated = {tuple(r.record.sts.average.tasks) for r in runs_of([self.first, self.second])}
        for tasks in (*stated, SEVEN):
            if tasks and set(tasks) <= set(self.tasks) and (len(stated) == 1 or tasks == SEVEN):
                return list(tasks)
        tested = [task for task in self.tasks if not task.endswith("-dev")]
        return tested or self.tasks

    def _refuse_other_counts(self) -> None:
        runs = runs_of([self.first, self.second])
        for task in self.tasks:
            pairs = [run.record.sts.tasks[task].pairs for run in runs]
            counts = sorted({count for count in pairs if count is not None})
            if len(counts) > 1:
                told = " and ".join(f"{count:,}" for count in counts)
                raise LabError(
                    f"{LABELS.get(task, task)}: {self.first.label} and {self.second.label} were "
                    f"tested on {told} pairs; measure both on the same --data-dir."
                )

    # ---- words ---------------------------------------------------------------------------------

    @property
    def _population(self) -> str:
        compared = self.total.compared
        if compared.population == "pairs" and not (self.first.seedless and self.second.seedless):
            return "new pairs, these trained models (one seed: nothing about new seeds)"
        return POPULATIONS[compared.population]

    @property
    def _repetitions(self) -> str:
        seeds = self.total.compared.seeds
        return f" ({seeds} seeds)" if seeds > 1 else ""

    def _needed(self) -> str:
        """What would be needed to find the observed difference."""
        spread, delta = self.total.spread, abs(self.total.compared.delta)
        if spread is None:
            return ""
        found = spread.detectable(power=POWER)
        text = f"A true difference of {100 * found:.2f} would be found in 80 % of such comparisons"
        if delta == 0:
            return f"{text}."
        seeds = spread.seeds_to_find(delta, power=POWER) if spread.n > 1 else None
        if seeds is not None:
            return f"{text}; one as large as the observed needs {seeds} seeds."
        times = _times_the_pairs(spread, delta)
        if times is None:
            return f"{text}; one as small as the observed is out of reach."
        seeds_too = ", whatever the number of seeds" if spread.n > 1 else ""
        return (
            f"{text}; one as large as the observed needs {times:.0f} times as many "
            f"pairs{seeds_too}."
        )


def write_comparison(compared: ComparedSides, out: Path) -> list[Path]:
    """Write comparison.md, .tex, .csv, .json and the forest plot into a folder.

    Raises:
        LabError: The folder cannot be written.
    """
    table = compared.table()
    texts = {
        "md": f"{compared.summary()}\n\n{markdown(table)}",
        "tex": latex(table),
        "csv": comma_separated(table),
    }
    written = []
    for ending, text in texts.items():
        with atomic_path(out / f"comparison.{ending}") as beside:
            beside.write_text(text, encoding="utf-8")
        written.append(out / f"comparison.{ending}")
    write_json(out / "comparison.json", compared.document())
    return [*written, out / "comparison.json", *style.save(compared.plot(), out / "comparison")]


def _identity(arm: Arm) -> dict[str, Any]:
    runs = [f"{run.study}/{run.id}" for run in arm.distinct]
    return {"label": arm.label, "runs": runs}


def _aligned(first: Arm, second: Arm) -> tuple[Arm, Arm]:
    """The sides with the seeds that both have; by position where they share none.

    Raises:
        LabError: They have different numbers of runs and no seed in common.
    """
    if first.seedless or second.seedless:
        return first, second
    common = first.runs.keys() & second.runs.keys()
    if common:
        return tuple(  # type: ignore[return-value]
            replace(arm, runs={seed: arm.runs[seed] for seed in sorted(common)})
            for arm in (first, second)
        )
    if len(first.runs) == len(second.runs):
        return tuple(  # type: ignore[return-value]
            replace(arm, runs=dict(enumerate(run for _, run in sorted(arm.runs.items()))))
            for arm in (first, second)
        )
    raise LabError(
        f"{first.label} has {len(first.runs)} runs and {second.label} {len(second.runs)}, with no "
        "seed in common; give as many on both sides."
    )


def _rows(first: Arm, second: Arm) -> list[tuple[Run, Run]]:
    return [(row[0], row[1]) for row in by_seed([first, second])]


def _times_the_pairs(spread: Spread, effect: float) -> float | None:
    """How many times the pairs find a true difference; None beyond ``MOST_PAIRS``."""
    low, high = 1.0, float(MOST_PAIRS)

    def enough(times: float) -> bool:
        return spread._replace(pairs=spread.pairs / times).power(effect) >= POWER

    if not enough(high):
        return None
    while high - low > 0.5:
        middle = (low + high) / 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return float(np.ceil(high))


def _tasks_of(arm: Arm) -> str:
    tasks = dict.fromkeys(task for run in arm.distinct for task in run.record.sts.tasks)
    return ", ".join(LABELS.get(task, task) for task in tasks) or "none"


def _described(arm: Arm) -> str:
    runs = [f"{run.study}/{run.id}" for run in arm.distinct]
    if len(runs) == 1:
        return f"{arm.label} ({runs[0]})"
    return f"{arm.label}, {len(runs)} runs ({runs[0]} …)"


def _cell(value: float) -> Cell:
    return Cell(value if np.isfinite(value) else None)


def _p(p: float) -> str:
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"
