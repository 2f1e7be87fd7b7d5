"""Batches: every row once an epoch, and a pure function of seed and step."""

import numpy as np
import pytest

from recse_lab.optimisation.batches import WINDOW, Batches

LENGTHS = np.random.default_rng(0).integers(3, 40, 1003)


@pytest.mark.parametrize("sort_batches", [False, True])
def test_an_epoch_has_every_row_once_but_the_incomplete_rest(sort_batches):
    batches = Batches(LENGTHS, 10, seed=1, sort_batches=sort_batches)
    assert batches.per_epoch == 100
    epochs = [np.concatenate([batches(e * 100 + i) for i in range(100)]) for e in range(2)]
    assert all(len(np.unique(epoch)) == 1000 for epoch in epochs)
    assert not np.array_equal(*epochs)


@pytest.mark.parametrize("sort_batches", [False, True])
def test_a_step_needs_no_memory_of_those_before(sort_batches):
    one, other = (Batches(LENGTHS, 10, seed=1, sort_batches=sort_batches) for _ in range(2))
    steps = [0, 3, 99, 100, 250]
    forwards = [one(step).tolist() for step in steps]
    assert [other(step).tolist() for step in reversed(steps)] == forwards[::-1]
    assert Batches(LENGTHS, 10, seed=2, sort_batches=sort_batches)(0).tolist() != forwards[0]


def test_sorted_batches_hold_sentences_of_similar_length():
    def spread(sort_batches):
        batches = Batches(LENGTHS, 10, seed=0, sort_batches=sort_batches)
        return np.mean([np.ptp(LENGTHS[batches(step)]) for step in range(100)])

    assert len(LENGTHS) > WINDOW * 10
    assert spread(True) < 3 < 20 < spread(False)


def test_a_corpus_smaller_than_a_batch_is_refused():
    with pytest.raises(ValueError, match="a batch of 10 needs as many sentences; there are 9"):
        Batches(LENGTHS[:9], 10, seed=0)
