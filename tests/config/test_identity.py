"""A run's id is its question: what changes it, and what must not."""

import itertools
from typing import Any

import pytest
from pydantic import create_model
from spellings import EVERY, SPELLINGS, config_of

from recse_lab.config.identity import EDITION, differences, run_id
from recse_lab.config.options import Strict
from recse_lab.config.overrides import flatten
from recse_lab.config.pretraining import PretrainConfig
from recse_lab.config.reading import make_config
from recse_lab.config.schema import ReshapeConfig, RunConfig, ViewConfig

DATA = {"encoder": "a", "corpus": "b"}
VERSIONS = {"pooling cls": 1, "training": 1}


def id_of(config, data=DATA, versions=VERSIONS):
    return run_id(config, data, versions)


def with_one_more_option(kind):
    """A schema to which every group has gained an option with a default."""
    fields: dict[str, Any] = {"novelty": (float, 0.5)}
    for name, field in kind.model_fields.items():
        inner = field.get_default(call_default_factory=True)
        if isinstance(inner, Strict):
            wider = with_one_more_option(type(inner))
            fields[name] = (wider, wider())
    if "reshape" in kind.model_fields:
        fields["reshape"] = (with_one_more_option(ReshapeConfig) | None, None)
    return create_model(kind.__name__, __base__=kind, **fields)


@pytest.mark.parametrize("options", EVERY, ids=range(len(EVERY)))
def test_a_new_option_with_a_default_changes_no_id(options):
    config = config_of(options)
    wider = with_one_more_option(RunConfig).model_validate(config.model_dump())
    assert "training.novelty" in flatten(wider.model_dump())
    assert id_of(wider) == id_of(config)


def test_a_new_option_changes_the_id_where_it_is_given():
    config = config_of({"reshape": {}})
    for group in ("training", "reshape"):
        tree = config.model_dump()
        tree[group]["novelty"] = 0.7
        assert id_of(with_one_more_option(RunConfig).model_validate(tree)) != id_of(config)


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_two_spellings_have_one_id(spelling):
    short, long = SPELLINGS[spelling]
    assert id_of(config_of(short)) == id_of(config_of(long))


def test_different_questions_have_different_ids():
    configs = []
    for options in EVERY:
        if (config := config_of(options)) not in configs:
            configs.append(config)
    assert len({id_of(config) for config in configs}) == len(configs) > 20


CHANGES = {
    "seed": 1,
    "model.pooling": "mean",
    "model.layers": 2,
    "model.dropout": 0.2,
    "model.keep_head": True,
    "model.max_length": 16,
    "contrast.temperature": 0.1,
    "contrast.objective": "nt-xent",
    "contrast.queue": 1.0,
    "training.batch_size": 32,
    "training.steps": 5,
    "training.learning_rate": 1e-4,
    "training.clip": None,
    "evaluation.tasks": [],
    "evaluation.selection": "last",
    "reshape": {},
    "prompt": {},
    "view": {"family": "crop", "strength": 0.0},
}


def test_every_change_of_an_option_is_another_question():
    alone = [{}, *({key: value} for key, value in CHANGES.items())]
    pairs = [{a: CHANGES[a], b: CHANGES[b]} for a, b in itertools.combinations(CHANGES, 2)]
    configs = []
    for options in [*alone, *pairs]:
        if len({"prompt", "model.keep_head", "model.pooling"} & options.keys()) > 1:
            continue  # a prompt has its own pooling, and mean pooling has no head
        if (config := config_of(options)) not in configs:
            configs.append(config)
    assert len({id_of(config) for config in configs}) == len(configs)


def test_locations_are_no_part_of_a_question_and_fingerprints_are():
    config = config_of({})
    moved = config_of(
        {"encoder": "y", "corpus": ["z.csv"], "column": "text", "evaluation.data_dir": "/data"}
    )
    assert id_of(moved) == id_of(config)
    assert id_of(config, data={**DATA, "corpus": "c"}) != id_of(config)


def test_versions_are_part_of_a_question():
    config = config_of({})
    assert id_of(config, versions={**VERSIONS, "training": 2}) != id_of(config)
    assert id_of(config, versions={**VERSIONS, "queue": 1}) != id_of(config)


