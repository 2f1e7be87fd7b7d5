"""Polarity against SciPy, scikit-learn and a naive bootstrap; on planted cases; and on what it must
not measure.
"""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.isotonic import IsotonicRegression

from recse_lab.errors import LabError
from recse_lab.probes import dip as dips
from recse_lab.probes import distributions
from recse_lab.probes.distributions import (
    Overlap,
    density,
    interval,
    monotonicity,
    sarle,
    unit,
    used_range,
)
from recse_lab.probes.polarity import polarity
from recse_lab.probes.result import COLUMNS
from recse_lab.probes.unlabelled_polarity import unlabelled_polarity
from recse_lab.statistics import SharedSentences, resample_counts


@pytest.fixture(autouse=True)
def few_draws(monkeypatch):
    """Dips are tested on their own; here the null is small and drawn once."""
    monkeypatch.setattr(dips, "LARGEST", 30)


def pairs(n=300, seed=0, decimals=4):
    """Scores of two encoders, and gold in fifths as STS has it, in float32."""
    rng = np.random.default_rng(seed)
    gold = (rng.integers(0, 26, n) / 5).astype(np.float32)
    first = np.clip(0.2 + 0.12 * gold + 0.2 * rng.normal(size=n), -1, 1)
    second = np.clip(0.9 - 0.1 * rng.exponential(size=n) + 0.01 * gold, -1, 1)
    return {
        name: np.round(s, decimals).astype(np.float32)
        for name, s in (("first", first), ("second", second))
    }, gold


def lines(result, encoder):
    return result.table.loc[result.table["encoder"] == encoder].set_index("measure")


# ---- formulas
# ------------------------------------------------------------------------------


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 9999), n=st.integers(4, 60))
def test_quantiles_and_sarle_are_those_of_numpy_and_scipy(seed, n):
    values = np.random.default_rng(seed).gamma(1.5, size=n)
    np.testing.assert_allclose(
        used_range(np.sort(values)), np.quantile(values, [0.05, 0.95]), atol=1e-12
    )
    skewness, excess = stats.skew(values, bias=False), stats.kurtosis(values, bias=False)
    expected = (skewness**2 + 1) / (excess + 3 * (n - 1) ** 2 / ((n - 2) * (n - 3)))
    assert sarle(np.array([np.mean(values**k) for k in (1, 2, 3, 4)]), n) == pytest.approx(
        expected, rel=1e-6
    )


def test_sarle_of_known_shapes():
    def of(values):
        return float(sarle(np.array([np.mean(values**k) for k in (1, 2, 3, 4)]), len(values)))

    even = (np.arange(20_000) + 0.5) / 20_000
    assert of(even) == pytest.approx(5 / 9, abs=1e-3)
    assert of(stats.norm.ppf(even)) == pytest.approx(1 / 3, abs=1e-3)
    assert of(np.repeat([-1.0, 1.0], 5000)) == pytest.approx(1, abs=1e-3)
    assert np.isnan(of(np.full(10, 0.3)))
    assert np.isnan(of(np.array([0.1, 0.2, 0.4])))


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 9999), n=st.integers(2, 40), decimals=st.integers(0, 2))
def test_overlap_is_the_mann_whitney_statistic_of_the_resample(seed, n, decimals):
    rng = np.random.default_rng(seed)
    values, upper = np.round(rng.normal(size=n), decimals), np.arange(n) % 3 == 0
    upper[:2] = True, False
    counts = np.r_[np.ones((1, n), int), rng.integers(0, 4, (3, n))]
    for times, found in zip(counts, Overlap(values, upper)(counts), strict=True):
        high, low = np.repeat(values[upper], times[upper]), np.repeat(values[~upper], times[~upper])
        if len(high) and len(low):
            assert found == pytest.approx(
                2 - 2 * stats.mannwhitneyu(high, low).statistic / (len(high) * len(low))
            )
        else:
            assert np.isnan(found)


def test_overlap_of_normal_sets_is_the_closed_form():
    places = stats.norm.ppf((np.arange(4000) + 0.5) / 4000)
    both, upper = np.r_[places, places + 1.5], np.arange(8000) >= 4000
    found = Overlap(both, upper)(np.ones((1, 8000), int))
    assert found == pytest.approx(2 * stats.norm.cdf(-1.5 / 2**0.5), abs=2e-3)


