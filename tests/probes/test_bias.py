"""Bias and token influence against regressions on ranks, scipy, hand-made encoders and sentences
worked out by hand.
"""

from zlib import crc32

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from recse_lab.errors import LabError
from recse_lab.probes.bias.compute import bias, covariates, strata
from recse_lab.probes.correlations import checked, partial_correlation, rank_correlations
from recse_lab.probes.influence.compute import (
    evenness,
    gini,
    influence,
    places,
    shares,
    token_influence,
)
from recse_lab.probes.influence.words import (
    BANDS,
    band,
    kind,
    spans,
    without,
    word_counts,
    words,
)
from recse_lab.statistics import resample_counts

PAIRS = 240


def made(pairs=PAIRS, seed=0):
    """Gold in steps of 0.2, covariates that go with it and with each other, a fair and a biased
    encoder.
    """
    rng = np.random.default_rng(seed)
    meaning = rng.normal(size=pairs)
    overlap = meaning + rng.normal(size=pairs)
    length = np.round(4 * np.exp(0.5 * (rng.normal(size=pairs) + 0.6 * overlap)))
    table = pd.DataFrame({"length difference": length, "word overlap": overlap})
    gold = np.round(np.clip(2.5 + meaning, 0, 5) * 5) / 5
    scores = {
        "fair": np.tanh(gold - 2.5 + 0.5 * rng.normal(size=pairs)),
        "biased": np.tanh(0.3 * (gold - 2.5) + overlap + 0.5 * rng.normal(size=pairs)),
    }
    return scores, gold, table


def rank_residuals(variable, given):
    """What a regression of ranks on the ranks of ``given`` leaves."""
    design = np.column_stack([np.ones(len(variable)), *(stats.rankdata(x) for x in given)])
    ranks = stats.rankdata(variable)
    return ranks - design @ np.linalg.lstsq(design, ranks)[0]


def partial_by_regression(a, b, given):
    return np.corrcoef(rank_residuals(a, given), rank_residuals(b, given))[0, 1]


def measure(result, encoder, name):
    rows = result.table.query("encoder == @encoder and measure == @name")
    assert len(rows) == 1, (encoder, name)
    return rows.iloc[0]


# ---- formulas
# ------------------------------------------------------------------------------


def test_partial_correlation_of_one_control_is_the_textbook_formula():
    r = np.array([[1, 0.6, 0.5], [0.6, 1, 0.2], [0.5, 0.2, 1]])
    expected = (0.6 - 0.5 * 0.2) / np.sqrt((1 - 0.25) * (1 - 0.04))
    np.testing.assert_allclose(partial_correlation(r[None], 0, 1, [2]), expected)
    np.testing.assert_allclose(partial_correlation(r[None], 0, 1, []), 0.6)


def test_partial_correlation_is_that_of_the_residuals_of_regressions_on_ranks():
    scores, gold, table = made()
    variables = np.stack([gold, *table.to_numpy().T, scores["biased"]])
    matrix = rank_correlations(variables, np.ones((1, PAIRS), np.int16))
    for a, b, others in ((3, 2, [0, 1]), (3, 1, [0, 2]), (3, 2, [0]), (0, 3, [1, 2])):
        expected = partial_by_regression(variables[a], variables[b], variables[others])
        np.testing.assert_allclose(partial_correlation(matrix, a, b, others), expected, atol=1e-12)


def test_partial_correlation_where_controls_are_collinear_and_where_they_leave_nothing():
    _, gold, table = made()
    overlap, length = table["word overlap"].to_numpy(), table["length difference"].to_numpy()
    twice = np.stack([gold, overlap, length, length, gold])
    matrix = rank_correlations(twice, np.ones((1, PAIRS), np.int16))
    once = partial_correlation(matrix, 0, 1, [2])
    np.testing.assert_allclose(partial_correlation(matrix, 0, 1, [2, 3]), once, atol=1e-9)
    assert np.isnan(partial_correlation(matrix, 0, 1, [4])).all()
    assert np.isnan(partial_correlation(matrix, 1, 3, [2])).all()
    assert np.isfinite(
        partial_correlation(np.stack([matrix[0], np.full((5, 5), np.nan)]), 0, 1, [2])
    ).tolist() == [True, False]


