"""BERT, RoBERTa, DistilBERT and MPNet.

Where their positions begin, what is special to them, how long they may read.
"""

import numpy as np
import pytest
import torch
from transformers import AutoModel

from recse_lab.errors import LabError
from recse_lab.models import load_encoder
from recse_lab.models.frozen import FrozenFeatures
from recse_lab.models.loading import load_backbone, load_tokenizer

FAMILIES = ("tiny", "roberta", "distilbert", "mpnet")
TEXTS = ["the dog runs", "a child reads a book by the river and the moon sees a small fish", "cat"]


@pytest.fixture(params=FAMILIES)
def family(request):
    return request.getfixturevalue(request.param)


def test_a_sentence_is_embedded_as_transformers_does_it_whatever_it_is_padded_with(family):
    ours = load_encoder(str(family), pooling="mean").encode(TEXTS)
    model, tokenizer = AutoModel.from_pretrained(family).eval(), load_tokenizer(str(family))
    for text, embedding in zip(TEXTS, ours, strict=True):
        with torch.inference_mode():
            states = model(**tokenizer(text, return_tensors="pt")).last_hidden_state[0]
        np.testing.assert_allclose(embedding, states.mean(0).numpy(), atol=1e-5)
    assert np.linalg.norm(ours[0] - ours[1]) > 0.1


@pytest.mark.parametrize("source", [0, 2])
def test_frozen_features_are_the_hidden_states_of_the_whole_backbone(family, source):
    encoder = load_encoder(str(family))
    rows, special = encoder.tokenize(TEXTS), encoder.tokenizer.all_special_ids
    frozen = FrozenFeatures(
        str(family),
        source=source,
        rows=lambda which: [rows[i] for i in which],
        special_ids=special,
        pad_id=encoder.pad_id,
    )
    features, ids, content = frozen(np.arange(3))
    mask = torch.arange(ids.shape[1]) < torch.tensor([[len(row)] for row in rows])
    with torch.inference_mode():
        states = encoder.hidden_states(ids, mask.long())[source]
    torch.testing.assert_close(features[mask], states[mask], atol=1e-5, rtol=1e-5)
    assert content.sum(1).tolist() == [
        len(row) - 2 for row in rows
    ]  # the first and the last token are special


def test_as_many_tokens_are_read_as_there_are_positions(family):
    encoder = load_encoder(str(family))
    long = " ".join(["dog river"] * 100)
    assert encoder.max_length == 64
    assert len(encoder.tokenize([long])[0]) == 64
    assert np.isfinite(encoder.encode([long, "cat"])).all()


@pytest.mark.parametrize("layers", [1, 3])
def test_layers_and_dropout_reach_every_family(family, layers):
    backbone = load_backbone(str(family), layers=layers, dropout=0.3)
    rates = {module.p for module in backbone.modules() if isinstance(module, torch.nn.Dropout)}
    assert rates == {0.3}
    ids = torch.tensor([[0, 5, 6, 2]])
    assert len(backbone(input_ids=ids, output_hidden_states=True).hidden_states) == layers + 1


def test_attention_that_is_not_known_to_equal_eager_is_refused(mpnet):
    with pytest.raises(
        LabError,
        match=r"sdpa attention has not been shown to equal eager attention in a mpnet model; "
        r"set the attention to auto or eager",
    ):
        load_backbone(str(mpnet), attention="sdpa")
    assert load_backbone(str(mpnet)).config._attn_implementation == "eager"
