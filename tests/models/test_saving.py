"""A saved folder gives the same embeddings in transformers and sentence-transformers."""

import json
import re
import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModel

from recse_lab.errors import LabError
from recse_lab.models import POOLINGS, TransformerEncoder, load_encoder
from recse_lab.models.folders import folder_fingerprint, resolve
from recse_lab.models.heads import TanhHead
from recse_lab.models.loading import load_backbone, load_tokenizer
from recse_lab.models.masked_lm import load_masked_lm
from recse_lab.models.readouts import Pooled
from recse_lab.pooling import LAYERS

TEXTS = ["the dog runs", "a child reads a book by the river", "cat", " ".join(["dog river"] * 100)]


def saved(source, folder, pooling, *, kept=False, layers=None):
    torch.manual_seed(1)
    encoder = TransformerEncoder(
        load_backbone(str(source), layers=layers),
        load_tokenizer(str(source)),
        readout=Pooled(pooling),
        head=TanhHead(16, 0.3, kept=True) if kept else None,
    )
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


@pytest.mark.parametrize("pooling", ["cls", "mean", "last", "max", *LAYERS])
@pytest.mark.parametrize(("kept", "layers"), [(False, 3), (True, 3), (False, 1)])
@pytest.mark.parametrize("family", ["tiny", "roberta"])
def test_sentence_transformers_gives_the_same_embeddings(
    request, tmp_path, family, pooling, kept, layers
):
    reason = "sentence-transformers is not installed; it comes with the benchmarks extra"
    sentence_transformers = pytest.importorskip("sentence_transformers", reason=reason)
    encoder = saved(
        request.getfixturevalue(family), tmp_path / "e", pooling, kept=kept, layers=layers
    )
    theirs = sentence_transformers.SentenceTransformer(str(tmp_path / "e"), device="cpu").encode(
        TEXTS
    )
    np.testing.assert_allclose(encoder.encode(TEXTS), theirs, atol=1e-6)
    assert np.median(theirs.std(axis=0)) > 1e-3


def test_a_pooling_that_others_do_not_know_is_not_told_to_them_as_another(
    tiny, tmp_path, monkeypatch
):
    monkeypatch.setitem(POOLINGS, "longest", lambda hidden, mask: hidden[-1].amax(1))
    saved(tiny, tmp_path / "e", "longest")
    assert not (tmp_path / "e" / "modules.json").exists()
    assert json.loads((tmp_path / "e" / "recse_lab.json").read_text())["pooling"] == "longest"
    assert load_encoder(str(tmp_path / "e")).pooling == "longest"


# ---- damaged folders: one sentence, and never a score -----------------------------------------


def with_config(folder, **values):
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def with_card(folder, **values):
    (folder / "recse_lab.json").write_text(json.dumps(values))


def without_a_layer(folder):
    kept = load_file(folder / "model.safetensors")
    save_file(
        {k: v for k, v in kept.items() if "layer.1." not in k},
        folder / "model.safetensors",
        {"format": "pt"},
    )


def cut(file):
    file.write_bytes(file.read_bytes()[:100])


@pytest.mark.parametrize("family", ["tiny", "roberta"])
def test_a_folder_without_its_vocabulary_is_refused(request, tmp_path, family):
    folder = shutil.copytree(request.getfixturevalue(family), tmp_path / "e")
    for name in ("tokenizer.json", "tokenizer_config.json", "vocab.json", "merges.txt"):
        (folder / name).unlink(missing_ok=True)
    with pytest.raises(LabError, match="its tokenizer knows no word; add the vocabulary"):
        load_encoder(str(folder))


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: with_config(folder, num_hidden_layers=5),
        lambda folder: with_config(folder, model_type="roberta"),
        lambda folder: with_config(folder, intermediate_size=40),
        without_a_layer,
    ],
)
def test_weights_that_the_folder_lacks_are_not_drawn_at_random(tmp_path, damage):
    folder = shutil.copytree(resolve("recse-lab/tiny"), tmp_path / "e")
    damage(folder)
    with pytest.raises(
        LabError, match=r"do not fit its config\.json, which asks for .* more; copy or save"
    ):
        load_encoder(str(folder))