def test_rank_correlations_are_scipys_on_the_expanded_resample():
    _, gold, table = made(40)
    variables = np.stack([gold, *table.to_numpy().T])
    counts = resample_counts(40, 3, np.random.default_rng(1))
    for found, times in zip(rank_correlations(variables, counts), counts, strict=True):
        np.testing.assert_allclose(
            found, stats.spearmanr(np.repeat(variables, times, axis=1), axis=1).statistic
        )


def test_strata_are_thirds_and_keep_ties_together():
    values = np.random.default_rng(0).permutation(30).astype(float)
    np.testing.assert_array_equal(strata(values), pd.qcut(values, 3, labels=False))
    assert strata(np.array([5.0, 1.0, 3.0])).tolist() == [2, 0, 1]
    tied = strata(
        np.array([0, 0, 0, 0, 0, 0, 1, 2, 2, 2.0])
    )  # the zeros are 6 of 10: their mid-rank is in the low third
    assert tied.tolist() == [0] * 6 + [1] + [2] * 3
    assert set(strata(np.ones(12))) == {1}


@pytest.mark.parametrize("seed", range(10))
def test_what_rounding_leaves_of_a_sum_of_controls_is_nothing(seed):
    x, y, z, other = np.random.default_rng(seed).normal(size=(4, 50))
    matrix = np.corrcoef([x + 2 * y - z / 3, other, x, y, z])[None]
    assert np.isnan(partial_correlation(matrix, 0, 1, [2, 3, 4])).all()


# ---- covariates
# ------------------------------------------------------------------------------


def test_covariates_by_hand():
    counts = word_counts(["the cat sat", "The dog"])
    table = covariates(["The cat sat.", "A cat"], ["the cat", "dog, cat dog!"], counts)
    assert table["length difference"].tolist() == [1, 1]
    assert table["mean length"].tolist() == [2.5, 2.5]
    np.testing.assert_allclose(table["word overlap"], [2 / 3, 1 / 3])
    total = 5 + 4  # words, and kinds of words
    first = [3, 2, 2, 3, 2]  # the cat sat | the cat, each one more than counted
    second = [1, 2, 2, 2, 2]  # a cat | dog cat dog
    expected = [np.log10(np.array(x) / total).mean() for x in (first, second)]
    np.testing.assert_allclose(table["mean log frequency"], expected)
    assert "mean log frequency" not in covariates(["a"], ["b"])
    assert (
        covariates(["?!"], ["..."], counts)[["word overlap", "mean log frequency"]]
        .isna()
        .all(axis=None)
    )
    with pytest.raises(ValueError, match="longer"):
        covariates(["a"], ["b", "c"])


def test_words_of_a_sentence():
    text = "It 's a U.S. plan , John's don ' t “isn’t” 3.5 % of 1,000 well-known 3rd parts."
    found = [text[a:b] for a, b in spans(text)]
    assert found == [
        "It 's",
        "a",
        "U.S.",
        "plan",
        ",",
        "John's",
        "don ' t",
        "“",
        "isn’t",
        "”",
        "3.5",
        "%",
        "of",
        "1,000",
        "well-known",
        "3rd",
        "parts",
        ".",
    ]
    assert words(text)[:6] == ["it's", "a", "u.s.", "plan", "john's", "don't"]
    kinds = [kind(word) for word in found]
    f, c, n, p = "function word", "content word", "number", "punctuation"
    assert kinds == [f, f, c, c, p, c, f, p, f, p, n, p, f, n, c, n, c, p]


