"""What train and eval end with: an interval of the result, and what to type next."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from recse_lab.runs.store import Run


def close(run: Run, console: Console, runs: Path | None, *, base: str | None = None) -> None:
    """Print the average with its interval over pairs, warnings, and the next commands.

    Args:
        run: The finished run.
        console: Where to print.
        runs: The run store, as the user gave it.
        base: What the run can be compared with.
    """
    from recse_lab.reports.encoder_table import average_interval, unusual_counts

    if found := average_interval(run):
        name, interval = found
        console.print(
            f"{name}: {100 * interval.estimate:.2f} [{100 * interval.low:.2f}, "
            f"{100 * interval.high:.2f}], 95 % for new pairs (this encoder)",
            highlight=False,
        )
    for warning in unusual_counts(run.record.results):
        console.print(f"warning: {warning}", highlight=False)
    store = "" if runs is None else f" --runs {runs}"
    console.print("next:", highlight=False)
    for command in _next(run, base):
        console.print(f"  recse-lab {command}{store}", highlight=False, soft_wrap=True)


def _next(run: Run, base: str | None) -> Sequence[str]:
    config = run.record.config
    commands = []
    if run.record.sts.tasks:
        against = base or "recse-lab/tiny"
        if against == config.encoder and not config.trained:
            against = f"bag-sif@{config.backbone}"
        commands.append(f"compare {run.study}/{run.id} {against}")
        commands.append(f"probe polarity {run.study}/{run.id} {against}{_data(run)}")
    commands.append(f"runs show {run.study}/{run.id}")
    return commands


def _data(run: Run) -> str:
    folder = run.record.config.evaluation.data_dir
    return f" --data-dir {folder}" if folder else ""
