"""What is padded for nothing: groups of a training step and batches of an evaluation, against every other way to cut."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recse_lab.encoders.transformer import by_token_budget, least_padding, token_budget

LENGTHS = st.lists(st.integers(1, 40), min_size=1, max_size=9).map(np.array)


def padded(lengths, groups):
    return sum(len(group) * lengths[group].max() for group in groups)


def every_cut(lengths, parts):
    """All groups of neighbouring lengths that respect twice the even share."""
    order, n = np.argsort(lengths, kind="stable"), len(lengths)
    for cuts in combinations(range(1, n), parts - 1):
        groups = np.split(order, cuts)
        if max(map(len, groups)) <= np.ceil(2 * n / parts):
            yield groups


@settings(max_examples=80, deadline=None)
@given(lengths=LENGTHS, parts=st.integers(1, 5))
def test_no_other_cut_pads_less(lengths, parts):
    groups = least_padding(lengths, parts)
    assert sorted(np.concatenate(groups)) == list(range(len(lengths)))
    assert len(groups) == min(parts, len(lengths))
    assert padded(lengths, groups) == min(padded(lengths, cut) for cut in every_cut(lengths, len(groups)))


def test_sentences_of_one_length_do_not_become_one_batch():
    assert max(map(len, least_padding(np.full(128, 32), 4))) <= 64


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