@pytest.mark.parametrize(
    ("text", "word", "expected"),
    [
        ("The cat sat.", "The", "cat sat."),
        ("The cat sat.", "cat", "The sat."),
        ("The cat sat.", "sat", "The cat."),
        ("The cat sat.", ".", "The cat sat"),
        ("red, green", ",", "red green"),
        ("He said “no” twice", "“", "He said no” twice"),
        ("He said “no” twice", "no", "He said “” twice"),
        ("one-two", "-", "one two"),
        ("a , b", ",", "a b"),
        ("a b", "b", "a"),
    ],
)
def test_a_word_is_removed_as_a_writer_would(text, word, expected):
    start = text.index(word)
    assert without(text, start, start + len(word)) == expected


def test_bands_of_frequency():
    counts = {"the": 1000, "cat": 999, "it's": 1}
    assert [band(w, counts, 100_000) for w in ("The", "cat", "It 's", "dog")] == [
        BANDS[0],
        BANDS[1],
        BANDS[3],
        "unseen",
    ]
    assert band("it’s", counts, 100_001) == "rarer"


# ---- the probe
# ------------------------------------------------------------------------------


def test_bias_finds_what_was_planted_and_nothing_else():
    scores, gold, table = made(600)
    result = bias(scores, gold, table, against="fair", resamples=300)
    fair, biased = (measure(result, name, "partial: word overlap") for name in scores)
    assert fair["low"] < 0 < fair["high"]
    assert biased["low"] > 0.5 > fair["high"]
    less = measure(result, "biased", "partial: word overlap, less that of fair")
    assert less["low"] > 0.4
    assert less["value"] == pytest.approx(biased["value"] - fair["value"])
    # Length goes with similarity only through the overlap: at fixed gold it shows, with the overlap
    # fixed too it does not.
    assert measure(result, "biased", "at fixed gold: length difference")["low"] > 0
    assert measure(result, "biased", "partial: length difference")["low"] < 0


def test_bias_equals_a_transcription_resample_by_resample():
    scores, gold, table = made(60)
    result = bias(scores, gold, table, resamples=40, seed=3)
    counts = resample_counts(60, 40, np.random.default_rng(3))
    overlap, length = table["word overlap"].to_numpy(), table["length difference"].to_numpy()
    third = strata(overlap)
    for name, row in scores.items():
        drawn = {
            "partial: word overlap": [],
            "at fixed gold: word overlap": [],
            "spearman: word overlap, high": [],
            "spearman gap: word overlap": [],
        }
        for times in (np.ones(60, int), *counts):
            s, g, o, k, t = (np.repeat(x, times) for x in (row, gold, overlap, length, third))
            inside = [stats.spearmanr(s[t == i], g[t == i]).statistic for i in range(3)]
            values = (
                partial_by_regression(s, o, [g, k]),
                partial_by_regression(s, o, [g]),
                inside[2],
                inside[2] - inside[0],
            )
            for found, value in zip(drawn.values(), values, strict=True):
                found.append(value)
        for label, values in drawn.items():
            found = measure(result, name, label)
            np.testing.assert_allclose(found["value"], values[0], atol=1e-9)
            np.testing.assert_allclose(
                [found["low"], found["high"]], np.quantile(values[1:], [0.025, 0.975]), atol=1e-9
            )
    partial = result.curves["partial"].query("given == 'gold' and covariate == 'word overlap'")
    assert partial["value"].tolist() == [
        measure(result, n, "at fixed gold: word overlap")["value"] for n in scores
    ]


def test_strata_curve_says_what_lies_in_each_third():
    scores, gold, table = made()
    rows = (
        bias(scores, gold, table, resamples=10)
        .curves["strata"]
        .query("encoder == 'fair' and covariate == 'word overlap'")
    )
    third = strata(table["word overlap"].to_numpy())
    assert rows["n"].tolist() == np.bincount(third).tolist()
    for i, row in enumerate(rows.to_dict("records")):
        inside = table["word overlap"][third == i]
        assert (row["from"], row["to"]) == (inside.min(), inside.max())
        assert row["gold_spread"] == pytest.approx(gold[third == i].std())


