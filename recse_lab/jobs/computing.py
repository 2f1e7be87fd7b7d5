"""Hold a run while it is computed, log its steps, and write down how it ended."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from recse_lab.errors import LabError
from recse_lab.files import atomic_path, space
from recse_lab.jobs.memory import forget_peak
from recse_lab.optimisation.stepping import Interrupted
from recse_lab.runs.store import Run

OnStep = Callable[[dict[str, Any], int], None]

"""A line of metrics and the number of steps in all."""


@contextmanager
def computing(run: Run) -> Iterator[None]:
    """Hold a run while it is computed, and mark it running, then done, interrupted, or failed with the error's own sentence.

    Raises:
        Claimed: Another process is computing this run.
    """
    with run.claim():
        run.set_status("running")
        forget_peak()  # it is this run's, whatever the process computed before
        try:
            yield
        except Interrupted as stop:
            run.set_status("interrupted", str(stop))
            raise
        except Exception as error:
            with suppress(LabError):  # on a full disk the first complaint is the one to be heard
                run.set_status(
                    "failed",
                    str(error)
                    if isinstance(error, LabError)
                    else f"{type(error).__name__}: {error}",
                )
            raise
        run.set_status("done")


def logger(run: Run, on_step: OnStep, steps: int) -> Callable[[dict[str, Any]], None]:
    """Append to metrics.jsonl; a resumed run first drops the lines of steps it is about to repeat."""
    path = run.folder / "metrics.jsonl"
    begun = False

    def log(line: dict[str, Any]) -> None:
        nonlocal begun
        if not begun:
            kept = [old for old in run.metrics() if old["step"] < line["step"]]
            with atomic_path(path) as beside:
                beside.write_text("".join(json.dumps(old) + "\n" for old in kept), encoding="utf-8")
            begun = True
        with space(path), path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        on_step(line, steps)

    return log
