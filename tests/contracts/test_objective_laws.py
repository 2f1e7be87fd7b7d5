"""Every contrast obeys the same laws; a newcomer is enrolled by its line in CONTRASTS."""

import dataclasses
import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from recse_lab.objectives import CONTRASTS

BATCH, DIM = 5, 4

# Weights without gradient hide from it what a finite difference sees; this setting has none that
# vary.
CONSTANT_WEIGHTS = {"adnce": {"sigma": math.inf}}


def embeddings(seed, negatives=True, dtype=torch.float64) -> Any:
    """Anchors, positives near them, and as many negatives or none."""
    generator = torch.Generator().manual_seed(seed)
    anchors, noise, extra = torch.randn(3, BATCH, DIM, generator=generator, dtype=torch.float64).to(
        dtype
    )
    return anchors, anchors + noise, extra if negatives else None


@pytest.fixture(params=CONTRASTS)
def name(request):
    return request.param


@pytest.fixture
def contrast(name):
    return CONTRASTS[name]()


@pytest.fixture(params=[False, True], ids=["batch", "batch+negatives"])
def negatives(request):
    return request.param


def test_is_one_finite_number_and_leaves_its_input_alone(contrast, negatives):
    given_ = embeddings(0, negatives)
    kept = [t if t is None else t.clone() for t in given_]
    loss = contrast(*given_)
    assert loss.shape == ()
    assert torch.isfinite(loss)
    assert all(t is k is None or torch.equal(t, k) for t, k in zip(given_, kept, strict=True))


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10_000), scale=st.floats(1e-3, 1e3))
@pytest.mark.parametrize("member", CONTRASTS)
@pytest.mark.parametrize("extra", [False, True])
def test_order_rotation_and_scale_change_nothing(member, extra, seed, scale):
    contrast, data = CONTRASTS[member](), embeddings(seed, extra)
    reference = contrast(*data)
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(BATCH, generator=generator)
    rotation, _ = torch.linalg.qr(torch.randn(DIM, DIM, generator=generator, dtype=torch.float64))
    torch.testing.assert_close(contrast(*(t if t is None else t[order] for t in data)), reference)
    torch.testing.assert_close(
        contrast(*(t if t is None else t @ rotation * scale for t in data)), reference
    )


def test_order_of_sentences_alone_is_not_order_of_pairs(contrast):
    anchors, positives, _ = embeddings(1)
    assert contrast(anchors, positives.roll(1, 0)) > contrast(anchors, positives) + 0.1


def test_no_rows_are_no_negatives(contrast):
    anchors, positives, _ = embeddings(2)
    empty = torch.zeros(0, DIM, dtype=torch.float64)
    assert torch.equal(contrast(anchors, positives, empty), contrast(anchors, positives))


def test_negatives_are_looked_at_and_reached_by_gradient(contrast):
    data = [t.requires_grad_() for t in embeddings(3)]
    loss = contrast(*data)
    assert abs(loss - contrast(*data[:2])) > 1e-3
    loss.backward()
    assert all((t.grad.abs().sum(1) > 0).all() for t in data)


def test_gradient_is_the_derivative(name, negatives):
    contrast = CONTRASTS[name](**CONSTANT_WEIGHTS.get(name, {}), temperature=0.2)
    data = [t.requires_grad_() for t in embeddings(4, negatives) if t is not None]
    assert torch.autograd.gradcheck(contrast, data)


@pytest.mark.parametrize("scale", [1e-15, 1.0, 1e15])
@pytest.mark.parametrize("collapsed", [False, True])
def test_values_and_gradients_are_finite(contrast, negatives, scale, collapsed):
    data = [t for t in embeddings(5, negatives, torch.float32) if t is not None]
    if collapsed:
        data = [torch.ones_like(t) for t in data]
    data = [(t * scale).requires_grad_() for t in data]
    loss = contrast(*data)
    assert torch.isfinite(loss)
    loss.backward()
    assert all(torch.isfinite(t.grad).all() for t in data)


def test_a_single_pair_is_no_special_case(contrast):
    anchor, positive, negative = (t[:1].requires_grad_() for t in embeddings(6))
    for data in ((anchor, positive), (anchor, positive, negative)):
        loss = contrast(*data)
        assert torch.isfinite(loss)
        assert all(torch.isfinite(g).all() for g in torch.autograd.grad(loss, data))


def test_half_precision_input_is_compared_in_float32(contrast, negatives):
    data = [t if t is None else t.bfloat16() for t in embeddings(7, negatives)]
    loss = contrast(*data)
    assert loss.dtype == torch.float32
    exact = contrast(*(t if t is None else t.double() for t in data))
    torch.testing.assert_close(loss.double(), exact, rtol=1e-5, atol=1e-6)


def test_a_queue_in_float32_serves_half_precision_anchors(contrast):
    anchors, positives, queue = embeddings(8)
    loss = contrast(anchors.bfloat16(), positives.bfloat16(), queue.float())
    exact = contrast(
        anchors.bfloat16().double(), positives.bfloat16().double(), queue.float().double()
    )
    torch.testing.assert_close(loss.double(), exact, rtol=1e-5, atol=1e-6)


def test_is_frozen_and_equal_to_its_like(name):
    kind: Any = CONTRASTS[name]
    contrast: Any = CONTRASTS[name](temperature=0.3)
    assert contrast == CONTRASTS[name](temperature=0.3)
    assert contrast != CONTRASTS[name](temperature=0.4)
    with pytest.raises(dataclasses.FrozenInstanceError):
        contrast.temperature = 0.1
    with pytest.raises(TypeError):
        kind(no_such_argument=1)
    with pytest.raises(TypeError):
        kind(0.05)


@pytest.mark.parametrize("temperature", [0.0, -0.1, math.nan])
def test_a_temperature_that_is_none_is_refused(name, temperature):
    with pytest.raises(ValueError, match="temperature"):
        CONTRASTS[name](temperature=temperature)


@pytest.mark.parametrize("parts", [[5], [2, 2, 1], [1, 1, 1, 1, 1]])
def test_parts_of_a_batch_add_up_to_the_whole(contrast, negatives, parts):
    """What tiles and several processes build on: value and gradient, an uneven last part too."""
    data = [t if t is None else t.requires_grad_() for t in embeddings(9, negatives)]
    asked = [t for t in data if t is not None]
    whole = contrast(*data)
    stops = torch.tensor(parts).cumsum(0).tolist()
    slices = [slice(stop - size, stop) for stop, size in zip(stops, parts, strict=True)]
    summed = sum(contrast.of_rows(*data, rows=s) * (s.stop - s.start) / BATCH for s in slices)
    torch.testing.assert_close(summed, whole, rtol=1e-12, atol=1e-12)
    for one, other in zip(
        torch.autograd.grad(summed, asked), torch.autograd.grad(whole, asked), strict=True
    ):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-12)
