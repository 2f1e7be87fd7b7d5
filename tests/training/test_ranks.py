"""Shares of a batch; that several processes find the gradient of one is
jobs/test_selftest_gradients.
"""

import pytest

from recse_lab.errors import LabError
from recse_lab.training.ranks import ALONE, Ranks


def test_a_batch_is_dealt_in_equal_parts():
    assert ALONE.share(8) == slice(0, 8)
    assert [Ranks(index, 2).share(8) for index in (0, 1)] == [slice(0, 4), slice(4, 8)]


@pytest.mark.parametrize(("batch", "size"), [(9, 2), (2, 2)])
def test_a_batch_that_cannot_be_dealt_evenly_is_refused(batch, size):
    with pytest.raises(LabError, match=r"cannot share a batch .* multiple of 2"):
        Ranks(0, size).share(batch)
