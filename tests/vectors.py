"""Embeddings whose cosines are known, for tests of objectives."""

import math

import numpy as np
import pytest
import torch


def rows(seed, batch=6, dim=5):
    """Gaussian embeddings in float64."""
    return torch.randn(
        batch, dim, generator=torch.Generator().manual_seed(seed), dtype=torch.float64
    )


def at(*degrees):
    """Vectors in the plane at these angles, of unequal length."""
    angle = torch.tensor(degrees, dtype=torch.float64) * math.pi / 180
    return torch.stack([angle.cos(), angle.sin()], 1) * torch.arange(1, len(degrees) + 1)[:, None]


def cosines(a, b):
    """Cosine of every row of a with every row of b, in NumPy."""
    a, b = (np.asarray(x, dtype=np.float64) for x in (a, b))
    return (a @ b.T) / np.outer(np.linalg.norm(a, axis=1), np.linalg.norm(b, axis=1))


def value(loss):
    """``loss`` up to rounding in float64."""
    return pytest.approx(loss, rel=1e-12)
