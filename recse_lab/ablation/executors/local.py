"""Run tasks on this machine: worker processes that share its cores and end with their parent."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from recse_lab.ablation.executors.executor import Event, Job, OnEvent, Task
from recse_lab.ablation.executors.work import perform, train_cell


@dataclass(frozen=True)
class LocalExecutor:
    """Worker processes on this machine.

    Ctrl-C asks the workers to save their state and waits for them. A worker that dies takes only
    its task along.
    """

    workers: int
    job: Job = train_cell

    def run(
        self, tasks: Sequence[Task], study: Path, *, keep_models: bool, on_event: OnEvent
    ) -> bool:
        """Compute all tasks; return whether none of them was cut short."""
        pool = _Pool(self, study, keep_models=keep_models)
        return pool.run(tasks, on_event)


@dataclass(frozen=True)
class _Worker:
    process: Any
    connection: Connection

    def stop(self) -> None:
        """Ask it to save its state, where Ctrl-C reached the parent alone."""
        os.kill(self.process.pid, signal.SIGINT)

    def dismiss(self) -> None:
        """Let it end: there is no task left."""
        with suppress(OSError):  # one that was asked to stop may have left already
            self.connection.send(None)
        self.process.join(timeout=30)


class _Pool:
    """The workers of one run, and the task that each of them computes."""

    def __init__(self, executor: LocalExecutor, study: Path, *, keep_models: bool) -> None:
        self.size, self.job = executor.workers, executor.job
        self.study, self.keep_models = study, keep_models
        self.context = multiprocessing.get_context("spawn")
        self.busy: dict[Connection, tuple[_Worker, Task]] = {}

    def run(self, tasks: Sequence[Task], on_event: OnEvent) -> bool:
        waiting = list(reversed(tasks))
        complete, stopping = True, False

        def start(worker: _Worker) -> None:
            task = waiting.pop()
            with suppress(OSError):  # it has died: receive() notices
                worker.connection.send(task)
            self.busy[worker.connection] = worker, task
            on_event(Event("started", task))

        try:
            for _ in range(min(self.size, len(tasks))):
                start(self.hire())
            while self.busy:
                try:
                    ready = wait(list(self.busy), timeout=1.0)
                except KeyboardInterrupt:
                    stopping, complete = True, False
                    for worker, _ in self.busy.values():
                        worker.stop()
                    continue
                for connection in ready:
                    assert isinstance(connection, Connection)
                    worker, task = self.busy[connection]
                    event, alive = self.receive(worker, task)
                    on_event(event)
                    if not event.final:
                        continue
                    del self.busy[connection]
                    complete = complete and alive and event.kind != "interrupted"
                    if waiting and not stopping:
                        start(worker if alive else self.hire())
                    elif alive:
                        worker.dismiss()
        finally:
            for worker, _ in self.busy.values():
                worker.process.terminate()
        return complete

    def receive(self, worker: _Worker, task: Task) -> tuple[Event, bool]:
        """A worker's next event, and whether it is alive."""
        try:
            return worker.connection.recv(), True
        except (EOFError, ConnectionResetError):
            worker.process.join()
            message = f"its process died (exit code {worker.process.exitcode})"
            return Event("failed", task, message=message), False

    def hire(self) -> _Worker:
        ours, theirs = self.context.Pipe()
        threads = threads_per_worker(self.size)
        process = self.context.Process(
            target=_work,
            args=(theirs, self.job, self.study, threads, self.keep_models, os.getpid()),
            daemon=True,
        )
        with _environment(OMP_NUM_THREADS=str(threads), TOKENIZERS_PARALLELISM="false"):
            process.start()
        theirs.close()
        return _Worker(process, ours)


def threads_per_worker(workers: int) -> int:
    """Cores of this process shared out evenly, at least one each."""
    return max(1, len(os.sched_getaffinity(0)) // workers)


class _environment:
    """Environment variables that are set while a child is started."""

    def __init__(self, **values: str) -> None:
        self.values = values

    def __enter__(self) -> None:
        self.before = {name: os.environ.get(name) for name in self.values}
        os.environ.update(self.values)

    def __exit__(self, *_: object) -> None:
        for name, value in self.before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _work(
    connection: Connection, job: Job, study: Path, threads: int, keep_models: bool, parent: int
) -> None:
    """A worker's life: tasks until None arrives, or until its parent is gone."""
    stop = False

    def ask_to_stop(*_: object) -> None:
        nonlocal stop
        stop = True

    signal.signal(signal.SIGINT, ask_to_stop)
    signal.signal(signal.SIGTERM, ask_to_stop)
    import torch

    torch.set_num_threads(threads)

    def should_stop() -> bool:
        return stop or os.getppid() != parent

    def report(event: Event) -> None:
        nonlocal stop
        try:
            connection.send(event)
        except OSError:  # the parent is gone
            stop = True

    while True:
        while not connection.poll(1.0):
            if should_stop():
                return
        try:
            task = connection.recv()
        except (EOFError, OSError):  # the parent is gone
            return
        if task is None:
            return
        report(
            perform(
                job,
                task,
                study,
                keep_model=keep_models,
                on_event=report,
                should_stop=should_stop,
            )
        )
