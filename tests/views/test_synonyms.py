"""Synonym replacement: how many words, which ones, and where they go."""

from collections import Counter

import numpy as np
import pytest

from recse_lab.views import VIEWS, Vocabulary
from recse_lab.views.synonyms import replace_words

VOCABULARY = Vocabulary(np.arange(40) < 4, np.arange(40) >= 30)
ROW = np.array([1, 4, 5, 30, 6, 7, 8, 9, 10, 11, 12, 13, 2])  # ten words, the second of two pieces
OTHERS = {(4,): [[20]], (5, 30): [[21], [22, 31, 32]], (8,): [[23]], (12,): [[24]]}


def alternatives(pieces):
    return [np.array(other) for other in OTHERS.get(tuple(pieces.tolist()), [])]


def view(strength, max_length=40):
    return VIEWS["synonyms"](
        strength=strength, vocabulary=VOCABULARY, max_length=max_length, alternatives=alternatives
    )


@pytest.mark.parametrize(("strength", "number"), [(0.1, 1), (0.3, 3), (0.4, 4), (0.9, 4)])
def test_a_share_of_all_words_is_replaced_as_far_as_possible(strength, number):
    news = Counter()
    for seed in range(200):
        edited = view(strength)([ROW], seed=seed)[0]
        replaced = {20, 21, 22, 23, 24} & {*edited.tolist()}
        assert len(replaced) == number
        news.update(replaced)
        left = [token for token in edited if token < 20 or token == 30]
        assert left == [t for t in ROW if t in left]
    each = [news[20], news[21] + news[22], news[23], news[24]]
    assert np.abs(np.array(each) - 50 * number).max() < 4 * np.sqrt(200 * 0.25)
    assert abs(news[21] - news[22]) < 4 * np.sqrt(each[1])


def test_replaced_words_keep_their_place():
    word = np.array([-1, 0, 1, 1, 2, -1, 3, -1])
    ids = np.array([1, 4, 5, 30, 6, 2, 7, 2], dtype=np.uint16)
    edited = replace_words(ids, word, {3: np.array([9, 31]), 1: np.array([8])})
    assert edited.tolist() == [1, 4, 8, 6, 2, 9, 31, 2]
    assert edited.dtype == np.uint16
    assert replace_words(ids, word, {}).tolist() == ids.tolist()


def test_a_synonym_too_long_for_the_row_is_left_out():
    for seed in range(50):
        edited = view(1.0, max_length=len(ROW))([ROW], seed=seed)[0]
        assert len(edited) <= len(ROW)
        assert {20, 23, 24} <= {*edited.tolist()}