def test_the_same_resamples_for_every_encoder():
    scores, gold, table = made(80)
    twins = {"one": scores["biased"], "two": scores["biased"] * 3 + 1}
    result = bias(twins, gold, table, against="one", resamples=50)
    less = result.curves["against"]
    np.testing.assert_allclose(less[["value", "low", "high"]], 0, atol=1e-12)
    assert set(less["encoder"]) == {"two"}


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10**6), power=st.sampled_from([3, 5]))
def test_neither_increasing_transforms_nor_the_order_of_pairs_matter(seed, power):
    scores, gold, table = made(60, seed)
    order = np.random.default_rng(seed).permutation(60)
    other = {name: np.exp(row)[order] for name, row in scores.items()}
    a = bias(scores, gold, table, resamples=2).table
    b = bias(other, gold[order] ** power, (table**power + 7).iloc[order], resamples=2).table
    np.testing.assert_allclose(a["value"], b["value"], atol=1e-9)


def test_a_pair_without_a_covariate_is_left_out_and_counted():
    scores, gold, table = made(80)
    lacking = table.copy()
    lacking.loc[[3, 40], "word overlap"] = np.nan, np.inf
    rest = lacking.index.difference([3, 40])
    with_gap = bias(
        {n: np.where(np.arange(80) == 3, np.nan, s) for n, s in scores.items()},
        gold,
        lacking,
        resamples=20,
    )
    without_pairs = bias(
        {n: s[rest] for n, s in scores.items()}, gold[rest], table.loc[rest], resamples=20
    )
    pd.testing.assert_frame_equal(with_gap.table, without_pairs.table)
    assert (with_gap.about["pairs"], with_gap.about["pairs left out"]) == (78, 2)


def test_what_is_undefined_says_why():
    scores, gold, table = made(60)
    table["constant"] = 3.0
    table["tied"] = np.arange(60) >= 58
    bad = scores["fair"].copy()
    bad[5] = np.nan
    scores |= {"oracle": 2 * gold, "constant": np.full(60, 0.3), "broken": bad}
    result = bias(scores, gold, table, against="constant", resamples=30)
    undefined = result.table[result.table["value"].isna()]
    assert (undefined["note"] != "").all()
    assert undefined[["low", "high"]].isna().all(axis=None)

    def note(encoder, name):
        assert np.isnan(measure(result, encoder, name)["value"])
        return measure(result, encoder, name)["note"]

    assert "leave nothing" in note("oracle", "partial: word overlap")
    assert "all scores are the same" in note("constant", "partial: word overlap")
    assert "1 of 60 scores are not finite" in note("broken", "spearman: word overlap, low")
    assert note("fair", "partial: constant") == "constant is the same for all pairs"
    assert (
        note("fair", "spearman: constant, low")
        == "0 pairs in the low third of constant: 10 are wanted"
    )
    assert "0 pairs in the low third of tied" in note("fair", "spearman gap: tied")
    assert "undefined for fair or for constant" in note(
        "fair", "partial: word overlap, less that of constant"
    )
    assert measure(result, "oracle", "spearman: word overlap, low")["value"] == pytest.approx(1)
    # A covariate without a spread is nothing to hold fixed: the others stay as they were.
    plain = bias(
        {"fair": scores["fair"]},
        gold,
        table[["length difference", "word overlap", "tied"]],
        resamples=2,
    )
    assert measure(result, "fair", "partial: word overlap")["value"] == pytest.approx(
        measure(plain, "fair", "partial: word overlap")["value"]
    )


def test_a_stratum_of_one_gold_score_and_too_few_pairs():
    scores, gold, table = made(60)
    low = strata(table["word overlap"].to_numpy()) == 0
    flat = np.where(low, 2.0, gold)
    result = bias({"fair": scores["fair"]}, flat, table, resamples=10)
    assert (
        "low third of word overlap: all gold scores are the same"
        in measure(result, "fair", "spearman: word overlap, low")["note"]
    )
    few = bias({n: s[:11] for n, s in scores.items()}, gold[:11], table[:11], resamples=10)
    assert (
        measure(few, "fair", "partial: word overlap")["note"]
        == "11 pairs are too few: 12 are wanted"
    )
    assert np.isfinite(measure(few, "fair", "at fixed gold: word overlap")["value"])


