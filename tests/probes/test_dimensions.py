"""Dimensions on clouds whose answers are known."""

import numpy as np
import pytest

from recse_lab.errors import LabError
from recse_lab.evaluation.sts import cosine
from recse_lab.probes.dimensions import (
    DIMENSIONS,
    _Pairs,
    cosine_shares,
    dimensions,
    largest_share,
    neighbour_ratios,
)
from recse_lab.probes.similarity import unit
from recse_lab.statistics.sharing import SharedSentences


def row(result, measure, encoder="e"):
    table = result.table
    (line,) = table[(table["measure"] == measure) & (table["encoder"] == encoder)].to_dict(
        "records"
    )
    return line


def cloud(count, dim, seed=0):
    return np.random.default_rng(seed).normal(size=(count, dim)).astype(np.float32)


def test_pairs_that_share_a_sentence_widen_intervals_over_pairs_and_no_others():
    x, gold = cloud(61, 5), np.linspace(0, 5, 60)
    first, second = np.zeros(60, int), np.arange(1, 61)
    alone = dimensions({"e": x}, first, second, gold, resamples=200)
    shared = SharedSentences(first, second)
    together = dimensions({"e": x}, first, second, gold, shared, resamples=200)
    widths = [row(r, "spearman")["high"] - row(r, "spearman")["low"] for r in (alone, together)]
    assert widths[1] >= widths[0]
    assert row(alone, "spearman")["value"] == row(together, "spearman")["value"]
    assert row(alone, "largest share") == row(together, "largest share")
    note = row(alone, "intrinsic dimension")["note"]
    assert note == "1 distinct first sentences, 3 are needed"


def test_leaving_out_each_dimension_is_the_cosine_of_the_others():
    x, gold = cloud(20, 5), np.linspace(0, 5, 10)
    first, second = np.arange(10), np.arange(10, 20)
    found = _Pairs(x, first, second, gold, np.ones((1, 10), int)).leave_one_out()
    for k in range(5):
        others = np.delete(x, k, axis=1)
        np.testing.assert_allclose(found[k], cosine(others[first], others[second]), atol=1e-6)


def test_shares_add_up_to_the_mean_cosine_and_find_the_rogue_dimension():
    x = cloud(60, 6)
    x[:, 4] += 8
    vectors = unit(x)
    shares = cosine_shares(vectors)
    cosines = vectors.astype(np.float64) @ vectors.T
    assert shares.sum() == pytest.approx(cosines[np.triu_indices(60, 1)].mean(), rel=1e-6)
    assert shares.argmax() == 4
    assert largest_share(shares) > 0.95
    assert np.isnan(largest_share(cosine_shares(unit(np.concatenate([x, -x])))))


@pytest.mark.parametrize("dim", [1, 2, 5])
def test_the_intrinsic_dimension_of_a_patch_of_a_sphere(dim):
    """A small flat patch of ``dim`` dimensions, embedded in 9."""
    n = 800
    flat = np.random.default_rng(1).uniform(-0.3, 0.3, size=(n, dim))
    x = np.zeros((n, 9))
    x[:, :dim], x[:, -1] = flat, 1
    ratios = neighbour_ratios(x / np.linalg.norm(x, axis=1, keepdims=True))
    assert 1 / np.nanmean(ratios) == pytest.approx(dim, rel=0.15)


def test_a_sentence_twice_has_no_ratio():
    vectors = unit(np.concatenate([cloud(5, 3), cloud(5, 3)[:1]]))
    assert np.isnan(neighbour_ratios(vectors)[[0, 5]]).all()
    assert np.isfinite(neighbour_ratios(vectors)[1:5]).all()


@pytest.fixture(scope="module")
def told():
    """Gold is the cosine in the first two of eight dimensions; the others are small noise."""
    x = cloud(80, 8)
    x[:, 2:] *= 0.05
    first, second = np.arange(0, 40), np.arange(40, 80)
    gold = cosine(x[first, :2], x[second, :2]).astype(np.float64)
    shift = np.full(x.shape, 5.0, np.float32)
    return dimensions({"e": x, "shifted": x + shift}, first, second, gold, resamples=40), x, gold


def test_two_dimensions_hold_all_that_gold_asks_for(told):
    result, *_ = told
    curve = result.curves["kept"]
    first = curve[(curve["encoder"] == "e") & (curve["order"] == "first")].set_index("kept")
    assert first.loc[2, "value"] == pytest.approx(1)
    assert first.loc[1, "value"] < 0.9
    principal = curve[(curve["encoder"] == "e") & (curve["order"] == "principal")]
    assert principal.set_index("kept").loc[2, "value"] > 0.98
    assert row(result, "spearman, first half")["value"] == first.loc[4, "value"]
    assert row(result, "spearman")["value"] == first.loc[8, "value"]


def test_the_dimension_whose_loss_costs_most_is_one_of_the_two(told):
    change = row(told[0], "largest leave-one-out change")
    assert change["value"] < -0.1
    assert change["note"].startswith(("dimension 0,", "dimension 1,"))
    for measure in set(told[0].table["measure"]):
        line = row(told[0], measure)
        if np.isfinite(line["low"]):
            assert line["low"] - 1e-9 <= line["value"] <= line["high"] + 1e-9 or "change" in measure


def test_pairs_of_another_encoder_and_what_is_refused():
    x = cloud(30, 4)
    first, second, gold = np.arange(15), np.arange(15, 30), np.arange(15.0)
    both = dimensions({"a": x, "b": x}, first, second, gold, resamples=20, against="a")
    line = row(both, "spearman minus a", "b")
    assert line["value"] == line["low"] == line["high"] == 0
    with pytest.raises(LabError, match="not finite"):
        dimensions({"a": np.full_like(x, np.nan)}, first, second, gold)
    with pytest.raises(LabError, match="30 embeddings are zero vectors"):
        dimensions({"a": np.zeros_like(x)}, first, second, gold)
    constant = dimensions({"a": np.ones_like(x)}, first, second, gold, resamples=20)
    assert row(constant, "intrinsic dimension", "a")["note"] == "the embeddings coincide"
    assert "the embeddings coincide" in DIMENSIONS.summary(constant)
    assert DIMENSIONS.figures(constant)
    assert row(dimensions({"a": x[:, :1]}, first, second, gold, resamples=20), "spearman", "a")
