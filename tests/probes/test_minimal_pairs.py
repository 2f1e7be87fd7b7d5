"""Minimal pairs on planted similarities with known answers, against closed forms and a naive
bootstrap.
"""

import numpy as np
import pandas as pd
import pytest

from recse_lab.data.minimal_pair_items import COLUMNS
from recse_lab.errors import LabError
from recse_lab.probes.minimal_pairs.compute import (
    embed_minimal_pairs,
    groups,
    minimal_pairs,
    wilson,
)
from recse_lab.probes.minimal_pairs.figures import figures
from recse_lab.probes.minimal_pairs.summary import summary, worst
from recse_lab.statistics import resample_counts


def made(**kinds):
    """Items of made-up text; ``negation_changes=4`` is four of them."""
    rows = []
    for kind, n in kinds.items():
        phenomenon, expect = kind.rsplit("_", 1)
        for k in range(n):
            name = f"{phenomenon.replace('_', '-')}-{expect}-{k}"
            rows.append(
                [name, phenomenon.replace("_", "-"), expect, f"b {name}", f"e {name}", f"p {name}"]
            )
    return pd.DataFrame(rows, columns=list(COLUMNS))


ITEMS = made(negation_changes=5, word_order_changes=2, word_order_keeps=3, typos_keeps=4)
N = len(ITEMS)
CHANGES = (ITEMS["expect"] == "changes").to_numpy()


def planted(edit, paraphrase, random=0.2):
    return {
        "edit": np.full(N, edit),
        "paraphrase": np.full(N, paraphrase),
        "random": np.full(N, random),
    }


def noisy(seed):
    rng = np.random.default_rng(seed)
    return {
        part: rng.uniform(low, 1, N)
        for part, low in (("edit", 0.4), ("paraphrase", 0.4), ("random", -0.5))
    }


def lines(result, encoder):
    return result.table.loc[result.table["encoder"] == encoder].set_index("measure")


# ---- known answers
# ------------------------------------------------------------------------------


def test_wilson_is_the_closed_form():
    z = 1.959963984540054
    for right, n in ((0, 10), (3, 10), (10, 10), (31, 62), (1, 1)):
        p, z2 = right / n, z * z
        middle, half = p + z2 / (2 * n), z * np.sqrt(p * (1 - p) / n + z2 / (4 * n * n))
        expected = ((middle - half) / (1 + z2 / n), (middle + half) / (1 + z2 / n))
        assert wilson(right, n) == pytest.approx(expected, abs=1e-9)
    assert wilson(3, 10, 0.8)[0] > wilson(3, 10)[0]


def test_planted_encoders():
    """One that sees through words, one that sees nothing else, each on its own scale."""
    result = minimal_pairs(
        {"sense": planted(0.6, 0.8), "words": planted(0.98, 0.92, 0.9)}, ITEMS, resamples=20
    )
    sense, words = lines(result, "sense"), lines(result, "words")
    for label, n, right in (
        ("negation", 5, 1),
        ("word-order (changes)", 2, 1),
        ("word-order (keeps)", 3, 0),
        ("typos", 4, 0),
    ):
        for table, value in ((sense, right), (words, 1 - right)):
            row = table.loc[f"{label}: right"]
            assert (row["value"], row["n"], row["note"]) == (value, n, "")
            assert (row["low"], row["high"]) == pytest.approx(wilson(value * n, n))
        for table, edit, paraphrase in (
            (sense, 0.4 / 0.8, 0.2 / 0.8),
            (words, 0.02 / 0.1, 0.08 / 0.1),
        ):
            for kind, value in (("drop", edit), ("paraphrase drop", paraphrase)):
                found = table.loc[f"{label}: {kind}", ["value", "low", "high"]].to_numpy(float)
                assert found == pytest.approx([value] * 3)
    assert (sense.loc["scale", "value"], words.loc["scale", "value"]) == pytest.approx((0.8, 0.1))
    assert len(sense) == 1 + 3 * 4
    assert result.about["groups"] == {
        "negation": 5,
        "word-order (changes)": 2,
        "word-order (keeps)": 3,
        "typos": 4,
    }
    assert list(result.about["expect"].values()) == ["changes", "changes", "keeps", "keeps"]


