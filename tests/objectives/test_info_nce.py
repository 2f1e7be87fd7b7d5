"""InfoNCE and the reCSE terms against NumPy, hand computation and their limits."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import logsumexp

from recse_lab.objectives import InfoNCE, info_nce, recse_terms


def numpy_info_nce(a, p, temperature):
    a = a / np.linalg.norm(a, axis=1, keepdims=True)
    p = p / np.linalg.norm(p, axis=1, keepdims=True)
    s = a @ p.T / temperature
    return np.mean(logsumexp(s, axis=1) - np.diag(s))


def rows(seed, batch=6, dim=5):
    return torch.randn(
        batch, dim, generator=torch.Generator().manual_seed(seed), dtype=torch.float64
    )


@pytest.mark.parametrize("temperature", [0.05, 0.5, 2.0])
def test_equals_its_numpy_transcription(temperature):
    a, p = rows(0), rows(1)
    assert info_nce(a, p, temperature=temperature).item() == pytest.approx(
        numpy_info_nce(a.numpy(), p.numpy(), temperature), rel=1e-12
    )


def test_two_sentences_by_hand():
    # Anchors at 0° and 90°, positives at 60° and 90°: cosines ½, 0 and √3/2, 1; τ = ½ doubles them.
    angle = torch.tensor([0.0, 90.0, 60.0, 90.0], dtype=torch.float64) * math.pi / 180
    v = torch.stack([angle.cos(), angle.sin()], 1) * torch.tensor(
        [[1.0], [7.0], [0.3], [2.0]], dtype=torch.float64
    )
    first = math.log(math.exp(1) + math.exp(0)) - 1
    second = math.log(math.exp(math.sqrt(3)) + math.exp(2)) - 2
    assert info_nce(v[:2], v[2:], temperature=0.5).item() == pytest.approx(
        (first + second) / 2, rel=1e-12
    )


def test_collapse_is_log_batch_and_perfect_is_near_zero():
    same = torch.ones(8, 4, dtype=torch.float64)
    assert info_nce(same, same, temperature=0.05).item() == pytest.approx(math.log(8))
    apart = torch.eye(8, dtype=torch.float64)
    assert info_nce(apart, apart, temperature=0.05).item() == pytest.approx(
        math.log(1 + 7 * math.exp(-20))
    )


def test_rows_beyond_the_anchors_are_negatives_only():
    a, p, extra = rows(0), rows(1), rows(2, batch=3)
    assert info_nce(a, torch.cat([p, extra]), temperature=0.1) > info_nce(a, p, temperature=0.1)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), scale=st.floats(1e-3, 1e3))
def test_order_rotation_and_scale_change_nothing(seed, scale):
    a, p = rows(seed), rows(seed + 1)
    reference = info_nce(a, p, temperature=0.1)
    order = torch.randperm(6, generator=torch.Generator().manual_seed(seed))
    rotation, _ = torch.linalg.qr(rows(seed + 2, 5, 5))
    torch.testing.assert_close(info_nce(a[order], p[order], temperature=0.1), reference)
    torch.testing.assert_close(
        info_nce(a @ rotation * scale, p @ rotation, temperature=0.1), reference
    )


def test_gradient_is_the_derivative_and_finite_at_large_norms():
    a, p = rows(0).requires_grad_(), rows(1).requires_grad_()
    assert torch.autograd.gradcheck(lambda x, y: info_nce(x, y, temperature=0.2), (a, p))
    big = (rows(3).float() * 1e18).requires_grad_()
    info_nce(big, big.detach().roll(1, 0), temperature=0.05).backward()
    assert torch.isfinite(big.grad).all()


def test_half_precision_input_is_compared_in_float32():
    a, p = rows(0).bfloat16(), rows(1).bfloat16()
    loss = info_nce(a, p, temperature=0.05)
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(
        numpy_info_nce(a.double().numpy(), p.double().numpy(), 0.05), rel=1e-5
    )


def test_terms_add_up_to_the_loss():
    views, projection, target = torch.stack([rows(0), rows(1)]), rows(2), rows(3)
    terms = recse_terms(
        views,
        projection,
        target,
        contrast=InfoNCE(),
        weight=0.7,
        reshape_weight=0.3,
        reshape_temperature=0.2,
    )
    torch.testing.assert_close(terms.loss, 0.7 * terms.contrast + 0.3 * terms.reshape)
    torch.testing.assert_close(terms.contrast, info_nce(views[0], views[1], temperature=0.05))
    torch.testing.assert_close(terms.reshape, info_nce(projection, target, temperature=0.2))


def test_limits_are_simcse_and_reshape_only():
    views, projection, target = torch.stack([rows(0), rows(1)]), rows(2), rows(3)
    simcse = recse_terms(views, None, None, contrast=InfoNCE(), weight=1.0)
    assert simcse.reshape is None
    torch.testing.assert_close(simcse.loss, info_nce(views[0], views[1], temperature=0.05))
    alone = recse_terms(
        views[:1], projection, target, contrast=InfoNCE(), weight=0.0, reshape_weight=1.0
    )
    assert alone.contrast is None
    torch.testing.assert_close(alone.loss, info_nce(projection, target, temperature=0.05))
    with pytest.raises(ValueError, match="no term"):
        recse_terms(views, None, None, contrast=InfoNCE(), weight=0.0)
