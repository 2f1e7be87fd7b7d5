"""Run cells on this machine: worker processes that share its cores, survive each other, and end with their parent."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

EVENT_S = 0.25  # least time between two steps a worker tells of


@dataclass
class Task:
    """A cell as a worker needs it: plain data."""

    id: str
    label: str
    config: dict[str, Any]


@dataclass
class Event:
    """What happened to a task: started, preparing, step, done, failed, interrupted."""

    kind: str
    task: Task
    line: dict[str, Any] = field(default_factory=dict)
    steps: int = 0
    message: str | None = None


def threads_per_worker(workers: int) -> int:
    """Cores of this process shared out evenly, at least one each."""
    return max(1, len(os.sched_getaffinity(0)) // workers)


def run_tasks(
    tasks: list[Task],
    study: Path,
    *,
    workers: int,
    keep_models: bool,
    on_event: Callable[[Event], None],
) -> bool:
    """Run all tasks; True when none was interrupted.

    Ctrl-C asks the workers to save their state and waits for them. A worker that dies takes only its task along.
    """
    context = multiprocessing.get_context("spawn")
    threads = threads_per_worker(workers)
    waiting = list(reversed(tasks))
    busy: dict[Connection, tuple[Any, Task]] = {}
    stopping = False

    def start(worker: tuple[Any, Connection] | None = None) -> None:
        task = waiting.pop()
        if worker is None:
            ours, theirs = context.Pipe()
            process = context.Process(
                target=_work,
                args=(theirs, str(study), threads, keep_models, os.getpid()),
                daemon=True,
            )
            with _environment(OMP_NUM_THREADS=str(threads), TOKENIZERS_PARALLELISM="false"):
                process.start()
            theirs.close()
        else:
            process, ours = worker
        ours.send(task)
        busy[ours] = (process, task)
        on_event(Event("started", task))

    finished_well = True
    try:
        for _ in range(min(workers, len(tasks))):
            start()
        while busy:
            try:
                ready = wait(list(busy), timeout=1.0)
            except KeyboardInterrupt:
                stopping, finished_well = True, False
                for process, _ in busy.values():  # also where Ctrl-C reached this process alone
                    os.kill(process.pid, signal.SIGINT)
                continue
            for connection in ready:
                assert isinstance(connection, Connection)
                process, task = busy[connection]
                try:
                    event: Event = connection.recv()
                except (EOFError, ConnectionResetError):
                    process.join()
                    del busy[connection]
                    finished_well = False
                    on_event(
                        Event(
                            "failed",
                            task,
                            message=f"its process died (exit code {process.exitcode})",
                        )
                    )
                    if waiting and not stopping:
                        start()
                    continue
                on_event(event)
                if event.kind in ("done", "failed", "interrupted"):
                    finished_well = finished_well and event.kind != "interrupted"
                    del busy[connection]
                    if waiting and not stopping:
                        start((process, connection))
                    else:
                        with suppress(OSError):  # one that was asked to stop may have left already
                            connection.send(None)
                        process.join(timeout=30)
    finally:
        for process, _ in busy.values():
            process.terminate()
    return finished_well


class _environment:
    """Environment variables set for as long as a child is started."""

    def __init__(self, **values: str) -> None:
        self.values = values

    def __enter__(self) -> None:
        self.before = {name: os.environ.get(name) for name in self.values}
        os.environ.update(self.values)

    def __exit__(self, *_: object) -> None:
        for name, value in self.before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _work(connection: Connection, study: str, threads: int, keep_models: bool, parent: int) -> None:
    """A worker's life: tasks until None arrives, or until its parent is gone."""
    stop = False

    def ask_to_stop(*_: object) -> None:
        nonlocal stop
        stop = True

    signal.signal(signal.SIGINT, ask_to_stop)
    signal.signal(signal.SIGTERM, ask_to_stop)
    import torch

    from recse_lab.config.reading import make_config
    from recse_lab.errors import LabError
    from recse_lab.jobs.train import execute
    from recse_lab.optimisation.stepping import Interrupted
    from recse_lab.runs.claims import Claimed

    torch.set_num_threads(threads)

    def orphaned() -> bool:
        return os.getppid() != parent

    def tell(event: Event) -> None:
        nonlocal stop
        try:
            connection.send(event)
        except OSError:  # nobody listens any more: the parent is gone
            stop = True

    while True:
        while not connection.poll(1.0):
            if stop or orphaned():
                return
        try:
            task = connection.recv()
        except (EOFError, OSError):  # the parent is gone
            return
        if task is None:
            return
        told = 0.0

        def on_step(line: dict[str, Any], steps: int, task: Task = task) -> None:
            nonlocal told
            if time.monotonic() - told > EVENT_S:
                told = time.monotonic()
                tell(Event("step", task, line=line, steps=steps))

        try:
            execute(
                make_config(task.config),
                Path(study),
                on_step=on_step,
                keep_model=keep_models,
                should_stop=lambda: stop or orphaned(),
            )
            event = Event("done", task)
        except Interrupted as error:
            event = Event("interrupted", task, message=str(error))
        except (LabError, Claimed) as error:
            event = Event("failed", task, message=str(error))
        except Exception as error:
            event = Event("failed", task, message=f"{type(error).__name__}: {error}")
        tell(event)