def test_groups_partition_the_items_whatever_their_order():
    shuffled = ITEMS.sample(frac=1, random_state=0)
    members = groups(shuffled)
    assert (np.sum(list(members.values()), axis=0) == 1).all()
    assert set(shuffled["phenomenon"].to_numpy()[members["word-order (keeps)"]]) == {"word-order"}
    assert set(shuffled["expect"].to_numpy()[members["word-order (keeps)"]]) == {"keeps"}
    given, order = noisy(0), shuffled.index.to_numpy()
    here = minimal_pairs({"a": given}, ITEMS, resamples=5).frame()
    there = minimal_pairs(
        {"a": {part: v[order] for part, v in given.items()}}, shuffled, resamples=5
    ).frame()
    pd.testing.assert_frame_equal(here, there[here.columns])


def test_equals_a_naive_bootstrap_within_groups():
    given = {"a": noisy(0), "b": noisy(1)}
    result = minimal_pairs(given, ITEMS, resamples=40, seed=7, level=0.8)
    rng = np.random.default_rng(7)
    members = groups(ITEMS)
    counts = np.zeros((40, N), int)
    for here in members.values():
        counts[:, here] = resample_counts(int(here.sum()), 40, rng)
    for name, parts in given.items():
        table = lines(result, name)
        scales = np.array([1 - np.repeat(parts["random"], times).mean() for times in counts])
        assert table.loc["scale", "value"] == pytest.approx(1 - parts["random"].mean())
        expected = np.quantile(scales, [0.1, 0.9])
        assert table.loc["scale", ["low", "high"]].to_numpy(float) == pytest.approx(expected)
        for label, here in members.items():
            for kind, part in (("drop", "edit"), ("paraphrase drop", "paraphrase")):
                row = table.loc[f"{label}: {kind}"]
                lost = 1 - parts[part][here]
                boot = [
                    np.repeat(lost, t[here]).mean() / scale
                    for t, scale in zip(counts, scales, strict=True)
                ]
                assert row["value"] == pytest.approx(lost.mean() / (1 - parts["random"].mean()))
                assert (row["low"], row["high"]) == pytest.approx(
                    tuple(np.quantile(boot, [0.1, 0.9]))
                )
            right = (parts["paraphrase"] > parts["edit"])[here]
            right = right.sum() if CHANGES[here].all() else (~right).sum()
            row = table.loc[f"{label}: right"]
            assert (row["value"], row["low"], row["high"]) == pytest.approx(
                (right / here.sum(), *wilson(right, int(here.sum()), 0.8))
            )


def test_only_the_scale_of_an_encoder_is_taken_out():
    """Cosines squeezed towards 1 by an affine map give the same numbers."""
    given = noisy(2)
    squeezed = {part: 1 - 0.05 * (1 - v) for part, v in given.items()}
    result = minimal_pairs({"wide": given, "narrow": squeezed}, ITEMS, resamples=30)
    for column in ("value", "low", "high"):
        wide, narrow = (lines(result, name)[column].drop("scale") for name in ("wide", "narrow"))
        np.testing.assert_allclose(wide, narrow, atol=1e-9)


def test_items_carry_what_the_table_says_and_the_worst_come_first():
    given = {"a": noisy(0), "b": noisy(3)}
    result = minimal_pairs(given, ITEMS, resamples=5)
    curve = result.curves["items"]
    assert len(curve) == 2 * N
    part = curve.loc[curve["encoder"] == "b"].reset_index(drop=True)
    pd.testing.assert_frame_equal(part[list(COLUMNS)], ITEMS)
    np.testing.assert_array_equal(part["to_random"], given["b"]["random"])
    assert ((part["margin"] > 0) == part["right"]).all()
    sign = np.where(CHANGES, 1, -1)
    np.testing.assert_allclose(
        part["margin"], sign * (part["drop"] - part["paraphrase_drop"]), atol=1e-12
    )
    for label, here in groups(ITEMS).items():
        assert part.loc[here, "right"].mean() == lines(result, "b").loc[f"{label}: right", "value"]
        assert part.loc[here, "drop"].mean() == pytest.approx(
            lines(result, "b").loc[f"{label}: drop", "value"]
        )
    listed = worst(result, "b", "word-order", top=3)
    wrong = part.loc[(part["phenomenon"] == "word-order") & ~part["right"]]
    assert 0 < len(listed) == min(3, len(wrong))
    assert listed["margin"].is_monotonic_increasing
    assert listed["margin"].iloc[0] == wrong["margin"].min()


