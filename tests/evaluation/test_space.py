"""Alignment and uniformity against the authors' formulas, closed forms and invariances."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import pdist, squareform
from scipy.special import logsumexp

from recse_lab.evaluation.space import alignment, log_potentials, pair_distances, uniformity


def cloud(n, d=6, seed=0):
    return F.normalize(
        torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64), dim=1
    )


@pytest.mark.parametrize("block", [1, 7, 64, 4096])
def test_uniformity_is_wang_and_isola_s_whatever_the_block(block):
    x = cloud(80)
    expected = np.log(np.exp(-2 * pdist(x.numpy()) ** 2).mean())
    assert uniformity(x, block=block).item() == pytest.approx(expected, abs=1e-9)
    assert uniformity(x.float(), block=block).item() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("t", [0.5, 50.0, 400.0])
def test_uniformity_at_any_t(t):
    """At t = 400 every potential underflows float32, and its logarithm must not."""
    x = cloud(60)
    expected = logsumexp(-t * pdist(x.numpy()) ** 2) - math.log(60 * 59 / 2)
    assert uniformity(x, t=t, block=13).item() == pytest.approx(expected, rel=1e-9)
    assert uniformity(x.float(), t=t, block=13).item() == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(("t", "block"), [(2.0, 4096), (2.0, 7), (2.0, 1), (400.0, 13)])
def test_potentials_of_each_row(t, block):
    """Where a block has left the range of float32, what is left out is nothing next to the
    total.
    """
    x = cloud(40)
    exponents = -t * squareform(pdist(x.numpy())) ** 2
    np.fill_diagonal(exponents, -np.inf)
    found, expected = log_potentials(x, t=t, block=block), logsumexp(exponents, axis=1)
    np.testing.assert_allclose(
        found.exp(), np.exp(expected), rtol=1e-9, atol=1e-12 * np.exp(expected).max()
    )
    assert found.dtype == torch.float64


def test_alignment_is_wang_and_isola_s():
    x, y = cloud(40), cloud(40, seed=1)
    assert alignment(x, y).item() == pytest.approx(
        np.mean(np.linalg.norm((x - y).numpy(), axis=1) ** 2), rel=1e-12
    )
    distances = np.linalg.norm((x - y).numpy(), axis=1)
    np.testing.assert_allclose(pair_distances(x, y), distances**2, rtol=1e-12)
    assert alignment(x, y, alpha=1).item() == pytest.approx(
        np.mean(np.linalg.norm((x - y).numpy(), axis=1)), rel=1e-12
    )


def test_closed_forms():
    same = F.normalize(torch.ones(5, 3), dim=1)
    assert uniformity(same).item() == pytest.approx(0.0, abs=1e-6)
    poles = torch.tensor([[1.0, 0.0], [-1.0, 0.0]])
    assert uniformity(poles).item() == pytest.approx(
        -8.0, abs=1e-6
    )  # one pair, squared distance 4, t = 2
    assert alignment(poles, poles.flip(0)).item() == pytest.approx(4.0)
    axes = torch.eye(4)
    assert uniformity(axes).item() == pytest.approx(
        math.log(math.exp(-4)), abs=1e-6
    )  # every squared distance is 2


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 999), n=st.integers(2, 40))
def test_rotation_and_order_change_nothing(seed, n):
    x = cloud(n, seed=seed)
    rotation, _ = torch.linalg.qr(
        torch.randn(6, 6, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    )
    torch.testing.assert_close(
        uniformity(x @ rotation, block=8), uniformity(x.flip(0)), atol=1e-9, rtol=1e-9
    )


def test_what_is_not_on_the_sphere_is_refused():
    x = cloud(4)
    x[2] *= 1.1
    with pytest.raises(ValueError, match=r"row 2 has norm 1\.1"):
        uniformity(x)
    x[2] = float("nan")
    with pytest.raises(ValueError, match="row 2 has norm nan"):
        alignment(x, x)
    with pytest.raises(ValueError, match="at least two"):
        uniformity(cloud(1))
    with pytest.raises(ValueError, match="no pair"):
        alignment(cloud(0), cloud(0))
