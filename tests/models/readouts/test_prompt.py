"""PromptBERT: ids against the tokenizer's, positions and bias against computations by hand."""

import itertools
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from recse_lab.errors import LabError
from recse_lab.models.batching import pad
from recse_lab.models.folders import resolve
from recse_lab.models.loading import load_backbone, load_tokenizer
from recse_lab.models.readouts.prompt import (
    TEMPLATES,
    Prompt,
    Template,
    end_with_a_mark,
    mask_state,
    parse_template,
    special_tokens,
    template_bias,
    template_positions,
    wrap,
)
from recse_lab.models.saving import load_encoder
from recse_lab.models.transformer import TransformerEncoder

SENTENCES = [
    "A dog runs.",
    "Rain fell over the old harbour all night, and nobody slept.",
    "Yes",
    "The [MASK] is here.",
]
MASK_FIRST = "[MASK] is what [X] says"


@pytest.fixture(scope="module")
def tokenizer():
    return load_tokenizer(resolve("recse-lab/tiny"))


@pytest.fixture(scope="module")
def backbone(tokenizer):
    from transformers import BertConfig, BertModel

    torch.manual_seed(0)
    sizes = {
        "hidden_size": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 32,
    }
    config = BertConfig(
        vocab_size=len(tokenizer), max_position_embeddings=128, initializer_range=0.3, **sizes
    )
    return BertModel(config).eval()


def rows(tokenizer, sentences=SENTENCES, max_length=128):
    return [
        np.asarray(r)
        for r in tokenizer(list(sentences), truncation=True, max_length=max_length)["input_ids"]
    ]


def wrapped(tokenizer, template, sentences=SENTENCES, max_length=128):
    parsed = parse_template(template, tokenizer, max_length=max_length)
    return parsed, [wrap(r, parsed) for r in rows(tokenizer, sentences)]


# ---- ids --------------------------------------------------------------------------------------


@pytest.mark.parametrize("template", [*TEMPLATES, MASK_FIRST, "[X] means [MASK]", "[MASK] [X]"])
def test_ids_are_those_of_the_text_with_the_sentence_in_place(tokenizer, template):
    parsed, ids = wrapped(tokenizer, template)
    for sentence, row in zip(SENTENCES, ids, strict=True):
        assert row.tolist() == tokenizer(template.replace("[X]", sentence))["input_ids"]
        assert row[parsed.mask] == tokenizer.mask_token_id
        assert parsed.length == len(row) - len(
            tokenizer(sentence, add_special_tokens=False)["input_ids"]
        )
        assert row.dtype == np.int64


def test_the_two_templates_differ_and_are_the_authors(tokenizer):
    one, other = (wrapped(tokenizer, t)[1] for t in TEMPLATES)
    assert tokenizer.decode(one[0]) == '[CLS] this sentence of " a dog runs. " means [MASK]. [SEP]'
    assert tokenizer.decode(other[0]) == '[CLS] this sentence : " a dog runs. " means [MASK]. [SEP]'


def test_a_byte_level_template_has_no_stray_spaces(roberta):
    tokenizer = load_tokenizer(str(roberta))
    parsed, (ids, *_) = wrapped(
        tokenizer, "it was [X] and is [MASK] for us", ["the red dog"], max_length=64
    )
    tokens = tokenizer.convert_ids_to_tokens(ids)
    assert (tokens[0], tokens[-1]) == ("<s>", "</s>")
    assert tokens[len(parsed.prefix) - 1] != "Ġ"
    assert tokens[-len(parsed.suffix)].startswith("Ġ")
    assert ids[parsed.mask] == tokenizer.mask_token_id
    content = tokenizer("the red dog", add_special_tokens=False)["input_ids"]
    assert ids[len(parsed.prefix) :][: len(content)].tolist() == content


def test_special_tokens_are_those_of_the_tokenizer(tokenizer, roberta):
    assert special_tokens(tokenizer) == ((tokenizer.cls_token_id,), (tokenizer.sep_token_id,))
    other = load_tokenizer(str(roberta))
    assert special_tokens(other) == ((other.bos_token_id,), (other.eos_token_id,))


