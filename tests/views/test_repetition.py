"""Repetition against ESimCSE's numbers and distributions."""

from collections import Counter

import numpy as np
import pytest
from edits import CLS, SEP, TEN, VOCABULARY, fits, views

from recse_lab.views.repetition import most_repeated, repeat_words
from recse_lab.views.view import split_words


@pytest.mark.parametrize(
    ("words", "rate", "most"),
    [(1, 0.32, 2), (5, 0.32, 2), (9, 0.32, 2), (10, 0.32, 3), (25, 0.32, 8), (25, 0.1, 2)],
)
def test_the_most_words_repeated_are_the_papers(words, rate, most):
    """dup_len ∈ [0, max(2, int(dup_rate · N))]."""
    assert most_repeated(words, rate) == most


@pytest.mark.parametrize("strength", [0.1, 0.32, 0.8])
def test_the_number_repeated_is_uniform(strength):
    numbers = Counter(
        len(row) - len(TEN) for row in views("word-repetition", strength, max_length=40, seeds=900)
    )
    most = max(2, int(strength * 10))
    assert fits([numbers[k] for k in range(most + 1)], [900 / (most + 1)] * (most + 1))


def test_every_word_is_repeated_equally_often_beside_itself():
    edited = views("word-repetition", 0.5, max_length=40, seeds=800)
    doubled = Counter()
    for row in edited:
        inner = row[1:-1]
        assert (np.diff(inner) >= 0).all()
        counts = np.bincount(inner, minlength=14)[4:]
        assert set(counts) <= {1, 2}
        doubled.update(np.flatnonzero(counts == 2).tolist())
    total = sum(doubled.values())
    assert total / 800 == pytest.approx(2.5, abs=0.25)
    assert fits([doubled[i] for i in range(10)], [total / 10] * 10)


def test_all_pieces_of_a_word_are_repeated_in_order():
    ids = np.array([CLS, 5, 31, 30, 6, SEP, 7, 33, SEP])
    word = split_words(ids, VOCABULARY).word
    repeated = np.array([True, False, True, False])
    expected = [CLS, 5, 31, 30, 5, 31, 30, 6, SEP, 7, 33, 7, 33, SEP]
    assert repeat_words(ids, word, repeated).tolist() == expected
    assert repeat_words(ids, word, np.array([True, True, True, False])).tolist() == [
        CLS,
        5,
        31,
        30,
        5,
        31,
        30,
        6,
        6,
        SEP,
        7,
        33,
        7,
        33,
        SEP,
    ]


def test_pieces_are_repeated_one_by_one_by_token_repetition():
    row = np.array([CLS, 5, 31, 32, 33, 34, SEP])
    edited = views("token-repetition", 0.2, row=row, max_length=40)
    assert any(len(e) == len(row) + 1 for e in edited)
    for e in edited:
        assert e[np.concatenate([[True], np.diff(e) != 0])].tolist() == row.tolist()


def test_repetition_ends_at_the_longest_row_and_loses_nothing():
    edited = views("word-repetition", 1.0, max_length=14)
    assert max(map(len, edited)) == 14
    assert all(set(row) == set(TEN) for row in edited)
    assert all(
        np.array_equal(row, TEN) for row in views("word-repetition", 1.0, max_length=12, seeds=20)
    )
