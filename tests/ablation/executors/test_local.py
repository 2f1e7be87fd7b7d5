"""Workers on this machine; the laws of executors are in tests/contracts."""

import os

import pytest

from recse_lab.ablation.executors import local
from recse_lab.ablation.executors.local import LocalExecutor, threads_per_worker


@pytest.mark.parametrize(("workers", "threads"), [(1, 8), (2, 4), (3, 2), (8, 1), (20, 1)])
def test_cores_are_shared_out(workers, threads, monkeypatch):
    monkeypatch.setattr(local.os, "sched_getaffinity", lambda _: set(range(8)))
    assert threads_per_worker(workers) == threads


def test_no_task_needs_no_worker(tmp_path):
    events = []
    assert LocalExecutor(2).run([], tmp_path, keep_models=False, on_event=events.append)
    assert events == []


def test_the_environment_of_a_child_is_not_the_parents(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("TOKENIZERS_PARALLELISM", raising=False)
    with local._environment(OMP_NUM_THREADS="2", TOKENIZERS_PARALLELISM="false"):
        inside = os.environ["OMP_NUM_THREADS"], os.environ["TOKENIZERS_PARALLELISM"]
    assert inside == ("2", "false")
    assert os.environ["OMP_NUM_THREADS"] == "7"
    assert "TOKENIZERS_PARALLELISM" not in os.environ
