"""The groups of options: what each refuses on its own, and the contrast that it names."""

import re

import pytest
from spellings import config_of

from recse_lab.config.schema import ContrastConfig, ReshapeConfig
from recse_lab.errors import LabError
from recse_lab.objectives import CONTRASTS
from recse_lab.objectives.adnce import ADNCE


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seed": -1}, "seed: input should be greater than or equal to 0 (given: -1)"),
        ({"seed": "4"}, "seed: expected a number, not '4'"),
        ({"training.clip": float("nan")}, "training.clip: input should be a finite number"),
        ({"model.dropuot": 0.1}, "unknown option model.dropuot; did you mean dropout?"),
        ({"model.pooling": "meen"}, "unknown pooling 'meen'; did you mean mean?"),
        ({"model": {"pooling": "mean", "keep_head": True}}, "keep_head needs a head"),
        (
            {"model": {"dropout": 0.0, "dropout_mask": "fixed"}},
            "dropout_mask fixed needs a dropout above 0",
        ),
        ({"prompt": {"template": "no marks"}}, "a template has [X] exactly once"),
        ({"prompt": {"second": "[X] [MASK] [MASK]"}}, "a template has [MASK] exactly once"),
        ({"view": {"family": "corp", "strength": 0.5}}, "unknown view 'corp'; did you mean crop?"),
        ({"view": {"family": "crop", "strength": 1.5}}, "strength must be from 0 to 1"),
        ({"contrast.objective": "info-nec"}, "unknown objective 'info-nec'; did you mean"),
        ({"contrast.options": {"mu": 0.2}}, "option of objective info-nce: 'mu'; there are none."),
        (
            {"contrast": {"objective": "adnce", "options": {"sgima": 1}}},
            "unknown option of objective adnce: 'sgima'; did you mean sigma?",
        ),
        (
            {"contrast": {"objective": "adnce", "options": {"sigma": 0}}},
            "objective adnce: sigma 0.0: it must be above 0",
        ),
        (
            {"reshape": {"objective": "adnce", "options": {"sigma": 0}}},
            "objective adnce: sigma 0.0: it must be above 0",
        ),
        ({"reshape": {"operator": "meen"}}, "unknown reshape operator 'meen'; did you mean mean?"),
        ({"reshape": {"dim": None}}, "channel-gram needs dim"),
        ({"reshape": {"operator": "shuffled", "mode": "integrated"}}, "needs mode separated"),
        ({"reshape": {"operator": "shuffled", "role": "residual"}}, "needs mode separated"),
        ({"reshape": {"operator": "linear", "role": "view"}}, "role view has no linear"),
        (
            {"reshape": {"operator": "mean", "role": "view", "source": 1}},
            "source must be 0",
        ),
        ({"reshape": {"centring": "top-0"}}, "centring"),
        ({"evaluation.tasks": ["stsb", "stsb"]}, "'stsb' is given twice"),
    ],
)
def test_a_mistake_in_a_group_is_refused(options, message):
    with pytest.raises(LabError, match=re.escape(message)):
        config_of(options)


@pytest.mark.parametrize("kind", [ContrastConfig, ReshapeConfig])
@pytest.mark.parametrize("objective", CONTRASTS)
def test_a_term_builds_the_contrast_it_names(kind, objective):
    assert kind(objective=objective, temperature=0.3).contrast() == CONTRASTS[objective](
        temperature=0.3
    )


def test_the_numbers_of_an_objective_keep_their_types():
    term = ContrastConfig(objective="adnce", options={"weigh_positive": 1, "mu": 0})
    built = term.contrast()
    assert built == ADNCE(temperature=0.05, weigh_positive=True, mu=0.0)
    assert isinstance(vars(built)["weigh_positive"], bool)


@pytest.mark.parametrize(
    ("pooling", "head", "resolved"),
    [("cls", "auto", "tanh"), ("mean", "auto", "none"), ("mean", "tanh", "tanh")],
)
def test_auto_is_a_head_for_cls_alone(pooling, head, resolved):
    config = config_of({"model": {"pooling": pooling, "head": head}})
    assert config.model.head == config.model.resolved_head == resolved
