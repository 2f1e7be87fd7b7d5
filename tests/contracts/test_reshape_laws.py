"""Every reshape operator obeys the same laws; a newcomer is enrolled by its line in OPERATORS."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from recse_lab.reshape import OPERATORS
from recse_lab.reshape.controls import sentence_keys

HIDDEN, DIM = 12, 5


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
