"""Run tasks on this machine: worker processes that share its cores and end with their parent."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from recse_lab.ablation.executors.executor import Ending, Event, Job, OnEvent, Task
from recse_lab.ablation.executors.work import perform, train_cell
from recse_lab.jobs.interrupt import stoppable
from recse_lab.runs.store import Run

WAIT_S = 0.5
"""Seconds between two looks at what other processes compute, and at a wish to stop."""

ELSEWHERE = "computed by another process"


@dataclass(frozen=True)
class LocalExecutor:
    """Worker processes on this machine.

    Ctrl-C or SIGTERM asks the workers to save their state and waits for them. A worker that dies
    takes only its task along. A task that another process holds is waited for, and taken over when
    that process is gone.
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
        waiting, held = list(reversed(tasks)), list[Task]()
        idle: list[_Worker] = []
        complete, stopping = True, False
        try:
            with stoppable() as asked:
                while self.busy or ((waiting or held) and not stopping):
                    while waiting and not stopping and (idle or len(self.busy) < self.size):
                        self.start(idle.pop() if idle else self.hire(), waiting.pop(), on_event)
                    for connection in wait(list(self.busy), timeout=WAIT_S) if self.busy else ():
                        assert isinstance(connection, Connection)
                        worker, task = self.busy[connection]
                        event, alive = self.receive(worker, task)
                        on_event(event)
                        if event.kind in ("started", "step"):
                            continue
                        del self.busy[connection]
                        complete = complete and alive and event.kind != "interrupted"
                        held += [task] if event.kind == "held" else []
                        idle += [worker] if alive else []
                    if held and not waiting and not self.busy:
                        time.sleep(WAIT_S)
                    if held and not waiting:
                        held, free = self.look_at(held, on_event)
                        waiting += free
                    if asked() and not stopping:
                        stopping, complete = True, False
                        for worker, _ in self.busy.values():
                            worker.stop()
        finally:
            for worker in idle:
                worker.dismiss()
            for worker, _ in self.busy.values():
                worker.process.terminate()
        return complete

    def start(self, worker: _Worker, task: Task, on_event: OnEvent) -> None:
        with suppress(OSError):  # it has died: receive() notices
            worker.connection.send(task)
        self.busy[worker.connection] = worker, task
        on_event(Event("started", task))

    def look_at(self, held: list[Task], on_event: OnEvent) -> tuple[list[Task], list[Task]]:
        """The tasks that others still compute, and those that nobody does any more."""
        still, free = [], []
        for task in held:
            status = Run(self.study / task.id).status
            if status.state in ("done", "failed"):
                ending: Ending = "done" if status.state == "done" else "failed"
                on_event(Event(ending, task, message=status.message or ELSEWHERE))
            elif status.state == "running":
                still.append(task)
            else:
                free.append(task)
        return still, free

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
