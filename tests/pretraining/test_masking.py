"""Masking: rates, boundaries, determinism."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from recse_lab.pretraining.masking import mask_tokens

MASK, VOCAB = 4, 1000


def masked(ids, maskable, rate=0.15, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return mask_tokens(ids, maskable, rate=rate, mask_id=MASK, vocab=VOCAB, generator=generator)


@given(st.integers(0, 10**6), st.floats(0.01, 0.9))
def test_only_maskable_tokens_are_touched_and_every_sentence_is_asked(seed, rate):
    generator = torch.Generator().manual_seed(seed)
    ids = torch.randint(5, VOCAB, (6, 9), generator=generator)
    maskable = torch.rand(6, 9, generator=generator) < 0.5
    before = ids.clone()
    seen, chosen = masked(ids, maskable, rate, seed)
    assert torch.equal(ids, before)
    assert not (chosen & ~maskable).any()
    assert torch.equal(seen[~chosen], ids[~chosen])
    assert torch.equal(chosen.any(1), maskable.any(1))
    again = masked(ids, maskable, rate, seed)
    assert torch.equal(again.ids, seen)
    assert torch.equal(again.chosen, chosen)


def test_eighty_ten_ten():
    ids = torch.full((2000, 100), 7)
    seen, chosen = masked(ids, torch.ones_like(ids, dtype=torch.bool))
    share = chosen.float().mean().item()
    assert abs(share - 0.15) < 0.005
    fate = seen[chosen]
    assert abs((fate == MASK).float().mean().item() - 0.8) < 0.01
    assert (
        abs((fate == 7).float().mean().item() - 0.1) < 0.01
    )  # kept; a random draw of 7 is one in a thousand
