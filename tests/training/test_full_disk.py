"""A disk that fills up while training writes.

One sentence, exit code 2, nothing half-written, and the same command goes on.
"""

import errno
import json
import os
from pathlib import Path

import pandas as pd
import pytest
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file

from recse_lab.errors import LabError
from recse_lab.models import TransformerEncoder
from recse_lab.optimisation import checkpoint
from recse_lab.runs.leases import Claimed, is_held
from recse_lab.runs.store import Run, find_runs

FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def full_at(call, real, half, error=FULL):
    """``real``, whose ``call``-th call leaves half a file, by ``half``, on a full disk."""
    calls = []

    def write(*arguments, **options):
        calls.append(1)
        if len(calls) < call:
            return real(*arguments, **options)
        half(*arguments)
        raise error

    return write


def fill_state(patch):
    told = SafetensorError(
        "Error while serializing: I/O error: No space left on device (os error 28)"
    )
    half = lambda tensors, path: Path(path).write_bytes(b"half")  # noqa: E731
    patch.setattr(checkpoint, "save_file", full_at(2, checkpoint.save_file, half, told))


def fill_model(patch):
    real = TransformerEncoder.save

    def save(encoder, folder):
        if "last" not in folder.name:
            return real(encoder, folder)
        folder.mkdir()
        (folder / "config.json").write_text("{")
        raise FULL

    patch.setattr(TransformerEncoder, "save", save)


def fill_metrics(patch):
    real, lines = Path.open, []

    def opened(path, mode="r", **options):
        if path.name == "metrics.jsonl" and mode == "a":
            lines.append(1)
            if len(lines) == 5:
                with real(path, mode) as file:
                    file.write('{"step": 5, "lo')
                raise FULL
        return real(path, mode, **options)

    patch.setattr(Path, "open", opened)


def fill_scores(patch):
    patch.setattr(
        pd.DataFrame, "to_parquet", full_at(1, None, lambda frame, path: path.write_bytes(b"PAR1"))
    )


def fill_results(patch):
    real = Path.write_text

    def write(path, text, **options):
        if "results.json" in path.name:
            real(path, text[:20])
            raise FULL
        return real(path, text, **options)

    patch.setattr(Path, "write_text", write)


def fill_everything(patch):
    """From the second state on nothing can be written, not even that the run has failed."""
    real, full = os.replace, []

    def replace(source, target):
        full.extend([1] if "state.safetensors" in str(target) else [])
        if len(full) > 1:
            raise FULL
        return real(source, target)

    patch.setattr(os, "replace", replace)


@pytest.mark.parametrize(
    ("fill", "written", "kept"),
    [
        (fill_state, "state/state.safetensors", 2),
        (fill_model, "model/last", 6),
        (fill_metrics, "metrics.jsonl", 4),
        (fill_scores, "scores.parquet", 6),
        (fill_results, "results.json", 6),
        (fill_everything, "state/state.safetensors", 2),
    ],
)
def test_a_full_disk(
    call, tiny, corpus_file, small_senteval, tmp_path, monkeypatch, fill, written, kept
):
    options = (
        "train",
        "--encoder",
        tiny,
        "--corpus",
        corpus_file,
        "--data-dir",
        small_senteval,
        "--pooling",
        "mean",
        "--operator",
        "mean",
        "--steps",
        6,
        "--batch-size",
        16,
        "--eval-every",
        2,
        "--learning-rate",
        1e-3,
        "--precision",
        "fp32",
        "--set",
        "evaluation.precision=fp32",
        "--set",
        "evaluation.tasks=[stsb]",
    )
    with monkeypatch.context() as patch:
        fill(patch)
        code, _, err = call(*options, "--runs", tmp_path / "full")
    assert code == 2
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert f"{written}" in err
    assert (
        "the disk is full; nothing half-written was kept; free some space and start again." in err
    )

    run = find_runs(tmp_path / "full")[0]
    assert run.state == ("interrupted" if fill is fill_everything else "failed")
    assert not [path for path in run.home.parent.rglob("*") if path.name.endswith(".tmp")]
    assert not is_held(run.home)
    for path in run.folder.rglob("*.json"):
        json.loads(path.read_text())
    for folder in run.folder.glob("model/*"):
        assert (folder / "model.safetensors").is_file()
    assert [line["step"] for line in run.metrics()][-1] >= kept
    with safe_open(run.folder / "state" / "state.safetensors", framework="pt") as state:
        assert json.loads(state.metadata()["progress"])["step"] == kept

    for root in ("full", "roomy"):
        code, _, err = call(*options, "--runs", tmp_path / root)
        assert code == 0, err
    roomy = Run(tmp_path / "roomy" / "train" / run.id)
    assert run.record.results.tree()["tasks"] == roomy.record.results.tree()["tasks"]
    assert [line["step"] for line in run.metrics()] == list(range(1, 7))
    weights = [load_file(r.folder / "model" / "last" / "model.safetensors") for r in (run, roomy)]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[1])


def test_a_lease_that_could_not_be_written_is_told(tmp_path, monkeypatch):
    run = Run(tmp_path / "s" / "abc")
    with monkeypatch.context() as patch:
        patch.setattr(json, "dump", full_at(1, None, lambda value, file: file.write("{")))
        with pytest.raises(LabError, match=r"lease\.1: the disk is full"), run.claim():
            pytest.fail("claimed")
    with run.claim():
        run.set_status("running")
        assert run.state == "running"
        with pytest.raises(Claimed), Run(run.home).claim():
            pytest.fail("claimed twice")
    assert not is_held(run.home)
