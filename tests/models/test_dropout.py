"""Rates of dropout: set under every name a family has for them, and seen where they are drawn."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from transformers import AutoConfig

from recse_lab.errors import LabError
from recse_lab.models.checks import check_training
from recse_lab.models.dropout import recorded_rates, replace_dropouts, set_rates
from recse_lab.models.families import make_encoder
from recse_lab.models.loading import load_backbone


@pytest.mark.parametrize(
    ("family", "names"),
    [
        ("bert", ("hidden_dropout_prob", "attention_probs_dropout_prob")),
        ("modernbert", ("attention_dropout", "embedding_dropout", "mlp_dropout")),
        ("gpt2", ("resid_pdrop", "embd_pdrop", "attn_pdrop")),
        ("gpt_neox", ("attention_dropout", "hidden_dropout")),
        ("t5", ("dropout_rate",)),
        ("opt", ("dropout", "attention_dropout")),
    ],
)
def test_rates_are_set_under_the_names_of_a_family(family, names):
    config = AutoConfig.for_model(family)
    set_rates(config, 0.25)
    assert [getattr(config, name) for name in names] == [0.25] * len(names)


def test_layers_are_not_skipped_and_rates_of_classifiers_are_left_alone():
    config = AutoConfig.for_model("opt", layerdrop=0.3)
    set_rates(config, 0.25)
    assert config.layerdrop == 0
    classifier = AutoConfig.for_model("gpt_neox", classifier_dropout=0.4)
    set_rates(classifier, 0.25)
    assert classifier.classifier_dropout == 0.4
    scaled = AutoConfig.for_model("esm", token_dropout=True)  # says whether, not how often
    set_rates(scaled, 0.25)
    assert scaled.token_dropout is True


@pytest.mark.parametrize(
    "draw",
    [
        lambda x: nn.Dropout(0.2)(x),
        lambda x: F.dropout(x, 0.2),
        lambda x: F.dropout(x, p=0.2, training=True),
        lambda x: F.scaled_dot_product_attention(x, x, x, dropout_p=0.2),
    ],
)
def test_a_rate_is_seen_wherever_it_is_drawn(draw):
    with recorded_rates() as rates:
        draw(torch.ones(1, 1, 2, 4))
    assert rates == {0.2}


def test_our_own_dropout_is_seen_and_what_is_off_is_not():
    model = nn.Sequential(nn.Dropout(0.2))
    replace_dropouts(model)
    with recorded_rates() as rates:
        model(torch.ones(3))
        model.eval()(torch.ones(3))
        F.dropout(torch.ones(3), 0.7, training=False)
    assert rates == {0.2}
    with recorded_rates() as later:
        pass
    assert later == set()


@pytest.fixture(scope="module")
def gpt2(tmp_path_factory):
    return make_encoder("gpt2", tmp_path_factory.mktemp("gpt2"))


def test_a_backbone_with_another_rate_in_one_place_is_refused(gpt2):
    backbone = load_backbone(str(gpt2), dropout=0.1)
    backbone.h[1].mlp.dropout.p = 0.3
    with pytest.raises(LabError, match=r"gpt2 model has dropouts at 0\.3 that cannot be set to 0"):
        check_training(backbone, "x", 0.1)


def test_a_backbone_without_dropout_is_refused_unless_none_is_asked_for(tmp_path):
    mamba = str(make_encoder("mamba", tmp_path / "mamba"))
    with pytest.raises(LabError, match=r"has no dropout, so that it cannot be 0\.1; set model\.dr"):
        load_backbone(mamba, dropout=0.1)
    load_backbone(mamba, dropout=0.0)


def test_trying_a_backbone_moves_no_random_number(gpt2):
    """A run is addressed by its seed: loading must not draw from it."""
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    load_backbone(str(gpt2), dropout=0.1)
    torch.testing.assert_close(torch.rand(2), expected)