@settings(max_examples=25, deadline=None)
@given(words=st.integers(0, 40), room=st.integers(1, 20))
@pytest.mark.parametrize("template", [TEMPLATES[0], MASK_FIRST])
def test_truncation_cuts_the_sentence_alone(tokenizer, template, words, room):
    whole = parse_template(template, tokenizer, max_length=128)
    parsed = parse_template(template, tokenizer, max_length=whole.length + room)
    (row,) = rows(
        tokenizer, [" ".join(itertools.islice(itertools.cycle(["dog", "cat", "man"]), words))]
    )
    kept = row.copy()
    ids = wrap(row, parsed)
    assert np.array_equal(row, kept)
    assert len(ids) == parsed.length + min(words, room)
    assert tuple(ids[: len(parsed.prefix)]) == parsed.prefix
    assert tuple(ids[-len(parsed.suffix) :]) == parsed.suffix
    assert ids[parsed.mask] == tokenizer.mask_token_id
    assert np.array_equal(ids[len(parsed.prefix) : -len(parsed.suffix)], row[1:-1][:room])


def test_takes_rows_of_a_memory_map(tokenizer):
    parsed, (ids, *_) = wrapped(tokenizer, TEMPLATES[0])
    assert np.array_equal(wrap(rows(tokenizer)[0].astype(np.uint16), parsed), ids)


def test_an_empty_side_leaves_ids_whole_numbers():
    bare = Template(
        prefix=(), suffix=(7, 4), mask=-1, special=(0, 0), room=5
    )  # a tokenizer without special tokens
    ids = wrap(np.array([8, 9]), bare)
    assert ids.tolist() == [8, 9, 7, 4]
    assert ids.dtype == np.int64


# ---- use --------------------------------------------------------------------------------------

ENDINGS = [
    "A dog runs",
    "A dog runs.",
    "Does it?",
    'He said "yes"',
    "It is the dogs'",
    "Oh!",
    "",
    "a",
]


def release_texts(template, batch, tokenizer):
    """Text that the release encodes for tokenised sentences of SentEval.

    Transcribed from github.com/kongds/Prompt-BERT at 690ba6e, evaluation.py, ``batcher``; with the
    template of "unsup-bert" in run.sh.
    """
    sentences = [" ".join(s) for s in batch]
    template = template.replace("*mask*", tokenizer.mask_token).replace("_", " ")
    template = template.replace("*sep+*", "").replace("*cls*", "")
    for i, s in enumerate(sentences):
        if len(s) > 0 and s[-1] not in ".?\"'":
            s += "."
        sentences[i] = template.replace("*sent 0*", s).strip()
    return sentences


def test_a_sentence_in_use_gets_the_release_s_full_stop(tokenizer, backbone):
    """Ids and embeddings of the text that the release writes."""
    texts = release_texts(
        '*cls*_This_sentence_of_"*sent_0*"_means*mask*.*sep+*',
        [sentence.split() for sentence in ENDINGS],
        tokenizer,
    )
    readout = Prompt(TEMPLATES, tokenizer, max_length=128, debias=True, full_stop=True)
    encoder = TransformerEncoder(backbone, tokenizer, readout=readout).eval()
    ours = [readout.wrap(row) for row in encoder.tokenize(ENDINGS)]
    for text, row, embedding in zip(texts, ours, encoder.encode(ENDINGS), strict=True):
        batch = tokenizer(text, return_tensors="pt")
        assert row.tolist() == batch["input_ids"][0].tolist()
        last = backbone(**{k: batch[k] for k in ("input_ids", "attention_mask")}).last_hidden_state
        expected = last[batch["input_ids"] == tokenizer.mask_token_id][0].detach().numpy()
        np.testing.assert_allclose(embedding, expected, atol=1e-5)


