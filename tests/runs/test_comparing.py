"""Arms compared by seed, as the statistics have it."""

import numpy as np
import pytest
from runstore import add_portability

from recse_lab.runs.collection import Arm, read_study
from recse_lab.runs.comparing import Paired, about_seeds, by_seed, compare_arms
from recse_lab.runs.samples import Sample, TestPairs
from recse_lab.runs.store import Run
from recse_lab.statistics.comparison import compare_influences
from recse_lab.statistics.sharing import pairs_covariance
from recse_lab.statistics.spread import spread_over_both

PAIRS = 200
TESTED = TestPairs("gold", np.arange(2 * PAIRS).reshape(PAIRS, 2) // 3)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    root = tmp_path_factory.mktemp("comparing")
    add_portability(root)
    return read_study(root / "portability")


def trained(study, framework, reshape):
    return study.find("trained", {"framework": framework, "reshape": reshape})


def number(run: Run) -> Sample:
    """A number and influences that follow from the run's average alone."""
    point = run.record.sts.average.spearman.all
    assert point is not None
    psi = np.random.default_rng(0).normal(0, 0.01 / PAIRS**0.5, PAIRS)
    return Sample(point, psi * (1 + point), TESTED)


def values(arm):
    samples = [number(run) for _, run in sorted(arm.runs.items())]
    return np.array([s.point for s in samples]), np.stack([s.influence for s in samples])


def test_two_arms_are_compared_seed_by_seed(study):
    first, second = trained(study, "crop", "without"), trained(study, "crop", "with")
    (a, psi_a), (b, psi_b) = values(first), values(second)
    found = compare_arms(first, second, number)
    assert found == compare_influences(a, b, psi_a, psi_b, TESTED.shared)
    assert found.delta == pytest.approx((a - b).mean())
    assert (found.seeds, found.population) == (3, "both")
    assert found.p is not None


def test_groups_are_compared_by_their_means(study):
    first = [trained(study, name, "with") for name in ("crop", "ESimCSE")]
    second = [trained(study, name, "without") for name in ("crop", "ESimCSE")]
    pair = Paired(first, second, number)
    points = [np.mean([values(arm)[0] for arm in group], axis=0) for group in (first, second)]
    assert pair.first == pytest.approx(points[0])
    assert pair.compare(level=0.9).delta == pytest.approx((points[0] - points[1]).mean())
    assert pair.compare(level=0.9).level == 0.9
    assert len(pair.distinct) == 12
    covariance = pairs_covariance(pair.first_influence - pair.second_influence, TESTED.shared)
    assert pair.spread == spread_over_both(pair.first - pair.second, covariance)
    alone = pair.compare(independent=True)
    assert alone.sharing_ratio == 1
    assert pair.compare().sharing_ratio > 1


def test_runs_on_different_pairs_are_not_compared(study):
    first, second = trained(study, "crop", "without"), trained(study, "crop", "with")
    other = TestPairs("other gold")
    moved = {run.folder for run in second.distinct}
    with pytest.raises(ValueError, match="different pairs"):
        Paired(
            first,
            second,
            lambda run: number(run)._replace(pairs=other) if run.folder in moved else number(run),
        )


def test_an_arm_that_no_seed_changes_meets_every_seed(study):
    untrained, other = study.find("untrained"), trained(study, "SimCSE", "with")
    rows = by_seed((untrained, other))
    assert [row[0].id for row in rows] == ["untrained"] * 3
    assert [row[1].id for row in rows] == [other.runs[seed].id for seed in (0, 1, 2)]
    assert compare_arms(other, untrained, number).seeds == 3


def test_arms_that_no_seed_changes_are_compared_on_their_pairs(study):
    untrained = study.find("untrained")
    other = Arm("s", "other", runs={0: trained(study, "crop", "with").runs[0]}, seedless=True)
    found = compare_arms(other, untrained, number)
    assert (found.population, found.seeds) == ("pairs", 1)
    assert found.p is not None


def test_one_seed_has_no_test_unless_it_is_asked_for(study):
    first, second = (
        Arm("s", name, runs={0: trained(study, "crop", name).runs[0]})
        for name in ("with", "without")
    )
    untested = compare_arms(first, second, number)
    assert (untested.p, untested.low, untested.why) == (None, None, "one seed: no test")
    tested = compare_arms(first, second, number, one_seed=True)
    assert tested.p is not None
    assert (tested.delta, tested.population) == (untested.delta, "pairs")
    assert about_seeds(tested, (first, second)) == untested


def test_arms_without_a_common_seed_are_not_compared(study):
    runs = trained(study, "crop", "with").runs
    first, second = Arm("s", "a", runs={0: runs[0]}), Arm("s", "b", runs={1: runs[1]})
    assert by_seed((first, second)) == []
    found = compare_arms(first, second, number)
    assert np.isnan(found.delta)
    assert (found.p, found.why) == (None, "no seed in common")
    assert by_seed((first, Arm("s", "c", planned=3))) == []
