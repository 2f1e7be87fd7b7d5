"""Similarities of tokens against the mean over pairs, and on states whose answers are known."""

import numpy as np
import pytest

from recse_lab.errors import LabError
from recse_lab.models import load_encoder
from recse_lab.probes.networks import token_states
from recse_lab.probes.tokens import TOKENS, TokenStates, cosines_of, tokens


def value(result, measure, encoder="e"):
    return result.table.set_index(["encoder", "measure"]).loc[(encoder, measure)]


def test_the_closed_form_is_the_mean_over_pairs():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(30, 4)) + 0.5
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    sentence, token = np.repeat(np.arange(6), 5), rng.integers(0, 7, 30)
    found = cosines_of(x, sentence, token, {"k": np.full(30, True)})
    cosines = x @ x.T
    i, j = np.triu_indices(30, 1)
    random = cosines[i, j][sentence[i] != sentence[j]].mean()
    within = [cosines[i, j][(sentence[i] == s) & (sentence[j] == s)].mean() for s in range(6)]
    types = [t for t in range(7) if (token == t).sum() > 1]
    same = [cosines[i, j][(token[i] == t) & (token[j] == t)].mean() for t in types]
    assert found["random tokens"] == pytest.approx(random)
    assert found["intra-sentence"] == pytest.approx(np.mean(within) - random)
    assert found["self-similarity (k)"] == pytest.approx(np.mean(same) - random)


def static(count=50):
    """Every type has one state in layer 0; in layer 1 every sentence has one."""
    words = ["cat", "dog", "the", "of"]
    rng = np.random.default_rng(0)
    types, places = np.eye(6)[:4], rng.normal(size=(count, 6))
    token = [words[k] for _ in range(count) for k in range(4)]
    sentence = np.repeat(np.arange(count), 4)
    by_type = np.stack([types[words.index(word)] for word in token])
    return TokenStates([by_type, places[sentence]], sentence, token)


def test_static_states_are_self_similar_and_states_of_a_sentence_converge():
    result = tokens({"e": static()})
    # Of two tokens of two sentences, one in four is the same type.
    assert value(result, "random tokens@0")["value"] == pytest.approx(0.25)
    assert value(result, "self-similarity (content word)@0")["value"] == pytest.approx(0.75)
    assert value(result, "self-similarity (function word)@0")["value"] == pytest.approx(0.75)
    assert value(result, "intra-sentence@0")["value"] == pytest.approx(-0.25)
    random = value(result, "random tokens@1")["value"]
    assert value(result, "intra-sentence@1")["value"] == pytest.approx(1 - random)
    assert value(result, "self-similarity (content word)@1")["value"] == pytest.approx(0, abs=1e-6)
    line = value(result, "intra-sentence, last layer")
    assert line["low"] < line["value"] < line["high"]
    assert "e, last layer: cosine of tokens" in TOKENS.summary(result)
    assert TOKENS.figures(result)


def test_equal_encoders_differ_by_nothing_and_bad_states_are_refused():
    both = tokens({"a": static(), "b": static()}, against="a")
    line = value(both, "intra-sentence, last layer minus a", "b")
    assert line["value"] == line["low"] == line["high"] == 0
    bad = static()
    bad.layers[1][3, 0] = np.nan
    with pytest.raises(LabError, match="e, layer 1: states that are zero or not finite"):
        tokens({"e": bad})
    with pytest.raises(LabError, match="give the same two or more"):
        tokens({"a": static(50), "b": static(40)})
    with pytest.raises(LabError, match="no encoder"):
        tokens({})


def test_token_states_are_those_of_each_sentence_alone(tiny):
    encoder = load_encoder(str(tiny), pooling="mean")
    texts = ["the cat walks", "a big old house by the sea", "dog"]
    layers, sentence, ids = token_states(encoder, texts)
    assert len(layers) == 4
    for number, text in enumerate(texts):
        alone, _, own = token_states(encoder, [text])
        at = sentence == number
        np.testing.assert_array_equal(ids[at], own)
        np.testing.assert_allclose(layers[-1][at], alone[-1], atol=1e-5)
    assert encoder.tokenizer.convert_ids_to_tokens(ids[sentence == 0].tolist()) == [
        "the",
        "cat",
        "walks",
    ]
