"""The simulations know the truth they compare with, and what is committed of them says what the documents say."""

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


def test_arms_that_are_equal_are_so_and_seeds_are_paired():
    from simulations import populations

    rng = np.random.default_rng(0)
    for study in (*populations.BOTH, populations.TWICE, populations.MODELS):
        assert populations.difference(study) == 0
    behind = populations.BEHIND
    slope = populations.slopes(behind, 20_000, rng)
    models = populations.spearman(behind, slope)
    assert populations.difference(behind) == pytest.approx(
        (models[0] - models[1]).mean(), abs=0.001
    )
    assert np.corrcoef(slope)[0, 1] == pytest.approx(0.5, abs=0.03)
    assert slope.std(axis=1) == pytest.approx(behind.slope, rel=0.03)
    study = behind._replace(pairs=40_000)
    latent, fixed = populations.gold_and_shared(study, rng)
    score = populations.scores(study, latent, fixed, slope[:, :1], rng)[:, 0]
    got = [stats.spearmanr(populations.graded(latent), row)[0] for row in score]
    np.testing.assert_allclose(got, models[:, 0], atol=0.01)


def test_a_small_simulation_and_its_report(tmp_path):
    """120 studies of 100 pairs: too few for a rate, enough to tell 5 % from what a paired t does on other pairs."""
    from simulations import arms, populations, report
    from simulations.outcomes import keep

    study = populations.BOTH[2]._replace(pairs=100)
    found = arms.simulate(study, 120, np.random.default_rng(0))
    rates = found.loc[found["measure"] == "rejected"].pivot_table(
        index="n", columns="method", values="value"
    )
    assert (rates["compare, both"] < 0.13).all()
    assert (rates.loc[5:, "compare, seeds"] > 0.25).all()
    keep(found, tmp_path / "table.csv")
    keep(found.assign(value=0.25), tmp_path / "table.csv")  # takes the place of the first
    kept = pd.read_csv(tmp_path / "table.csv")
    assert (len(kept), set(kept["value"])) == (len(found), {0.25})
    report.write(tmp_path)
    text = (tmp_path / "summary.md").read_text(encoding="utf-8")
    assert "| pairs differ most | 3 | **25.0** | **25.0** | – | **25.0** | **25.0** |" in text
    assert (tmp_path / "figure.png").stat().st_size > 10_000


@pytest.mark.slow
@pytest.mark.parametrize("number", [0, 1, 2])
def test_false_positives_of_compare_on_simulated_pairs(number):
    from simulations import arms, populations

    found = arms.simulate(populations.BOTH[number], 1000, np.random.default_rng(number))
    rates = found.loc[
        (found["measure"] == "rejected") & (found["method"] == "compare, both")
    ].set_index("n")["value"]
    assert rates.loc[[3, 5, 10]].between(0.03, 0.072).all()


def test_the_committed_rates_are_those_the_documents_promise():
    """5 ± 1 % false positives and 95 ± 1 % coverage, but for two Monte Carlo errors, for what is recommended."""
    from simulations.populations import BEHIND, BOTH, MODELS, TWICE

    rows = table().set_index(["part", "case", "n", "method", "measure"]).sort_index()

    def holds(*key, target):
        value, error, replicates = rows.loc[key]
        assert replicates >= 4000
        assert abs(value - target) <= 0.01 + 2 * error, f"{key}: {value}"

    for n in (3, 5, 10):
        for study in (*BOTH, TWICE, MODELS):
            holds("arms", study.name, n, "compare, both", "rejected", target=0.05)
        for study in (*BOTH, TWICE, MODELS, BEHIND):
            holds("arms", study.name, n, "compare, both", "coverage, both", target=0.95)
            holds("arms", study.name, n, "compare, pairs", "coverage, pairs", target=0.95)
        holds("arms", TWICE.name, n, "compare, seeds", "rejected", target=0.05)
        holds(
            "arms",
            "these pairs, arms differ on them",
            n,
            "compare, seeds",
            "coverage, seeds",
            target=0.95,
        )
        holds("factorial", "seeds differ in the effect", n, "error seeds", "rejected", target=0.05)
        holds("effect size", "d_z 1.5", n, "effect_size", "coverage", target=0.95)
    holds("arms", TWICE.name, 10, "sign flips", "rejected", target=0.05)
    assert (
        rows.loc["arms", BOTH[0].name, 3, "nested bootstrap", "rejected"]["value"] > 0.1
    )  # why compare does not use it
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
