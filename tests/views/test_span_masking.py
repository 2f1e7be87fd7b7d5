"""span-masking against SpanBERT's distribution."""

import random

import numpy as np
import pytest
from edits import CLS, MASK, SEP, fits, views
from scipy.stats import geom

from recse_lab.views.span_masking import GEOMETRIC, LONGEST, draw_spans


def test_a_share_of_the_words_is_masked_with_all_pieces():
    row = np.array([CLS, *(piece for i in range(20) for piece in (4 + i, 30 + i % 9)), SEP])
    edited = views("span-masking", 0.15, row=row)
    assert all(len(e) == len(row) and ((e == row) | (e == MASK)).all() for e in edited)
    assert all((e[1:-1:2] == MASK).tolist() == (e[2:-1:2] == MASK).tolist() for e in edited)
    assert {int((e == MASK).sum()) for e in edited} == {6}


def test_spans_are_spanberts():
    """The first span of a long sentence: ℓ ~ Geo(0.2) cut at 10, its start uniform; later ones
    seldom touch it.
    """
    lengths, starts, longer = [], [], 0
    for seed in range(3000):
        covered = draw_spans(500, 30, np.random.default_rng(seed))
        rng = np.random.default_rng(seed)
        length = min(rng.geometric(0.2), 10)
        start = rng.integers(500 - length + 1)
        assert covered.sum() == 30
        assert covered[start : start + length].all()
        longer += covered[start + length]
        lengths.append(length)
        starts.append(start)
    assert longer < 0.1 * 3000
    expected = geom.pmf(np.arange(1, 10), GEOMETRIC) * 3000
    assert fits(
        [lengths.count(k) for k in range(1, 10)] + [lengths.count(LONGEST)],
        [*expected, 3000 - expected.sum()],
    )
    assert np.mean(starts) == pytest.approx((500 - np.mean(lengths)) / 2, rel=0.05)


def test_masked_words_stand_together():
    """Far fewer separate stretches than as many words masked one by one would make."""
    row = np.array([CLS, *([5] * 60), SEP])
    spans = [
        np.diff(np.concatenate([[0], e == MASK, [0]]).astype(int))
        for e in views("span-masking", 0.3, row=row, seeds=200)
    ]
    stretches = np.mean([(change == 1).sum() for change in spans])
    lone = np.mean([_stretches(random.Random(seed).sample(range(60), 18)) for seed in range(200)])
    assert stretches < 0.6 * lone


def _stretches(places):
    return sum(place - 1 not in places for place in places)