def test_a_new_edition_renames_every_run(monkeypatch):
    before = id_of(config_of({}))
    monkeypatch.setattr("recse_lab.config.identity.EDITION", EDITION + 1)
    assert id_of(config_of({})) != before


def test_only_differences_from_the_defaults_are_asked():
    config = config_of({"contrast.objective": "adnce", "contrast.options": {"sigma": 0.5}})
    assert differences(config) == {
        "encoder": "x",
        "model": {"head": "tanh"},
        "contrast": {"objective": "adnce", "options": {"sigma": 0.5}},
    }
    assert differences(config_of({"reshape": {}}))["reshape"] == {}
    assert differences(ViewConfig(family="crop", strength=0)) == {"family": "crop", "strength": 0}


def test_pretraining_is_named_in_the_same_way():
    def name(**options):
        return id_of(make_config(options, kind=PretrainConfig))

    bert = {"model_type": "bert"}
    assert name() == name(architecture=bert) == name(corpus="elsewhere.txt")
    named = [name(), name(factorisation=None), name(architecture={**bert, "hidden_size": 64})]
    named += [name(seed=1), name(architecture={"hidden_size": 64}), name(vocabulary={"size": 500})]
    assert len(set(named)) == len(named)


def test_options_without_a_schema_are_named_in_the_same_way():
    plain = {"encoder": "x", "model": {"pooling": "mean"}, "evaluation": {"tasks": ["stsb"]}}
    same = {**plain, "model": {"pooling": "mean", "layers": None}, "corpus": None}
    assert id_of(plain) == id_of(same)
    assert id_of(plain) == id_of({**plain, "evaluation": {"tasks": ["stsb"], "data_dir": "/d"}})
    assert id_of(plain) != id_of({**plain, "evaluation": {"tasks": ["sts12"]}})


DEFAULTS = {
    "corpus": ["sample-corpus"],
    "column": None,
    "seed": 0,
    "model.pooling": "cls",
    "model.layers": None,
    "model.dropout": 0.1,
    "model.dropout_mask": "independent",
    "model.head": "auto",
    "model.keep_head": False,
    "model.max_length": 32,
    "model.attention": "auto",
    "contrast.objective": "info-nce",
    "contrast.temperature": 0.05,
    "contrast.weight": 1.0,
    "contrast.queue": 0.0,
    "contrast.momentum": 0.995,
    "view": None,
    "anchor_view": None,
    "prompt": None,
    "reshape.objective": "info-nce",
    "reshape.temperature": 0.05,
    "reshape.operator": "channel-gram",
    "reshape.dim": 32,
    "reshape.weights": "uniform",
    "reshape.centring": "none",
    "reshape.source": 0,
    "reshape.role": "target",
    "reshape.mode": "separated",
    "reshape.weight": 0.01,
    "reshape.projection": 256,
    "positives": None,
    "negatives": None,
    "training.batch_size": 64,
    "training.epochs": 3.0,
    "training.steps": None,
    "training.learning_rate": 3e-05,
    "training.schedule": "linear",
    "training.warmup_steps": 0,
    "training.weight_decay": 0.0,
    "training.clip": 1.0,
    "training.eval_every": 125,
    "training.early_looks": False,
    "training.patience": None,
    "training.precision": "auto",
    "training.sub_batches": 4,
    "training.sort_batches": False,
    "evaluation.data_dir": None,
    "evaluation.tasks": None,
    "evaluation.dev": None,
    "evaluation.selection": "best",
    "evaluation.precision": "auto",
    "evaluation.max_length": None,
}
"""Defaults of edition 2: an id says nothing of an option at its default."""


def test_a_changed_default_raises_the_edition():
    """Where this fails, raise ``identity.EDITION`` and write the new defaults down here."""
    assert EDITION == 2
    reshape = ReshapeConfig().model_dump(mode="json")
    now = flatten({**RunConfig(encoder="x").model_dump(mode="json"), "reshape": reshape})
    assert {option: now[option] for option in DEFAULTS} == DEFAULTS
