"""Rank errors against their definition pair by pair, and disagreements that were planted."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from recse_lab.errors import LabError
from recse_lab.probes.errors.compute import EVERY, common_errors, errors, places, rank_errors
from recse_lab.statistics import resample_counts

PAIRS = 100
FIRST = [f"first {i}" for i in range(PAIRS)]
SECOND = [f"second {i}" for i in range(PAIRS)]


def made(seed=0):
    """Gold 0 … 5 in halves and two noisy arms; pair 7 fools both, pairs 20 and 30 one each, 60 both
    but opposite ways.
    """
    rng = np.random.default_rng(seed)
    gold = np.sort(rng.integers(0, 11, PAIRS)) / 2
    a, b = (gold / 10 + rng.normal(0, 0.03, PAIRS) for _ in range(2))
    a[7] = b[7] = 0.9
    a[20], b[30] = 0.95, 0.97
    a[60], b[60] = 0.99, -0.9
    return {"A": a, "B": b}, gold


def measure(result, encoder, name):
    rows = result.table.query("encoder == @encoder and measure == @name")
    assert len(rows) == 1, (encoder, name)
    return rows.iloc[0]


def by_definition(gold, scores):
    """How far a pair stands from the nearest place that a pair of its gold score fills, in an order
    by gold.
    """
    n = len(gold)
    ordered = np.sort(gold)
    out = []
    for g, s in zip(gold, scores, strict=True):
        here = ((scores < s).sum() + (scores == s).sum() / 2) / n
        filled = (np.flatnonzero(ordered == g) + 0.5) / n
        if filled.min() <= here <= filled.max():
            out.append(0.0)
        else:
            out.append(here - filled[np.abs(filled - here).argmin()])
    return np.array(out)


small = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 9)), min_size=2, max_size=25)


@settings(max_examples=40, deadline=None)
@given(pairs=small)
def test_rank_errors_are_their_definition_whatever_the_ties(pairs):
    gold, scores = np.array(pairs, float).T
    found = rank_errors(gold, scores)
    np.testing.assert_allclose(found, by_definition(gold, scores), atol=1e-12)
    np.testing.assert_allclose(rank_errors(gold**3 - 5, np.exp(scores)), found, atol=1e-12)
    np.testing.assert_allclose(rank_errors(-gold, -scores), -found, atol=1e-12)


@settings(max_examples=20, deadline=None)
@given(gold=st.lists(st.integers(0, 4), min_size=2, max_size=30), seed=st.integers(0, 999))
def test_an_order_that_refines_gold_has_no_error(gold, seed):
    scores = np.array(gold) + np.random.default_rng(seed).uniform(0, 0.9, len(gold))
    assert not rank_errors(np.array(gold), scores).any()


def test_errors_and_places_by_hand():
    gold, scores = np.array([0, 0, 1, 1.0]), np.array([0.9, 0.1, 0.2, 0.5])
    np.testing.assert_allclose(places(scores), [0.875, 0.125, 0.375, 0.625])
    # Gold 0 fills 0.125 and 0.375, gold 1 fills 0.625 and 0.875.
    np.testing.assert_allclose(rank_errors(gold, scores), [0.5, 0, -0.25, 0])
    np.testing.assert_allclose(
        common_errors(np.array([[0.5, -0.2, 0.3, 0], [0.1, -0.4, -0.3, 0.2]])), [0.1, -0.2, 0, 0]
    )


def test_planted_pairs_are_found():
    scores, gold = made()
    result = errors(scores, gold, FIRST, SECOND, top=5)
    listed = result.curves["disagreements"]
    assert listed["pair"].tolist()[0] == 60
    assert {60, 20, 30} <= set(listed["pair"])
    row = listed.iloc[0]
    assert (row["encoder"], row["a"], row["b"], row["first"], row["second"]) == (
        "A vs B",
        "A",
        "B",
        "first 60",
        "second 60",
    )
    assert (row["score_a"], row["score_b"], row["gold"]) == (0.99, -0.9, gold[60])
    place = {name: places(x) for name, x in scores.items()}
    assert row["difference"] == pytest.approx(place["A"][60] - place["B"][60])
    assert (np.diff(listed["difference"].abs()) <= 0).all()
    twenty = listed.set_index("pair").loc[20]
    assert twenty["error_a"] == pytest.approx(rank_errors(gold, scores["A"])[20])
    assert abs(twenty["error_a"]) > 0.5 > abs(twenty["error_b"])

    wrong = result.curves["wrong"]
    assert wrong["pair"].iloc[0] == 7
    assert 60 not in set(wrong["pair"])  # wrong in both, but in opposite directions
    assert 20 not in wrong.query("common > 0.2")["pair"].tolist()
    seven = wrong.query("pair == 7")
    assert seven["encoder"].tolist() == ["A", "B"]
    assert seven["score"].tolist() == [0.9, 0.9]
    assert seven["common"].iloc[0] == pytest.approx(seven["error"].min())


def test_measures_are_scipys_and_counts():
    scores, gold = made()
    result = errors(scores, gold, FIRST, SECOND, threshold=0.1, resamples=60, seed=4)
    a, b = scores.values()
    r_ab, r_ag, r_bg = (stats.spearmanr(x, y).statistic for x, y in ((a, b), (a, gold), (b, gold)))
    error_a, error_b = rank_errors(gold, a), rank_errors(gold, b)
    expected = {
        ("A", "spearman"): r_ag,
        ("B", "spearman"): r_bg,
        ("A", "share wrong"): np.mean(np.abs(error_a) > 0.1),
        ("A vs B", "rank agreement"): r_ab,
        ("A vs B", "agreement at fixed gold"): (r_ab - r_ag * r_bg)
        / np.sqrt((1 - r_ag**2) * (1 - r_bg**2)),
        ("A vs B", "share disagreeing"): np.mean(np.abs(places(a) - places(b)) > 0.1),
        (EVERY, "share wrong in every arm"): np.mean(
            (np.minimum(error_a, error_b) > 0.1) | (np.maximum(error_a, error_b) < -0.1)
        ),
    }
    for (encoder, name), value in expected.items():
        found = measure(result, encoder, name)
        assert found["value"] == pytest.approx(value), name
        assert found["low"] <= value <= found["high"]
        assert found["n"] == PAIRS
    assert 0 < expected["A", "share wrong"] < 1
    counts = resample_counts(PAIRS, 60, np.random.default_rng(4))
    drawn = [stats.spearmanr(np.repeat(a, t), np.repeat(b, t)).statistic for t in counts]
    shares = [np.mean(np.repeat(np.abs(error_a) > 0.1, t)) for t in counts]
    for encoder, name, values in (
        ("A vs B", "rank agreement", drawn),
        ("A", "share wrong", shares),
    ):
        found = measure(result, encoder, name)
        np.testing.assert_allclose(
            [found["low"], found["high"]], np.quantile(values, [0.025, 0.975])
        )


def test_ranks_hold_every_pair_of_every_arm():
    scores, gold = made()
    ranks = errors(scores, gold, FIRST, SECOND, resamples=5).curves["ranks"]
    assert len(ranks) == 2 * PAIRS
    of_b = ranks.query("encoder == 'B'")
    np.testing.assert_array_equal(of_b["score"], scores["B"])
    np.testing.assert_allclose(of_b["rank"], places(scores["B"]))
    np.testing.assert_allclose(of_b["gold_rank"], places(gold))
    np.testing.assert_allclose(of_b["error"], rank_errors(gold, scores["B"]))


def test_the_order_of_pairs_and_the_scale_of_scores_change_no_list():
    scores, gold = made()
    order = np.random.default_rng(1).permutation(PAIRS)
    other = {name: np.tanh(x)[order] for name, x in scores.items()}
    a = errors(scores, gold, FIRST, SECOND, top=4, resamples=5).curves
    b = errors(
        other,
        gold[order],
        [FIRST[i] for i in order],
        [SECOND[i] for i in order],
        top=4,
        resamples=5,
    ).curves
    for name, by in (("disagreements", "difference"), ("wrong", "common")):
        np.testing.assert_allclose(a[name][by].abs(), b[name][by].abs())
        least = (
            a[name][by].abs().min()
        )  # the last places may be shared by more pairs than are listed
        above = [set(x[name].loc[x[name][by].abs() > least + 1e-9, "first"]) for x in (a, b)]
        assert above[0] == above[1]
        assert len(above[0]) > 1


def test_which_arms_are_compared():
    scores, gold = made()
    three = {**scores, "C": gold + 0.0}
    every = errors(three, gold, FIRST, SECOND, resamples=5)
    assert list(every.curves["disagreements"]["encoder"].unique()) == ["A vs B", "A vs C", "B vs C"]
    with_b = errors(three, gold, FIRST, SECOND, resamples=5, against="B")
    assert list(with_b.curves["disagreements"]["encoder"].unique()) == ["B vs A", "B vs C"]
    assert len(with_b.curves["disagreements"]) == 2 * 20
    # An oracle errs nowhere, so nothing is wrong in every arm; gold leaves nothing of it.
    assert len(every.curves["wrong"]) == 0
    assert measure(every, "C", "share wrong")["value"] == 0
    assert np.isnan(measure(every, "A vs C", "agreement at fixed gold")["value"])
    assert measure(every, "A vs C", "agreement at fixed gold")["note"]


def test_an_arm_agrees_with_itself_and_one_arm_alone():
    scores, gold = made()
    twins = errors({"A": scores["A"], "again": 2 * scores["A"]}, gold, FIRST, SECOND, resamples=20)
    for name, value in (
        ("rank agreement", 1),
        ("agreement at fixed gold", 1),
        ("share disagreeing", 0),
    ):
        found = measure(twins, "A vs again", name)
        np.testing.assert_allclose([found["value"], found["low"], found["high"]], value, atol=1e-9)
    assert len(twins.curves["disagreements"]) == 0
    alone = errors({"A": scores["A"]}, gold, FIRST, SECOND, top=3, resamples=5)
    assert "disagreements" not in alone.curves
    worst = np.abs(rank_errors(gold, scores["A"]))
    assert sorted(alone.curves["wrong"]["error"].abs()) == pytest.approx(sorted(worst)[-3:])
    assert EVERY not in set(alone.table["encoder"])


def test_an_arm_without_an_order_is_named_and_left_out():
    scores, gold = made()
    broken = scores["A"].copy()
    broken[3] = np.nan
    result = errors(
        {**scores, "broken": broken, "flat": np.ones(PAIRS)}, gold, FIRST, SECOND, resamples=10
    )
    plain = errors(scores, gold, FIRST, SECOND, resamples=10)
    for name in plain.curves:
        assert plain.curves[name].equals(result.curves[name])
    assert measure(result, "broken", "share wrong")["note"] == "1 of 100 scores are not finite"
    assert "flat: all scores are the same" in measure(result, "A vs flat", "rank agreement")["note"]
    undefined = result.table[result.table["value"].isna()]
    assert len(undefined) == 2 * 2 + 3 * 5
    assert (undefined["note"] != "").all()
    nothing = errors({"flat": np.ones(PAIRS)}, gold, FIRST, SECOND, resamples=5)
    assert nothing.curves == {}
    assert nothing.table["value"].isna().all()


def test_refusals():
    scores, gold = made()
    with pytest.raises(LabError, match="B: 99 scores with 100"):
        errors({"A": scores["A"], "B": scores["B"][:99]}, gold, FIRST, SECOND)
    with pytest.raises(LabError, match="99 first and 100 second sentences"):
        errors(scores, gold, FIRST[:99], SECOND)
    with pytest.raises(LabError, match="all 100 gold scores are 1"):
        errors(scores, np.ones(PAIRS), FIRST, SECOND)
    with pytest.raises(LabError, match="no encoder"):
        errors({}, gold, FIRST, SECOND)
    with pytest.raises(LabError, match="'C' is none of the encoders"):
        errors(scores, gold, FIRST, SECOND, against="C")
    for wrong in ({"top": 0}, {"threshold": 0.0}, {"threshold": 1.0}):
        with pytest.raises(ValueError, match="must be at least 1"):
            errors(scores, gold, FIRST, SECOND, **wrong)
