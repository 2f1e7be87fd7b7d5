"""Words, addressed randomness and shares."""

import numpy as np
import pytest
from edits import CLS, SEP, VOCABULARY

from recse_lab.views.view import generator, share, split_words


def words_one_by_one(ids):
    """The words of a sentence, told by a loop."""
    numbers, last = [], -1
    for before, token in zip([SEP, *ids], ids, strict=False):
        if VOCABULARY.special[token]:
            numbers.append(-1)
            continue
        if not VOCABULARY.continuation[token] or VOCABULARY.special[before]:
            last += 1
        numbers.append(last)
    return numbers, last + 1


@pytest.mark.parametrize(
    "ids", [[], [CLS, SEP], [30], [CLS, 31, 30, 5, SEP], [CLS, 5, 30, SEP, 30, 30, 6, SEP]]
)
def test_words_are_numbered(ids):
    sentence = split_words(np.array(ids, dtype=np.int64), VOCABULARY)
    assert (sentence.word.tolist(), sentence.words) == words_one_by_one(ids)


def test_words_of_random_sentences_are_numbered():
    for seed in range(50):
        ids = np.random.default_rng(seed).integers(1, 40, 20)
        sentence = split_words(ids, VOCABULARY)
        assert (sentence.word.tolist(), sentence.words) == words_one_by_one(ids)
        assert split_words(ids, VOCABULARY, "token").words == (ids >= 4).sum()


def test_randomness_is_named_by_seed_and_sentence():
    def draw(seed, ids):
        return generator(seed, np.array(ids)).random(4).tolist()

    assert draw(1, [5, 6]) == draw(1, [5, 6])
    others = [
        draw(2, [5, 6]),
        draw(1, [6, 5]),
        draw(1, [5, 6, 0]),
        draw(2**40 + 1, [5, 6]),
        draw(1, [5]),
    ]
    assert len({tuple(d) for d in [draw(1, [5, 6]), *others]}) == 6


def test_a_share_is_exact_on_average():
    rng = np.random.default_rng(0)
    drawn = [share(7, 0.3, rng) for _ in range(4000)]
    assert set(drawn) == {2, 3}
    assert np.mean(drawn) == pytest.approx(2.1, abs=4 * 0.3 / np.sqrt(4000))
    assert [share(5, s, rng) for s in (0.0, 0.2, 1.0)] == [0, 1, 5]
