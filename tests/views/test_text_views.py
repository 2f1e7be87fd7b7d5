"""What each text view does, against its paper's numbers and distributions."""

import random
from collections import Counter
from itertools import permutations

import numpy as np
import pytest
import torch
from scipy.stats import chisquare, geom

from recse_lab.views import VIEWS, Vocabulary
from recse_lab.views.repetition import most_repeated, repeat_words
from recse_lab.views.span_masking import GEOMETRIC, LONGEST, draw_spans
from recse_lab.views.view import generator, share, split_words

VOCABULARY = Vocabulary(np.arange(40) < 4, np.arange(40) >= 30, 3)
CLS, SEP, MASK = 1, 2, 3
TEN = np.array([CLS, *range(4, 14), SEP])


def views(name, strength, row=TEN, seeds=400, **needs):
    view = VIEWS[name](strength=strength, vocabulary=VOCABULARY, **needs)
    return [view([row], seed=seed)[0] for seed in range(seeds)]


def fits(observed, expected):
    """Chi-square does not reject; all seeds are fixed, so this cannot flicker."""
    assert sum(observed) == pytest.approx(sum(expected))
    return chisquare(observed, expected).pvalue > 0.001


# ---- words and randomness ----------------------------------------------------------------------------------------------


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


# ---- deletion and crop -----------------------------------------------------------------------------------------------


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


def test_a_crop_is_a_stretch_from_anywhere():
    edited = views("crop", 0.4)
    starts = Counter(int(row[1]) for row in edited)
    assert all((np.diff(row[1:-1]) == 1).all() and len(row) == 8 for row in edited)
    assert fits([starts[4 + i] for i in range(5)], [80] * 5)


# ---- repetition --------------------------------------------------------------------------------------------------------


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


# ---- shuffle -----------------------------------------------------------------------------------------------------------


def test_a_full_shuffle_draws_every_order_equally_often():
    edited = Counter(
        tuple(row[1:-1].tolist())
        for row in views("token-shuffle", 1.0, row=TEN[[0, 1, 2, 3, -1]], seeds=600)
    )
    orders = list(permutations([4, 5, 6]))
    assert fits([edited[order] for order in orders], [100] * 6)


def test_a_part_of_the_tokens_changes_places():
    """Of 4 tokens shuffled among themselves, 3 leave their place on average."""
    moved = [(row != TEN).sum() for row in views("token-shuffle", 0.4)]
    assert max(moved) == 4
    assert np.mean(moved) == pytest.approx(3.0, abs=0.2)
    assert all(sorted(row) == sorted(TEN) for row in views("token-shuffle", 0.4, seeds=50))


def test_tokens_that_change_places_are_position_ids_that_do(tiny):
    """ConSERT shuffles position ids; the pooled outputs are those of shuffled tokens."""
    from recse_lab.models import load_encoder

    encoder = load_encoder(str(tiny))
    row = np.array([2, 9, 20, 31, 42, 53, 64, 3])
    vocabulary = Vocabulary(
        np.arange(len(encoder.tokenizer)) < 5, np.zeros(len(encoder.tokenizer), bool)
    )
    edited = VIEWS["token-shuffle"](strength=1.0, vocabulary=vocabulary)([row], seed=3)[0]
    assert (edited != row).any()
    position = torch.tensor([[edited.tolist().index(token) for token in row]])
    with torch.inference_mode():
        paper = encoder.backbone(
            input_ids=torch.tensor(row)[None], position_ids=position
        ).last_hidden_state
        ours = encoder.backbone(input_ids=torch.tensor(edited)[None]).last_hidden_state
    torch.testing.assert_close(ours.mean(1), paper.mean(1), atol=1e-5, rtol=0)
    torch.testing.assert_close(ours[:, 0], paper[:, 0], atol=1e-5, rtol=0)


# ---- span masking ------------------------------------------------------------------------------------------------------


def test_a_share_of_the_words_is_masked_with_all_pieces():
    row = np.array([CLS, *(piece for i in range(20) for piece in (4 + i, 30 + i % 9)), SEP])
    edited = views("span-masking", 0.15, row=row)
    assert all(len(e) == len(row) and ((e == row) | (e == MASK)).all() for e in edited)
    assert all((e[1:-1:2] == MASK).tolist() == (e[2:-1:2] == MASK).tolist() for e in edited)
    assert {int((e == MASK).sum()) for e in edited} == {6}


def test_spans_are_spanberts():
    """The first span of a long sentence: ℓ ~ Geo(0.2) cut at 10, its start uniform; later ones seldom touch it."""
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
