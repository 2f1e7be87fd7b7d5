"""Frameworks are options: every one is a valid configuration, alone and with a reshape."""

import re

import pytest
from spellings import config_of

from recse_lab.config.frameworks import FRAMEWORKS, RESHAPED, framework_options
from recse_lab.config.reading import read_config
from recse_lab.errors import LabError


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_a_framework_is_a_configuration_alone_and_with_a_reshape(name):
    alone, reshaped = (config_of(framework_options(name + plus)) for plus in ("", "+reshape"))
    assert (alone.reshape is not None) == (name == "reshape-only")
    assert reshaped.reshape is not None
    assert reshaped.model_copy(update={"reshape": alone.reshape}) == alone


def test_simcse_is_the_default_and_recse_is_simcse_with_a_reshape():
    assert framework_options("simcse") == {}
    assert framework_options("recse") == framework_options("simcse+reshape") == {"reshape": {}}


def test_a_file_is_updated_with_a_framework_and_that_with_options(tmp_path):
    (tmp_path / "a.yaml").write_text(
        "encoder: x\nseed: 3\ncontrast: {queue: 9, temperature: 0.2}\n"
    )
    config = read_config(
        tmp_path / "a.yaml", framework="esimcse", overrides={"contrast.momentum": 0.5}
    )
    contrast = config.contrast
    assert (contrast.queue, contrast.temperature, contrast.momentum) == (2.5, 0.2, 0.5)
    assert config.seed == 3


def test_an_unknown_framework_names_the_nearest():
    with pytest.raises(LabError, match="did you mean esimcse"):
        read_config(None, framework="esimsce", overrides={"encoder": "x"})


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_a_framework_says_what_is_the_paper_s_the_release_s_and_ours(name):
    framework = FRAMEWORKS[name]
    assert all((framework.paper, framework.release, framework.ours))
    named = re.search(r"[\w-]+/[\w-]+@[0-9a-f]{7}", framework.release)
    assert named or framework.release.startswith("none")
    assert re.search(r"[\w-]+/[\w-]+@[0-9a-f]{7}", RESHAPED.release)


AUTHORS = {
    "simcse": {
        "model.resolved_head": "tanh",
        "model.keep_head": False,
        "model.dropout": 0.1,
        "model.max_length": 32,
        "contrast.temperature": 0.05,
        "training.batch_size": 64,
        "training.learning_rate": 3e-5,
        "training.warmup_steps": 0,
        "training.weight_decay": 0.0,
        "training.clip": 1.0,
        "training.eval_every": 125,
    },
    "esimcse": {
        "view.family": "token-repetition",
        "view.strength": 0.32,
        "contrast.queue": 160 / 64,
        "contrast.momentum": 0.995,
        "contrast.queue_head": "live",
        "contrast.temperature": 0.05,
        "model.keep_head": False,
    },
    "adnce": {
        "contrast.temperature": 0.07,
        "contrast.options": {"mu": 0.4, "sigma": 1.0, "weigh_positive": 1.0},
    },
    "consert": {
        "anchor_view.family": "feature-cutoff",
        "anchor_view.strength": 0.2,
        "view.family": "token-shuffle",
        "view.strength": 1.0,
        "model.dropout": 0.0,
        "model.pooling": "mean",
        "model.resolved_head": "none",
        "contrast.temperature": 0.1,
    },
    "promptbert": {
        "model.max_length": 32,
        "model.resolved_head": "tanh",
        "model.keep_head": False,
        "prompt.debias": True,
        "prompt.full_stop": True,
        "contrast.temperature": 0.05,
    },
    "supervised": {
        "model.resolved_head": "tanh",
        "model.keep_head": True,
        "training.batch_size": 4 * 128,
        "training.learning_rate": 5e-5,
        "training.epochs": 3,
        "model.max_length": 32,
        "contrast.temperature": 0.05,
        "contrast.options": {"hard_negative_weight": 0.0},
        "training.eval_every": 125,
    },
}


@pytest.mark.parametrize("name", AUTHORS)
def test_options_are_those_of_the_authors_scripts(name):
    """Arguments and what the code makes of them, from:

    princeton-nlp/SimCSE at 49fa580, run_unsup_example.sh and run_sup_example.sh (on 4 GPUs;
    --mlp_only_train in the first alone: the supervised model keeps its MLP, simcse/models.py,
    ``sentemb_forward``); caskcsg/sentemb at 5eeec55, ESimCSE/run.sh (neg_size 160, bs 64);
    junkangwu/ADNCE at cdd110f, sentence/README.md; yym6472/ConSERT at 03c9e8f,
    scripts/unsup-consert-base.sh (--da_final_1 feature_cutoff --da_final_2 shuffle
    --cutoff_rate_final_1 0.2 --no_dropout) and main.py (mean tokens, no further module);
    kongds/Prompt-BERT at 690ba6e, run.sh, unsup-bert.
    """
    config = config_of(framework_options(name))
    for path, expected in AUTHORS[name].items():
        value = config
        for part in path.split("."):
            value = getattr(value, part)
        assert value == (pytest.approx(expected) if isinstance(expected, float) else expected), path
