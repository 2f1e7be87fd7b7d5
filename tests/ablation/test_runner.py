"""Running a plan: which cells, what is shared, and what is reported."""

import pytest
from executor_jobs import count
from rich.console import Console
from study_files import study_text

from recse_lab.ablation import runner
from recse_lab.ablation.executors.executor import Event
from recse_lab.ablation.runner import expected_seconds, forget, run_study, to_run
from recse_lab.ablation.study import plan_study
from recse_lab.files import write_json
from recse_lab.runs.leases import Claimed
from recse_lab.runs.store import Run

NEVER = {"keep_model": False, "on_step": lambda line, steps: None, "should_stop": lambda: False}


class InTurn:
    """An executor without processes."""

    workers = 1

    def __init__(self):
        self.computed = []

    def run(self, tasks, study, *, keep_models, on_event):
        for task in tasks:
            on_event(Event("started", task))
            count(task, study, **NEVER)
            self.computed.append(task.id)
            on_event(Event("done", task))
        return True


@pytest.fixture
def study(tmp_path, monkeypatch):
    monkeypatch.setattr(runner, "prepare", lambda cells, console: None)
    text = study_text("seeds: [0]}", "seeds: [0], set: {reshape: null}}")
    text = text.replace("role: control", "role: control, set: {reshape.operator: mean}")
    (tmp_path / "a.yaml").write_text(text)
    return plan_study(str(tmp_path / "a.yaml"), tmp_path / "runs", seeds=1)


def state(study, cell, state):
    run = Run(study.folder / cell.id)
    run.folder.mkdir(parents=True, exist_ok=True)
    run.set_status(state)
    return run


def test_a_policy_chooses_by_state(study):
    ids = [cell.id for cell in study.cells]
    state(study, study.cells[0], "done")
    state(study, study.cells[1], "failed")
    state(study, study.cells[2], "interrupted")
    chosen = {
        policy: [cell.id for cell in to_run(study.folder, study.cells, policy)]
        for policy in ("missing", "failed", "all", "never")
    }
    assert chosen == {"missing": ids[2:], "failed": [ids[1]], "all": ids, "never": []}
    assert len(to_run(study.folder, study.cells * 2, "all")) == len(ids)


@pytest.mark.parametrize(("rerun", "first"), [("missing", 1), ("all", 0), ("never", 6)])
def test_what_is_asked_for_is_computed_and_counted(study, rerun, first):
    study.folder.mkdir(parents=True)
    state(study, study.cells[0], "done")
    executor = InTurn()
    outcome = run_study(
        study.folder,
        study.cells,
        rerun=rerun,
        executor=executor,
        keep_models=False,
        console=Console(quiet=True),
    )
    assert executor.computed == [cell.id for cell in study.cells[first:]]
    assert (outcome.done, outcome.failed, outcome.complete) == (max(1, 6 * (first < 6)), {}, True)


def test_runs_are_forgotten_all_or_none(study):
    runs = [state(study, cell, "done") for cell in study.cells[:2]]
    with runs[1].claim(), pytest.raises(Claimed):
        forget(runs)
    assert all(run.state == "done" for run in runs)
    forget(runs)
    assert not any(run.folder.exists() for run in runs)


def test_the_time_expected_is_that_of_finished_runs(study, monkeypatch):
    assert expected_seconds(study.folder, study.cells, workers=2) is None
    run = state(study, study.cells[0], "done")
    cost = {"steps": 10, "train_s": 4.0, "dev_s": 1.0, "test_s": 3.0}
    write_json(run.folder / "cost.json", cost)
    for cell in study.cells:
        monkeypatch.setitem(vars(cell.lab), "steps", 20)
    # 0.5 s a step and 3 s of testing: 13 s for each of 6 cells, two at a time
    assert expected_seconds(study.folder, study.cells, workers=2) == pytest.approx(39)
