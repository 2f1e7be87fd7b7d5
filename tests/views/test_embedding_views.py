"""Cut-offs against a NumPy transcription of ConSERT's, noise against its distribution."""

import numpy as np
import pytest
import torch
from scipy.stats import kstest

from recse_lab.views import VIEWS, Vocabulary
from recse_lab.views.cutoff import cut
from recse_lab.views.view import generator

VOCABULARY = Vocabulary(np.arange(40) < 4, np.zeros(40, bool))
CLS, SEP, PAD = 1, 2, 0


def batch(lengths, hidden=10, seed=0):
    """Padded ids, attention mask, and embeddings without a zero in them."""
    rng = np.random.default_rng(seed)
    ids = np.full((len(lengths), max(lengths) + 2), PAD)
    for i, n in enumerate(lengths):
        ids[i, : n + 2] = [CLS, *rng.integers(4, 40, n), SEP]
    embeddings = rng.normal(size=(*ids.shape, hidden)) + 5.0
    return torch.tensor(embeddings), torch.tensor(ids != PAD).long(), torch.tensor(ids)


def consert(embedding, tokens, rate, direction, order):
    """One sentence of ConSERT's cutoff: of the shuffled indices the first int(n · rate) are filled with zero."""
    out = embedding.copy()
    indices = list(order)[: int(len(order) * rate)]
    for index in indices:
        if direction == "row":
            out[tokens[index]] = 0.0
        else:
            out[:, index] = 0.0
    return out


@pytest.mark.parametrize("rate", [0.05, 0.15, 0.2, 0.5, 0.9])
@pytest.mark.parametrize(
    ("name", "direction"), [("token-cutoff", "row"), ("feature-cutoff", "column")]
)
def test_cutoffs_are_conserts(name, direction, rate):
    embeddings, mask, ids = batch([3, 12, 7])
    edited = VIEWS[name](strength=rate, vocabulary=VOCABULARY)(embeddings, mask, ids, seed=11)
    for i, n in enumerate([3, 12, 7]):
        rng = generator(11, ids[i, : n + 2].numpy())
        order = rng.permutation(n if direction == "row" else 10)
        wanted = consert(embeddings[i].numpy(), np.arange(1, n + 1), rate, direction, order)
        np.testing.assert_array_equal(edited[i, : n + 2].numpy(), wanted[: n + 2])


def test_a_cut_rounds_down_and_leaves_one():
    rng = np.random.default_rng(0)
    assert [
        len(cut(n, rate, rng))
        for n, rate in [(3, 0.3), (4, 0.25), (10, 0.99), (10, 1.0), (1, 1.0), (0, 1.0)]
    ] == [
        0,
        1,
        9,
        9,
        0,
        0,
    ]


def test_every_token_and_every_feature_is_cut_equally_often():
    embeddings, mask, ids = batch([8])
    for name, axis, count in (("token-cutoff", 2, 8), ("feature-cutoff", 1, 10)):
        view = VIEWS[name](strength=0.5, vocabulary=VOCABULARY)
        cuts = sum(
            (view(embeddings, mask, ids, seed=s) == 0).all(axis).squeeze().long()
            for s in range(400)
        )
        if name == "token-cutoff":
            assert cuts[0] == cuts[-1] == 0
            cuts = cuts[1:-1]
        assert len(cuts) == count
        assert (cuts - 200).abs().max() < 4 * np.sqrt(400 * 0.25)


def test_sentences_of_a_batch_lose_different_features():
    embeddings, mask, ids = batch([5, 5, 5], hidden=64)
    gone = (
        VIEWS["feature-cutoff"](strength=0.5, vocabulary=VOCABULARY)(embeddings, mask, ids, seed=1)[
            :, 0
        ]
        == 0
    )
    assert len({tuple(row.tolist()) for row in gone}) == 3


@pytest.mark.parametrize("strength", [0.1, 1.0, 3.0])
def test_noise_is_normal_with_the_stated_deviation(strength):
    embeddings, mask, ids = batch([12, 3], hidden=64)
    embeddings[1] *= 100.0
    view = VIEWS["embedding-noise"](strength=strength, vocabulary=VOCABULARY)
    edited = [view(embeddings, mask, ids, seed=seed) - embeddings for seed in range(4)]
    for i, n in enumerate([12, 3]):
        sentence = embeddings[i, : n + 2]
        scaled = torch.cat([noise[i, : n + 2].flatten() for noise in edited]) / (
            strength * sentence.square().mean().sqrt()
        )
        assert kstest(scaled.numpy(), "norm").pvalue > 0.01
        assert (torch.stack(edited)[:, i, n + 2 :] == 0).all()


def test_noise_of_another_sentence_or_seed_is_another_one():
    embeddings, mask, ids = batch([6, 6])
    view = VIEWS["embedding-noise"](strength=1.0, vocabulary=VOCABULARY)
    noise = [view(embeddings, mask, ids, seed=s)[i] - embeddings[i] for s in (1, 2) for i in (0, 1)]
    correlation = np.corrcoef([n.flatten().numpy() for n in noise])
    assert np.abs(correlation - np.eye(4)).max() < 0.5


def test_noise_keeps_the_type_of_the_embeddings():
    embeddings, mask, ids = batch([6])
    for dtype in (torch.float32, torch.bfloat16):
        assert (
            VIEWS["embedding-noise"](strength=0.1, vocabulary=VOCABULARY)(
                embeddings.to(dtype), mask, ids, seed=1
            ).dtype
            == dtype
        )
