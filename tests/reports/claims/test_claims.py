"""A verdict follows from interval and claim alone; planted effects get the verdict they deserve,
and what was not run gets none.
"""

import re

import numpy as np
import pytest
from pydantic import ValidationError
from runstore import add_portability, add_trained, scores, write_study

from recse_lab.ablation.experiments import experiment_files, load_spec
from recse_lab.ablation.spec import StudySpec
from recse_lab.config.claims import ArmChoice, ClaimSpec
from recse_lab.data.sts_sets import SEVEN
from recse_lab.errors import LabError
from recse_lab.files import read_json, write_json
from recse_lab.reports.claims.claims import choose, estimate_claim, paper_claims, read_claims
from recse_lab.reports.claims.evidence import Estimate, Evidence, NotRun, difference
from recse_lab.reports.claims.verdicts import judge, more_pairs, seeds_to_decide, write_claims
from recse_lab.runs.collection import read_store
from recse_lab.statistics import compare_sts, seeds_needed
from recse_lab.statistics.comparison import Comparison
from recse_lab.statistics.spread import Spread


def claim(**options):
    """A claim about two arms, above 0 unless it says otherwise."""
    sides = {"first": ArmChoice(arm="a"), "second": ArmChoice(arm="b")}
    return ClaimSpec(name="planted", question="?", **(sides | options))


def estimate(delta, sd, pairs_variance, n=3, picked_from=1):
    """An estimate in points over ``n`` seeds."""
    spread = Spread((sd / 100) ** 2 / n, pairs_variance / 1e4, n)
    half = spread.half_width(0.05)
    delta /= 100
    compared = Comparison(delta, delta - half, delta + half, 0.5, 0.95, n, "both", "", "")
    return Estimate(compared, spread, np.full(n, delta), (), n, 1000, picked_from)


NO_MARGIN = 1e-6
"""So small that nothing is negligible: the direction alone decides."""


def test_seeds_to_decide():
    above = claim(margin=NO_MARGIN)
    assert seeds_to_decide(estimate(1, 1, 0.0), above) == seeds_needed(1, 1)
    at_most_one_below = claim(above=-1, margin=NO_MARGIN)
    assert seeds_to_decide(estimate(1, 1, 0.0), at_most_one_below) == seeds_needed(1, 2)
    best_of_five = estimate(1, 1, 0.0, picked_from=5)
    assert seeds_to_decide(best_of_five, above) == seeds_needed(1, 1, level=0.01)
    with_pairs = seeds_to_decide(estimate(1, 1, 0.2**2), above)
    assert with_pairs is not None
    assert with_pairs > seeds_needed(1, 1)
    assert seeds_to_decide(estimate(1, 1, 1.0), above) is None  # pairs alone hide it
    assert "more pairs" in more_pairs(estimate(1, 0.1, 1.0), above)


def test_a_difference_of_nothing_is_decided_by_its_margin():
    assert seeds_to_decide(estimate(0.0, 1, 0.0), claim(margin=NO_MARGIN)) is None
    assert seeds_to_decide(estimate(0.0, 1, 0.0), claim(margin=0.5)) is not None
    few, more = (estimate(0.0, 0.1, pairs, n=20) for pairs in (1.0, 2.0))
    assert float(more_pairs(few, claim(margin=0.5)).split()[0].replace(",", "")) == pytest.approx(
        float(more_pairs(more, claim(margin=0.5)).split()[0].replace(",", "")) / 2, rel=0.2
    )


def test_seeds_to_decide_by_simulation():
    """As many seeds as it says find the effect in 80 % of studies, by the rule that judges."""
    rng, sd, effect, pairs = np.random.default_rng(0), 0.02, 0.02, 0.003
    n = seeds_to_decide(estimate(100 * effect, 100 * sd, (100 * pairs) ** 2), claim())
    assert n is not None
    found = 0
    for _ in range(1500):
        values = effect + sd * rng.normal(size=n) + pairs * rng.normal()
        spread = Spread(values.var(ddof=1) / n, pairs**2, n)
        found += values.mean() - spread.half_width(0.05) > 0
    assert 0.76 < found / 1500 < 0.9


# ---- claims as data ----------------------------------------------------------------------------


def test_claims_of_the_paper_are_a_file():
    claims = paper_claims()
    assert len({c.name for c in claims}) == len(claims) == 14
    studies = {path.stem for path in experiment_files().values()}
    assert {c.study for c in claims} <= studies | {"train"}
    for study in studies:
        spec = load_spec(study)
        own = [c.model_copy(update={"study": ""}) for c in claims if c.study == study]
        StudySpec.model_validate(spec.model_dump() | {"claims": [c.model_dump() for c in own]})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"margin": 0}, "greater than 0"),
        ({"above": 0, "below": 1}, "above and below"),
        ({"first": None}, "give both"),
        ({"number": "step memory"}, "takes no arms"),
        ({"number": "accuracy"}, "sts average"),
    ],
)
def test_claims_that_say_nothing_are_refused(options, message):
    with pytest.raises(ValidationError, match=message):
        claim(**options)