def test_density_is_silverman_s_and_loses_no_mass_at_the_bounds():
    rng = np.random.default_rng(0)
    grid = np.linspace(-4, 4, 801)
    values = rng.normal(size=200)
    width = (
        0.9
        * min(values.std(ddof=1), np.subtract(*np.quantile(values, [0.75, 0.25])) / 1.34)
        * 200**-0.2
    )
    peer = stats.gaussian_kde(values, width / values.std(ddof=1))(grid)
    np.testing.assert_allclose(density(values, grid, None), peer, atol=1e-9)
    within = np.linspace(-1, 1, 801)
    for sample in (rng.uniform(-1, 1, 300), 1 - rng.exponential(0.05, 300), np.full(10, 0.999)):
        assert np.trapezoid(density(sample, within, (-1, 1)), within) == pytest.approx(1, abs=5e-3)


def test_monotonicity_by_hand():
    means = np.array(
        [[0.1, 0.2, 0.5], [0.5, 0.2, 0.1], [0.1, 0.4, 0.2], [0.3, 0.3, 0.3], [0.1, np.nan, 0.3]]
    )
    np.testing.assert_allclose(monotonicity(means), [1, -1, 0.1 / 0.5, np.nan, np.nan])


def test_an_interval_is_centred_holds_its_estimate_and_stays_among_what_was_met():
    boot = np.random.default_rng(0).normal(3, 1, 4000)  # biased by 1
    low, high = interval(2.0, boot, 0.9)
    assert (low, high) == pytest.approx((2 - 1.645, 2 + 1.645), abs=0.1)
    assert interval(1.0, np.full(50, 1.0), 0.95) == (1, 1)
    low, high = interval(0.99, 1 - np.random.default_rng(0).exponential(0.1, 500), 0.95)
    assert low < 0.99 <= high <= 1
    assert np.isnan(interval(1.0, np.r_[np.ones(94), np.full(6, np.nan)], 0.95)).all()
    assert np.isnan(interval(np.nan, boot, 0.95)).all()


# ---- every number and every interval, again and naively
# ----------------------------------------------------------


def by_hand(scores, gold):
    """All measures of one sample, by SciPy, scikit-learn and NumPy."""
    out = {"spearman": stats.spearmanr(scores, gold).statistic}
    out["sarle"] = (stats.skew(scores, bias=False) ** 2 + 1) / (
        stats.kurtosis(scores, bias=False)
        + 3 * (len(gold) - 1) ** 2 / ((len(gold) - 2) * (len(gold) - 3))
    )
    low, high = np.quantile(scores, [0.05, 0.95])
    own_gold = np.quantile(gold, [0.05, 0.95])
    out |= {"used low": low, "used high": high, "used range": high - low}
    fit = IsotonicRegression().fit(scores, gold).predict(scores)
    out["isotonic r2"] = 1 - np.mean((gold - fit) ** 2) / gold.var()
    for scaling, (a, b), (c, d) in (
        ("nominal", (-1, 1), (0, 5)),
        ("own range", (low, high), own_gold),
    ):
        s, g, f = (
            np.clip((scores - a) / (b - a), 0, 1),
            np.clip((gold - c) / (d - c), 0, 1),
            np.clip((fit - c) / (d - c), 0, 1),
        )
        ends = [[np.mean(v <= 0.05 + 1e-6), np.mean(v >= 0.95 - 1e-6)] for v in (s, g)]
        out[f"extreme mass ({scaling}, low end)"] = ends[0][0] - ends[1][0]
        out[f"extreme mass ({scaling}, high end)"] = ends[0][1] - ends[1][1]
        out[f"extreme mass ({scaling})"] = sum(ends[0]) - sum(ends[1])
        out[f"wasserstein ({scaling})"] = stats.wasserstein_distance(s, g)
        out[f"calibration error ({scaling})"] = np.mean(np.abs(s - f))
    labels = ["0–1", "1–2", "2–3", "3–4", "4–5"]
    place = np.minimum(np.floor(np.round(gold, 4)), 4)
    inside = [scores[place == k] for k in range(5)]
    for label, part in zip(labels, inside, strict=True):
        out[f"mean {label}"], out[f"spread {label}"] = part.mean(), part.std(ddof=1)
    for k in range(4):
        auc = stats.mannwhitneyu(inside[k + 1], inside[k]).statistic / (
            len(inside[k]) * len(inside[k + 1])
        )
        out[f"overlap {labels[k]} | {labels[k + 1]}"] = 2 * (1 - auc)
    steps = np.diff([part.mean() for part in inside])
    out["monotonicity"] = steps.sum() / np.abs(steps).sum()
    return out


