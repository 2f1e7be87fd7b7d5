"""linear: a weighted mean is stored, its lift is learned."""

import torch
from torch import nn

from recse_lab.reshape.linear import Linear


def test_lift_is_an_affine_map_to_p_squared_then_gelu():
    operator = Linear(hidden=3, dim=2)
    lift = operator.lift()
    affine = next(module for module in lift.modules() if isinstance(module, nn.Linear))
    assert operator.lifted_dim == 4
    values = torch.randn(5, 3)
    expected = nn.functional.gelu(values @ affine.weight.T + affine.bias)
    torch.testing.assert_close(lift(values), expected)
