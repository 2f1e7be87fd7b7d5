"""Versions of components: raising one renames the runs that use it, and no others."""

import pytest
from spellings import config_of

from recse_lab import pooling
from recse_lab.config.identity import run_id
from recse_lab.config.pretraining import MaskedTrainingConfig, PretrainConfig
from recse_lab.evaluation import protocols
from recse_lab.jobs.behaviour import (
    behaviour_of_backbone,
    behaviour_of_evaluation,
    behaviour_of_pretraining,
    behaviour_of_run,
)
from recse_lab.models import baselines
from recse_lab.models.heads import TanhHead
from recse_lab.models.readouts import Prompt, Residual
from recse_lab.models.transformer import TransformerEncoder
from recse_lab.objectives import CONTRASTS
from recse_lab.optimisation import schedule
from recse_lab.pretraining import loop as pretraining_loop
from recse_lab.reshape import OPERATORS
from recse_lab.reshape.reshaper import Reshaper
from recse_lab.reshape.token_view import ReshapedTokens
from recse_lab.training import loop as training_loop
from recse_lab.training.queue import MomentumContrast
from recse_lab.views import VIEWS


def id_of(options):
    config = config_of(options)
    return run_id(config, {}, behaviour_of_run(config))


RESIDUAL = {"reshape": {"role": "residual"}}
COMPONENTS = {
    "operator": (OPERATORS["channel-gram"], {"reshape": {}}, {"reshape": {"operator": "mean"}}),
    "operator of a composition": (
        OPERATORS["mean"],
        {"reshape": {"operator": "mean+channel-gram"}},
        {"reshape": {}},
    ),
    "reshaper": (Reshaper, RESIDUAL, {"reshape": {"role": "view"}}),
    "reshaped tokens": (ReshapedTokens, {"reshape": {"role": "view"}}, {"reshape": {}}),
    "view": (
        VIEWS["crop"],
        {"view": {"family": "crop", "strength": 0.1}},
        {"view": {"family": "token-shuffle", "strength": 0.1}},
    ),
    "anchor view": (VIEWS["crop"], {"anchor_view": {"family": "crop", "strength": 0.1}}, {}),
    "contrast": (CONTRASTS["info-nce"], {}, {"contrast.objective": "nt-xent"}),
    "contrast of a reshape": (
        CONTRASTS["adnce"],
        {"reshape": {"objective": "adnce"}},
        {"reshape": {}},
    ),
    "contrast without weight": (
        CONTRASTS["info-nce"],
        {},
        {"contrast.weight": 0, "reshape": {"objective": "nt-xent"}},
    ),
    "contrast of the untrained encoder": (CONTRASTS["info-nce"], {}, {"training.steps": 0}),
    "head": (TanhHead, {}, {"model.head": "none"}),
    "head that is dropped": (
        TanhHead,
        {"training.steps": 0, "model.keep_head": True},
        {"training.steps": 0},
    ),
    "prompt": (Prompt, {"prompt": {}}, {}),
    "residual": (Residual, RESIDUAL, {"reshape": {}}),
    "queue": (MomentumContrast, {"contrast.queue": 2.5}, {}),
}
"""A component's class, a run that uses it, and one that does not."""


@pytest.mark.parametrize("name", COMPONENTS)
def test_a_raised_version_renames_the_runs_that_use_the_component(name, monkeypatch):
    component, using, without = COMPONENTS[name]
    before = id_of(using), id_of(without)
    monkeypatch.setattr(component, "behaviour", component.behaviour + 1)
    assert id_of(using) != before[0]
    assert id_of(without) == before[1]


@pytest.mark.parametrize(
    ("registry", "used", "unused"),
    [
        (pooling.BEHAVIOUR, "mean", "cls"),
        (protocols.BEHAVIOUR, "simcse-2021", "mteb"),
    ],
)
def test_so_does_a_version_in_a_registry(registry, used, unused, monkeypatch):
    options = {"model.pooling": "mean"}
    before = id_of(options)
    monkeypatch.setitem(registry, unused, 2)
    assert id_of(options) == before
    monkeypatch.setitem(registry, used, 2)
    assert id_of(options) != before


def test_the_training_loop_is_no_component_of_an_untrained_encoder(monkeypatch):
    before = id_of({}), id_of({"training.steps": 0}), behaviour_of_pretraining(PretrainConfig())
    monkeypatch.setattr(training_loop, "BEHAVIOUR", 2)
    assert id_of({}) != before[0]
    assert id_of({"training.steps": 0}) == before[1]
    assert behaviour_of_pretraining(PretrainConfig()) == before[2]
    monkeypatch.setattr(pretraining_loop, "BEHAVIOUR", 2)
    assert behaviour_of_pretraining(PretrainConfig()) != before[2]
    monkeypatch.setattr(TransformerEncoder, "behaviour", 2)
    assert id_of({"training.steps": 0}) != before[1]


def test_a_warm_up_is_a_component_of_both_trainings(monkeypatch):
    def ids():
        pretrainings = [
            PretrainConfig(training=MaskedTrainingConfig(warmup_steps=steps)) for steps in (0, 9)
        ]
        return [
            *(id_of({"training.warmup_steps": steps}) for steps in (0, 9)),
            *(behaviour_of_pretraining(config) for config in pretrainings),
        ]

    before = ids()
    monkeypatch.setattr(schedule, "WARM_UP_BEHAVIOUR", 3)
    assert [a == b for a, b in zip(before, ids(), strict=True)] == [True, False, True, False]


def test_a_baseline_is_a_component(monkeypatch):
    def measured(encoder):
        return id_of({"encoder": encoder, "training.steps": 0})

    before = measured("bag@x"), measured("whitening-4@x")
    monkeypatch.setitem(baselines.BEHAVIOUR, "whitening", 2)
    assert (measured("bag@x"), measured("whitening-4@x")) == (before[0], measured("whitening-4@x"))
    assert measured("whitening-4@x") != before[1]


def test_an_evaluation_uses_its_own_protocol_and_pooling():
    used = {"encoder": "x", "pooling": "mean", "head": "none", "protocol": "mteb"}
    versions = behaviour_of_evaluation(**used)
    assert versions.items() >= {"protocol mteb": 1, "pooling mean": 1}.items()
    assert not {"protocol simcse-2021", "pooling cls"} & versions.keys()


def test_every_family_member_has_a_version():
    for family in (OPERATORS, VIEWS, CONTRASTS):
        assert all(kind.behaviour >= 1 for kind in family.values())


def test_families_whose_training_was_wrong_get_new_ids_and_others_keep_theirs():
    """ModernBERT and GPT-2 trained at other rates of dropout than were recorded."""
    assert behaviour_of_backbone("bert") == behaviour_of_backbone("roberta") == {}
    assert behaviour_of_backbone("modernbert") == behaviour_of_backbone("gpt2") == {"backbone": 2}
