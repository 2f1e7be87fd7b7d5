"""A study that is interrupted by Ctrl-C, then killed: the same command goes on, and its scores are
those of one left alone.
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import psutil
import pytest
import torch
from safetensors import safe_open

from recse_lab.ablation.executors.local import threads_per_worker
from recse_lab.ablation.study import plan_study
from recse_lab.jobs.train import execute
from recse_lab.runs.store import Run, find_runs

STEPS = 120


@pytest.fixture
def study(tmp_path, tiny, corpus_file, small_senteval):
    """Cells long enough to be met at work."""
    path = tmp_path / "small.yaml"
    path.write_text(f"""
name: small
question: Does p matter?
cost: seconds
base:
  encoder: {tiny}
  corpus: {corpus_file}
  model: {{pooling: mean, max_length: 16}}
  training: {{steps: {STEPS}, batch_size: 8, eval_every: 20, precision: fp32}}
  evaluation: {{data_dir: {small_senteval}, precision: fp32, selection: last}}
  reshape: {{weight: 0.1, projection: 8}}
arms:
  - {{name: SimCSE, role: reference, set: {{reshape: null}}}}
  - {{name: mean, role: control, set: {{reshape.operator: mean}}}}
  - {{name: channel-gram, sweep: {{reshape.dim: [2, 4]}}}}
seeds: 1
report: {{x: reshape.dim, against: SimCSE}}
""")
    return path


def started(study, runs):
    """The command as a shell starts it: a process group of its own, which a terminal's Ctrl-C
    reaches as a whole.
    """
    code = "from recse_lab.cli import main; main()"
    arguments = ["ablate", study, "--runs", runs, "--workers", 2, "--out", runs / "reports"]
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def left_alone(study, runs):
    """The same study without workers and without a break, on as many threads as each of two workers
    has.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(threads_per_worker(2))
    planned = plan_study(str(study), runs)
    for cell in planned.cells:
        execute(cell.lab.config, planned.folder, keep_model=False)
    torch.set_num_threads(threads)


def wait_until(what, seconds=180.0):
    deadline = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)
    return found


def cells(runs: Path) -> list[Run]:
    return find_runs(runs)


def saved_step(run: Run) -> int:
    with safe_open(run.folder / "state" / "state.safetensors", framework="pt") as state:
        return json.loads(state.metadata()["progress"])["step"]


def at_work(runs: Path, beyond: int) -> bool:
    """Two cells are being computed and both have gone beyond a step."""
    steps = [
        run.metrics()[-1]["step"] for run in cells(runs) if run.state == "running" and run.metrics()
    ]
    return len(steps) == 2 and min(steps) > beyond


def test_interrupted_then_killed_then_finished(study, tmp_path):
    runs, alone = tmp_path / "cut", tmp_path / "alone"

    process = started(study, runs)
    wait_until(lambda: at_work(runs, beyond=20))
    os.killpg(process.pid, signal.SIGINT)
    out = process.communicate(timeout=180)[0]
    assert process.returncode == 130, out
    assert "the same command continues" in out
    assert "Traceback" not in out
    assert {run.state for run in cells(runs)} == {"interrupted"}
    told = {run.id: run.metrics() for run in cells(runs)}
    stopped_at = {name: lines[-1]["step"] for name, lines in told.items()}
    assert {run.id: saved_step(run) for run in cells(runs)} == stopped_at

    process = started(study, runs)
    wait_until(lambda: at_work(runs, beyond=max(stopped_at.values())))
    family = psutil.Process(process.pid).children(recursive=True)
    assert len([child for child in family if child.is_running()]) >= 2
    process.kill()
    process.wait()
    assert not psutil.wait_procs(family, timeout=30)[1], "a worker outlived its parent"
    assert {run.state for run in cells(runs)} <= {"interrupted", "done"}
    assert "interrupted" in {run.state for run in cells(runs)}

    process = started(study, runs)
    left_alone(study, alone)
    out = process.communicate(timeout=240)[0]
    assert process.returncode == 0, out
    assert len(cells(runs)) == len(cells(alone)) == 4
    for run in cells(alone):
        same = Run(runs / "small" / run.id)
        pd.testing.assert_frame_equal(
            pd.read_parquet(same.scores), pd.read_parquet(run.scores), check_exact=True
        )
        assert same.record.results.tree() == run.record.results.tree()
        assert [line["step"] for line in same.metrics()] == list(range(1, STEPS + 1))
        before = told.get(run.id, [])
        assert (
            same.metrics()[: len(before)] == before
        )  # with their pace: they were not computed again
