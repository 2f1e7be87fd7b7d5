"""The reference of an arm, its comparison, and arms that no seed changes."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from recse_lab.errors import LabError
from recse_lab.files import read_json, write_json
from recse_lab.reports.study.numbers import read_numbers
from recse_lab.reports.study.summary import summarise
from recse_lab.reports.study.table import notes, study_table
from recse_lab.statistics import compare_sts, mean_interval
from recse_lab.statistics.sts import sts_influence

LEVELS = ("mean", "cls")


def arm_at(numbers, name, level):
    return numbers.study.find(name, {"model.pooling": level})


def by_arm(numbers):
    return {(c.arm.name, numbers.level(c.arm)): c for c in numbers.comparisons}


def frames_of(study, arm, level):
    return [
        pd.read_parquet(run.scores) for _, run in sorted(arm_at(study, arm, level).runs.items())
    ]


def test_every_level_is_compared_with_the_reference_at_that_level(study):
    found = {key: c.comparison for key, c in by_arm(study).items()}
    assert set(found) == {(arm, level) for arm in ("untrained", "reCSE") for level in LEVELS}
    for level in LEVELS:
        frames = frames_of(study, "reCSE", level), frames_of(study, "SimCSE", level)
        wanted = compare_sts(*frames, tasks=["sample-sts"])
        assert found["reCSE", level] == pytest.approx(wanted)
        assert wanted.population == "both"
        assert wanted.p is not None


def test_an_arm_without_seeds_meets_every_seed(study):
    found = {key: c.comparison for key, c in by_arm(study).items()}
    for level in LEVELS:
        fixed, simcse = frames_of(study, "untrained", level), frames_of(study, "SimCSE", level)
        assert len(fixed) == 1
        assert found["untrained", level] == pytest.approx(
            compare_sts(3 * fixed, simcse, tasks=["sample-sts"])
        )


def test_two_arms_without_seeds_are_compared_for_new_pairs(study):
    found = study.compare(arm_at(study, "untrained", "mean"), arm_at(study, "untrained", "cls"))
    frames = frames_of(study, "untrained", "mean"), frames_of(study, "untrained", "cls")
    assert found == pytest.approx(compare_sts(*frames, tasks=["sample-sts"], population="pairs"))
    assert found.p is not None


def test_one_seed_says_nothing_about_a_method(study):
    one = [
        replace(arm_at(study, arm, "mean"), runs={0: arm_at(study, arm, "mean").runs[0]})
        for arm in ("reCSE", "SimCSE")
    ]
    found = study.compare(*one)
    assert (found.low, found.high, found.p, found.seeds, found.why) == (
        None,
        None,
        None,
        1,
        "one seed: no test",
    )
    assert np.isfinite(found.delta)


def test_a_level_without_a_reference_has_no_difference(study):
    """It used to be compared with the reference at another level."""
    stored = read_json(study.study.folder / "study.json")
    cells = [
        c for c in stored["cells"] if (c["arm"], c["factors"]["model.pooling"]) != ("SimCSE", "cls")
    ]
    write_json(study.study.folder / "study.json", stored | {"cells": cells})
    report = read_numbers(study.study.folder)
    found = {key: c.comparison for key, c in by_arm(report).items()}
    assert np.isnan(found["reCSE", "cls"].delta)
    assert found["reCSE", "cls"].why == "SimCSE was not run at its level"
    assert found["reCSE", "mean"].p is not None
    lacking = "SimCSE was not run at their level: untrained at cls; reCSE at cls"
    assert lacking in " ".join(notes(report))
    assert "1 of 1 levels" in summarise(report) or "The level is not" in summarise(report)
    assert study_table(report).rows


def test_rows_of_the_same_runs_are_one_hypothesis(study):
    """They have one p, and neither Holm's method nor the summary counts them twice."""
    single = {key: c.p for key, c in by_arm(study).items()}
    stored = read_json(study.study.folder / "study.json")
    copies = [c | {"arm": "copy"} for c in stored["cells"] if c["arm"] == "reCSE"]
    arm = next(a for a in stored["spec"]["arms"] if a["name"] == "reCSE") | {"name": "copy"}
    spec = stored["spec"] | {"arms": [*stored["spec"]["arms"], arm]}
    write_json(
        study.study.folder / "study.json",
        stored | {"cells": [*stored["cells"], *copies], "spec": spec},
    )
    doubled = read_numbers(study.study.folder)
    found = {key: c.p for key, c in by_arm(doubled).items()}
    for level in LEVELS:
        assert found["copy", level] == found["reCSE", level] == single["reCSE", level]
    assert summarise(doubled) == summarise(study)
    assert "count once" in " ".join(notes(doubled))
    assert "count once" not in " ".join(notes(study))


def test_the_interval_of_an_arm_is_for_new_seeds_and_new_pairs(study):
    arm = arm_at(study, "reCSE", "mean")
    points = np.array([study.primary(run) for run in arm.runs.values()])
    _, psi, _ = sts_influence(frames_of(study, "reCSE", "mean"), tasks=["sample-sts"])
    shared = study.sample(arm.runs[0]).pairs.shared
    assert study.interval(arm) == mean_interval(points, psi, shared)


def test_runs_over_different_pairs_are_refused(study):
    run = arm_at(study, "reCSE", "mean").runs[1]
    scores = pd.read_parquet(run.scores)
    scores.assign(gold=scores["gold"].to_numpy()[::-1]).to_parquet(run.scores)
    with pytest.raises(LabError, match="tested on different pairs"):
        _ = study.samples
