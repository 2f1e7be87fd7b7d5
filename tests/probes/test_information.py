"""Information of words of a corpus made to order, and a regression whose line is known."""

import numpy as np
import pandas as pd
import pytest

from recse_lab.errors import LabError
from recse_lab.probes.influence import Influence
from recse_lab.probes.information import (
    INFORMATION,
    Information,
    information,
    regression,
    word_information,
)
from recse_lab.probes.resampling import with_sample
from recse_lab.statistics import resample_counts


def test_information_is_the_formula_on_a_corpus_of_two_kinds_of_sentences():
    corpus = ["the cat purrs"] * 30 + ["the dog barks"] * 10
    found = word_information(corpus, ["cat", "the", "barks", "absent"])
    # Beside "cat" are "the" and "purrs", half each; in all 120 words these are 40 and 30.
    gain = 0.5 * np.log(0.5 / (40 / 120)) + 0.5 * np.log(0.5 / (30 / 120))
    assert found.gain["cat"] == pytest.approx(gain)
    assert found.surprise["cat"] == pytest.approx(np.log(120 / 30))
    assert found.gain["the"] < found.gain["cat"] < found.gain["barks"]
    assert "absent" not in found.gain
    assert word_information(corpus[:35], ["barks"]).gain == {}
    with pytest.raises(LabError, match="the corpus holds no word"):
        word_information(["…", "!"], ["cat"])


def test_regression_is_least_squares_on_every_resample():
    rng = np.random.default_rng(0)
    x, y, sentence = rng.normal(size=60), rng.normal(size=60), np.repeat(np.arange(20), 3)
    y += x
    counts = with_sample(resample_counts(20, 5, rng))
    slope, r2 = regression(x, y, sentence, counts)
    for draw, times in enumerate(counts):
        at = np.repeat(np.arange(60), times[sentence])
        fit = np.polyfit(x[at], y[at], 1)
        assert slope[draw] == pytest.approx(fit[0])
        assert r2[draw] == pytest.approx(np.corrcoef(x[at], y[at])[0, 1] ** 2)
    assert np.isnan(regression(0 * x, y, sentence, counts)[0]).all()


def influences(relative):
    words = pd.DataFrame(
        {
            "sentence": np.repeat(np.arange(10), 4),
            "word": ["the", "cat", "dog", "sat"] * 10,
            "relative": relative,
        }
    )
    return Influence(words, 0.5, 0)


OF_WORDS = Information({"the": 0.0, "cat": 2.0, "dog": 1.0}, {"the": 1.0, "cat": 5.0, "dog": 3.0})


def test_an_encoder_that_follows_information_has_its_slope_and_r2_of_one():
    follows = influences([0.5, 1.5, 1.0, 9.0] * 10)
    flat = influences([1.0] * 40)
    result = information({"follows": follows, "flat": flat}, OF_WORDS, resamples=20, against="flat")
    table = result.table.set_index(["encoder", "measure"])
    line = table.loc[("follows", "slope, information gain")]
    assert (line["value"], line["low"], line["high"]) == pytest.approx((0.5, 0.5, 0.5))
    assert table.loc[("follows", "r2, information gain"), "value"] == pytest.approx(1)
    assert table.loc[("follows", "slope, self-information"), "value"] == pytest.approx(0.25)
    assert table.loc[("flat", "slope, information gain"), "note"] == "no word moves the embedding"
    assert result.about["left out"] == 10
    assert "follows: slope +0.500" in INFORMATION.summary(result)
    assert INFORMATION.figures(result)


def test_too_small_a_corpus_is_refused():
    with pytest.raises(LabError, match="give a larger corpus"):
        information({"e": influences([1.0] * 40)}, Information({}, {}))
    with pytest.raises(LabError, match="no encoder"):
        information({}, OF_WORDS)
