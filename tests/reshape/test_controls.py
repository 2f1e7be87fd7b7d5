"""The controls: a mean by hand, random vectors and the keys behind them."""

import numpy as np
import torch
from one_sentence import reshape_one

from recse_lab.reshape.controls import keyed_normal, sentence_keys

HIDDEN, P = 8, 4


def test_mean_by_hand():
    x = np.array([[2.0, 0.0], [4.0, 8.0]])
    np.testing.assert_allclose(reshape_one("mean", x, np.array([0.75, 0.25])), [2.5, 2.0])


def test_random_is_standard_normal_and_a_function_of_the_key_alone():
    from scipy import stats

    keys = torch.arange(500)
    values = keyed_normal(keys, 400)
    assert stats.kstest(values.flatten().numpy(), "norm").pvalue > 1e-3
    assert np.abs(np.corrcoef(values[:60].numpy()) - np.eye(60)).max() < 0.25
    torch.testing.assert_close(keyed_normal(keys[7:8], 400)[0], values[7])


def test_keys_distinguish_order_and_content():
    ids = torch.tensor([[5, 6, 7], [7, 6, 5], [5, 6, 8], [5, 6, 7]])
    keys = sentence_keys(ids, torch.ones(4, 3, dtype=torch.bool))
    assert len(set(keys.tolist())) == 3
    assert keys[0] == keys[3]
