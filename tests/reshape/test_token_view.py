"""Reshaped tokens against NumPy transcriptions, and what stays of every token."""

import numpy as np
import pytest
import torch
from one_sentence import root

from recse_lab.reshape.operator import EPSILON
from recse_lab.reshape.token_view import TOKEN_FORMULAS, ReshapedTokens, reshape_tokens


def token_gram(x):
    g = root(x @ x.T / x.shape[1])
    return np.stack([g[i] @ x / max(np.abs(g[i]).sum(), EPSILON) for i in range(len(x))])


def channel_gram(x):
    c = root(x.T @ x / len(x))
    mixed = [x @ c[k] / max(np.abs(c[k]).sum(), EPSILON) for k in range(x.shape[1])]
    return np.stack(mixed, axis=1)


def elementwise(x):
    return np.array([[np.mean(root(v) * root(x[:, k])) for k, v in enumerate(row)] for row in x])


def mean(x):
    return np.tile(x.mean(0), (len(x), 1))


TRANSCRIPTIONS = {
    "token-gram": token_gram,
    "channel-gram": channel_gram,
    "elementwise": elementwise,
    "mean": mean,
}


def sentence(tokens, padding=0, hidden=6, seed=0):
    features = torch.randn(
        1, tokens + padding, hidden, generator=torch.Generator().manual_seed(seed)
    )
    return features, torch.arange(tokens + padding)[None] < tokens


@pytest.mark.parametrize("name", TOKEN_FORMULAS)
@pytest.mark.parametrize("tokens", [1, 2, 7])
def test_equals_its_numpy_transcription(name, tokens):
    features, mask = sentence(tokens, padding=2)
    content = features.double() * mask[..., None]
    mixed = TOKEN_FORMULAS[name](content, mask)[0, :tokens].numpy()
    np.testing.assert_allclose(mixed, TRANSCRIPTIONS[name](content[0, :tokens].numpy()), atol=1e-9)


@pytest.mark.parametrize("name", TOKEN_FORMULAS)
def test_every_token_keeps_its_mean_and_spread_and_padding_stays(name):
    features, mask = sentence(5, padding=3)
    out = reshape_tokens(name, features, mask)
    assert torch.equal(out[:, 5:], features[:, 5:])
    assert not torch.allclose(out[:, :5], features[:, :5], atol=1e-2)
    torch.testing.assert_close(out.mean(2), features.mean(2), atol=1e-5, rtol=0)
    spread = [each.std(2, unbiased=False) for each in (out, features)]
    torch.testing.assert_close(spread[0], spread[1], atol=1e-2, rtol=0)


def test_special_tokens_stay_and_do_not_mix_in():
    features, _ = sentence(6)
    ids = torch.tensor([[1, 7, 8, 9, 2, 0]])
    mask = torch.tensor([[1, 1, 1, 1, 1, 0]])
    view = ReshapedTokens("mean", torch.tensor([1, 2]))
    out = view(features, mask, ids, seed=3)
    assert torch.equal(out[:, [0, 4, 5]], features[:, [0, 4, 5]])
    alone = reshape_tokens("mean", features[:, 1:4], torch.ones(1, 3, dtype=torch.bool))
    torch.testing.assert_close(out[:, 1:4], alone)