def test_the_full_stop_is_saved_and_absent_from_older_folders(tokenizer, backbone, tmp_path):
    readout = Prompt(TEMPLATES, tokenizer, max_length=128, full_stop=True)
    TransformerEncoder(backbone, tokenizer, readout=readout).save(tmp_path)
    assert load_encoder(str(tmp_path)).readout.prepare("a dog") == "a dog."
    card = {"pooling": "prompt", "prompt": TEMPLATES[0]}  # as the first edition wrote it
    older = Prompt.read(tmp_path, card, tokenizer=tokenizer, max_length=128)
    assert older.prepare("a dog") == "a dog"


def test_ends_with_a_mark_once():
    assert [end_with_a_mark(end_with_a_mark(s)) for s in ENDINGS] == [
        end_with_a_mark(s) for s in ENDINGS
    ]


# ---- refusals ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("template", "told"),
    [
        ("This sentence means [MASK] .", r"0 × \[X\]"),
        ('"[X]" and "[X]" mean [MASK] .', r"2 × \[X\]"),
        ('"[X]" means nothing .', r"0 × \[MASK\]"),
        ('"[X]" means [MASK] [MASK] .', r"2 × \[MASK\]"),
    ],
)
def test_a_template_without_its_marks_is_refused(tokenizer, template, told):
    with pytest.raises(LabError, match=told):
        parse_template(template, tokenizer, max_length=128)


def test_a_second_mask_under_the_tokenizers_own_name_is_refused(roberta):
    with pytest.raises(LabError, match="more than one mask"):
        parse_template("[X] means [MASK] <mask>", load_tokenizer(str(roberta)), max_length=64)


def test_a_tokenizer_without_a_mask_token_is_refused():
    with pytest.raises(LabError, match="needs a mask token"):
        parse_template(TEMPLATES[0], SimpleNamespace(mask_token_id=None), max_length=128)


def test_a_template_that_leaves_no_room_is_refused(tokenizer):
    length = parse_template(TEMPLATES[0], tokenizer, max_length=128).length
    assert parse_template(TEMPLATES[0], tokenizer, max_length=length + 1).room == 1
    with pytest.raises(LabError, match=f"takes {length} of {length} tokens"):
        parse_template(TEMPLATES[0], tokenizer, max_length=length)


# ---- states -----------------------------------------------------------------------------------


@torch.no_grad()
def by_hand(backbone, tokenizer, template, sentence):
    """h and ĥ of one sentence, spelled out.

    Its text, and the template's own tokens with position ids by counting.
    """
    before, behind = template.split("[X]")
    ids = tokenizer(template.replace("[X]", sentence), return_tensors="pt")["input_ids"]
    length = len(tokenizer(sentence, add_special_tokens=False)["input_ids"])
    start = 1 + len(tokenizer(before, add_special_tokens=False)["input_ids"])
    end = len(tokenizer(behind, add_special_tokens=False)["input_ids"]) + 1
    positions = [*range(start), *range(start + length, start + length + end)]
    alone = tokenizer(template.replace("[X]", " "), return_tensors="pt")["input_ids"]
    place = alone[0].tolist().index(tokenizer.mask_token_id)
    far = place if place < start else place + length
    h = backbone(input_ids=ids).last_hidden_state[0, far]
    bias = backbone(input_ids=alone, position_ids=torch.tensor([positions])).last_hidden_state[
        0, place
    ]
    return h, bias


