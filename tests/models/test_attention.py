"""Plain attention by its formula, and where it may be taken."""

import math

import pytest
import torch
from torch import nn

from recse_lab.models.attention import EQUAL_TO_EAGER, best_attention, plain_attention


class Config:
    def __init__(self, model_type):
        self.model_type = model_type


def test_heads_of_queries_share_those_of_keys_in_order():
    """Queries 0 and 1 look at keys 0, queries 2 and 3 at keys 1."""
    generator = torch.Generator().manual_seed(0)
    q = torch.randn(1, 4, 3, 5, generator=generator)
    k, v = (torch.randn(1, 2, 3, 5, generator=generator) for _ in range(2))
    out, _ = plain_attention(nn.Identity(), q, k, v, None)
    for head in range(4):
        scores = q[0, head] @ k[0, head // 2].T / math.sqrt(5)
        expected = torch.softmax(scores, -1) @ v[0, head // 2]
        torch.testing.assert_close(out[0, :, head], expected)


@pytest.mark.parametrize("name", ["softcap", "s_aux", "position_bias"])
def test_what_an_architecture_adds_to_its_scores_is_not_passed_over(name):
    x = torch.zeros(1, 1, 2, 4)
    with pytest.raises(NotImplementedError, match=f"plain attention has no {name}; take eager"):
        plain_attention(nn.Identity(), x, x, x, None, **{name: 1.0})
    plain_attention(nn.Identity(), x, x, x, None, **{name: None})


def test_the_fastest_attention_is_one_that_is_known_to_equal_eager():
    assert best_attention(Config("bert")) in ("plain", "sdpa")
    assert best_attention(Config("gemma2")) == "eager"
    assert best_attention(Config("a family of next year")) == "eager"
    assert "t5" not in EQUAL_TO_EAGER["plain"]  # its bias of positions is an argument
