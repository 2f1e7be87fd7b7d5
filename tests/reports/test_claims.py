"""A verdict follows from interval and claim alone; planted effects get the verdict they deserve, and what was not run gets none."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from runstore import add_portability, add_trained, scores, write_study

from recse_lab.data.sts_sets import SEVEN
from recse_lab.files import read_json, write_json
from recse_lab.reports.claims.claims import CLAIMS, LESS, MORE
from recse_lab.reports.claims.evidence import Estimate, Evidence, NotRun, best, difference
from recse_lab.reports.claims.verdicts import decide, judge, seeds_to_decide, write_claims
from recse_lab.reports.resamples import RESAMPLES
from recse_lab.runs.collection import read_store
from recse_lab.statistics import compare_sts, seeds_needed
from recse_lab.statistics.comparison import Comparison


@pytest.mark.parametrize(
    ("low", "high", "claimed", "wanted"),
    [
        (0.1, 0.3, MORE, "supported"),
        (-0.3, -0.1, MORE, "contradicted"),
        (-0.1, 0.3, MORE, "undecided"),
        (0.0, 0.3, MORE, "undecided"),
        (-0.3, -0.1, LESS, "supported"),
        (0.1, 0.3, LESS, "contradicted"),
        (-0.005, 0.3, (-0.01, float("inf")), "supported"),
        (-0.02, 0.3, (-0.01, float("inf")), "undecided"),
        (-0.005, 0.005, (-0.01, 0.01), "supported"),
        (0.011, 0.02, (-0.01, 0.01), "contradicted"),
        (-0.02, 0.02, (-0.01, 0.01), "undecided"),
        (None, None, MORE, "undecided"),
    ],
)
def test_the_rule(low, high, claimed, wanted):
    assert decide(low, high, claimed) == wanted


@given(st.floats(-1, 1), st.floats(0, 1), st.floats(0.001, 1))
def test_the_rule_is_the_same_from_the_other_side(low, width, margin):
    """Exchanging the arms turns the interval and the claim around, and no verdict."""
    high = low + width
    for claimed in (MORE, LESS, (-margin, margin), (-margin, float("inf"))):
        assert decide(low, high, claimed) == decide(-high, -low, (-claimed[1], -claimed[0]))


def estimate(delta, sd, pairs_variance, level=0.95):
    compared = Comparison(delta, delta - 1, delta + 1, 0.5, level, 3, "both", "", "")
    return Estimate(compared, sd, pairs_variance, (), 3)


def test_seeds_to_decide():
    assert seeds_to_decide(estimate(0.01, 0.01, 0.0), MORE) == seeds_needed(0.01, 0.01)
    assert seeds_to_decide(estimate(0.01, 0.01, 0.0), (-0.01, 1e9)) == seeds_needed(
        0.01, 0.02
    )  # the distance from the claim's end
    assert seeds_to_decide(estimate(0.01, 0.01, 0.0, level=0.99), MORE) == seeds_needed(
        0.01, 0.01, level=0.01
    )
    with_pairs = seeds_to_decide(estimate(0.01, 0.01, 0.002**2), MORE)
    assert with_pairs is not None
    assert with_pairs > seeds_needed(0.01, 0.01)
    assert seeds_to_decide(estimate(0.01, 0.01, 0.01**2), MORE) is None  # pairs alone hide it


def test_seeds_to_decide_by_simulation():
    """As many seeds as it says find the effect in 80 % of studies, by the rule that judges."""
    rng, sd, effect, pairs = np.random.default_rng(0), 0.02, 0.02, 0.003
    n = seeds_to_decide(estimate(effect, sd, pairs**2), MORE)
    assert n is not None
    from recse_lab.statistics.spread import Spread

    found = 0
    for _ in range(1500):
        values = effect + sd * rng.normal(size=n) + pairs * rng.normal()
        spread = Spread(values.var(ddof=1) / n, pairs**2, n)
        found += values.mean() - spread.critical(0.05) * spread.total**0.5 > 0
    assert 0.76 < found / 1500 < 0.9


# ---- differences of arms ------------------------------------------------------------------------------------------


@pytest.fixture
def evidence(tmp_path):
    add_portability(tmp_path)
    return Evidence("portability", read_store(tmp_path).arms)


def test_a_difference_is_that_of_compare_sts(evidence):
    found = difference(
        [evidence.arm("trained", framework="ESimCSE", reshape="with")],
        [evidence.arm("trained", framework="crop", reshape="without")],
        evidence.sts,
    )
    wanted = compare_sts(
        [scores(0.10, seed) for seed in range(3)],
        [scores(0.45, seed) for seed in range(3)],
        tasks=SEVEN,
        resamples=RESAMPLES,
    )
    assert found.compared[:4] == pytest.approx(wanted[:4])
    assert len(found.runs) == 6


def test_an_arm_without_seeds_meets_every_seed(evidence):
    found = difference(
        [evidence.arm("trained", framework="crop", reshape="without")],
        [evidence.arm("untrained")],
        evidence.sts,
    )
    wanted = compare_sts(
        [scores(0.45, seed) for seed in range(3)],
        [scores(0.8, 0)] * 3,
        tasks=SEVEN,
        resamples=RESAMPLES,
    )
    assert found.compared[:4] == pytest.approx(wanted[:4])


def test_a_group_is_the_mean_of_its_arms(evidence):
    frameworks = ("ESimCSE", "crop")
    both = [
        [evidence.arm("trained", framework=f, reshape=level) for f in frameworks]
        for level in ("with", "without")
    ]
    singles = [
        difference([a], [b], evidence.sts).compared.delta for a, b in zip(*both, strict=True)
    ]
    assert difference(both[0], both[1], evidence.sts).compared.delta == pytest.approx(
        np.mean(singles)
    )


def test_picking_the_best_widens_the_interval(evidence):
    a, b = (evidence.arm("trained", framework=f, reshape="without") for f in ("SimCSE", "crop"))
    plain, picked = (difference([a], [b], evidence.sts, picked_from=k).compared for k in (1, 4))
    assert picked.level == pytest.approx(1 - 0.05 / 4)
    assert picked.low < plain.low < plain.high < picked.high
    assert best([b, a]) is a


def test_extreme_is_the_share_beyond(evidence):
    run = evidence.arm("untrained").runs[0]
    frame = scores(0.8, 0)
    values = frame.loc[frame["task"] == "stsb", "score"].to_numpy(float)
    sample = evidence.extreme(run)
    assert sample.point == pytest.approx(np.mean(np.abs(values) >= 0.9))
    assert sample.resamples.shape == (RESAMPLES,)
    assert sample.resamples.mean() == pytest.approx(sample.point, abs=0.01)


# ---- verdicts on planted effects ----------------------------------------------------------------------------------


def add_factorial(root, plain, reshaped, seeds=(0, 1, 2), finished=(0, 1, 2)):
    """The two cells of dropout-vs-reshape that STS quality is about."""
    arms = []
    for level, noise in (("off", plain), ("on", reshaped)):
        for seed in finished:
            add_trained(
                root,
                "dropout-vs-reshape",
                f"{level}-{seed}",
                noise,
                seed,
                drawn=seed + (10 if level == "on" else 0),
            )
        factors = {
            "dropout": "0.1",
            "mask": "independent",
            "dropout term": "on",
            "reshape term": level,
        }
        arms.append(("trained", "arm", factors, None, lambda seed, level=level: f"{level}-{seed}"))
    write_study(root, "dropout-vs-reshape", arms, seeds)


def judged(root, name):
    (found,) = (j for j in judge(root) if j.name == name)
    return found


@pytest.mark.parametrize(
    ("plain", "reshaped", "wanted"),
    [(0.6, 0.2, "supported"), (0.2, 0.6, "contradicted"), (0.4, 0.4, "undecided")],
)
def test_planted_effects(tmp_path, plain, reshaped, wanted):
    add_factorial(tmp_path, plain, reshaped)
    found = judged(tmp_path, "sts-quality")
    assert found.verdict == wanted
    assert bool(found.needed) == (wanted == "undecided")


def test_one_seed_decides_nothing(tmp_path):
    add_factorial(tmp_path, 0.6, 0.2, finished=(0,))
    found = judged(tmp_path, "sts-quality")
    assert found.estimate is not None
    assert found.estimate.compared.delta > 0
    assert (
        found.estimate.compared.low is None
    )  # an interval of one seed would be about these two models
    assert (found.verdict, found.needed) == ("undecided", "2 or more")


def test_the_full_edition_comes_first(tmp_path):
    add_factorial(tmp_path, 0.6, 0.2)
    (tmp_path / "dropout-vs-reshape").rename(tmp_path / "dropout-vs-reshape-full")
    add_factorial(tmp_path, 0.2, 0.6)
    assert (judged(tmp_path, "sts-quality").study, judged(tmp_path, "sts-quality").verdict) == (
        "dropout-vs-reshape-full",
        "supported",
    )


def test_portability_is_about_frameworks_other_than_simcse(tmp_path):
    add_portability(tmp_path)
    found = judged(tmp_path, "portability")
    assert found.estimate is not None
    assert len(found.estimate.runs) == 12
    assert "ESimCSE +" in found.estimate.details
    assert "crop -" in found.estimate.details


def add_peak(root, name, seed, peak, *, reshape, device="NVIDIA H100"):
    run = add_trained(root, "train", name, 0.3, seed)
    reshape = (
        {"role": "target", "mode": "separated", "operator": "channel-gram", "dim": int(reshape)}
        if reshape
        else None
    )
    write_json(
        run.folder / "config.json", read_json(run.folder / "config.json") | {"reshape": reshape}
    )
    write_json(
        run.folder / "environment.json",
        read_json(run.folder / "environment.json") | {"device": device},
    )
    write_json(
        run.folder / "cost.json",
        read_json(run.folder / "cost.json") | {"peak_bytes": 10**12, "step_peak_bytes": peak},
    )


@pytest.mark.parametrize(("grown", "wanted"), [(1.02, "supported"), (1.5, "contradicted")])
def test_memory_is_compared_on_an_accelerator(tmp_path, grown, wanted):
    for seed in range(3):
        add_peak(tmp_path, f"plain-{seed}", seed, 10**9 + seed, reshape=False)
        add_peak(tmp_path, f"reshaped-{seed}", seed, round(grown * 10**9), reshape=True)
    found = judged(tmp_path, "flat-memory")
    assert found.estimate is not None
    assert found.verdict == wanted
    assert found.estimate.compared.delta == pytest.approx(np.log(grown), abs=1e-6)


def test_memory_beside_one_plain_run_is_the_mean_of_all_reshaped_ones(tmp_path):
    add_peak(tmp_path, "plain", 0, 10**9, reshape=False)
    for dim, peak in ((8, 1.01e9), (200, 1.5e9)):
        add_peak(tmp_path, f"p-{dim}", 0, round(peak), reshape=dim)
    found = judged(tmp_path, "flat-memory")
    assert found.estimate is not None
    assert found.estimate.compared.delta == pytest.approx(np.log([1.01, 1.5]).mean())
    assert {run.id for run in found.estimate.runs} == {"plain", "p-8", "p-200"}


def test_memory_of_a_cpu_says_nothing(tmp_path):
    for name, reshape in (("plain", False), ("reshaped", True)):
        add_peak(tmp_path, name, 0, 10**9, reshape=reshape, device="cpu AVX2")
    found = judged(tmp_path, "flat-memory")
    assert (found.verdict, found.estimate) == ("not measured", None)


def test_what_was_not_run_is_empty(tmp_path):
    assert {j.verdict for j in judge(tmp_path)} == {"not run", "not measured"}
    add_factorial(tmp_path, 0.6, 0.2)
    table, summary, paths = write_claims(tmp_path, tmp_path / "out", "recse-lab report claims")
    assert [p.relative_to(tmp_path / "out").as_posix() for p in paths] == [
        "claims.md",
        "claims/table.md",
        "claims/table.tex",
        "claims/table.csv",
        "claims/card.json",
    ]
    assert [row.cells["claim"].value for row in table.rows] == list(CLAIMS)
    csv = (tmp_path / "out" / "claims" / "table.csv").read_text()
    (line,) = (line for line in csv.splitlines() if line.startswith("portability,"))
    assert re.search(r",portability,,,,,,not run,,own,$", line)
    page = (tmp_path / "out" / "claims.md").read_text()
    assert "1 supported (sts-quality)" in summary
    assert summary in page
    assert "recse-lab ablate portability --corpus CORPUS --data-dir SENTEVAL" in page
    assert (
        "about the scale of its runs: recse-lab/tiny (the packaged BERT of 3 layers × 128), 20 steps, batch 64"
        in page
    )
    (estimated,) = (
        row.cells["estimate"] for row in table.rows if row.cells["claim"].value == "sts-quality"
    )
    assert (
        f"{100 * estimated.value:+.2f} (95 % interval {100 * estimated.low:+.2f} … {100 * estimated.high:+.2f}; seeds: 3;"
        in page
    )


def test_levels_that_are_not_there_are_named(evidence):
    with pytest.raises(
        NotRun, match="no finished run of trained at framework ArcCSE, reshape with"
    ):
        evidence.arm("trained", framework="ArcCSE", reshape="with")