@pytest.mark.parametrize("template", [*TEMPLATES, MASK_FIRST])
@torch.no_grad()
def test_denoising_equals_the_computation_by_hand(tokenizer, backbone, template):
    parsed, ids = wrapped(tokenizer, template)
    batch, mask = pad(ids, tokenizer.pad_token_id)
    h = mask_state(backbone(input_ids=batch, attention_mask=mask).last_hidden_state, mask, parsed)
    bias = template_bias(backbone, mask, parsed)
    for i, sentence in enumerate(SENTENCES):
        expected_h, expected_bias = by_hand(backbone, tokenizer, template, sentence)
        torch.testing.assert_close(h[i], expected_h, rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(bias[i], expected_bias, rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(h[i] - bias[i], expected_h - expected_bias, rtol=1e-5, atol=1e-5)
    assert (bias[0] - bias[1]).abs().max() > 1e-2 or parsed.mask >= 0  # positions matter


def test_a_mask_inside_a_sentence_is_not_the_templates(tokenizer):
    parsed, ids = wrapped(tokenizer, TEMPLATES[0], [SENTENCES[3]])
    assert (ids[0] == tokenizer.mask_token_id).sum() == 2
    batch, mask = pad(ids, 0)
    states = torch.arange(batch.numel(), dtype=torch.float32).view(1, -1, 1)
    assert mask_state(states, mask, parsed).item() == len(ids[0]) - 3  # … [MASK] . [SEP]


@pytest.mark.parametrize("family", ["tiny", "roberta", "distilbert"])
@pytest.mark.parametrize("template", ["it is [X] means [MASK] .", MASK_FIRST])
@torch.no_grad()
def test_bias_is_the_state_when_nothing_looks_at_the_sentence(family, template, request):
    """The same positions follow from another computation.

    The whole text, its sentence hidden from attention.
    """
    folder = str(request.getfixturevalue(family))
    tokenizer, backbone = load_tokenizer(folder), load_backbone(folder).eval()
    parsed, ids = wrapped(
        tokenizer, template, ["the red dog", "a", "we and they", ""], max_length=64
    )
    batch, mask = pad(ids, tokenizer.pad_token_id)
    visible = mask.clone()
    for i, row in enumerate(ids):
        visible[i, len(parsed.prefix) : len(row) - len(parsed.suffix)] = 0
    expected = mask_state(
        backbone(input_ids=batch, attention_mask=visible).last_hidden_state, mask, parsed
    )
    torch.testing.assert_close(
        template_bias(backbone, mask, parsed), expected, rtol=1e-4, atol=1e-5
    )


def test_positions_are_counted_from_behind_the_padding_where_the_family_does(tokenizer):
    parsed = parse_template(
        "[X] means [MASK]", tokenizer, max_length=64
    )  # [CLS] | means [MASK] [SEP]
    lengths = torch.tensor([0, 5])
    bert = SimpleNamespace(model_type="bert", pad_token_id=0)
    assert template_positions(bert, parsed, lengths).tolist() == [[0, 1, 2, 3], [0, 6, 7, 8]]
    roberta = SimpleNamespace(model_type="roberta", pad_token_id=1)
    assert template_positions(roberta, parsed, lengths).tolist() == [[2, 3, 4, 5], [2, 8, 9, 10]]


def test_bias_has_gradient_and_dropout_while_training(tokenizer, backbone):
    parsed, ids = wrapped(tokenizer, TEMPLATES[0], ["a dog", "a cat", "a big cat"])
    _, mask = pad(ids, 0)
    backbone.train()
    try:
        first, second = template_bias(backbone, mask, parsed), template_bias(backbone, mask, parsed)
    finally:
        backbone.eval()
    assert not torch.equal(first, second)
    assert torch.equal(first[0], first[1])  # one length, one pass
    assert not torch.equal(first[0], first[2])
    first[:, 0].sum().backward()  # the sum over all channels of a layer norm is a constant
    assert backbone.embeddings.word_embeddings.weight.grad.abs().sum() > 0
    backbone.zero_grad()


def test_a_backbone_that_cannot_be_told_positions_is_refused(tokenizer, mpnet):
    mask = torch.ones(1, 20, dtype=torch.long)
    parsed = parse_template(TEMPLATES[0], tokenizer, max_length=64)

    class Relative:
        config = SimpleNamespace(model_type="t5")

        def forward(self, input_ids, **options): ...

    with pytest.raises(LabError, match="a t5 backbone cannot be told"):
        template_bias(Relative(), mask, parsed)
    # MPNet takes position ids and adds distances of its own: its bias would differ by a tenth.
    with pytest.raises(LabError, match="a mpnet backbone cannot be told"):
        template_bias(load_backbone(str(mpnet)), mask, parsed)
