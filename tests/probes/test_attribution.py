"""Attribution with an encoder whose interactions are known: a bag of word vectors."""

import numpy as np
import pytest

from recse_lab.errors import LabError
from recse_lab.probes.attribution import (
    ATTRIBUTION,
    attribution,
    concentration,
    interactions,
    moved_pairs,
    same_word_share,
)
from recse_lab.probes.probe import Pairs

VOCABULARY = ["cat", "dog", "sat", "ran", "here", "there"]


def bag(sentences):
    return np.array([[float(w in s.split()) for w in VOCABULARY] for s in sentences])


def test_interactions_are_the_second_difference_of_the_cosine():
    found = interactions(bag, "cat sat here", "cat ran")
    root = np.sqrt(6)
    assert found.cosine == pytest.approx(1 / root)
    # Without cat on both sides nothing is shared; without it on one side nothing either.
    assert found.values[0, 0] == pytest.approx(1 / root)
    assert found.first[0] == found.second[0] == "cat"
    one, other = 1 / np.sqrt(4), 1 / np.sqrt(3)
    assert found.values[1, 1] == pytest.approx(1 / root - one - other + 1 / np.sqrt(2))
    assert found.values.argmax() == 0
    assert concentration(found.values) == pytest.approx(
        found.values[0, 0] / np.maximum(found.values, 0).sum()
    )
    assert same_word_share(found) == pytest.approx(concentration(found.values))
    assert np.isnan(concentration(-np.ones((2, 2))))


PAIRS = Pairs(
    ["cat sat", "dog ran here", "cat ran", "dog", "cat sat there"],
    ["cat sat here", "dog sat", "dog ran", "cat", "dog ran"],
    np.array([5.0, 3.0, 2.0, 1.0, 0.0]),
)


def test_the_pairs_are_those_that_moved_most_and_can_be_read():
    scores = {"a": np.array([0.9, 0.8, 0.7, 0.6, 0.5]), "b": np.array([0.5, 0.8, 0.7, 0.9, 0.6])}
    readable = [True, True, True, False, True]
    assert moved_pairs(scores, PAIRS.gold, readable, "a", 2)[0] == 0
    assert 3 not in moved_pairs(scores, PAIRS.gold, readable, "a", 5)
    assert len(moved_pairs({"a": scores["a"]}, PAIRS.gold, readable, "a", 5)) == 4


def test_one_encoder_twice_has_no_difference():
    score = np.array([0.9, 0.3, 0.4, 0.1, 0.0])
    scores = {"a": score, "b": score[::-1].copy()}
    result = attribution({"a": bag, "b": bag}, scores, PAIRS, against="a", resamples=20)
    table = result.table.set_index(["encoder", "measure"])
    line = table.loc[("b", "same-word share minus a")]
    assert line["value"] == line["low"] == line["high"] == 0
    assert result.about["pairs"] == 4
    assert "those whose ranks moved most from a" in ATTRIBUTION.summary(result)
    assert ATTRIBUTION.figures(result)
    (listing,) = ATTRIBUTION.listings(result)
    assert "cat–cat" in " ".join(cell for line in listing.rows for cell in line)


def test_what_is_refused():
    scores = {"a": np.arange(5.0)}
    with pytest.raises(LabError, match="'z' is none of the encoders"):
        attribution({"a": bag}, scores, PAIRS, against="z")
    with pytest.raises(LabError, match="leave it out"):
        attribution({"a": bag}, {"a": np.ones(5)}, PAIRS)
    with pytest.raises(LabError, match="need two words each"):
        interactions(bag, "cat", "cat sat")
    short = Pairs(["cat", "dog"], ["cat", "dog"], np.array([1.0, 2.0]))
    with pytest.raises(LabError, match="no pair has 2 to"):
        attribution({"a": bag}, {"a": np.array([0.0, 1.0])}, short)