@pytest.mark.parametrize("decimals", [4, 1])
def test_equals_a_naive_bootstrap_of_scipy_s_and_scikit_learn_s_measures(decimals):
    scores, gold = pairs(200, decimals=decimals)
    resamples = 25
    result = polarity(scores, gold, resamples=resamples, seed=3, level=0.8)
    counts = resample_counts(200, resamples, np.random.default_rng(3))
    for name, values in scores.items():
        values, graded = values.astype(np.float64), gold.astype(np.float64)
        point = by_hand(values, graded)
        boot = pd.DataFrame(
            [by_hand(np.repeat(values, times), np.repeat(graded, times)) for times in counts]
        )
        table = lines(result, name)
        assert set(table.index) == {*point, "dip", "dip p"}
        for measure, value in point.items():
            found = table.loc[measure]
            expected = (value, *interval(value, boot[measure].to_numpy(), 0.8))
            assert (found["value"], found["low"], found["high"]) == pytest.approx(
                expected, abs=1e-9
            ), measure
        assert table.loc["dip", "value"] == dips.dip(values)
        assert table.loc["dip p", "value"] == dips.dip_test(values).p


def test_the_same_resamples_for_every_encoder_and_every_block(monkeypatch):
    scores, gold = pairs(150)
    together = polarity({**scores, "again": scores["first"]}, gold, resamples=40)
    alone = polarity({"again": scores["first"]}, gold, resamples=40)
    first, again = lines(together, "first"), lines(together, "again")
    pd.testing.assert_frame_equal(first.drop(columns="encoder"), again.drop(columns="encoder"))
    pd.testing.assert_frame_equal(lines(alone, "again"), again)
    monkeypatch.setattr(distributions, "BLOCK", 1000)
    pd.testing.assert_frame_equal(
        polarity({"again": scores["first"]}, gold, resamples=40).table, alone.table
    )
    assert not polarity({"again": scores["first"]}, gold, resamples=40, seed=1).table.equals(
        alone.table
    )


def test_invariances():
    """Ranks, overlaps and the isotonic fit ignore increasing transforms; the own range ignores
    scale and shift.
    """
    scores, gold = pairs(200)
    score = scores["first"].astype(np.float64)
    given = {
        "as is": score,
        "cubed": np.sign(score) * np.abs(score) ** 3,
        "squeezed": 0.9 + 0.05 * score,
    }
    frame = polarity(given, gold, resamples=5).frame()
    for measure in frame.columns:
        if measure.startswith(("spearman", "isotonic", "overlap")):
            assert frame[measure].to_numpy() == pytest.approx(frame[measure].iloc[0], abs=1e-9), (
                measure
            )
        if "own range" in measure or measure.startswith(("sarle", "dip", "monotonicity")):
            assert frame.loc["squeezed", measure] == pytest.approx(
                frame.loc["as is", measure], abs=1e-9
            ), measure
    assert frame.loc["squeezed", "used range"] == pytest.approx(
        0.05 * frame.loc["as is", "used range"]
    )
    order = np.random.default_rng(0).permutation(200)
    shuffled = polarity({"as is": score[order]}, gold[order], resamples=5).frame()
    pd.testing.assert_frame_equal(shuffled, frame.loc[["as is"]])


# ---- planted cases
# ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def planted():
    """1,500 pairs whose gold is even; four encoders that know it equally well and spread it
    differently.
    """
    rng = np.random.default_rng(0)
    gold = rng.uniform(0, 5, 1500)
    told = np.clip(0.05 + 0.18 * gold + 0.03 * rng.normal(size=1500), 0, 1)
    pushed = np.tanh(6 * (told - 0.5)) / np.tanh(3)
    scores = {
        "pushed": pushed,
        "spread": 2 * told - 1,
        "collapsed": 0.8 + 0.01 * told,
        "squeezed and pushed": 0.6 + 0.1 * pushed,
    }
    return polarity(scores, gold, resamples=300)


