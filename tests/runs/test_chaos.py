"""A process killed before any of its operations on the store: the next one ends what it began."""

import functools
import os
import time

import pytest
import torch
from chaos import FORK, content, killed_before

from recse_lab.config.reading import make_config
from recse_lab.files import atomic_path
from recse_lab.jobs.computing import computing
from recse_lab.jobs.train import execute
from recse_lab.runs import leases
from recse_lab.runs.leases import Finished
from recse_lab.runs.records import Cost, append_metrics
from recse_lab.runs.store import Run

TIMES = ("status.json", "cost.json", "environment.json", "metrics.jsonl")
"""Files that hold dates and seconds."""


def small(home):
    """What a run does to the store, without a training: metrics, a model replaced, a state."""
    try:
        with computing(Run(home)) as _:
            run = Run(home)
            Cost(steps=2).write(run.folder)
            append_metrics(run.folder, {"step": 1})
            for text in ("one", "two"):
                with atomic_path(run.folder / "model" / "best") as beside:
                    beside.mkdir()
                    (beside / "weights").write_text(text)
                with atomic_path(run.folder / "state" / "state") as beside:
                    beside.write_text(text)
    except Finished:
        pass


def test_killed_before_every_operation_of_a_run(tmp_path):
    kills = 0
    while True:
        home = tmp_path / str(kills) / "s" / "0123456789ab"
        home.parent.mkdir(parents=True)
        kills += 1
        if not killed_before(kills, functools.partial(small, home), tmp_path):
            break
        for place in (home, *home.parent.glob("*.work/attempt.*")):
            if (place / "state" / "state").exists():  # a state never lies without its model
                assert (place / "model" / "best" / "weights").is_file()
        small(home)
        assert content(home.parent).keys() == {
            f"{home.name}/{name}" for name in ("status.json", "cost.json", "metrics.jsonl")
        } | {f"{home.name}/model/best/weights"}
        assert (home / "model" / "best" / "weights").read_text() == "two"
    assert kills > 40


@pytest.fixture
def config(tiny, corpus_file, small_senteval):
    return make_config(
        {
            "encoder": str(tiny),
            "corpus": str(corpus_file),
            "model": {"pooling": "mean", "max_length": 24},
            "training": {"steps": 4, "batch_size": 8, "eval_every": 2, "precision": "fp32"},
            "evaluation": {
                "data_dir": str(small_senteval),
                "precision": "fp32",
                "tasks": ["stsb"],
                "selection": "best",
            },
        }
    )


@pytest.mark.slow
@pytest.mark.parametrize("keep_model", [True, False])
def test_a_training_killed_before_every_operation(config, tmp_path, keep_model, capsys):
    """Bitwise the run of a process that nobody killed, and nothing beside it."""
    torch.set_num_threads(1)
    wanted = execute(config, tmp_path / "alone", keep_model=keep_model)
    kills = 0
    while True:
        study = tmp_path / f"cut{kills}"
        study.mkdir()
        kills += 1
        work = functools.partial(execute, config, study, keep_model=keep_model)
        if not killed_before(kills, work, study):
            break
        began = time.monotonic()
        run = execute(config, study, keep_model=keep_model)
        assert time.monotonic() - began < leases.LEASE_S + 10
        assert content(run.home, TIMES) == content(wanted.home, TIMES), kills
        assert [line["step"] for line in run.metrics()] == [1, 2, 3, 4]
        assert [path.name for path in study.iterdir()] == [run.id], kills
    with capsys.disabled():
        print(f"\n{kills - 1} kills, keep_model={keep_model}")
    assert kills > 60


def sweep(cells, study, log, seconds):
    """Compute every cell of a study, whoever else does, until all are done."""
    left = list(cells)
    while left:
        for cell in list(left):
            run = Run(study / cell)
            if run.tidy():
                left.remove(cell)
                continue
            try:
                with computing(run):
                    time.sleep(seconds)
                    with log.open("a") as file:
                        file.write(f"{cell}\n")
            except leases.Claimed:
                time.sleep(0.01)


def test_a_sweep_of_two_workers_of_which_one_is_killed(tmp_path):
    """Every cell is published once, wherever the kill fell."""
    cells = [f"{i:012x}" for i in range(3)]
    kills = 0
    while True:
        study = tmp_path / str(kills)
        study.mkdir()
        kills += 1
        log = tmp_path / f"{kills}.log"
        other = FORK.Process(target=sweep, args=(cells, study, log, 0.0))
        other.start()
        fell = killed_before(kills, functools.partial(sweep, cells, study, log, 0.0), study)
        other.join()
        assert other.exitcode == 0
        assert all(Run(study / cell).tidy() for cell in cells)
        assert {Run(study / cell).state for cell in cells} == {"done"}
        assert sorted(path.name for path in study.iterdir()) == cells, kills
        if not fell and kills > 30:
            break


def test_a_host_that_never_comes_back_costs_a_lease(tmp_path, monkeypatch):
    """Its lease names a process table that is not ours: only its age can tell."""
    home = tmp_path / "s" / "0123456789ab"
    monkeypatch.setattr(leases, "LEASE_S", 1.0)

    def elsewhere():
        leases.machine = lambda: "elsewhere"
        small(home)

    assert killed_before(12, elsewhere, tmp_path)
    began = time.monotonic()
    sweep([home.name], home.parent, tmp_path / "log", 0.0)
    assert 0.3 < time.monotonic() - began < 11
    assert sorted(path.name for path in home.parent.iterdir()) == [home.name]
    assert os.listdir(home)
