"""What is saved opens with transformers and sentence-transformers and gives the same embeddings there."""

import json

import numpy as np
import pytest
import torch
from transformers import AutoModel

from recse_lab.encoders import POOLINGS, TransformerEncoder, load_encoder
from recse_lab.encoders.heads import TanhHead
from recse_lab.encoders.pooling import LAYERS
from recse_lab.encoders.transformer import load_backbone, load_tokenizer

TEXTS = ["the dog runs", "a child reads a book by the river", "cat", " ".join(["dog river"] * 100)]


def saved(source, folder, pooling, *, kept=False, layers=None):
    torch.manual_seed(1)
    encoder = TransformerEncoder(
        load_backbone(str(source), layers=layers), load_tokenizer(str(source)), pooling=pooling,
        head=TanhHead(16, 0.3) if kept else None, keep_head=kept,
    )  # fmt: skip
    encoder.eval().save(folder)
    return encoder


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("kept", [False, True])
def test_opens_here_and_with_transformers(tiny, tmp_path, pooling, kept):
    encoder = saved(tiny, tmp_path / "e", pooling, kept=kept, layers=2)
    again = load_encoder(str(tmp_path / "e"))
    assert (again.pooling, again.head is not None) == (pooling, kept)
    np.testing.assert_array_equal(again.encode(TEXTS), encoder.encode(TEXTS))
    assert AutoModel.from_pretrained(tmp_path / "e").config.num_hidden_layers == 2


@pytest.mark.parametrize("pooling", ["cls", "mean", *LAYERS])
@pytest.mark.parametrize(("kept", "layers"), [(False, 3), (True, 3), (False, 1)])
@pytest.mark.parametrize("family", ["tiny", "roberta"])
def test_sentence_transformers_gives_the_same_embeddings(request, tmp_path, family, pooling, kept, layers):
    reason = "sentence-transformers is not installed; it comes with the benchmarks extra"
    sentence_transformers = pytest.importorskip("sentence_transformers", reason=reason)
    encoder = saved(request.getfixturevalue(family), tmp_path / "e", pooling, kept=kept, layers=layers)
    theirs = sentence_transformers.SentenceTransformer(str(tmp_path / "e"), device="cpu").encode(TEXTS)
    np.testing.assert_allclose(encoder.encode(TEXTS), theirs, atol=1e-6)
    assert theirs.std(axis=0).min() > 1e-3


def test_a_pooling_that_others_do_not_know_is_not_told_to_them_as_another(tiny, tmp_path, monkeypatch):
    monkeypatch.setitem(POOLINGS, "longest", lambda hidden, mask: hidden[-1].amax(1))
    saved(tiny, tmp_path / "e", "longest")
    assert not (tmp_path / "e" / "modules.json").exists()
    assert json.loads((tmp_path / "e" / "recse_lab.json").read_text())["pooling"] == "longest"
    assert load_encoder(str(tmp_path / "e")).pooling == "longest"
