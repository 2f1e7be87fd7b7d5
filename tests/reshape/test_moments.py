"""Moments of a stream against NumPy on the whole."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from recse_lab.reshape.moments import Moments


@settings(max_examples=30, deadline=None)
@given(
    sizes=st.lists(st.integers(0, 6), min_size=1, max_size=6),
    offset=st.floats(-1e4, 1e4),
    seed=st.integers(0, 999),
)
def test_moments_of_a_stream_are_those_of_the_whole(sizes, offset, seed):
    rows = np.random.default_rng(seed).normal(size=(sum(sizes), 3)) + offset
    diagonal, full = Moments(3), Moments(3, covariance=True)
    start = 0
    for size in sizes:
        for moments in (diagonal, full):
            moments.add(torch.from_numpy(rows[start : start + size]))
        start += size
    if len(rows):
        np.testing.assert_allclose(diagonal.mean.numpy(), rows.mean(0), rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(diagonal.variance.numpy(), rows.var(0), rtol=1e-6, atol=1e-9)
        np.testing.assert_allclose(
            full.variance.numpy(), np.cov(rows.T, bias=True), rtol=1e-6, atol=1e-8
        )