def test_a_mistake_in_a_file_of_claims_is_named_with_its_line(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text(
        "claims:\n- name: a\n  question: b\n  first: {arm: x}\n  second: {arm: y}\n  margin: 0\n"
    )
    with pytest.raises(LabError, match=r"mine.yaml, line 6: margin"):
        read_claims(file)
    file.write_text("claims: []\n")
    with pytest.raises(LabError, match="no claim"):
        read_claims(file)


# ---- differences of arms
# ------------------------------------------------------------------------------


def arm(evidence, name, **levels):
    """The arm of that name at these levels."""
    found = choose(evidence, ArmChoice(arm=name, at=levels), evidence.sts)
    assert len(found) == 1
    return found[0]


@pytest.fixture
def evidence(tmp_path):
    add_portability(tmp_path)
    return Evidence("portability", read_store(tmp_path).arms)


def test_a_difference_is_that_of_compare_sts(evidence):
    found = difference(
        [arm(evidence, "trained", framework="ESimCSE", reshape="with")],
        [arm(evidence, "trained", framework="crop", reshape="without")],
        evidence.sts,
    )
    wanted = compare_sts(
        [scores(0.10, seed) for seed in range(3)],
        [scores(0.45, seed) for seed in range(3)],
        tasks=SEVEN,
    )
    assert found.compared[:4] == pytest.approx(wanted[:4])
    assert len(found.runs) == 6


def test_an_arm_without_seeds_meets_every_seed(evidence):
    found = difference(
        [arm(evidence, "trained", framework="crop", reshape="without")],
        [arm(evidence, "untrained")],
        evidence.sts,
    )
    wanted = compare_sts(
        [scores(0.45, seed) for seed in range(3)],
        [scores(0.8, 0)] * 3,
        tasks=SEVEN,
    )
    assert found.compared[:4] == pytest.approx(wanted[:4])


def test_a_group_is_the_mean_of_its_arms(evidence):
    frameworks = ("ESimCSE", "crop")
    both = [
        [arm(evidence, "trained", framework=f, reshape=level) for f in frameworks]
        for level in ("with", "without")
    ]
    singles = [
        difference([a], [b], evidence.sts).compared.delta for a, b in zip(*both, strict=True)
    ]
    assert difference(both[0], both[1], evidence.sts).compared.delta == pytest.approx(
        np.mean(singles)
    )


def test_picking_the_best_widens_the_interval(evidence):
    a, b = (arm(evidence, "trained", framework=f, reshape="without") for f in ("SimCSE", "crop"))
    plain, picked = (difference([a], [b], evidence.sts, picked_from=k).compared for k in (1, 4))
    assert picked.level == pytest.approx(1 - 0.05 / 4)
    assert picked.low < plain.low < plain.high < picked.high
    choice = ArmChoice(arm="trained", at={"reshape": "without"}, pick="best")
    several = ClaimSpec(
        name="c", question="?", first=choice, second=ArmChoice(arm="untrained"), study="portability"
    )
    found = estimate_claim(several, evidence)
    assert found.picked_from > 1
    assert "The best of" in found.details
    best = max(
        choose(evidence, choice, evidence.sts),
        key=lambda one: np.mean([evidence.sts(run).point for run in one.runs.values()]),
    )
    assert set(found.runs) >= set(best.runs.values())


def test_extreme_is_the_share_beyond(evidence):
    run = arm(evidence, "untrained").runs[0]
    frame = scores(0.8, 0)
    values = frame.loc[frame["task"] == "stsb", "score"].to_numpy(float)
    sample = evidence.extreme(run)
    assert sample.point == pytest.approx(np.mean(np.abs(values) >= 0.9))
    assert sample.influence.shape == values.shape
    assert sample.influence.sum() == pytest.approx(0, abs=1e-12)
    p = sample.point
    assert (sample.influence**2).sum() == pytest.approx(p * (1 - p) / (len(values) - 1))


# ---- verdicts on planted effects
# ------------------------------------------------------------------------------


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
    assert (found.verdict, found.needed) == ("undecided", "2 seeds or more")


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
    assert [row.cells["claim"].value for row in table.rows] == [c.name for c in paper_claims()]
    csv = (tmp_path / "out" / "claims" / "table.csv").read_text()
    (line,) = (line for line in csv.splitlines() if line.startswith("portability,"))
    assert re.search(r",portability,,,,,,not run,,,,own,$", line)
    page = (tmp_path / "out" / "claims.md").read_text()
    assert "1 supported (sts-quality)" in summary
    assert summary in page
    assert "recse-lab ablate portability --corpus CORPUS --data-dir SENTEVAL" in page
    assert (
        "about the scale of its runs: recse-lab/tiny (the packaged BERT of 3 layers × 128), 20 "
        "steps, batch 64" in page
    )
    (estimated,) = (
        row.cells["estimate"] for row in table.rows if row.cells["claim"].value == "sts-quality"
    )
    assert (
        f"{100 * estimated.value:+.2f} (95 % interval [{100 * estimated.low:+.2f}, "
        f"{100 * estimated.high:+.2f}]; seeds: 3;" in page
    )


def test_levels_that_are_not_there_are_named(evidence):
    with pytest.raises(
        NotRun, match="no finished run of trained at framework ArcCSE, reshape with"
    ):
        arm(evidence, "trained", framework="ArcCSE", reshape="with")
