"""Each pooling by hand: three layers, two tokens and one place of padding."""

import pytest
import torch

from recse_lab.pooling import POOLINGS, masked_mean

LAYERS = [
    torch.tensor([[[1.0, 0.0], [3.0, 2.0], [99.0, 99.0]]]),
    torch.tensor([[[5.0, 4.0], [7.0, 0.0], [99.0, 99.0]]]),
    torch.tensor([[[2.0, 8.0], [4.0, 6.0], [99.0, 99.0]]]),
    torch.tensor([[[6.0, 1.0], [0.0, 3.0], [99.0, 99.0]]]),
]
MASK = torch.tensor([[1, 1, 0]])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("cls", [6.0, 1.0]),
        ("mean", [3.0, 2.0]),
        ("first_last_mean", [4.5, 2.0]),
        ("static_last_mean", [2.5, 1.5]),
        ("top2_mean", [3.0, 4.5]),
        ("last", [0.0, 3.0]),
        ("max", [6.0, 3.0]),
    ],
)
def test_by_hand(name, expected):
    assert POOLINGS[name](LAYERS, MASK)[0].tolist() == expected


def test_a_sentence_without_tokens_is_zero():
    assert masked_mean(LAYERS[0], torch.zeros(1, 3, dtype=torch.long)).tolist() == [[0.0, 0.0]]
