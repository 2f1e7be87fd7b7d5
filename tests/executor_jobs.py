"""Jobs for the laws of executors, importable by worker processes: quick, and logged."""

import os
import signal
import time

from recse_lab.files import write_json
from recse_lab.jobs.computing import computing
from recse_lab.optimisation.stepping import Interrupted
from recse_lab.runs.store import Run


def count(task, study, *, keep_model, on_step, should_stop):
    """Hold the run as a training does, wait for ``seconds``, and log that it was computed."""
    run = Run(study / task.id)
    if run.state == "done":
        return
    with computing(run):
        write_json(run.folder / "config.json", dict(task.config))
        deadline = time.monotonic() + task.config.get("seconds", 0)
        while time.monotonic() < deadline:
            if should_stop():
                raise Interrupted("stopped")
            time.sleep(0.02)
        if "error" in task.config:
            raise RuntimeError(task.config["error"])
        on_step({"step": 1}, 1)
        with (study / "computed.log").open("a") as log:
            log.write(f"{task.id}\n")


def die_once(task, study, *, keep_model, on_step, should_stop):
    """As ``count``, but the first worker that meets a task marked deadly is killed at work."""
    trap = study / f"{task.id}.sprung"
    if task.config.get("deadly") and not trap.exists():
        trap.touch()
        with computing(Run(study / task.id)):
            os.kill(os.getpid(), signal.SIGKILL)
    count(task, study, keep_model=keep_model, on_step=on_step, should_stop=should_stop)
