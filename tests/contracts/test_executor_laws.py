"""Laws of executors: every cell done once, whatever happens to workers and masters."""

import dataclasses
import os
import signal
import threading
import time
from collections import Counter
from typing import Any, cast

import pytest
from executor_jobs import count, die_once

from recse_lab.ablation.executors import EXECUTORS
from recse_lab.ablation.executors.executor import Task
from recse_lab.runs.store import Run

WORKERS = 2


def tasks_of(number=5, **config):
    return [Task(f"{i:012x}", f"cell {i}", config) for i in range(number)]


def executor_of(name, job):
    """An executor whose job is replaced by a quick one."""
    return dataclasses.replace(cast(Any, EXECUTORS[name](WORKERS)), job=job)


def run(name, tasks, study, job=count, events=None):
    study.mkdir(exist_ok=True)
    take = (lambda event: None) if events is None else events.append
    return executor_of(name, job).run(tasks, study, keep_models=False, on_event=take)


def computed(study):
    """How often each task was computed to its end."""
    return Counter((study / "computed.log").read_text().split())


def once_each(tasks):
    return Counter(task.id for task in tasks)


@pytest.mark.parametrize("name", EXECUTORS)
def test_every_task_is_computed_once_and_reported(name, tmp_path):
    tasks, events, study = tasks_of(), [], tmp_path / "s"
    assert run(name, tasks, study, events=events)
    assert computed(study) == once_each(tasks)
    assert {Run(study / task.id).state for task in tasks} == {"done"}
    for task in tasks:
        own = [event for event in events if event.task == task]
        assert [event.kind for event in own if event.final] == ["done"]
        assert [own[0].kind, own[-1].kind] == ["started", "done"]
        assert (own[1].kind, own[1].line, own[1].steps) == ("step", {"step": 1}, 1)


@pytest.mark.parametrize("name", EXECUTORS)
def test_no_more_tasks_than_workers_at_once(name, tmp_path):
    tasks, events = tasks_of(seconds=0.05), []
    run(name, tasks, tmp_path / "s", events=events)
    at_work, most = set(), 0
    for event in events:
        at_work = at_work - {event.task.id} if event.final else at_work | {event.task.id}
        most = max(most, len(at_work))
    assert most == executor_of(name, count).workers == WORKERS


@pytest.mark.parametrize("name", EXECUTORS)
def test_a_task_that_fails_takes_no_other_along(name, tmp_path):
    tasks, events, study = tasks_of(4), [], tmp_path / "s"
    bad = Task("f" * 12, "bad", {"error": "no luck"})
    assert run(name, [bad, *tasks], study, events=events)
    assert computed(study) == once_each(tasks)
    assert Run(study / bad.id).state == "failed"
    (message,) = [event.message for event in events if event.kind == "failed"]
    assert message == "RuntimeError: no luck"


@pytest.mark.parametrize("name", EXECUTORS)
def test_what_a_killed_worker_leaves_is_computed_by_the_next_run(name, tmp_path):
    tasks, events, study = tasks_of(4), [], tmp_path / "s"
    deadly = Task("d" * 12, "deadly", {"deadly": True})
    assert not run(name, [deadly, *tasks], study, job=die_once, events=events)
    assert computed(study) == once_each(tasks)
    assert Run(study / deadly.id).state == "interrupted"
    (message,) = [event.message for event in events if event.kind == "failed"]
    assert message == "its process died (exit code -9)"
    assert run(name, [deadly, *tasks], study, job=die_once)
    assert computed(study) == once_each([deadly, *tasks])


@pytest.mark.parametrize("name", EXECUTORS)
def test_two_masters_compute_every_task_once(name, tmp_path):
    tasks, study = tasks_of(6, seconds=0.1), tmp_path / "s"
    events = [], []
    masters = [
        threading.Thread(target=run, args=(name, tasks, study), kwargs={"events": each})
        for each in events
    ]
    for master in masters:
        master.start()
    for master in masters:
        master.join()
    assert computed(study) == once_each(tasks)
    assert {Run(study / task.id).state for task in tasks} == {"done"}
    for each in events:  # what another master computes is waited for
        assert Counter(e.task.id for e in each if e.kind == "done") == once_each(tasks)
        assert not [event for event in each if event.kind in ("failed", "interrupted")]


@pytest.mark.parametrize("name", EXECUTORS)
def test_an_interrupted_run_is_continued(name, tmp_path):
    tasks, study, events = tasks_of(3, seconds=2.0), tmp_path / "s", []

    def interrupt_once_at_work():
        while sum(Run(study / task.id).state == "running" for task in tasks) < WORKERS:
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGINT)

    study.mkdir()
    threading.Thread(target=interrupt_once_at_work).start()
    assert not run(name, tasks, study, events=events)
    assert [event.kind for event in events if event.final] == ["interrupted"] * WORKERS
    assert not (study / "computed.log").exists()
    assert run(name, tasks, study)
    assert computed(study) == once_each(tasks)
