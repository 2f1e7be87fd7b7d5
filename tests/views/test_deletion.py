"""word-deletion against its paper's numbers."""

from collections import Counter

import numpy as np
import pytest
from edits import TEN, fits, views


@pytest.mark.parametrize(("strength", "kept"), [(0.1, 9.0), (0.25, 7.5), (0.55, 4.5), (1.0, 1.0)])
@pytest.mark.parametrize("name", ["word-deletion", "crop"])
def test_a_share_of_the_words_goes(name, strength, kept):
    lengths = [len(row) - 2 for row in views(name, strength)]
    assert max(lengths) - min(lengths) <= 1
    assert np.mean(lengths) == pytest.approx(kept, abs=0.1)


def test_every_word_is_deleted_equally_often_and_order_stays():
    edited = views("word-deletion", 0.3)
    assert all((np.diff(row[1:-1]) > 0).all() for row in edited)
    deleted = Counter(set(TEN[1:-1].tolist()) - set(row.tolist()) == set() for row in edited)
    assert deleted[True] == 0
    counts = [sum(token not in row for row in edited) for token in TEN[1:-1]]
    assert fits(counts, [120] * 10)
