"""The packaged encoder keeps what its card promises."""

import hashlib
import re

import numpy as np
import pytest

from recse_lab.jobs.evaluate import evaluate
from recse_lab.jobs.inputs import open_corpus
from recse_lab.models.folders import resolve
from recse_lab.models.loading import load_tokenizer
from recse_lab.models.saving import load_encoder


@pytest.fixture(scope="module")
def folder():
    from pathlib import Path

    return Path(resolve("recse-lab/tiny"))


def test_it_is_small_and_the_one_its_card_describes(folder):
    weights = folder / "model.safetensors"
    assert weights.stat().st_size <= 6_000_000
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert hashlib.sha256(weights.read_bytes()).hexdigest() in card


def test_little_is_unknown_to_it():
    tokenizer = load_tokenizer(resolve("recse-lab/tiny"))
    assert abs(len(tokenizer) - 12_000) < 1_000
    ids = np.concatenate(
        tokenizer(list(open_corpus(("sample-corpus",)))[:5000], add_special_tokens=False)[
            "input_ids"
        ]
    )
    assert (ids == tokenizer.unk_token_id).mean() < 0.001
    pieces = tokenizer.tokenize("unbelievably")
    assert len(pieces) > 1
    assert "".join(piece.removeprefix("##") for piece in pieces) == "unbelievably"


def test_it_opens_with_transformers_and_guesses_a_hidden_word(folder):
    import torch
    from transformers import AutoModel, AutoModelForMaskedLM

    tokenizer = load_tokenizer(str(folder))
    states = AutoModel.from_pretrained(folder)(
        **tokenizer("A bird sings.", return_tensors="pt")
    ).last_hidden_state
    assert states.shape[-1] == 128
    inputs = tokenizer("the album was released [MASK] 2004.", return_tensors="pt")
    with torch.no_grad():
        logits = (
            AutoModelForMaskedLM.from_pretrained(folder, dtype=torch.float32)
            .eval()(**inputs)
            .logits
        )
    best = (
        logits[0, (inputs["input_ids"][0] == tokenizer.mask_token_id).nonzero().item()]
        .topk(3)
        .indices
    )
    assert "in" in tokenizer.convert_ids_to_tokens(best.tolist())


def test_its_scores(folder, data_dir, tmp_path):
    """Well inside what the card prints; a broken file or tokenizer falls far below."""
    run = evaluate(
        "recse-lab/tiny", tmp_path, data_dir=str(data_dir), tasks=["stsb-dev"], precision_="fp32"
    )
    spearman = run.record.sts.tasks["stsb-dev"].spearman.all
    assert spearman > 0.59
    card = (folder / "README.md").read_text(encoding="utf-8")
    (printed,) = re.findall(r"STS-B dev, mean pooling, untrained: \*\*(\d+\.\d+)\*\*", card)
    assert abs(100 * spearman - float(printed)) < 0.02


def test_equal_sentences_are_equal_and_batches_do_not_matter():
    encoder = load_encoder("recse-lab/tiny")
    alone = np.concatenate(
        [
            encoder.encode([text])
            for text in ("A bird sings.", "A very much longer sentence about the sea.")
        ]
    )
    together = encoder.encode(["A bird sings.", "A very much longer sentence about the sea."])
    np.testing.assert_allclose(alone, together, atol=1e-5)
