"""A comparison says what the stored scores say, whatever the sides are."""

import numpy as np
import pytest
from runstore import add_evaluations, add_imported, add_portability, scores

from recse_lab.data.sts_sets import SEVEN
from recse_lab.errors import LabError
from recse_lab.jobs.sides import find_sides
from recse_lab.reports.comparison import ComparedSides, write_comparison
from recse_lab.reports.tables import rich_table
from recse_lab.runs.comparing import compare_arms
from recse_lab.runs.references import find_arm
from recse_lab.runs.samples import sts_samples
from recse_lab.statistics import compare_sts, holm


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    root = tmp_path_factory.mktemp("store")
    add_portability(root)
    add_evaluations(root)
    add_imported(root)
    return root


def compared(store, first, second):
    return ComparedSides(*find_sides(first, second, store))


def test_two_arms_by_task_and_on_average(store):
    found = compared(store, "ESimCSE with", "ESimCSE without")
    a, b = (find_arm(store, f"ESimCSE {which}") for which in ("with", "without"))
    runs = [*a.distinct, *b.distinct]
    samples = sts_samples(runs)
    assert found.total.compared == compare_arms(a, b, lambda run: samples[run.id])
    frame = found.frame().set_index("task")
    assert list(frame.index) == [*SEVEN, "average"]
    assert frame.loc[list(SEVEN), "delta"].mean() == pytest.approx(frame.loc["average", "delta"])
    adjusted = holm(list(frame.loc[list(SEVEN), "p"]))
    np.testing.assert_allclose(frame.loc[list(SEVEN), "p_holm"], adjusted)
    assert np.isnan(frame.loc["average", "p_holm"])
    assert "is better than" in found.summary()
    assert "new seeds and new pairs (3 seeds)" in found.summary()


def test_the_order_of_the_sides_changes_the_sign_alone(store):
    there, back = (
        compared(store, *sides).total.compared
        for sides in (("crop with", "crop without"), ("crop without", "crop with"))
    )
    assert (there.delta, there.low) == pytest.approx((-back.delta, -back.high))
    assert there.p == pytest.approx(back.p)


def test_two_encoders_are_compared_for_new_pairs(store):
    found = compared(store, "first=eval/sts-a", "eval/sts-b")
    assert found.first.label == "first"
    expected = compare_sts([scores(0.2, 7)], [scores(0.6, 7)], tasks=SEVEN, population="pairs")
    assert found.total.compared.delta == pytest.approx(expected.delta)
    assert found.total.compared.p == pytest.approx(expected.p)
    assert "new pairs, these very encoders" in found.summary()


def test_one_seed_says_nothing_about_new_seeds(store):
    found = compared(store, "crop with@0", "crop without@0")
    assert found.total.compared.population == "pairs"
    assert "one seed: nothing about new seeds" in found.summary()


def test_runs_between_commas_are_the_repetitions_of_a_side(store):
    listed = compared(store, "crop-with-0,crop-with-1,crop-with-2", "crop without")
    arms = compared(store, "crop with", "crop without")
    assert listed.total.compared == arms.total.compared


def test_seeds_that_one_side_lacks_are_left_out(store):
    found = compared(store, "crop with", "crop-without-0,crop-without-2")
    assert found.total.compared.seeds == 2


def test_a_result_without_scores_has_a_difference_and_no_test(store):
    found = compared(store, "theirs", "eval/sts-a")
    assert found.total.compared.p is None
    assert "without interval or test: one result without scores by pair" in found.summary()
    assert [row.task for row in found.rows[:-1]] == list(SEVEN[:5])


def test_what_is_not_significant_says_what_it_would_take(store):
    found = compared(store, "crop with@0", "crop with@1")
    assert not found.significant
    assert "A true difference of" in found.summary()


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        ("crop with", "eval/transfer-a", "have no STS task in common"),
        ("crop-with-0,crop-with-1", "crop-without-2", "with no seed in common; give as many"),
        ("crop-with-0,crop-with-0", "crop without", "a run is named twice"),
        (",", "crop without", "names nothing"),
    ],
)
def test_sides_that_cannot_be_compared(store, first, second, message):
    with pytest.raises(LabError, match=message):
        compared(store, first, second)


def test_it_is_written_in_every_format(store, tmp_path):
    found = compared(store, "crop with", "crop without")
    written = {path.name for path in write_comparison(found, tmp_path)}
    assert written == {
        f"comparison.{ending}" for ending in ("md", "tex", "csv", "json", "png", "pdf")
    }
    assert found.summary() in (tmp_path / "comparison.md").read_text()


def test_a_terminal_shows_intervals_where_they_fit(store, capsys):
    from rich.console import Console

    table = compared(store, "crop with", "crop without").table()
    for width, shown in ((100, True), (40, False)):
        Console(width=width).print(rich_table(table, width))
        assert (", +" in capsys.readouterr().out) == shown


def test_for_new_tasks_the_tasks_are_a_sample(store):
    from scipy import stats

    one = compared(store, "first=eval/sts-a", "eval/sts-b")
    deltas = one.frame().set_index("task").loc[list(SEVEN), "delta"]
    low, high = stats.ttest_1samp(deltas, 0).confidence_interval()
    found = one.for_new_tasks
    assert (found.delta, found.low, found.high) == pytest.approx((deltas.mean(), low, high))
    assert "For new tasks too, of the kind of these 7" in one.tasks_summary()
    several = compared(store, "ESimCSE with", "ESimCSE without")
    pairs = several.total.compared
    assert several.for_new_tasks.delta == pytest.approx(pairs.delta)
    assert several.document()["new_tasks"]["p"] == several.for_new_tasks.p