@pytest.mark.parametrize(
    ("measure", "order"),
    [
        ("extreme mass (nominal)", ["spread", "pushed"]),
        ("extreme mass (nominal)", ["collapsed", "pushed"]),
        ("extreme mass (nominal, low end)", ["spread", "pushed"]),
        ("extreme mass (nominal, high end)", ["spread", "pushed"]),
        ("extreme mass (own range)", ["spread", "pushed"]),
        ("extreme mass (own range)", ["collapsed", "squeezed and pushed"]),
        ("used range", ["collapsed", "squeezed and pushed", "spread", "pushed"]),
        ("sarle", ["spread", "pushed"]),
        ("sarle", ["collapsed", "squeezed and pushed"]),
        ("wasserstein (nominal)", ["spread", "pushed", "squeezed and pushed", "collapsed"]),
        ("wasserstein (own range)", ["spread", "pushed"]),
        ("wasserstein (own range)", ["collapsed", "squeezed and pushed"]),
        ("calibration error (nominal)", ["spread", "pushed", "squeezed and pushed", "collapsed"]),
        ("calibration error (own range)", ["spread", "pushed"]),
        ("spread 2–3", ["collapsed", "squeezed and pushed", "spread", "pushed"]),
    ],
)
def test_planted_cases_are_told_apart(planted, measure, order):
    table = planted.table.loc[planted.table["measure"] == measure].set_index("encoder")
    for less, more in pairwise(order):
        assert table.loc[less, "high"] < table.loc[more, "low"], (measure, less, more)


def test_planted_cases_agree_where_they_should(planted):
    """They rank alike: nothing that looks at order alone tells them apart.

    And the dip finds what was pushed.
    """
    frame = planted.frame()
    for measure in ("spearman", "isotonic r2", "monotonicity", "overlap 1–2 | 2–3"):
        assert np.ptp(frame[measure]) < 0.01, measure
    assert (frame.loc[["pushed", "squeezed and pushed"], "dip p"] < 0.01).all()
    assert (frame.loc[["spread", "collapsed"], "dip p"] > 0.2).all()
    for scaling in ("nominal", "own range"):
        assert abs(frame.loc["spread", f"extreme mass ({scaling})"]) < 0.08
    inside = planted.table.dropna(subset=["low"])
    assert ((inside["low"] <= inside["value"]) & (inside["value"] <= inside["high"])).all()
    assert (inside["low"] < inside["high"]).mean() > 0.8


# ---- curves
# ------------------------------------------------------------------------------


def test_curves_hold_what_the_table_says():
    scores, gold = pairs(400)
    result = polarity(scores, gold, resamples=40)
    assert tuple(result.table.columns) == COLUMNS
    assert all("encoder" in curve for curve in result.curves.values())
    for name, values in scores.items():
        part = {key: curve.loc[curve["encoder"] == name] for key, curve in result.curves.items()}
        table = lines(result, name)
        for bin_, ridge in part["density"].groupby("bin"):
            assert np.trapezoid(ridge["density"], ridge["score"]) == pytest.approx(1, abs=0.02), (
                bin_
            )
        cells = part["map"]
        assert cells["pairs"].sum() == len(gold)
        assert (cells.groupby("gold_low")["share"].sum().round(9) == 1).all()
        some = cells.loc[cells["pairs"].idxmax()]
        inside = (gold >= some["gold_low"] - 1e-6) & (
            (gold < some["gold_high"] - 1e-6) | (some["gold_high"] == 5)
        )
        last = some["score_high"] == cells["score_high"].max()
        inside &= (values >= some["score_low"]) & ((values < some["score_high"]) | last)
        assert some["pairs"] == inside.sum()
        fit = part["calibration"]
        assert (np.diff(fit["gold"]) >= -1e-12).all()
        inside = (fit["low"] <= fit["gold"] + 1e-9) & (fit["gold"] <= fit["high"] + 1e-9)
        assert inside.mean() > 0.9
        assert (fit["low"] < fit["high"]).mean() > 0.9
        peer = IsotonicRegression().fit(values, gold).predict(fit["score"])
        np.testing.assert_allclose(fit["gold"], peer, atol=1e-5)
        for scaling, curve in part["cumulative"].groupby("scaling"):
            area = np.trapezoid(np.abs(curve["scores"] - curve["gold"]), curve["x"])
            assert area == pytest.approx(table.loc[f"wasserstein ({scaling})", "value"], abs=6e-3)
            assert curve[["scores", "gold"]].iloc[-1].tolist() == [1, 1]
        for row in part["bins"].to_dict("records"):
            assert row["pairs"] == (
                (gold >= row["gold_low"] - 1e-6) & (gold < row["gold_high"] - 1e-6)
            ).sum() + ((gold == 5).sum() if row["gold_high"] == 5 else 0)
            assert row["mean_low"] == table.loc[f"mean {row['bin']}", "low"]
            assert row["spread"] == table.loc[f"spread {row['bin']}", "value"]
        assert (
            part["bins"]["overlap"].tolist()[:4]
            == table.filter(like="overlap", axis=0)["value"].tolist()
        )
    assert result.about["pairs"] == 400
    assert result.about["gold"]["extreme mass (nominal)"] == pytest.approx(
        np.mean((gold < 0.3) | (gold > 4.7))
    )