def test_fewer_layers_than_the_folder_holds_and_no_pooler_are_no_damage(tmp_path):
    folder = shutil.copytree(resolve("recse-lab/tiny"), tmp_path / "e")
    assert not any("pooler" in name for name in load_file(folder / "model.safetensors"))
    assert load_encoder(str(folder), layers=1).encode(TEXTS).shape == (4, 128)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (
            lambda folder: cut(folder / "model.safetensors"),
            "cannot be loaded as a BERT-like encoder .SafetensorError",
        ),
        (lambda folder: cut(folder / "tokenizer.json"), "cannot be loaded as a BERT-like encoder"),
        (
            lambda folder: with_config(folder, num_hidden_layers="three"),
            "cannot be loaded .*num_hidden_layers",
        ),
        (
            lambda folder: with_config(folder, model_type="t5"),
            "cannot be loaded|do not fit its config",
        ),
        (
            lambda folder: with_config(folder, num_attention_heads=3),
            "cannot be loaded as .*multiple of the number",
        ),
        (lambda folder: (folder / "recse_lab.json").write_text("{"), r"recse_lab\.json: damaged"),
        (
            lambda folder: with_card(folder, pooling="median"),
            "pooling 'median' is not known; expected one of cls, mean",
        ),
        (lambda folder: with_card(folder, pooling="prompt", prompt=5), "states no template"),
        (
            lambda folder: with_card(folder, max_length="long"),
            "states 'long' as its longest sentence",
        ),
        (lambda folder: with_card(folder, max_length=-1), "states -1 as its longest sentence"),
        (lambda folder: with_card(folder, head="tanh"), r"2_Dense/model\.safetensors: missing"),
        (
            lambda folder: with_card(folder, residual={"source": 0}),
            r"residual\.safetensors: missing, or not what",
        ),
    ],
)
def test_a_damaged_folder_is_told_in_one_sentence(tiny, tmp_path, damage, message):
    folder = shutil.copytree(tiny, tmp_path / "e")
    damage(folder)
    with pytest.raises(LabError, match=message) as told:
        load_encoder(str(folder))
    assert str(folder) in str(told.value)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    ("file", "text"),
    [
        *[("modules.json", text) for text in ("{", "5", "[5]", '[{"type": "Pooling"}]')],
        *[("1_Pooling/config.json", text) for text in (None, "{", "[]")],
        *[("sentence_bert_config.json", text) for text in ("{", "[]")],
    ],
)
def test_damaged_files_of_sentence_transformers_are_told(tiny, tmp_path, file, text):
    saved(tiny, tmp_path / "e", "mean")
    (tmp_path / "e" / "recse_lab.json").unlink()
    assert load_encoder(str(tmp_path / "e")).pooling == "mean"
    (tmp_path / "e" / file).unlink()
    if text is not None:
        (tmp_path / "e" / file).write_text(text)
    with pytest.raises(LabError, match=r"modules\.json: this file, or one it names, is damaged"):
        load_encoder(str(tmp_path / "e"))


def as_sentence_transformers(tiny, folder, **files):
    """A folder of sentence-transformers with entries of its files changed; None deletes one."""
    saved(tiny, folder, "mean")
    (folder / "recse_lab.json").unlink()
    names = {
        "pooling": "1_Pooling/config.json",
        "settings": "sentence_bert_config.json",
        "main": "config_sentence_transformers.json",
    }
    for name, changes in files.items():
        file = folder / names[name]
        known = json.loads(file.read_text()) if file.is_file() else {}
        file.write_text(json.dumps(known | changes))
    return folder


@pytest.mark.parametrize(
    ("modes", "pooling"),
    [
        ({"pooling_mode_mean_tokens": False, "pooling_mode_cls_token": True}, "cls"),
        ({"pooling_mode_mean_tokens": False, "pooling_mode_max_tokens": True}, "max"),
        ({"pooling_mode_mean_tokens": False, "pooling_mode_lasttoken": True}, "last"),
        ({"pooling_mode": "lasttoken"}, "last"),
        ({"pooling_mode": ["mean"]}, "mean"),
        ({"pooling_mode_mean_tokens": False}, "mean"),  # their default
    ],
)
def test_a_pooling_of_sentence_transformers_is_taken_for_itself(tiny, tmp_path, modes, pooling):
    assert (
        load_encoder(str(as_sentence_transformers(tiny, tmp_path / "e", pooling=modes))).pooling
        == pooling
    )


