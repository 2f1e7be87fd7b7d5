"""Effects of factors: by hand, against the t-test and the analysis of variance, missing cells."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from recse_lab.errors import LabError
from recse_lab.statistics.factorial import (
    COLUMNS,
    design_of,
    effects_by_seed,
    effects_coding,
    effects_pooled,
    factorial_effects,
)


def runs(levels, seeds=4, effect=lambda **_: 0.0, noise=1.0, seed=0):
    """One row for every cell and seed; seeds differ by 5."""
    rng = np.random.default_rng(seed)
    rows = [
        {
            **dict(zip(levels, cell, strict=True)),
            "seed": s,
            "score": effect(**dict(zip(levels, cell, strict=True))) + 5 * s + noise * rng.normal(),
        }
        for s in range(seeds)
        for cell in product(*levels.values())
    ]
    return pd.DataFrame(rows)


def effects(frame, factors, **options):
    return factorial_effects(frame, "score", factors, **options).set_index("effect")


def test_coding_sums_to_zero():
    np.testing.assert_array_equal(effects_coding(3), [[1, 0], [0, 1], [-1, -1]])


def test_effects_of_two_by_two_by_hand():
    """Cells 1, 2, 4, 9 without noise: a is (4 + 9)/2 − (1 + 2)/2, b 3, the interaction 4."""
    cells = {(0, 0): 1.0, (0, 1): 2.0, (1, 0): 4.0, (1, 1): 9.0}
    frame = runs({"a": [0, 1], "b": [0, 1]}, effect=lambda a, b: cells[a, b], noise=1e-3)
    for error in ("seeds", "pooled"):
        found = effects(frame, ["a", "b"], error=error)
        assert list(found.index) == ["a: 1 − 0", "b: 1 − 0", "a × b: (1 − 0) at 1 − at 0"]
        np.testing.assert_allclose(found["estimate"], [5.0, 3.0, 4.0], atol=0.01)
        assert (found["low"] < found["estimate"]).all()
        assert (found["p"] < 1e-6).all()


def test_against_seeds_it_is_a_t_test_of_the_contrast():
    frame = runs({"a": ["off", "on"], "b": [1, 2, 3]}, effect=lambda a, b: b * (a == "on"))
    found = effects(frame, ["a", "b"])
    wide = frame.pivot_table(index="seed", columns=["a", "b"], values="score")
    main = stats.ttest_rel(wide["on"].mean(axis=1), wide["off"].mean(axis=1))
    row = found.loc["a: on − off"]
    assert row["p"] == pytest.approx(main.pvalue)
    assert (row["low"], row["high"]) == pytest.approx(tuple(main.confidence_interval()))
    assert (row["df"], row["method"]) == (3, "t over 4 seeds")
    more = wide["on"] - wide["off"]
    row = found.loc["a × b: (on − off) at 3 − at 1"]
    assert row["estimate"] == pytest.approx((more[3] - more[1]).mean())
    assert row["p"] == pytest.approx(stats.ttest_rel(more[3], more[1]).pvalue)
    assert list(found.index[:3]) == ["a: on − off", "b: 2 − 1", "b: 3 − 1"]
    tested = found["p"].dropna()
    assert (found["p_holm"] >= tested).all()
    assert found["p_holm"].min() == pytest.approx(min(1, tested.min() * len(tested)))


def test_pooled_it_is_the_analysis_of_variance():
    """Two levels with seeds as blocks: the paired t-test; three: the randomised block design."""
    two = runs({"a": [0, 1]}, effect=lambda a: a)
    a, b = (two.loc[two["a"] == level, "score"].to_numpy() for level in (1, 0))
    row = effects(two, ["a"], error="pooled").loc["a: 1 − 0"]
    assert row["p"] == pytest.approx(stats.ttest_rel(a, b).pvalue)
    assert row["df"] == 3
    three = runs({"p": [4, 8, 16]}, effect=lambda p: p / 8)
    table = three.pivot_table(index="seed", columns="p", values="score")
    rest = table.sub(table.mean(axis=1), axis=0) - (table.mean() - table.to_numpy().mean())
    error = (np.square(rest.to_numpy()).sum() / 6 * 2 / 4) ** 0.5
    row = effects(three, ["p"], error="pooled").loc["p: 16 − 4"]
    difference = table[16].mean() - table[4].mean()
    assert row["estimate"] == pytest.approx(difference)
    assert row["p"] == pytest.approx(2 * stats.t.sf(abs(difference) / error, 6))
    assert row["high"] - row["low"] == pytest.approx(2 * stats.t.ppf(0.975, 6) * error)


def test_unbalanced_runs_are_least_squares():
    """A dense solve with a column per seed and per cell, on runs of which a third is missing."""
    frame = runs({"a": [0, 1], "b": [0, 1, 2]}, seeds=6, effect=lambda a, b: a * b)
    frame = frame.loc[np.random.default_rng(3).permutation(len(frame))[:24]]
    found = effects(frame, ["a", "b"], error="pooled")
    seeds = frame["seed"].to_numpy()[:, None] == np.arange(6)
    own = (frame["a"] * 3 + frame["b"]).to_numpy()[:, None] == np.arange(6)
    dummies = np.hstack([seeds, own]).astype(float)
    cells = np.linalg.lstsq(dummies, frame["score"].to_numpy(), rcond=None)[0][6:].reshape(2, 3)
    assert found.loc["a: 1 − 0", "estimate"] == pytest.approx((cells[1] - cells[0]).mean())
    assert found.loc["b: 2 − 0", "estimate"] == pytest.approx((cells[:, 2] - cells[:, 0]).mean())
    interaction = (cells[1, 2] - cells[0, 2]) - (cells[1, 0] - cells[0, 0])
    assert found.loc["a × b: (1 − 0) at 2 − at 0", "estimate"] == pytest.approx(interaction)
    assert (found["df"] == 24 - 11).all()


def test_an_impossible_cell_makes_undefined_what_needs_it_and_nothing_else():
    """Without either term there is no training: the terms' effects need that cell, mask's not."""
    frame = runs(
        {"dropout": [False, True], "reshape": [False, True], "mask": ["fixed", "free"]},
        effect=lambda dropout, reshape, mask: mask == "free",
    )
    frame = frame.loc[frame["dropout"] | frame["reshape"]]
    found = effects(frame, ["dropout", "reshape", "mask"])
    undefined = found["estimate"].isna()
    assert set(found.index[undefined]) == {
        "dropout: True − False",
        "reshape: True − False",
        "dropout × reshape: (True − False) at True − at False",
    }
    assert (
        found.loc[undefined, "reason"]
        == "not estimable: no run has dropout False with reshape False"
    ).all()
    assert found.loc[undefined, ["low", "high", "p", "p_holm"]].isna().all(axis=None)
    assert found.loc["mask: free − fixed", "estimate"] == pytest.approx(1.0, abs=1.5)
    assert found.loc[~undefined, "p"].notna().all()
    pooled = effects(frame, ["dropout", "reshape", "mask"], error="pooled")
    # Six of seven coefficients are estimable, and three seeds are.
    assert (pooled.loc[~undefined, "df"] == 24 - 6 - 3).all()
    without = effects(frame, ["dropout", "reshape", "mask"], interactions=False)
    assert without["estimate"].notna().all()
    assert len(without) == 3


def test_a_fraction_of_a_design_is_aliased():
    frame = runs({"a": [0, 1], "b": [0, 1], "c": [0, 1]})
    half = frame.loc[(frame["a"] + frame["b"] + frame["c"]) % 2 == 0]
    found = effects(half, ["a", "b", "c"])
    assert (found["reason"] == "not estimable: aliased with other effects").all()
    assert effects(half, ["a", "b", "c"], interactions=False)["estimate"].notna().all()


def test_missing_and_undefined_runs():
    frame = runs({"a": [0, 1], "b": [0, 1]})
    frame.loc[frame.index[0], "score"] = np.nan
    found = effects(frame, ["a", "b"])
    assert (found["method"] == "t over 3 seeds (1 incomplete left out)").all()
    assert (found["reason"] == "1 run undefined and left out").all()
    complete = effects(frame.loc[frame["seed"] > 0], ["a", "b"])
    np.testing.assert_allclose(found["estimate"], complete["estimate"])
    lone = frame.loc[~((frame["seed"] > 1) & (frame["a"] == 0) & (frame["b"] == frame["seed"] - 2))]
    fallen = effects(lone, ["a", "b"])
    assert (
        fallen["method"] == "least squares, seeds as blocks (fewer than two seeds hold all cells)"
    ).all()
    assert fallen["p"].notna().all()


def test_one_seed_has_no_error_to_measure_against():
    found = effects(runs({"a": [0, 1], "b": [0, 1]}, seeds=1), ["a", "b"])
    assert found["estimate"].notna().all()
    assert found[["low", "high", "p"]].isna().all(axis=None)
    assert (found["reason"] == "as many coefficients as runs: no error to measure against").all()
    more = effects(runs({"a": [0, 1], "b": [0, 1]}, seeds=1), ["a", "b"], interactions=False)
    assert (more["df"] == 1).all()  # the interaction is the error now
    assert more["p"].notna().all()


def test_copies_of_a_run_are_no_independent_observations():
    """A cell without dropout is one run under both masks; pooled, it would count twice."""
    frame = pd.DataFrame(
        [
            {
                "rate": rate,
                "mask": mask,
                "term": term,
                "seed": 0,
                "run": f"{rate}-{mask if rate else '-'}-{term}",
                "y": 0.01 * (i**3 % 11),
            }
            for i, (rate, mask, term) in enumerate(
                product((0.0, 0.1), ("fixed", "free"), ("off", "on"))
            )
        ]
    )
    shared = factorial_effects(frame, "y", ["rate", "mask", "term"], run="run")
    assert shared["p"].isna().all()
    assert shared["low"].isna().all()
    assert np.isfinite(shared["estimate"]).all()
    assert set(shared["reason"]) == {"cells share runs: no error to measure against"}
    apart = factorial_effects(
        frame.assign(run=frame.index), "y", ["rate", "mask", "term"], run="run"
    )
    assert apart["p"].notna().any()


def test_effects_without_any_chance_are_not_tested():
    exact = runs({"a": [0, 1], "b": [0, 1]}, effect=lambda a, b: 0.1 * a, noise=0.0)
    for error, reason in (
        ("seeds", "the difference is the same for every seed"),
        ("pooled", "fits every run exactly"),
    ):
        found = effects(exact, ["a", "b"], error=error)
        assert found.loc["a: 1 − 0", "estimate"] == pytest.approx(0.1)
        assert found["p"].isna().all()
        assert found["reason"].str.contains(reason).all()


@pytest.mark.parametrize("error", ["seeds", "pooled"])
def test_order_of_rows_and_size_of_scores_change_nothing(error):
    frame = runs({"a": [2, 10], "b": ["x", "y"]}, effect=lambda a, b: a)
    found = factorial_effects(frame, "score", ["a", "b"], error=error)
    mixed = frame.sample(frac=1, random_state=1).assign(score=lambda f: 3 * f["score"] + 100)
    again = factorial_effects(mixed, "score", ["a", "b"], error=error)
    assert list(found.columns) == list(COLUMNS)
    np.testing.assert_allclose(again["estimate"], 3 * found["estimate"])
    np.testing.assert_allclose(again["p"], found["p"], rtol=1e-6)
    assert list(again["effect"]) == list(found["effect"])


def test_bad_designs_are_refused():
    frame = runs({"a": [0, 1], "b": [0, 1]})
    for bad, factors, why in [
        (frame, ["a", "c"], "the runs have no column c; there are a, b, seed, score"),
        (frame.loc[frame["b"] == 1], ["a", "b"], "factor b has one level only"),
        (pd.concat([frame, frame[:1]]), ["a", "b"], "two runs of a 0, b 0, seed 0"),
        (frame.assign(score=np.nan), ["a", "b"], "score is undefined for all 16 runs"),
        (
            frame.assign(a=frame["a"].where(frame.index > 1)),
            ["a", "b"],
            "a is missing for 2 of 16 runs",
        ),
    ]:
        with pytest.raises(LabError, match=why):
            factorial_effects(bad, "score", factors)


def test_seeds_that_differ_in_the_effect_mislead_the_pooled_error_alone():
    rng = np.random.default_rng(0)
    frame = runs({"a": [0, 1], "b": [0, 1], "c": [0, 1]})
    design, contrasts = design_of(frame, {f: [0, 1] for f in "abc"}, interactions=True)
    cells, seeds = np.tile(np.arange(8), 4), frame["seed"].to_numpy()
    a = next(c for c in contrasts if c.factors == ("a",))
    rejected = np.zeros(2)
    for _ in range(400):
        y = rng.normal(size=32) + frame["a"].to_numpy() * 3 * rng.normal(size=4)[seeds]
        by_seed, pooled = (
            effects_by_seed(design, y, cells, seeds, [0, 1, 2, 3], 0.95),
            effects_pooled(design, y, seeds, 0.95),
        )
        rejected += [estimate(a.weights)[3] < 0.05 for estimate in (by_seed, pooled)]
    assert rejected[0] / 400 == pytest.approx(0.05, abs=0.035)
    assert rejected[1] / 400 > 0.2
