"""Hold a run while it is computed, log its steps, and record how it ended."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from recse_lab.errors import LabError
from recse_lab.jobs.memory import forget_peak
from recse_lab.optimisation.stepping import Interrupted
from recse_lab.runs.leases import Finished, LeaseLost, is_whole
from recse_lab.runs.records import MetricsLine, append_metrics, write_metrics
from recse_lab.runs.store import Run

OnStep = Callable[[MetricsLine, int], None]
"""Is called with a line of metrics and the total number of steps."""


@contextmanager
def computing(run: Run, *, again: bool = False) -> Iterator[None]:
    """Hold a run while it is computed; mark it running, then done, interrupted or failed.

    A failed run keeps the message of its error. A finished one takes its place in the store whole;
    what it needed to be resumed is left out.

    Args:
        run: The run; within, its folder is the attempt that is written.
        again: Whether a finished run is computed once more, and replaced at the end.

    Raises:
        Claimed: Another process is computing this run, or has just finished it.
        LeaseLost: Another process has taken this run over.
    """
    with run.claim() as lease:
        if is_whole(run.folder) and not is_whole(run.home):
            lease.publish()  # a process was killed between the two
        if is_whole(run.home) and not again:
            raise Finished(f"run {run.id} is finished; the same command finds its result.")
        run.set_status("running")
        forget_peak()  # what the process computed before is not part of this run
        try:
            yield
        except LeaseLost:
            raise
        except Interrupted as stop:
            run.set_status("interrupted", str(stop))
            raise
        except Exception as error:
            with suppress(LabError):  # on a full disk the first error is the one to report
                name = "" if isinstance(error, LabError) else f"{type(error).__name__}: "
                run.set_status("failed", f"{name}{error}")
            raise
        lease.check()
        run.set_status("done")
        lease.publish(again=again)


def logger(run: Run, on_step: OnStep, steps: int) -> Callable[[MetricsLine], None]:
    """Append to metrics.jsonl; a resumed run first drops the lines of steps it will repeat."""
    begun = False

    def log(line: MetricsLine) -> None:
        nonlocal begun
        run.keep()
        if not begun:
            kept = [old for old in run.metrics() if old["step"] < line["step"]]
            write_metrics(run.folder, kept)
            begun = True
        append_metrics(run.folder, line)
        on_step(line, steps)

    return log
