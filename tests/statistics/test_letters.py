"""Letters show exactly which arms differ; the expected best by counting all draws."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recse_lab.statistics.budget import expected_best
from recse_lab.statistics.letters import compact_letters


def symmetric(arms, pairs):
    found = np.zeros((arms, arms), bool)
    for i, j in pairs:
        found[i, j] = found[j, i] = True
    return found


def test_letters_by_hand():
    assert compact_letters(symmetric(3, [])) == ["a", "a", "a"]
    assert compact_letters(symmetric(3, [(0, 2)])) == ["a", "ab", "b"]
    assert compact_letters(symmetric(3, [(0, 1), (0, 2), (1, 2)])) == ["a", "b", "c"]
    # Piepho's table 1 in this order: T7, T8, T5 differ from the last ones.
    assert compact_letters(symmetric(4, [(0, 2), (0, 3), (1, 3)])) == ["a", "ab", "bc", "c"]


@given(st.integers(1, 7), st.data())
def test_two_share_a_letter_exactly_if_they_do_not_differ(arms, data):
    every = [(i, j) for i in range(arms) for j in range(i + 1, arms)]
    pairs = data.draw(st.lists(st.sampled_from(every), unique=True)) if every else []
    different = symmetric(arms, pairs)
    letters = compact_letters(different)
    for i, j in every:
        assert bool(set(letters[i]) & set(letters[j])) == (not different[i, j])
    assert all(letters)
    assert "a" in letters[0]


def test_the_expected_best_is_the_mean_over_all_draws():
    values = np.array([0.3, 0.1, 0.7, 0.7])
    for n in (1, 2, 3):
        draws = [max(draw) for draw in product(values, repeat=n)]
        assert expected_best(values, [n])[0] == pytest.approx(np.mean(draws))
    assert expected_best(values, [1])[0] == pytest.approx(values.mean())
    for wrong in (([], [1]), ([np.nan], [1]), ([0.1], [0])):
        with pytest.raises(ValueError, match="expected best"):
            expected_best(np.array(wrong[0]), wrong[1])
