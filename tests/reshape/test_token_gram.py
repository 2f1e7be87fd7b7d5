"""token-gram by hand and against torch's interpolation."""

import numpy as np
import torch
from one_sentence import reshape_one, root

HIDDEN, P = 8, 4


def test_token_gram_of_two_tokens_by_hand():
    # x = (2, 0), (0, 2): x xᵀ / 2 = diag(2, 2); at p = 2 nothing is resampled, and √2 stands on the
    # diagonal.
    out = reshape_one("token-gram", np.array([[2.0, 0.0], [0.0, 2.0]]), np.array([0.5, 0.5]), dim=2)
    np.testing.assert_allclose(out, [2**0.5, 0, 0, 2**0.5], atol=2e-3)


def test_token_gram_bilinear_by_hand():
    # Corners aligned at p = 3 over n = 2: points 0, ½, 1. G = [[√2, 0], [0, √2]]; the middle
    # averages both axes.
    out = reshape_one(
        "token-gram",
        np.array([[2.0, 0.0], [0.0, 2.0]]),
        np.array([0.5, 0.5]),
        dim=3,
        resample="bilinear",
    ).reshape(3, 3)
    s = 2**0.5
    np.testing.assert_allclose(
        out, [[s, s / 2, 0], [s / 2, s / 2, s / 2], [0, s / 2, s]], atol=2e-3
    )


def test_token_gram_bilinear_equals_torch_interpolation():
    rng = np.random.default_rng(0)
    x, a = rng.normal(size=(6, HIDDEN)), np.full(6, 1 / 6)
    gram = torch.from_numpy(root(x @ x.T / HIDDEN))[None, None]
    expected = torch.nn.functional.interpolate(
        gram, size=(P, P), mode="bilinear", align_corners=True
    ).flatten()
    np.testing.assert_allclose(
        reshape_one("token-gram", x, a, resample="bilinear"), expected.numpy(), atol=1e-9
    )
