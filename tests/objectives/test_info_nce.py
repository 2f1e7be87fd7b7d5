"""InfoNCE against NumPy, hand computation and its limits."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import logsumexp
from vectors import at, cosines, rows, value

from recse_lab.objectives import InfoNCE, info_nce


def numpy_info_nce(a, p, temperature):
    a = a / np.linalg.norm(a, axis=1, keepdims=True)
    p = p / np.linalg.norm(p, axis=1, keepdims=True)
    s = a @ p.T / temperature
    return np.mean(logsumexp(s, axis=1) - np.diag(s))


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
    assert big.grad is not None
    assert torch.isfinite(big.grad).all()


def test_half_precision_input_is_compared_in_float32():
    a, p = rows(0).bfloat16(), rows(1).bfloat16()
    loss = info_nce(a, p, temperature=0.05)
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(
        numpy_info_nce(a.double().numpy(), p.double().numpy(), 0.05), rel=1e-5
    )


def test_has_its_negatives_in_the_denominator():
    a, p, n = rows(0), rows(1), rows(2, batch=3)
    s, t = np.exp(cosines(a, p) / 0.1), np.exp(cosines(a, n) / 0.1)
    expected = np.mean([-math.log(s[i, i] / (s[i].sum() + t[i].sum())) for i in range(6)])
    assert InfoNCE(temperature=0.1)(a, p, n).item() == value(expected)
    assert InfoNCE(temperature=0.1)(a, p).item() == info_nce(a, p, temperature=0.1).item()


def test_a_negative_by_hand():
    assert InfoNCE(temperature=0.5)(at(0), at(60), at(90)).item() == value(math.log(math.e + 1) - 1)


def test_default_temperature_is_that_of_simcse():
    assert InfoNCE().temperature == 0.05


def test_is_the_loss_of_simcse_s_release():
    """Transcribed from github.com/princeton-nlp/SimCSE at 49fa580, simcse/models.py, ``cl_forward``
    for two sentences of an instance, with ``Similarity`` at --temp 0.05."""
    z1, z2 = rows(0), rows(1)
    cos_sim = torch.nn.CosineSimilarity(dim=-1)(z1.unsqueeze(1), z2.unsqueeze(0)) / 0.05
    labels = torch.arange(cos_sim.size(0)).long()
    expected = torch.nn.CrossEntropyLoss()(cos_sim, labels).item()
    assert InfoNCE()(z1, z2).item() == value(expected)
