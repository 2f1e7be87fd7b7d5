"""The simulations know the truth they compare with, and what is committed of them says what the
documents say.
"""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import REPO
from scipy import stats

REPORT = REPO / "reports" / "statistics"


@pytest.fixture(autouse=True)
def _from_the_repository(monkeypatch):
    monkeypatch.syspath_prepend(REPO)


def table() -> pd.DataFrame:
    if not (REPORT / "table.csv").is_file():
        pytest.skip("reports/statistics is not there; `python -m simulations` makes it")
    return pd.read_csv(REPORT / "table.csv")


def test_the_truth_is_the_correlation_of_very_many_pairs():
    from simulations import populations

    rng = np.random.default_rng(0)
    for rho, cuts in ((0.85, populations.CUTS), (0.3, populations.CUTS), (0.7, np.array([0.5]))):
        latent = rng.normal(size=400_000)
        score = rho * latent + (1 - rho**2) ** 0.5 * rng.normal(size=len(latent))
        expected = stats.spearmanr(np.searchsorted(cuts, latent), score)[0]
        assert populations.graded_spearman(rho, cuts) == pytest.approx(expected, abs=0.005)
    fine = stats.norm.ppf(np.arange(1, 3000) / 3000)
    assert populations.graded_spearman(0.6, fine) == pytest.approx(
        6 / np.pi * np.arcsin(0.3), abs=1e-5
    )


@pytest.mark.parametrize("world", ["normal", "t3", "unequal", "both collapse", "one collapses"])
def test_seeds_of_every_world_have_mean_0_and_variance_1(world):
    from simulations import laws

    values = laws.seeds(world, (400_000,), np.random.default_rng(0))
    assert values.mean() == pytest.approx(0, abs=0.01)
    assert values.var() == pytest.approx(1, rel=0.1)  # the fourth moment of t3 is infinite


def test_a_small_simulation_and_its_report(tmp_path):
    from simulations import laws, report
    from simulations.outcomes import as_table, keep

    rng = np.random.default_rng(0)
    found = as_table(list(laws.simulate("normal", 3, 0.5, 20_000, rng)))
    rates = found.set_index(["method", "measure"])["value"]
    assert 0.02 < rates["both", "rejected at 0.05"] <= 0.05
    assert rates["paired t", "rejected at 0.05"] == pytest.approx(0.05, abs=0.005)
    keep(found, tmp_path / "table.csv")
    keep(found.assign(value=0.25), tmp_path / "table.csv")  # takes the place of the first
    kept = pd.read_csv(tmp_path / "table.csv")
    assert (len(kept), set(kept["value"])) == (len(found), {0.25})
    report.write(tmp_path)
    text = (tmp_path / "summary.md").read_text(encoding="utf-8")
    assert "| 25 ± " in text
    assert "**no**" in text  # a promise that is broken is said to be
    assert (tmp_path / "figure.png").stat().st_size > 10_000


def test_a_plan_that_stops_early_finds_the_difference_with_fewer_seeds():
    from simulations import stopping

    rng = np.random.default_rng(0)
    delta = stopping.DIFFERENCES["twice"]
    found = stopping.simulate("normal", 0.5, delta, "twice", 60, rng)
    values = found.set_index(["method", "measure"])["value"]
    assert values["plan", "supported"] > 0.95
    assert values["plan", "seeds"] < 12


def test_effects_of_a_graph_have_variance_1_and_are_shared(tmp_path):
    from simulations import graphs

    data = os.environ.get("RECSE_LAB_DATA")
    if not data:
        pytest.skip("RECSE_LAB_DATA names no folder of data")
    graph = graphs.Graph(("sts16",), Path(data) / "senteval")
    own = graph.own(np.random.default_rng(0), 400)
    assert own.var() == pytest.approx(1, rel=0.05)
    sums = (own * graph.weight).sum(axis=1)
    assert sums.var() > 1.1 / graph.shared.pairs  # pairs that share sentences move together


def test_the_committed_rates_keep_what_is_promised():
    """At most 6 % at 5 %, 1.3 % at 1 %, 6 % of tables, 94 % covered, but for Monte Carlo error."""
    from simulations import report

    outcomes = report.Outcomes(table())
    for promise in report.PROMISES:
        rows = report.rows_of(outcomes, promise)
        assert len(rows), promise.says
        for _, row in rows.iterrows():
            assert row["replicates"] >= 400
            assert not report.broken(promise, row["value"], row["error"]), (promise.says, row)
    assert {promise.limit for promise in report.PROMISES if promise.at_least} == {0.94}
    failing = report.rows_of(outcomes, report.PROMISES[0], failing=True)
    assert failing["value"].max() > 0.1  # the page names the world that fails, and by how much
    assert "one collapses" in (REPORT / "summary.md").read_text(encoding="utf-8")


def test_the_committed_rates_of_the_other_methods():
    rows = table().set_index(["part", "case", "n", "method", "measure"]).sort_index()

    def holds(*key, target):
        value, error, replicates = rows.loc[key]
        assert replicates >= 4000
        assert abs(value - target) <= 0.01 + 2 * error, f"{key}: {value}"

    for n in (3, 5, 10):
        holds("factorial", "seeds differ in the effect", n, "error seeds", "rejected", target=0.05)
        holds("effect size", "d_z 1.5", n, "effect_size", "coverage", target=0.95)
    found = table()
    ours = (
        (found["part"] == "intervals")
        & (found["measure"] == "coverage")
        & (found["method"] == "Fisher's scale, bootstrap se")
    )
    spearman = found.loc[ours & found["case"].str.startswith("spearman")].set_index(["case", "n"])[
        "value"
    ]
    assert len(spearman) == 10
    assert spearman.drop(("spearman, heavy tails", 100)).between(0.94, 0.96).all()
    assert spearman.min() > 0.925


def test_the_committed_page_is_that_of_the_committed_table(tmp_path):
    from simulations import report

    table()  # skips where there is none
    (tmp_path / "table.csv").write_bytes((REPORT / "table.csv").read_bytes())
    report.write(tmp_path)

    def page(folder: Path) -> str:
        return (
            (folder / "summary.md")
            .read_text(encoding="utf-8")
            .partition("## How it was computed")[0]
        )

    assert page(tmp_path) == page(REPORT)
