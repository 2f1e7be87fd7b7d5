"""recse-lab ablate --encoder A --encoder B: each arm on each encoder, and its effect over all."""

import csv
import shutil

import numpy as np
import pytest
from scipy import stats

from recse_lab.reports.study.numbers import read_numbers
from recse_lab.runs.collection import read_study

STUDY = """
name: twice
question: Does it hold on both?
cost: seconds
base:
  corpus: {corpus}
  model: {{pooling: mean, max_length: 24}}
  training: {{steps: 4, batch_size: 8, learning_rate: 1.0e-3, precision: fp32}}
  evaluation: {{data_dir: {data}, precision: fp32}}
arms:
  - {{name: SimCSE, role: reference}}
  - {{name: crop, framework: crop}}
seeds: 2
report: {{against: SimCSE}}
"""


@pytest.fixture
def study(corpus_file, small_senteval, tmp_path):
    path = tmp_path / "twice.yaml"
    path.write_text(STUDY.format(corpus=corpus_file, data=small_senteval))
    return path


@pytest.fixture
def encoders(tiny, tmp_path):
    """Two encoders of one shape and other weights, in folders whose names are their labels."""
    import torch
    from transformers import AutoModel

    first = shutil.copytree(tiny, tmp_path / "first")
    second = shutil.copytree(tiny, tmp_path / "second")
    model = AutoModel.from_pretrained(second)
    generator = torch.Generator().manual_seed(1)
    for parameter in model.parameters():
        noise = torch.randn(parameter.shape, generator=generator)
        parameter.data.add_(0.05 * noise)
    model.save_pretrained(second)
    return first, second


def test_every_arm_on_every_encoder_and_over_all(call, study, encoders, tmp_path):
    named = [part for encoder in encoders for part in ("--encoder", encoder)]
    code, out, err = call("ablate", study, *named, "--workers", 1, "--out", tmp_path / "r")
    assert code == 0, err
    assert "2 encoders agree" in out.replace("\n", " ") or "of 2 encoders" in out.replace("\n", " ")
    folder = next((tmp_path / "runs").glob("twice"))
    arms = read_study(folder).arms
    assert [(arm.name, arm.factors["encoder"], len(arm.runs)) for arm in arms] == [
        ("SimCSE", "first", 2),
        ("SimCSE", "second", 2),
        ("crop", "first", 2),
        ("crop", "second", 2),
    ]
    (across,) = read_numbers(folder).across
    effects = [part.comparison.delta for part in across.parts]
    assert across.over.mean == pytest.approx(np.mean(effects))
    assert across.over.prediction is None
    low, high = stats.ttest_1samp(effects, 0).confidence_interval()
    assert across.over.high - across.over.low >= (high - low) * (1 - 1e-9)
    report = tmp_path / "r" / "twice"
    assert {"encoders.png", "differences.png", "encoders.csv", "table.csv"} <= {
        path.name for path in report.iterdir()
    }
    assert not (report / "figure.png").exists()
    rows = list(csv.DictReader((report / "encoders.csv").read_text().splitlines()))
    assert float(rows[0]["mean"]) == pytest.approx(100 * np.mean(effects), abs=0.01)


def test_a_study_s_file_may_name_them(call, study, encoders):
    study.write_text(study.read_text() + f"encoders: [{encoders[0]}, {encoders[1]}]\n")
    code, out, err = call("ablate", study, "--dry-run")
    assert code == 0, err
    assert "8 distinct runs" in out.replace("\n", " ")
    assert "encoder first, second" in " ".join(out.split())


def test_one_encoder_twice_and_an_arm_with_its_own_are_refused(call, study, encoders):
    code, _, err = call("ablate", study, "--encoder", encoders[0], "--encoder", encoders[0])
    assert code == 2
    assert "first is given already" in " ".join(err.split())
    own = study.read_text().replace("framework: crop", f"set: {{encoder: {encoders[0]}}}")
    study.write_text(own)
    named = ["--encoder", encoders[0], "--encoder", encoders[1]]
    code, _, err = call("ablate", study, *named)
    assert code == 2
    assert "arm crop: it chooses its encoder itself" in " ".join(err.split())
