"""How a task ends: the same for every executor."""

from pathlib import Path

import pytest

from recse_lab.ablation.executors.executor import Event, Task
from recse_lab.ablation.executors.work import perform
from recse_lab.errors import LabError
from recse_lab.optimisation.stepping import Interrupted

TASK = Task("0" * 12, "cell", {})


def ending_of(job, events=None):
    take = (lambda event: None) if events is None else events.append
    return perform(job, TASK, Path(), keep_model=False, on_event=take, should_stop=lambda: False)


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (Interrupted("stopped at step 3"), "interrupted", "stopped at step 3"),
        (LabError("no such file."), "failed", "no such file."),
        (ZeroDivisionError("division"), "failed", "ZeroDivisionError: division"),
    ],
)
def test_an_error_is_an_ending(error, kind, message):
    def job(*_, **__):
        raise error

    assert ending_of(job) == Event(kind, TASK, message=message)
    assert ending_of(job).final


def test_steps_are_reported_at_most_every_quarter_second(monkeypatch):
    now = [10.0]
    monkeypatch.setattr("recse_lab.ablation.executors.work.time.monotonic", lambda: now[0])

    def job(*_, on_step, **__):
        for step in range(8):
            on_step({"step": step}, 8)
            now[0] += 0.1

    events = []
    assert ending_of(job, events) == Event("done", TASK)
    assert [event.line["step"] for event in events] == [0, 3, 6]
    assert {(event.kind, event.steps, event.final) for event in events} == {("step", 8, False)}
