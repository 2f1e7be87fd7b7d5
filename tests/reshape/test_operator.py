"""The signed root and the weighted mean."""

import torch

from recse_lab.reshape.operator import EPSILON, ssqrt, weighted_mean

HIDDEN, P = 8, 4


def test_ssqrt_is_close_to_the_root_and_bounded_in_slope():
    v = torch.linspace(-4, 4, 4001, dtype=torch.float64, requires_grad=True)
    out = ssqrt(v)
    exact = v.detach().sign() * v.detach().abs().sqrt()
    assert (out.detach() - exact).abs().max() <= EPSILON**0.5
    out.sum().backward()
    assert v.grad is not None
    assert v.grad.abs().max() <= 1 / (2 * EPSILON**0.5) + 1e-6
    torch.testing.assert_close(ssqrt(-v), -ssqrt(v))


def test_weighted_mean_by_hand():
    features = torch.tensor([[[2.0, 0.0], [4.0, 8.0]]])
    assert weighted_mean(features, torch.tensor([[0.75, 0.25]])).tolist() == [[2.5, 2.0]]