def test_an_interval_that_few_resamples_define_is_none():
    scores, gold, table = made(60)
    table["rare"] = np.arange(60) == 7  # a third of the resamples lack the one pair
    found = measure(
        bias({"fair": scores["fair"]}, gold, table, resamples=100), "fair", "partial: rare"
    )
    assert np.isfinite(found["value"])
    assert np.isnan(found["low"])
    assert found["note"].startswith("no interval")


@pytest.mark.usefixtures("shapes_unchecked")
def test_refusals():
    scores, gold, table = made(30)
    with pytest.raises(LabError, match="no encoder"):
        bias({}, gold, table)
    with pytest.raises(LabError, match="fair: 29 scores with 30"):
        bias({"fair": scores["fair"][:29]}, gold, table)
    with pytest.raises(LabError, match="all 30 gold scores are 2;"):
        bias(scores, np.full(30, 2.0), table)
    with pytest.raises(LabError, match="1 of 30 gold scores are not finite"):
        bias(scores, np.where(np.arange(30) == 4, np.nan, gold), table)
    with pytest.raises(LabError, match="2 columns over 29 pairs"):
        bias(scores, gold, table[:29])
    with pytest.raises(LabError, match="'SimCSE' is none of the encoders"):
        bias(scores, gold, table, against="SimCSE")
    with pytest.raises(LabError, match="every pair lacks"):
        bias(scores, gold, table.assign(nothing=np.nan))
    with pytest.raises(LabError, match="1 pair has no order"):
        checked({"fair": np.ones(1)}, np.ones(1))


# ---- token influence
# ------------------------------------------------------------------------------

VECTORS = {"cats": (1.0, 0.0), "chase": (0.0, 1.0), "the": (0.0, 0.0), "mice": (1.0, 1.0)}


def bag(texts):
    """Sum of word vectors in the plane; a word without one is (0, 0.5)."""
    return np.array(
        [np.sum([VECTORS.get(w, (0, 0.5)) for w in words(t)] or [(0, 0)], axis=0) for t in texts],
        np.float32,
    )


def test_influence_of_a_bag_of_words_by_hand():
    found = token_influence(bag, ["Cats chase the mice.", "Cats chase mice"]).words
    first = found[found["sentence"] == 0]
    # The sentence points along (2, 2); without "cats" along (1, 2), without "chase" along (2, 1);
    # the rest turn nothing.
    turned = 1 - 3 / np.sqrt(10)
    np.testing.assert_allclose(first["influence"], [turned, turned, 0, 0, 0], atol=1e-12)
    np.testing.assert_allclose(first["share"], [0.5, 0.5, 0, 0, 0], atol=1e-9)
    np.testing.assert_allclose(first["relative"], [2.5, 2.5, 0, 0, 0], atol=1e-9)
    assert first["word"].tolist() == ["Cats", "chase", "the", "mice", "."]
    np.testing.assert_allclose(first["place"], [0, 1 / 3, 2 / 3, 1, np.nan])
    assert found["band"].isna().all()


def test_influence_encodes_every_distinct_text_once_and_measures_the_space():
    calls = []

    def encode(texts):
        calls.append(texts)
        return bag(texts)

    found = token_influence(
        encode, ["cats chase dogs", "cats chase mice", "cats chase dogs", "too short", "a " * 25]
    )
    (texts,) = calls
    assert len(texts) == len(set(texts))
    assert found.passed_over == 2
    a, b = bag(["cats chase dogs", "cats chase mice"]).astype(float)
    assert found.apart == pytest.approx(1 - a @ b / np.sqrt((a @ a) * (b @ b)), abs=1e-6)
    repeated = found.words[found.words["sentence"] == 2]
    np.testing.assert_array_equal(
        repeated["share"], found.words[found.words["sentence"] == 0]["share"]
    )


