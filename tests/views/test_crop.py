"""crop against its paper's numbers."""

from collections import Counter

import numpy as np
from edits import fits, views


def test_a_crop_is_a_stretch_from_anywhere():
    edited = views("crop", 0.4)
    starts = Counter(int(row[1]) for row in edited)
    assert all((np.diff(row[1:-1]) == 1).all() and len(row) == 8 for row in edited)
    assert fits([starts[4 + i] for i in range(5)], [80] * 5)
