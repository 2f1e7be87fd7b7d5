"""Token weights by hand."""

import numpy as np

from recse_lab.reshape.weights import token_weights


def test_weight_formulas():
    counts, df = np.array([0, 10, 90]), np.array([0, 5, 40])
    np.testing.assert_allclose(
        token_weights("sif", counts, df, 40),
        [1.0, 1e-3 / (1e-3 + 0.1), 1e-3 / (1e-3 + 0.9)],
        rtol=1e-6,
    )
    np.testing.assert_allclose(
        token_weights("idf", counts, df, 40), [np.log(41) + 1, np.log(41 / 6) + 1, 1.0], rtol=1e-6
    )
    assert (token_weights("uniform", counts, df, 40) == 1).all()