def test_evenness_and_gini():
    for formula, even, single in ((evenness, 1, 0), (gini, 0, 1)):
        assert formula(np.full(7, 1 / 7)) == pytest.approx(even)
        assert formula(np.array([0, 0, 1.0])) == pytest.approx(single)
    x = np.array([0.5, 0.3, 0.2])
    assert evenness(x) == pytest.approx(stats.entropy(x) / np.log(3))
    mean_difference = np.abs(x[:, None] - x).sum() / (3 * 2)  # over distinct pairs
    assert gini(x) == pytest.approx(mean_difference / (2 * x.mean()))


@settings(max_examples=20, deadline=None)
@given(values=st.lists(st.floats(0.01, 10), min_size=2, max_size=12), seed=st.integers(0, 99))
def test_evenness_and_gini_do_not_know_the_order(values, seed):
    x = shares(np.array(values))
    assert x.sum() == pytest.approx(1)
    y = np.random.default_rng(seed).permutation(x)
    for formula in (evenness, gini):
        assert formula(x) == pytest.approx(formula(y))
        assert -1e-9 <= formula(x) <= 1 + 1e-9


def test_places_leave_punctuation_out():
    np.testing.assert_allclose(
        places(np.array([True, False, True, True, False])), [0, np.nan, 0.5, 1, np.nan]
    )
    assert np.isnan(places(np.array([True, False]))).all()


SENTENCES = [
    "Horses run over the hills.",
    "We saw 12 birds and a cow.",
    "In spring it rains, I think.",
    "Old boats leak badly",
]


def first_word(texts):
    """An encoder that reads the first word alone: a fixed random direction each."""
    return np.stack(
        [np.random.default_rng(crc32(words(t)[0].encode())).normal(size=4) for t in texts]
    ).astype(np.float32)


def each_word(texts):
    """Orthogonal words, the sentence their sum."""
    index = {w: i for i, w in enumerate(sorted({w for s in SENTENCES for w in words(s)}))}
    out = np.zeros((len(texts), len(index)), np.float32)
    for row, text in zip(out, texts, strict=True):
        row[[index[w] for w in words(text)]] = 1
    return out


def test_influence_on_one_word_and_on_all_alike():
    result = influence(
        {
            "first": token_influence(first_word, SENTENCES),
            "each": token_influence(each_word, SENTENCES),
        },
        resamples=200,
    )
    wide = result.frame()
    np.testing.assert_allclose(
        wide.loc["first", ["evenness", "gini"]].astype(float), [0, 1], atol=1e-6
    )
    # Every spoken word of n turns the sum by 1 − √((n − 1)/n), punctuation not at all.
    spoken = np.array([len(words(s)) for s in SENTENCES])
    size = np.array([len(spans(s)) for s in SENTENCES])
    turned = 1 - np.sqrt((spoken - 1) / spoken)
    assert wide.loc["each", "influence"] == pytest.approx(
        (turned * spoken).sum() / size.sum(), abs=1e-6
    )
    assert wide.loc["each", "evenness"] == pytest.approx(
        np.mean(np.log(spoken) / np.log(size)), abs=1e-6
    )
    assert wide.loc["each", "relative influence (punctuation)"] == pytest.approx(0, abs=1e-9)
    assert wide.loc["each", "relative influence (number)"] == pytest.approx(8 / 7, abs=1e-6)
    # "We" and "In" are all of the influence on two of the eight function words; their sentences
    # have 8 words each.
    assert wide.loc["first", "relative influence (function word)"] == pytest.approx(
        (8 + 8) / 8, abs=1e-6
    )
    place = result.curves["place"].query("encoder == 'first' and kind == 'every word'")
    assert place["value"].tolist()[0] > 4
    np.testing.assert_allclose(place["value"].tolist()[1:], 0, atol=1e-9)
    bounded = result.table.dropna(subset="low")
    assert (
        (bounded["low"] <= bounded["value"] + 1e-12) & (bounded["value"] <= bounded["high"] + 1e-12)
    ).all()


