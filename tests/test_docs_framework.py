"""docs/add-a-framework.md does what it says: the framework trains, the mechanism learns and is
saved.
"""

import re

import numpy as np
import pytest
import torch
from conftest import REPO, sentences

from recse_lab.config import frameworks
from recse_lab.config.reading import make_config
from recse_lab.errors import LabError
from recse_lab.jobs.build import Lab
from recse_lab.jobs.settling import settle
from recse_lab.jobs.train import execute
from recse_lab.models import load_encoder
from recse_lab.models.readouts import READOUTS
from recse_lab.training.arm import Arm
from recse_lab.training.queue import MomentumContrast

PAGE = (REPO / "docs" / "add-a-framework.md").read_text(encoding="utf-8")
FRAMEWORK, FILE, LINE, USE = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


@pytest.fixture
def options(tiny, corpus_file, small_senteval):
    return {
        "encoder": str(tiny),
        "corpus": str(corpus_file),
        "training": {"steps": 3, "batch_size": 16, "learning_rate": 0.01, "precision": "fp32"},
        "evaluation": {"data_dir": str(small_senteval), "tasks": ["stsb"], "precision": "fp32"},
    }


@pytest.fixture
def mechanism(monkeypatch):
    space: dict = {}
    exec(compile(FILE, "docs/add-a-framework.md", "exec"), space)
    monkeypatch.setitem(READOUTS, *next(iter(eval("{" + LINE + "}", space).items())))
    exec(compile(USE, "docs/add-a-framework.md", "exec"), space)
    return space


@pytest.mark.parametrize("name", ["crop-queue", "crop-queue+reshape"])
def test_the_framework_trains_alone_and_with_a_reshape(options, tmp_path, monkeypatch, name):
    entry = eval("{" + FRAMEWORK + "}", {"Framework": frameworks.Framework})
    monkeypatch.setitem(frameworks.FRAMEWORKS, "crop-queue", entry["crop-queue"])
    chosen = frameworks.framework_options(name)
    if "reshape" in chosen:
        chosen = chosen | {"reshape": {"operator": "channel-gram", "dim": 4, "projection": 8}}
    run = execute(make_config(options | _tree(chosen)), tmp_path / "s")
    assert run.record.config.tree()["view"]["family"] == "crop"
    assert run.record.config.tree()["contrast"]["queue"] == 1.0
    assert ("reshape" in run.metrics()[-1]) == name.endswith("+reshape")


def _tree(dotted):
    from recse_lab.config.overrides import merge

    return merge({}, dotted)


def test_the_mechanism_starts_at_the_mean_of_all_layers(tiny, mechanism):
    plain = load_encoder(str(tiny), pooling="mean")
    mixed = mechanism["with_layer_mix"](plain).eval()
    rows = plain.tokenize(sentences(3))
    for row in rows:
        ids = torch.from_numpy(row)[None]
        with torch.inference_mode():
            states = torch.stack(plain.hidden_states(ids, torch.ones_like(ids)))
        expected = states.mean(0)[0].mean(0)
        np.testing.assert_allclose(mixed.encode_ids([row])[0], expected, atol=1e-5)


def test_the_mechanism_learns_follows_in_a_queue_and_is_kept(options, tmp_path, mechanism):
    lab = Lab(settle(make_config(options)))
    encoder = mechanism["with_layer_mix"](lab.encoder())
    queue = MomentumContrast(encoder, size=16, momentum=0.5)
    lab.train(Arm(encoder, queue=queue), tmp_path / "state")
    weights = encoder.readout.weights.detach()
    assert weights.abs().max() > 1e-3
    copied = queue.momentum_encoder.encoder.readout.weights
    assert 0 < copied.abs().max() < weights.abs().max()

    encoder.save(tmp_path / "e")
    again = load_encoder(str(tmp_path / "e"))
    texts = sentences(5)
    assert again.pooling == "layer-mix"
    assert not (tmp_path / "e" / "modules.json").exists()
    np.testing.assert_array_equal(again.encode(texts), encoder.encode(texts))
    (tmp_path / "e" / "layer_mix.safetensors").unlink()
    with pytest.raises(LabError, match=r"layer_mix\.safetensors: missing, or not what"):
        load_encoder(str(tmp_path / "e"))
