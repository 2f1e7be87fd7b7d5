"""Two processes that share a batch find the gradient of one that has it all, without dropout."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import two_processes

from recse_lab.errors import LabError
from recse_lab.training.ranks import ALONE, Ranks

RESHAPE = {"operator": "channel-gram", "dim": 4, "projection": 8, "weight": 0.5}
CASES = {
    "simcse": {},
    "chunked": {"training.chunk_tokens": 32},
    "reshape": {"reshape": {**RESHAPE, "mode": "integrated", "source": 1}},
    "adnce": {"contrast.objective": "adnce"},
    "queue": {"contrast.queue": 1.0},
}


@pytest.fixture(scope="module")
def options(tiny, corpus_file, small_senteval):
    base = {
        "encoder": str(tiny),
        "corpus": str(corpus_file),
        "model": {"pooling": "mean", "max_length": 24, "dropout": 0.0},
        "training": {"steps": 5, "batch_size": two_processes.BATCH, "precision": "fp32"},
        "evaluation": {"data_dir": str(small_senteval), "precision": "fp32", "tasks": []},
    }
    return {name: {**base, **changes} for name, changes in CASES.items()}


@pytest.fixture(scope="module")
def together(options, tmp_path_factory):
    """Gradients that two processes found together."""
    folder = tmp_path_factory.mktemp("two")
    (folder / "cases.json").write_text(json.dumps(options))
    command = [sys.executable, two_processes.__file__]
    given = [folder / "meeting", folder / "cases.json", folder]
    paths = os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")])
    environment = os.environ | {
        "PYTHONPATH": paths,
        "RECSE_LAB_CACHE": str(folder / "cache"),
        "OMP_NUM_THREADS": "1",
        "GLOO_SOCKET_IFNAME": "lo",
    }
    processes = [
        subprocess.Popen([*command, str(index), *map(str, given)], env=environment)
        for index in (0, 1)
    ]
    assert [process.wait(timeout=240) for process in processes] == [0, 0]
    return folder


@pytest.mark.parametrize("name", CASES)
def test_two_processes_find_the_gradient_of_one(name, options, together):
    alone = two_processes.gradient(options[name], ALONE)
    shared = torch.load(together / f"{name}.pt", weights_only=True)
    assert alone.keys() == shared.keys()
    scale = max(value.abs().max() for key, value in alone.items() if key != "loss")
    torch.testing.assert_close(shared["loss"], alone["loss"], rtol=1e-5, atol=1e-6)
    for key, value in alone.items():
        if key != "loss":
            assert (value - shared[key]).abs().max() <= 1e-5 * scale, key


def test_a_batch_that_cannot_be_dealt_evenly_is_refused():
    assert [Ranks(index, 2).share(8) for index in (0, 1)] == [slice(0, 4), slice(4, 8)]
    for batch, size in ((9, 2), (2, 2)):
        with pytest.raises(LabError, match=r"cannot share a batch .* multiple of 2"):
            Ranks(0, size).share(batch)