@pytest.mark.parametrize(
    ("modes", "joined"),
    [
        ({"pooling_mode_cls_token": True}, "cls+mean"),
        ({"pooling_mode_max_tokens": True}, "max+mean"),
        ({"pooling_mode": ["cls", "mean"]}, "cls+mean"),
        ({"pooling_mode": "weightedmean"}, "weightedmean"),
    ],
)
def test_joined_poolings_are_not_taken_for_one_of_them(tiny, tmp_path, modes, joined):
    folder = str(as_sentence_transformers(tiny, tmp_path / "e", pooling=modes))
    with pytest.raises(
        LabError, match=rf"pooling '{re.escape(joined)}' is not known; expected one"
    ):
        load_encoder(folder)
    assert load_encoder(folder, pooling="mean").pooling == "mean"


def test_a_prompt_before_every_sentence_is_refused_unless_it_is_empty(tiny, tmp_path):
    stated = {"prompts": {"query": "query: ", "none": ""}, "default_prompt_name": "query"}
    folder = as_sentence_transformers(tiny, tmp_path / "e", main=stated)
    with pytest.raises(
        LabError, match=r"writes 'query: ' before every sentence .*set default_prom"
    ):
        load_encoder(str(folder))
    for name in (None, "none"):
        file = folder / "config_sentence_transformers.json"
        file.write_text(json.dumps(stated | {"default_prompt_name": name}))
        load_encoder(str(folder))


@pytest.mark.parametrize(
    ("settings", "known"),
    [
        ({"model_args": {"attn_implementation": "sdpa"}}, True),
        ({"config_args": {"num_hidden_layers": 1}}, False),
        ({"tokenizer_args": {"padding_side": "left"}}, False),
        ({"transformer_task": "feature-extraction"}, True),
        ({"transformer_task": "fill-mask"}, False),
    ],
)
def test_arguments_that_make_another_model_are_refused(tiny, tmp_path, settings, known):
    folder = str(as_sentence_transformers(tiny, tmp_path / "e", settings=settings))
    if known:
        load_encoder(folder)
    else:
        with pytest.raises(LabError, match="is not known; its embeddings would differ from ours"):
            load_encoder(folder)


def test_text_is_lower_cased_where_the_folder_says_so(roberta, tmp_path):
    """By a tokenizer that keeps its case; the folder is another encoder, here and once saved."""
    cased = as_sentence_transformers(roberta, tmp_path / "cased")
    lower = as_sentence_transformers(roberta, tmp_path / "lower", settings={"do_lower_case": True})
    text, small = ["The DOG runs"], ["the dog runs"]
    assert (
        np.abs(load_encoder(str(cased)).encode(text) - load_encoder(str(cased)).encode(small)).max()
        > 1e-2
    )
    encoder = load_encoder(str(lower))
    np.testing.assert_array_equal(encoder.encode(text), load_encoder(str(cased)).encode(small))
    assert folder_fingerprint(cased) != folder_fingerprint(lower)
    encoder.save(tmp_path / "again")
    np.testing.assert_array_equal(
        load_encoder(str(tmp_path / "again")).encode(text), encoder.encode(text)
    )
    settings = json.loads((tmp_path / "again" / "sentence_bert_config.json").read_text())
    assert settings["do_lower_case"] is True


def test_another_pooling_leaves_out_the_head_that_was_trained_on_the_stated_one(tiny, tmp_path):
    saved(tiny, tmp_path / "e", "cls", kept=True)
    assert load_encoder(str(tmp_path / "e"), pooling="cls").head is not None
    assert load_encoder(str(tmp_path / "e"), pooling="mean").head is None


def test_an_unknown_pooling_is_refused(tiny):
    with pytest.raises(LabError, match="pooling 'median' is not known; expected one of cls, mean"):
        load_encoder(str(tiny), pooling="median")


def test_a_damaged_masked_language_model_is_told(tmp_path):
    folder = shutil.copytree(resolve("recse-lab/tiny"), tmp_path / "e")
    cut(folder / "model.safetensors")
    with pytest.raises(LabError, match="cannot be loaded"):
        load_masked_lm(str(folder))