def test_a_grade_on_an_edge_belongs_to_the_bin_above():
    gold = np.arange(0, 26, dtype=np.float32) / np.float32(5)
    result = polarity({"a": np.linspace(0, 1, 26)}, gold, bins=25, resamples=2)
    assert result.curves["bins"]["pairs"].tolist() == [1] * 24 + [2]  # 5 is inside the last


# ---- undefined and refused
# ------------------------------------------------------------------------------


def test_a_constant_encoder_keeps_what_is_defined():
    scores, gold = pairs(200)
    noise = 1e-8 * np.random.default_rng(0).normal(size=200)
    result = polarity({"constant": 0.96 + noise, **scores}, gold, resamples=20)
    table = lines(result, "constant")
    undefined = table.loc[table["value"].isna()]
    assert undefined["low"].isna().all()
    assert undefined["note"].str.contains("same|do not move").all()
    own = [m for m in table.index if "own range" in m]
    assert set(undefined.index) == {"spearman", "sarle", "monotonicity", *own}
    assert table.loc["extreme mass (nominal, high end)", "value"] == pytest.approx(
        1 - np.mean(gold > 4.7)
    )
    assert table.loc["used range", ["value", "low", "high"]].tolist() == [0, 0, 0]
    assert (
        table.loc["isotonic r2", "value"],
        table.loc["dip", "value"],
        table.loc["dip p", "value"],
    ) == (0, 0, 1)
    assert (table.filter(like="overlap", axis=0)["value"] == 1).all()
    assert (table.filter(like="spread", axis=0)["value"] == 0).all()
    assert table.loc["calibration error (nominal)", "value"] == pytest.approx(
        0.98 - gold.mean() / 5, abs=1e-6
    )


def test_scores_that_are_not_finite_make_their_encoder_undefined_and_no_other():
    scores, gold = pairs(200)
    scores["diverged"] = np.where(np.arange(200) < 3, np.nan, scores["first"])
    result = polarity(scores, gold, resamples=20)
    table = lines(result, "diverged")
    assert table[["value", "low", "high"]].isna().all(axis=None)
    assert (table["note"] == "3 of 200 scores are not finite").all()
    assert lines(result, "first")["value"].notna().all()
    assert list(result.frame().index) == ["first", "second", "diverged"]
    assert all("diverged" not in set(curve["encoder"]) for curve in result.curves.values())
    with pytest.raises(LabError, match=r"nothing to measure.*'diverged': 3 of 200"):
        polarity({"diverged": scores["diverged"]}, gold)


def test_a_bin_without_pairs_is_undefined_with_its_neighbours_and_a_bin_of_few_has_no_interval():
    scores, gold = pairs(200)
    score = scores["first"]
    table = lines(
        polarity({"a": score}, 1 + 0.8 * gold, resamples=20), "a"
    )  # SICK's scale, read as STS's
    undefined = table.loc[table["value"].isna()]
    assert set(undefined.index) == {"mean 0–1", "spread 0–1", "overlap 0–1 | 1–2", "monotonicity"}
    assert (undefined["note"] == "no pair has gold 0–1").all()
    assert (
        table.loc["overlap 1–2 | 2–3", "n"]
        == table.loc["mean 1–2", "n"] + table.loc["mean 2–3", "n"]
    )
    sparse = np.where(np.arange(200) == 0, 0.5, 1 + 0.8 * gold)
    table = lines(polarity({"a": score}, sparse, resamples=60), "a")
    assert table.loc["mean 0–1", "value"] == pytest.approx(score[0])
    assert np.isnan(table.loc["mean 0–1", "low"])
    assert "resamples: no interval" in table.loc["mean 0–1", "note"]
    assert table.loc["spread 0–1", "note"] == "one pair has no spread"


