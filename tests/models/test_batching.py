"""Batches of an evaluation.

Every sentence once, no more tokens than the budget, and no batch that could have held one more.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recse_lab.models.batching import by_token_budget, token_budget

LENGTHS = st.lists(st.integers(1, 40), min_size=1, max_size=9).map(np.array)


@settings(max_examples=80, deadline=None)
@given(lengths=LENGTHS, budget=st.integers(1, 200))
def test_a_batch_stays_within_its_budget_and_is_full(lengths, budget):
    batches = list(by_token_budget(lengths, budget))
    assert sorted(np.concatenate(batches)) == list(range(len(lengths)))
    for batch in batches[:-1]:
        longest = lengths[batch].max()
        assert len(batch) == 1 or len(batch) * longest <= budget
        assert (len(batch) + 1) * longest > budget


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_a_default_batch_holds_at_least_eight_of_the_longest_sentences(device):
    """A budget of nothing would still encode, one sentence at a time."""
    assert token_budget(device) >= 8 * 512
