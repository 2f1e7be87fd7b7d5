"""Every pooling obeys the same laws; a newcomer is enrolled by its line in POOLINGS."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from recse_lab.pooling import LAYERS, POOLINGS

HIDDEN = 6


def batch(lengths, *, layers=3, width=None, seed=0):
    """Hidden states of every layer and the mask; what stands in the padding is noise."""
    generator = torch.Generator().manual_seed(seed)
    width = width or max(lengths)
    states = [
        torch.randn(len(lengths), width, HIDDEN, generator=generator, dtype=torch.float64)
        for _ in range(layers + 1)
    ]
    return states, (torch.arange(width) < torch.tensor(lengths)[:, None]).long()


@pytest.fixture(params=POOLINGS)
def pooling(request):
    return POOLINGS[request.param]


@pytest.mark.parametrize("layers", [1, 2, 12])
def test_one_vector_a_sentence(pooling, layers):
    assert pooling(*batch([3, 5, 1], layers=layers)).shape == (3, HIDDEN)


@settings(max_examples=25, deadline=None)
@given(
    lengths=st.lists(st.integers(1, 9), min_size=1, max_size=5),
    extra=st.integers(1, 4),
    seed=st.integers(0, 99),
)
@pytest.mark.parametrize("name", POOLINGS)
def test_padding_changes_nothing(name, lengths, extra, seed):
    states, mask = batch(lengths, seed=seed)
    wide = [torch.cat([s, torch.full_like(s[:, :1].expand(-1, extra, -1), 7.5)], 1) for s in states]
    padded = POOLINGS[name](
        wide, torch.cat([mask, torch.zeros(len(lengths), extra, dtype=torch.long)], 1)
    )
    torch.testing.assert_close(padded, POOLINGS[name](states, mask), rtol=0, atol=1e-12)


def test_batch_order_and_mates_change_nothing(pooling):
    states, mask = batch([5, 2, 7, 3])
    together = pooling(states, mask)
    order = torch.tensor([2, 0, 3, 1])
    torch.testing.assert_close(
        pooling([s[order] for s in states], mask[order]), together[order], rtol=0, atol=1e-12
    )
    for i in range(4):
        torch.testing.assert_close(
            pooling([s[i : i + 1] for s in states], mask[i : i + 1])[0], together[i]
        )


def test_looks_at_the_sentence(pooling):
    states, mask = batch([5, 2])
    states[-1].requires_grad_()
    pooling(states, mask).sum().backward()
    assert states[-1].grad is not None
    assert torch.isfinite(states[-1].grad).all()
    assert (states[-1].grad.abs().sum((1, 2)) > 0).all()


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("layers", [1, 4])
def test_layers_told_to_others_are_the_layers_that_are_meant(name, layers):
    states, mask = batch([4, 2], layers=layers)
    first, second = (states[layer] for layer in LAYERS[name])
    expected = [((first[i, :n] + second[i, :n]) / 2).mean(0) for i, n in enumerate([4, 2])]
    torch.testing.assert_close(POOLINGS[name](states, mask), torch.stack(expected))
