"""Canonical configurations: unused options at their defaults, derived ones written out."""

import pytest
from spellings import EVERY, SPELLINGS, config_of

from recse_lab.config.canonical import RULES, canonical
from recse_lab.config.overrides import merge
from recse_lab.config.pretraining import PretrainConfig
from recse_lab.config.reading import make_config
from recse_lab.config.schema import RunConfig


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_two_spellings_are_one_configuration(spelling):
    short, long = SPELLINGS[spelling]
    assert config_of(long) == config_of(short)


def test_two_spellings_of_pretraining_are_one_configuration():
    def pretraining(options):
        return make_config(merge({}, {"training.steps": 5, **options}), kind=PretrainConfig)

    assert pretraining({"training.epochs": 3}) == pretraining({})
    ready = pretraining({"tokenizer": "x"})
    assert pretraining({"tokenizer": "x", "vocabulary.size": 500}) == ready != pretraining({})


@pytest.mark.parametrize("options", EVERY, ids=range(len(EVERY)))
def test_canonical_is_idempotent_and_valid(options):
    config = config_of(options)
    assert canonical(config) == config
    assert make_config(config.model_dump(mode="json")) == config


@pytest.mark.parametrize("rule", RULES[RunConfig], ids=lambda rule: rule.why)
def test_every_rule_is_needed(rule, monkeypatch):
    given = [RunConfig.model_validate(merge({"encoder": "x"}, options)) for options in EVERY]
    whole = [canonical(config) for config in given]
    others = tuple(each for each in RULES[RunConfig] if each is not rule)
    monkeypatch.setitem(RULES, RunConfig, others)
    assert [canonical(config) for config in given] != whole


def test_options_that_are_used_are_left_alone():
    options = {
        "contrast": {"objective": "adnce", "queue": 2.5, "momentum": 0.9, "temperature": 0.1},
        "reshape": {"dim": 8, "weight": 2, "temperature": 0.7, "objective": "nt-xent"},
        "training": {"epochs": 2},
        "model": {"pooling": "mean", "head": "tanh", "dropout": 0.2},
    }
    dumped = config_of(options).model_dump(mode="json")
    for group, given in options.items():
        assert dumped[group].items() >= given.items()
    assert dumped["contrast"]["options"] == {"mu": 0.4, "sigma": 1.0, "weigh_positive": 0.0}


def test_the_given_configuration_is_not_written_into():
    given = RunConfig.model_validate({"encoder": "x", "reshape": {"operator": "mean"}})
    before = given.model_dump()
    assert canonical(given) != given
    assert given.model_dump() == before
