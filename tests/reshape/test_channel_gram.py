"""channel-gram by hand, and its fixed projection."""

import numpy as np
import pytest
import torch
from one_sentence import reshape_one

from recse_lab.errors import LabError
from recse_lab.reshape import OPERATORS
from recse_lab.reshape.channel_gram import orthonormal

HIDDEN, P = 8, 4


def test_channel_gram_by_hand():
    # One token z with weight 1: G_ij = ssqrt(z_i z_j), so its diagonal is |z|.
    x = np.arange(1.0, HIDDEN + 1)[None]
    z = (x @ orthonormal(HIDDEN, P).double().numpy())[0]
    np.testing.assert_allclose(
        np.diag(reshape_one("channel-gram", x, np.ones(1)).reshape(P, P)), np.abs(z), atol=2e-3
    )


# Written once: a store built on another machine must mean the same projection.
KNOWN = [-0.9212284, -0.240375, 0.0794523, -0.2953733]


def test_orthonormal_columns_and_the_same_everywhere():
    w = orthonormal(16, 5).double()
    torch.testing.assert_close(w.T @ w, torch.eye(5, dtype=torch.float64), atol=1e-6, rtol=0)
    np.testing.assert_allclose(orthonormal(4, 1).ravel(), KNOWN, atol=1e-6)


def test_channel_gram_refuses_p_above_the_hidden_size():
    with pytest.raises(
        LabError,
        match=r"reshape\.dim 9: channel-gram projects 8 channels to p, so p must be at most 8",
    ):
        OPERATORS["channel-gram"](8, 9)
