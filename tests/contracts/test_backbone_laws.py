"""Laws of backbones: every family that is supported, against transformers' own eager attention.

A family is a folder with random weights, made on the spot by a fixture of tests/conftest.py. The
other families of ``recse_lab.models.families`` are tried in tests/jobs/test_selftest.py.
"""

import numpy as np
import pytest
import torch
from transformers import AutoModel

from recse_lab.models import load_encoder
from recse_lab.models.batching import pad
from recse_lab.models.loading import load_backbone, load_tokenizer

FAMILIES = ("tiny", "roberta", "distilbert", "mpnet")
TEXTS = ["the dog runs", "a child reads a book by the river and the moon sees a fish", "cat"]
RATE = 0.3


@pytest.fixture(params=FAMILIES)
def family(request):
    return str(request.getfixturevalue(request.param))


def states_of(backbone, rows, pad_id):
    """Hidden states of all layers for every row, without its padding."""
    ids, mask = pad(rows, pad_id)
    with torch.inference_mode():
        hidden = backbone(
            input_ids=ids, attention_mask=mask, output_hidden_states=True
        ).hidden_states
    return [torch.stack([layer[i, : len(row)] for layer in hidden]) for i, row in enumerate(rows)]


@pytest.mark.parametrize("layers", [3, 1])
def test_hidden_states_equal_eager_attention_sentence_by_sentence(family, layers):
    encoder = load_encoder(family, layers=layers)
    eager = AutoModel.from_pretrained(family, attn_implementation="eager").eval()
    rows = encoder.tokenize(TEXTS)
    ours = states_of(encoder.backbone, rows, encoder.pad_id)
    for row, states in zip(rows, ours, strict=True):
        (theirs,) = states_of(eager, [row], encoder.pad_id)
        torch.testing.assert_close(states, theirs[: layers + 1], atol=1e-5, rtol=1e-5)


def test_gradients_equal_those_of_eager_attention(family):
    gradients = []
    for attention in ("auto", "eager"):
        backbone = load_backbone(family, dropout=0.0, attention=attention)
        tokenizer = load_tokenizer(family)
        batch = tokenizer(TEXTS, padding=True, return_tensors="pt")
        mask = batch["attention_mask"]
        states = backbone(input_ids=batch["input_ids"], attention_mask=mask).last_hidden_state
        direction = torch.linspace(-1, 1, states.shape[-1])
        (states * mask[..., None] @ direction).sum().backward()
        gradients.append(backbone.get_input_embeddings().weight.grad)
    assert gradients[0].abs().max() > 0.1
    torch.testing.assert_close(*gradients, atol=1e-4, rtol=1e-4)


def test_padding_changes_nothing(family):
    encoder = load_encoder(family)
    rows = encoder.tokenize(TEXTS)
    batch = states_of(encoder.backbone, rows, encoder.pad_id)
    for row, states in zip(rows, batch, strict=True):
        (alone,) = states_of(encoder.backbone, [row], encoder.pad_id)
        torch.testing.assert_close(states, alone, atol=1e-5, rtol=1e-5)


def test_what_padding_is_made_of_changes_nothing(family):
    """The attention mask hides padding, not its token id."""
    encoder = load_encoder(family)
    rows = encoder.tokenize(TEXTS)
    ids, mask = pad(rows, encoder.pad_id)
    # Position ids of RoBERTa's family are counted from padding tokens, so a visible one is none.
    other = torch.where(mask.bool(), ids, encoder.tokenizer.unk_token_id)
    with torch.inference_mode():
        first, second = (
            encoder.backbone(input_ids=each, attention_mask=mask).last_hidden_state
            for each in (ids, other)
        )
    torch.testing.assert_close(first[mask.bool()], second[mask.bool()], atol=1e-5, rtol=1e-5)


def test_batch_mates_and_their_order_change_nothing(family):
    encoder = load_encoder(family)
    whole = encoder.encode(TEXTS)
    np.testing.assert_allclose(encoder.encode(TEXTS[::-1])[::-1], whole, atol=1e-5)
    np.testing.assert_allclose(encoder.encode([TEXTS[0], *TEXTS[:1] * 3])[0], whole[0], atol=1e-5)


def test_every_dropout_has_the_rate_asked_for(family):
    backbone = load_backbone(family, dropout=RATE)
    modules = [module for module in backbone.modules() if isinstance(module, torch.nn.Dropout)]
    assert {module.p for module in modules} == {RATE}
    assert len(modules) >= 4  # the embeddings and every layer


@pytest.mark.parametrize("attention", ["auto", "eager"])
def test_attention_drops_its_weights_at_the_rate_asked_for(family, attention):
    """With n equal weights and every value 1, the output is the mean of n scaled dropout masks.

    Its mean is 1 and its variance is p / ((1 − p) n).
    """
    backbone = load_backbone(family, layers=1, dropout=RATE, attention=attention).train()
    parts = dict(backbone.named_modules())
    for name, module in parts.items():
        if name.endswith((".query", ".q", ".q_lin", ".value", ".v", ".v_lin")):
            torch.nn.init.zeros_(module.weight)
            torch.nn.init.constant_(module.bias, float("v" in name.rsplit(".", 1)[-1]))
        elif name.endswith("relative_attention_bias"):
            torch.nn.init.zeros_(module.weight)
    ends = ("attention.output.dense", "attention.out_lin", "attn.o")
    (output,) = (module for name, module in parts.items() if name.endswith(ends))
    seen = []
    output.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    encoder = load_encoder(family)
    ids, mask = pad(encoder.tokenize(TEXTS[1:2] * 500), encoder.pad_id)
    with torch.no_grad():
        backbone(input_ids=ids, attention_mask=mask)
    shares, tokens = seen[0].double(), ids.shape[1]
    assert shares.mean().item() == pytest.approx(1.0, abs=0.01)
    assert shares.var().item() == pytest.approx(RATE / (1 - RATE) / tokens, rel=0.05)
