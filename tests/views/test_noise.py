"""Noise against its distribution."""

import numpy as np
import pytest
import torch
from edits import batch
from scipy.stats import kstest

from recse_lab.views import VIEWS, Vocabulary

VOCABULARY = Vocabulary(np.arange(40) < 4, np.zeros(40, bool))


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
