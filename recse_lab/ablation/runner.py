"""Run a planned study: shared work first and once, then every cell that the store lacks."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from recse_lab.ablation.board import Board
from recse_lab.ablation.executors.executor import Executor, Task
from recse_lab.ablation.plan import Cell
from recse_lab.files import drop
from recse_lab.jobs.interrupt import interruptible
from recse_lab.runs.records import Cost
from recse_lab.runs.store import Run

Rerun = Literal["missing", "failed", "all", "never"]


@dataclass(frozen=True)
class Outcome:
    """What the store holds after a study has run."""

    done: int
    """Distinct cells that are finished."""
    failed: dict[str, str]
    """Label of a failed cell -> message."""
    complete: bool
    """Whether every cell that was asked for has ended, here or in another process."""


def to_run(folder: Path, cells: list[Cell], rerun: Rerun) -> list[Cell]:
    """The distinct cells that a policy asks for; missing means neither done nor failed."""
    wanted = {"missing": ("planned", "interrupted", "running"), "failed": ("failed",), "never": ()}
    distinct = {cell.id: cell for cell in cells}.values()
    if rerun == "all":
        return list(distinct)
    return [cell for cell in distinct if Run(folder / cell.id).state in wanted[rerun]]


def expected_seconds(folder: Path, cells: list[Cell], *, workers: int) -> float | None:
    """Wall time of ``cells``, from the costs of the study's finished runs; None without any."""
    costs = [cost for path in folder.glob("*/cost.json") if (cost := Cost.read(path.parent)).steps]
    if not costs:
        return None
    trained = sum((cost.train_s or 0.0) + (cost.dev_s or 0.0) for cost in costs)
    per_step = trained / sum(cost.steps or 0 for cost in costs)
    test = sum(cost.test_s or 0.0 for cost in costs) / len(costs)
    return sum(cell.lab.steps * per_step + test for cell in cells) / min(
        workers, max(1, len(cells))
    )


def prepare(cells: list[Cell], console: Console) -> None:
    """Tokenise each corpus and build each feature store once, before any worker starts."""
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TimeRemainingColumn())
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bars:
        bar = bars.add_task("preparing", total=None)
        seen = set()
        for cell in cells:
            lab = replace(
                cell.lab,
                notify=lambda what, done, total: bars.update(
                    bar, description=what, completed=done, total=total or None
                ),
            )
            reshape, shared = lab.config.reshape, (lab.tokens.fingerprint,)
            if reshape is not None and reshape.role != "view":  # a view has no statistics
                shared += (lab.store_folder, reshape.mode)
                if shared not in seen:
                    _ = lab.reshaper, lab.stored
            seen.add(shared)


def forget(runs: Sequence[Run]) -> None:
    """Remove the folders of runs, all of them or none.

    Raises:
        Claimed: Another living process is computing one of them.
    """
    with ExitStack() as held:
        for run in runs:
            held.enter_context(run.claim())
        for run in runs:
            drop(run.home)
            drop(run.folder)


def run_study(
    folder: Path,
    cells: list[Cell],
    *,
    rerun: Rerun,
    executor: Executor,
    keep_models: bool,
    console: Console,
) -> Outcome:
    """Compute what ``rerun`` asks for, and report what the store then holds.

    Raises:
        Claimed: ``rerun`` is all, and another process is computing one of the cells.
    """
    chosen = to_run(folder, cells, rerun)
    complete = True
    if chosen:
        if rerun == "all":
            forget([run for cell in chosen if (run := Run(folder / cell.id)).folder.is_dir()])
        tasks = [
            Task(cell.id, cell.label, cell.lab.config.model_dump(mode="json")) for cell in chosen
        ]
        try:
            with interruptible():
                prepare(chosen, console)
                with Board(len(tasks), workers=executor.workers, console=console) as board:
                    complete = executor.run(tasks, folder, keep_models=keep_models, on_event=board)
        except KeyboardInterrupt:
            complete = False
    failed = {}
    done = 0
    for cell in {cell.id: cell for cell in cells}.values():
        run = Run(folder / cell.id)
        run.tidy()
        status = run.status
        done += status.state == "done"
        if status.state == "failed":
            failed[cell.label] = status.message or ""
    left = sum(Run(folder / cell.id).state not in ("done", "failed") for cell in chosen)
    return Outcome(done, failed, complete and not left)