def test_ranges():
    scores, gold = pairs(200)
    score = scores["first"].astype(np.float64)
    free = lines(polarity({"a": 30 * score}, gold, score_range=None, resamples=20), "a")
    nominal = free.filter(like="nominal", axis=0)
    assert nominal["value"].isna().all()
    assert nominal["note"].str.contains("score_range is None").all()
    assert free.loc["wasserstein (own range)", "value"] == pytest.approx(
        lines(polarity({"a": score}, gold, resamples=20), "a").loc[
            "wasserstein (own range)", "value"
        ]
    )
    half = lines(polarity({"a": score}, gold, score_range=(0, 1), resamples=20), "a")
    below = int((score < 0).sum())
    assert below > 0
    assert (
        half.loc["wasserstein (nominal)", "note"]
        == f"{below} of 200 scores lie beyond 0 to 1 and count as at its ends"
    )
    clipped = stats.wasserstein_distance(np.clip(score, 0, 1), gold / 5)
    assert half.loc["wasserstein (nominal)", "value"] == pytest.approx(clipped, abs=1e-6)
    assert half.loc["spearman", "note"] == ""
    ten = lines(polarity({"a": 10 * score}, gold, score_range=(-10, 10), resamples=20), "a")
    assert ten.loc["wasserstein (nominal)", "value"] == pytest.approx(
        stats.wasserstein_distance((score + 1) / 2, gold / 5)
    )
    assert unit(np.array([1.0]), None).tolist() != [1.0]


@pytest.mark.usefixtures("shapes_unchecked")
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"gold": np.full(50, 2.5)}, "every gold score is 2.5.*unlabelled_polarity"),
        ({"gold": np.r_[np.nan, np.arange(49) / 10]}, "1 of 50 gold scores are not finite"),
        ({"gold": np.arange(50) / 9}, "beyond the gold range 0 to 5"),
        ({"gold": np.arange(50) / 10 - 0.5}, "gold runs from -0.5 to 4.4"),
        ({"gold": np.arange(49) / 10}, "scores of shape .50,. for 49 pairs"),
        ({"scores": {}}, "no encoder was given"),
        ({"scores": {"dot": 3 * np.ones(50)}}, "scores of 'dot' run from 3 to 3.*score_range"),
        ({"scores": {"dot": -3 * np.ones(50)}}, "beyond -1 to 1"),
        ({"bins": 51}, "50 pairs cannot fill 51 gold bins"),
        ({"score_range": (1, -1)}, "has no width"),
        ({"gold_range": (0, 0)}, "has no width"),
    ],
)
def test_refused(change, message):
    given = {
        "scores": {"a": np.linspace(0, 1, 50)},
        "gold": np.arange(50) / 10,
        "resamples": 5,
    } | change
    with pytest.raises(LabError, match=message):
        polarity(**given)


def test_programming_errors():
    scores, gold = pairs(50)
    for options in ({"bins": 1}, {"resamples": 1}):
        with pytest.raises(ValueError, match="at least two"):
            polarity(scores, gold, **options)


# ---- without gold
# ------------------------------------------------------------------------------


def groups(seed=0, random=400, positive=150):
    rng = np.random.default_rng(seed)
    return {
        "random pairs": np.clip(rng.normal(0.3, 0.15, random), -1, 1),
        "dropout pairs": np.clip(rng.normal(0.9, 0.05, positive), -1, 1),
        "reshape pairs": np.clip(rng.normal(0.5, 0.15, positive), -1, 1),
    }


