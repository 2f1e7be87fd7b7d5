"""The work of a cell, the same for every executor: a task becomes a run, and an ending."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from recse_lab.ablation.executors.executor import Event, Job, OnEvent, Task
from recse_lab.config.reading import make_config
from recse_lab.errors import LabError
from recse_lab.runs.leases import Claimed

EVENT_S = 0.25  # least time between two steps that a worker reports


def train_cell(
    task: Task,
    study: Path,
    *,
    keep_model: bool,
    on_step: Callable[[dict[str, Any], int], None],
    should_stop: Callable[[], bool],
) -> None:
    """Train and test what a task's configuration asks for; a finished run is left alone."""
    from recse_lab.jobs.train import execute

    config = make_config(task.config)
    execute(config, study, on_step=on_step, keep_model=keep_model, should_stop=should_stop)


def perform(
    job: Job,
    task: Task,
    study: Path,
    *,
    keep_model: bool,
    on_event: OnEvent,
    should_stop: Callable[[], bool],
) -> Event:
    """Compute a task, report its steps, and return how it ended, or that another holds it."""
    from recse_lab.optimisation.stepping import Interrupted

    reported = 0.0

    def on_step(line: dict[str, Any], steps: int) -> None:
        nonlocal reported
        if time.monotonic() - reported > EVENT_S:
            reported = time.monotonic()
            on_event(Event("step", task, line=line, steps=steps))

    try:
        job(task, study, keep_model=keep_model, on_step=on_step, should_stop=should_stop)
    except Claimed:
        return Event("held", task)
    except Interrupted as error:
        return Event("interrupted", task, message=str(error))
    except LabError as error:
        return Event("failed", task, message=str(error))
    except Exception as error:
        return Event("failed", task, message=f"{type(error).__name__}: {error}")
    return Event("done", task)