# ---- embedding
# ------------------------------------------------------------------------------


def test_each_distinct_sentence_is_encoded_once_and_cosines_are_those_of_the_definition():
    items = ITEMS.copy()
    items.loc[3, "edit"] = items.loc[5, "base"]
    rng, asked = np.random.default_rng(0), []

    def encode(sentences):
        asked.extend(sentences)
        return rng.normal(size=(len(sentences), 7)).astype(np.float32)

    found = embed_minimal_pairs(encode, items)
    assert len(asked) == len(set(asked)) == 3 * N - 1
    vectors = (
        np.random.default_rng(0).normal(size=(len(asked), 7)).astype(np.float32).astype(np.float64)
    )
    vector = dict(zip(asked, vectors, strict=True))

    def cosine(first, second):
        a, b = vector[first], vector[second]
        return a @ b / np.sqrt((a @ a) * (b @ b))

    for k in range(N):
        row, following = items.iloc[k], items.iloc[(k + 1) % N]
        assert found["edit"][k] == pytest.approx(cosine(row["base"], row["edit"]))
        assert found["paraphrase"][k] == pytest.approx(cosine(row["base"], row["paraphrase"]))
        assert found["random"][k] == pytest.approx(cosine(row["base"], following["base"]))


def test_a_vector_without_direction_is_nan_and_makes_its_encoder_undefined():
    def encode(sentences):
        return np.array(
            [[0.0, 0.0] if s == "e typos-keeps-1" else [1.0, len(s)] for s in sentences]
        )

    found = embed_minimal_pairs(encode, ITEMS)
    assert np.flatnonzero(np.isnan(found["edit"])).tolist() == [11]
    result = minimal_pairs({"broken": found, "sound": noisy(0)}, ITEMS, resamples=5)
    table = lines(result, "broken")
    assert table[["value", "low", "high"]].isna().all(axis=None)
    assert (table["note"] == f"1 of {N} items have a similarity that is not finite").all()
    assert list(table.index) == list(lines(result, "sound").index)
    assert table["n"].tolist() == lines(result, "sound")["n"].tolist()
    assert set(result.curves["items"]["encoder"]) == {"sound"}
    assert "Undefined for broken: 1 of" in summary(result)


# ---- undefined and refused
# ------------------------------------------------------------------------------


def test_a_constant_encoder_has_neither_order_nor_scale():
    result = minimal_pairs({"constant": planted(1.0, 1.0, 1.0)}, ITEMS, resamples=5)
    table = lines(result, "constant")
    assert table.drop("scale")["value"].isna().all()
    assert table.loc["scale", "value"] == 0
    assert table.loc["typos: right", "note"] == "both similarities are the same in every item"
    assert "as similar as equal ones" in table.loc["typos: drop", "note"]
    assert result.curves["items"][["drop", "margin"]].isna().all(axis=None)


def test_ties_are_not_right_and_are_counted():
    given = planted(0.5, 0.5)
    given["paraphrase"][0] += 0.1
    given["paraphrase"][1] += 1e-6
    row = lines(minimal_pairs({"a": given}, ITEMS, resamples=5), "a").loc["negation: right"]
    assert (row["value"], row["note"]) == (1 / 5, "4 of 5 are ties")


def test_one_item():
    items = made(negation_changes=1)
    alone = {"edit": np.array([0.7]), "paraphrase": np.array([0.8]), "random": np.array([0.2])}
    table = lines(minimal_pairs({"a": alone}, items, resamples=5), "a")
    assert table["value"].tolist() == pytest.approx([0.8, 1, 0.3 / 0.8, 0.2 / 0.8])
    assert tuple(table.loc["negation: right", ["low", "high"]]) == pytest.approx(wilson(1, 1))
    drops = table.drop("negation: right")
    assert drops[["low", "high"]].isna().all(axis=None)
    assert (drops["note"] == "no interval: one item").all()
    found = embed_minimal_pairs(lambda sentences: np.eye(len(sentences)), items)
    table = lines(
        minimal_pairs({"a": found}, items, resamples=5), "a"
    )  # its own neighbour: no scale
    assert table["value"].tolist() == pytest.approx([0, np.nan, np.nan, np.nan], nan_ok=True)
    assert "as similar as equal ones" in table.loc["negation: drop", "note"]


