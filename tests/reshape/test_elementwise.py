"""elementwise by hand."""

import numpy as np
from one_sentence import reshape_one

HIDDEN, P = 8, 4


def test_elementwise_diagonal_keeps_each_token():
    x = np.array([[4.0, -9.0]])
    np.testing.assert_allclose(reshape_one("elementwise", x, np.ones(1)), [4.0, 9.0], atol=1e-2)
