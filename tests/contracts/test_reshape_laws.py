"""Every reshape operator obeys the same laws; a newcomer is enrolled by its line in OPERATORS."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from one_sentence import reshape_one, root

from recse_lab.reshape import OPERATORS
from recse_lab.reshape.channel_gram import orthonormal
from recse_lab.reshape.controls import keyed_normal, sentence_keys

HIDDEN, DIM = 12, 5
P = 4  # of the transcriptions


def batch(lengths, *, seed=0, width=None, dtype=torch.float64):
    """Features, ids, mask and weights of sentences with these numbers of content tokens."""
    generator = torch.Generator().manual_seed(seed)
    width = width or max(lengths)
    features, ids = (
        torch.zeros(len(lengths), width, HIDDEN, dtype=dtype),
        torch.zeros(len(lengths), width, dtype=torch.long),
    )
    mask = torch.zeros(len(lengths), width, dtype=torch.bool)
    for i, n in enumerate(lengths):
        features[i, :n] = torch.randn(n, HIDDEN, generator=generator, dtype=dtype)
        ids[i, :n] = torch.randint(1, 90, (n,), generator=generator)
        mask[i, :n] = True
    raw = torch.rand(len(lengths), width, generator=generator, dtype=dtype) * mask
    return features, ids, mask, raw / raw.sum(1, keepdim=True).clamp(min=1e-30)


def apply(name, features, ids, mask, weights):
    return OPERATORS[name](HIDDEN, DIM).double()(features, mask, weights, sentence_keys(ids, mask))


@pytest.fixture(params=OPERATORS)
def name(request):
    return request.param


def test_promises_its_width(name):
    data = batch([3, 6, 1])
    assert apply(name, *data).shape == (3, OPERATORS[name](HIDDEN, DIM).out_dim)


@settings(max_examples=25, deadline=None)
@given(
    lengths=st.lists(st.integers(0, 9), min_size=1, max_size=5),
    extra=st.integers(1, 4),
    seed=st.integers(0, 99),
)
@pytest.mark.parametrize("operator", OPERATORS)
def test_padding_changes_nothing(operator, lengths, extra, seed):
    features, ids, mask, weights = batch(lengths, seed=seed, width=10)
    wide = [
        torch.cat([t, torch.full_like(t[:, :extra], fill)], 1)
        for t, fill in ((features, 7.5), (ids, 3), (mask, 0), (weights, 0))
    ]
    torch.testing.assert_close(
        apply(operator, *wide), apply(operator, features, ids, mask, weights), rtol=0, atol=1e-9
    )


@pytest.mark.parametrize("operator", OPERATORS)
def test_a_gap_in_the_mask_is_padding(operator):
    features, ids, mask, weights = batch([4, 4], seed=3)
    gap = [
        torch.cat([t[:, :2], torch.full_like(t[:, :1], fill), t[:, 2:]], 1)
        for t, fill in ((features, 9.0), (ids, 5), (mask, 0), (weights, 0))
    ]
    torch.testing.assert_close(
        apply(operator, *gap), apply(operator, features, ids, mask, weights), rtol=0, atol=1e-9
    )


def test_batch_order_and_mates_change_nothing(name):
    data = batch([5, 2, 7, 3], seed=1)
    together = apply(name, *data)
    order = torch.tensor([2, 0, 3, 1])
    torch.testing.assert_close(
        apply(name, *(t[order] for t in data)), together[order], rtol=0, atol=1e-9
    )
    for i in range(4):
        torch.testing.assert_close(
            apply(name, *(t[i : i + 1] for t in data))[0], together[i], rtol=0, atol=1e-9
        )


def test_an_empty_sentence_gives_zeros(name):
    out = apply(name, *batch([0, 3], width=3))
    assert (out[0] == 0).all()
    assert (out[1] != 0).any()


@pytest.mark.parametrize("scale", [0.0, 1e-20, 1.0, 1e15])
def test_values_and_gradients_are_finite(name, scale):
    features, ids, mask, weights = batch([4, 1, 0], seed=2, width=4, dtype=torch.float32)
    features = (features * scale).requires_grad_()
    out = OPERATORS[name](HIDDEN, DIM)(features, mask, weights, sentence_keys(ids, mask))
    assert torch.isfinite(out).all()
    if out.requires_grad:  # random looks at no feature
        out.sum().backward()
        assert torch.isfinite(features.grad).all()


def test_gradient_is_the_derivative(name):
    features, ids, mask, weights = batch([3, 2], seed=4)
    operator, keys = OPERATORS[name](HIDDEN, DIM).double(), sentence_keys(ids, mask)
    if operator(features.clone().requires_grad_(), mask, weights, keys).requires_grad:
        assert torch.autograd.gradcheck(
            lambda x: operator(x, mask, weights, keys), features.clone().requires_grad_(), atol=1e-5
        )


def test_a_lift_takes_what_is_stored(name):
    operator = OPERATORS[name](HIDDEN, DIM)
    lift = operator.lift()
    if lift is not None:
        assert lift(torch.zeros(2, operator.out_dim)).shape == (2, operator.lifted_dim)
    else:
        assert operator.lifted_dim == operator.out_dim


# ---- NumPy transcriptions ----


def token_gram(x, a):
    n = len(x)
    x = x * np.sqrt(n * a)[:, None]
    g = root(x @ x.T / x.shape[1])
    r = np.zeros((P, n))
    for j in range(P):  # share of stretch j that token i covers
        for i in range(n):
            r[j, i] = max(0.0, min((j + 1) * n / P, i + 1) - max(j * n / P, i)) / (n / P)
    return (r @ g @ r.T).ravel()


def channel_gram(x, a):
    z = x @ orthonormal(x.shape[1], P).double().numpy()
    return root(z.T @ np.diag(a) @ z).ravel()


def elementwise(x, a):
    g = np.array([[root(x[i]) * root(x[j]) for j in range(len(x))] for i in range(len(x))])
    return np.einsum("i,j,ijk->k", a, a, g)


def mean(x, a):
    return a @ x


def splitmix(value):
    """splitmix64's finaliser, in Python's own integers."""
    value ^= value >> 30
    value = value * 0xBF58476D1CE4E5B9 % 2**64
    value ^= value >> 27
    value = value * 0x94D049BB133111EB % 2**64
    return value ^ value >> 31


def random(key, count):
    """Box–Muller of 2·count uniform numbers addressed by the key."""
    bits = [splitmix((splitmix(key) + i * 0x9E3779B97F4A7C15) % 2**64) for i in range(2 * count)]
    u = (np.array([b >> 11 for b in bits], dtype=np.float64) + 0.5) / 2**53
    return np.sqrt(-2 * np.log(u[:count])) * np.cos(2 * np.pi * u[count:])


TRANSCRIPTIONS = {
    "token-gram": token_gram,
    "channel-gram": channel_gram,
    "elementwise": elementwise,
    "mean": mean,
    "linear": mean,
    "random": lambda x, a: random(0, P * P),  # ``reshape_one`` gives its sentence the key 0
}


def test_every_operator_has_a_transcription():
    assert set(TRANSCRIPTIONS) == set(OPERATORS)


@pytest.mark.parametrize("name", TRANSCRIPTIONS)
@pytest.mark.parametrize("tokens", [1, 2, 3, 4, 7, 30])
def test_equals_its_numpy_transcription(name, tokens):
    rng = np.random.default_rng(tokens)
    x, a = rng.normal(size=(tokens, 8)), rng.dirichlet(np.ones(tokens))
    np.testing.assert_allclose(
        reshape_one(name, x, a, P),
        TRANSCRIPTIONS[name](x, a),
        atol=1e-6 if name == "random" else 1e-9,
    )


def test_random_numbers_of_any_key_are_those_of_splitmix():
    key = -1234567890123456789
    ours = keyed_normal(torch.tensor([key]), 5)[0].numpy()
    np.testing.assert_allclose(ours, random(key % 2**64, 5), atol=1e-6)