@pytest.mark.parametrize(
    ("given", "items", "message"),
    [
        ({}, ITEMS, "no encoder"),
        ({"a": planted(0.5, 0.6)}, ITEMS.drop(columns="expect"), "the items lack expect"),
        ({"a": planted(0.5, 0.6)}, ITEMS.iloc[:0], "the items lack rows"),
        ({"a": planted(0.5, 0.6)}, ITEMS.assign(expect="change"), "expected to 'change'"),
        (
            {"a": planted(0.5, 0.6)},
            ITEMS.iloc[1:],
            r"a: edit similarities of shape .14,. for 13 items",
        ),
        (
            {"a": {**planted(0.5, 0.6), "random": np.zeros((N, 1))}},
            ITEMS,
            r"a: random similarities of shape .14, 1.",
        ),
        (
            {"a": {"edit": np.zeros(N), "random": np.zeros(N)}},
            ITEMS,
            "a: the paraphrase similarities are missing",
        ),
        ({"dot": planted(2.0, 0.6)}, ITEMS, f"dot: {N} similarities lie beyond -1 to 1"),
        ({"dot": planted(0.5, -1.1)}, ITEMS, f"dot: {N} similarities lie beyond -1 to 1"),
    ],
)
def test_refused(given, items, message):
    with pytest.raises(LabError, match=message):
        minimal_pairs(given, items, resamples=5)


def test_refused_encoders_and_options():
    for vectors in (np.zeros((3, 2)), np.zeros(3 * N)):
        with pytest.raises(LabError, match=f"for {3 * N} sentences"):
            embed_minimal_pairs(lambda sentences, vectors=vectors: vectors, ITEMS)
    with pytest.raises(ValueError, match="at least two"):
        minimal_pairs({"a": planted(0.5, 0.6)}, ITEMS, resamples=1)


# ---- figure and words
# ------------------------------------------------------------------------------


def test_the_figure_shows_every_number_of_the_table():
    result = minimal_pairs({"a": noisy(0), "b": noisy(1)}, ITEMS, resamples=20)
    figure = figures(result)["phenomena"]
    shares, drops = figure.axes
    for axes, kinds in ((shares, ("right",)), (drops, ("drop", "paraphrase drop"))):
        points = [line.get_xdata()[0] for line in axes.lines if len(line.get_xdata()) == 1]
        table = result.table.loc[result.table["measure"].str.split(": ").str[-1].isin(kinds)]
        assert sorted(points) == pytest.approx(sorted(table["value"]))
        spans = {tuple(line.get_xdata()) for line in axes.lines if len(line.get_xdata()) == 2}
        assert set(zip(table["low"], table["high"], strict=True)) <= spans
    assert any(list(line.get_xdata()) == [0.5, 0.5] for line in shares.lines)
    assert [text.get_text() for text in shares.get_yticklabels()] == [
        "negation  n = 5",
        "word-order  n = 2",
        "word-order  n = 3",
        "typos  n = 4",
    ]


def test_the_summary_reads_the_numbers():
    items = made(negation_changes=20, tense_changes=20, typos_keeps=20)
    given = {"edit": np.full(60, 0.6), "paraphrase": np.full(60, 0.8), "random": np.full(60, 0.2)}
    given["edit"][:20], given["paraphrase"][20:39] = 0.76, 0.5
    said = summary(minimal_pairs({"a": given}, items, resamples=20))
    assert "60 items; 95 % intervals" in said
    assert (
        "52 % of 40 items are ordered rightly (best negation 100 % [84, 100], worst tense 5 % [1, "
        "24])" in said
    )
    assert "above chance: negation. The edit costs 0.40 of the scale on average" in said
    assert "from 0.30 (negation) to 0.50 (tense), the paraphrase 0.43." in said
    assert "0 % of 20 items are ordered rightly (typos 0 % [0, 16])" in said
    assert "Undefined" not in said


def test_a_phenomenon_without_items_has_no_worst():
    result = minimal_pairs({"a": noisy(0)}, ITEMS, resamples=5)
    with pytest.raises(ValueError, match="no item of 'tense'"):
        worst(result, "a", "tense")