def test_influence_interval_resamples_sentences():
    found = token_influence(each_word, SENTENCES)
    result = influence({"each": found}, resamples=60, seed=5)
    counts = resample_counts(4, 60, np.random.default_rng(5))
    content = found.words[found.words["kind"] == "content word"]
    drawn = [
        pd.concat([content[content["sentence"] == i] for i in np.repeat(range(4), times)])[
            "relative"
        ].mean()
        for times in counts
    ]
    row = measure(result, "each", "relative influence (content word)")
    np.testing.assert_allclose([row["low"], row["high"]], np.quantile(drawn, [0.025, 0.975]))


def test_influence_is_unchanged_by_rotation_and_length_of_embeddings():
    def turned(texts):
        basis = np.linalg.qr(np.random.default_rng(0).normal(size=(60, 60)))[0]
        plain = each_word(texts)
        return plain @ basis[: plain.shape[1]] * 7

    a, b = (token_influence(encode, SENTENCES) for encode in (each_word, turned))
    np.testing.assert_allclose(a.words["influence"], b.words["influence"], atol=1e-6)
    assert a.apart == pytest.approx(b.apart, abs=1e-6)


def test_influence_by_how_often_a_word_occurs():
    counts = {"the": 90, "hills": 9, "run": 1}
    found = token_influence(each_word, SENTENCES, counts=counts).words
    by_word = dict(zip(found["word"], found["band"], strict=True))
    assert [by_word[w] for w in ("the", "hills", "run", "Horses")] == [BANDS[0]] * 3 + ["unseen"]
    assert (found["band"].isna() == (found["kind"] == "punctuation")).all()
    result = influence({"each": token_influence(each_word, SENTENCES, counts=counts)}, resamples=5)
    assert result.curves["band"]["band"].tolist() == list(BANDS)
    assert (
        "band" not in influence({"each": token_influence(each_word, SENTENCES)}, resamples=5).curves
    )


def test_influence_without_direction_or_movement_is_undefined():
    noise = np.random.default_rng(0).normal(0, 1e-6, (100, 3))  # float32 is no better
    still = token_influence(lambda texts: (1 + noise[: len(texts)]).astype(np.float32), SENTENCES)
    result = influence({"still": still}, resamples=20)
    for name in ("evenness", "gini", "influence / apart", "relative influence (content word)"):
        row = measure(result, "still", name)
        assert np.isnan(row["value"])
        assert row["note"]
    assert measure(result, "still", "influence")["value"] == pytest.approx(0, abs=1e-12)


def test_one_zero_vector_takes_its_sentence_out():
    gone = without(SENTENCES[0], 0, 6)

    def encode(texts):
        return each_word(texts) * np.array([t != gone for t in texts])[:, None]

    found = token_influence(encode, SENTENCES)
    assert found.words["share"].isna().tolist() == (found.words["sentence"] == 0).tolist()
    row = measure(influence({"one": found}, resamples=20), "one", "evenness")
    assert row["n"] == 3
    assert row["note"] == "1 of 4 sentences have no direction or do not move"


def test_influence_refusals():
    with pytest.raises(LabError, match="1 different sentences of 3 to 24 words among 3"):
        token_influence(each_word, [SENTENCES[0], SENTENCES[0], "no"])
    with pytest.raises(
        LabError, match=r"not finite, the first that of 'Horses run over the hills\.'"
    ):
        token_influence(lambda texts: each_word(texts) * np.nan, SENTENCES)
    with pytest.raises(ValueError, match="only word"):
        token_influence(each_word, SENTENCES, shortest=1)
    a, b = token_influence(each_word, SENTENCES), token_influence(each_word, SENTENCES[:3])
    with pytest.raises(LabError, match="b: its influence was measured on other sentences"):
        influence({"a": a, "b": b})
    with pytest.raises(LabError, match="no encoder"):
        influence({})