def test_unlabelled_by_hand():
    given = {"a": groups(0), "b": groups(1)}
    result = unlabelled_polarity(given, resamples=40, seed=5, level=0.8)
    rng = np.random.default_rng(5)
    drawn = {group: resample_counts(len(values), 40, rng) for group, values in given["a"].items()}
    for name, parts in given.items():
        table, random = lines(result, name), parts["random pairs"]
        for group, values in parts.items():
            found = table.filter(regex=f"^{group}: ", axis=0)
            assert len(found) == 14 + (group != "random pairs")
            assert (found["n"] == len(values)).all()
            boots = [np.repeat(values, times).mean() for times in drawn[group]]
            expected = (values.mean(), *interval(values.mean(), np.array(boots), 0.8))
            assert tuple(found.loc[f"{group}: mean", ["value", "low", "high"]]) == pytest.approx(
                expected
            )
            assert found.loc[f"{group}: spread", "value"] == pytest.approx(values.std(ddof=1))
            assert found.loc[f"{group}: extreme mass (nominal)", "value"] == pytest.approx(
                np.mean(np.abs(values) >= 0.9)
            )
            assert found.loc[f"{group}: dip", "value"] == dips.dip(values)
            if group != "random pairs":
                boots = [
                    overlap_by_hand(np.repeat(random, a), np.repeat(values, b))
                    for a, b in zip(drawn["random pairs"], drawn[group], strict=True)
                ]
                point = overlap_by_hand(random, values)
                expected = (point, *interval(point, np.array(boots), 0.8))
                found = table.loc[f"{group}: overlap with random pairs", ["value", "low", "high"]]
                assert tuple(found) == pytest.approx(expected)
    ridge = result.curves["density"].query("encoder == 'b' and group == 'dropout pairs'")
    assert np.trapezoid(ridge["density"], ridge["score"]) == pytest.approx(1, abs=0.02)
    curve = result.curves["cumulative"].query("encoder == 'b' and group == 'random pairs'")
    at = curve.iloc[100]
    assert at["share"] == np.mean(given["b"]["random pairs"] <= at["score"])


def overlap_by_hand(lower, upper):
    return 2 - 2 * stats.mannwhitneyu(upper, lower).statistic / (len(lower) * len(upper))


def test_unlabelled_ranks_what_is_further_from_random():
    table = lines(unlabelled_polarity({"a": groups()}, resamples=100), "a")
    near, far = (table.loc[f"{g} pairs: overlap with random pairs"] for g in ("reshape", "dropout"))
    assert far["high"] < near["low"] < near["high"] < 1
    assert (
        table.loc["dropout pairs: used range", "high"]
        < table.loc["random pairs: used range", "low"]
    )


def test_unlabelled_undefined_and_refused():
    broken = {**groups(), "reshape pairs": np.full(150, np.nan)}
    result = unlabelled_polarity({"a": groups(), "broken": broken}, resamples=5)
    assert lines(result, "broken")["value"].isna().all()
    assert (
        lines(result, "broken")["note"] == "reshape pairs: 150 of 150 scores are not finite"
    ).all()
    same = lines(
        unlabelled_polarity(
            {"a": {k: np.full(len(v), 0.5) for k, v in groups().items()}}, resamples=5
        ),
        "a",
    )
    assert same.loc["dropout pairs: overlap with random pairs", "value"] == 1
    assert np.isnan(same.loc["random pairs: sarle", "value"])
    assert (
        same.loc["random pairs: sarle", "note"]
        == "all scores are the same: the encoder is constant"
    )
    for bad, message in (
        ({"a": groups(), "b": groups(positive=149)}, "score the same pairs"),
        ({"a": {"dropout pairs": np.ones(5)}}, "one must be 'random pairs'"),
        ({"a": {"random pairs": np.ones(5), "dropout pairs": np.ones(0)}}, "none may be empty"),
        ({"a": {"random pairs": 7 * np.ones(5)}}, "'a, random pairs' run from 7"),
        ({}, "one must be"),
    ):
        with pytest.raises(LabError, match=message):
            unlabelled_polarity(bad, resamples=5)


def test_pairs_that_share_sentences_widen_the_intervals():
    """Every pair twice: intervals as of the pairs once, not narrower by √2."""
    gold, scores = sample_of_pairs(250)
    ids = np.arange(500).reshape(250, 2)
    shared = SharedSentences(*np.tile(ids, (2, 1)).T)
    twice = {"e": np.tile(scores, 2)}, np.tile(gold, 2)

    def widths(*found, **options):
        table = polarity(*found, resamples=1500, **options).table.set_index("measure")
        return table["high"] - table["low"]

    once = widths({"e": scores}, gold)
    known, naive = widths(*twice, shared), widths(*twice)
    for measure in ("spearman", "isotonic r2"):
        assert known[measure] == pytest.approx(once[measure], rel=0.15)
        assert naive[measure] == pytest.approx(once[measure] / 2**0.5, rel=0.15)


def sample_of_pairs(n):
    rng = np.random.default_rng(0)
    gold = rng.integers(0, 26, n) / 5
    return gold, np.tanh(gold / 5 - 0.5 + 0.3 * rng.normal(size=n))
