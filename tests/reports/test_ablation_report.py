"""Who is compared with whom: the reference at the same level, and an arm that no seed changes with every seed."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from recse_lab.errors import LabError
from recse_lab.evaluation.protocols import find_protocol
from recse_lab.evaluation.sts import sts_results
from recse_lab.files import write_json
from recse_lab.reports.study.report import RESAMPLES, AblationReport
from recse_lab.runs.store import Run
from recse_lab.statistics import bootstrap_sts, compare_sts, mean_interval

ARMS = [("untrained", "reference", [0]), ("SimCSE", "reference", None), ("reCSE", "arm", None)]
LEVELS, SEEDS = ("mean", "cls"), (0, 1, 2)


@pytest.fixture
def study(tmp_path):
    """A study of three arms at two levels, with scores made up so that every run differs."""
    rng = np.random.default_rng(0)
    gold = rng.uniform(0, 5, 60)
    cells = []
    for arm, role, seeds in ARMS:
        for level in LEVELS:
            for seed in seeds or SEEDS:
                run = Run(tmp_path / f"{arm}-{level}-{seed}")
                noise = {"untrained": 3, "SimCSE": 2, "reCSE": 1}[arm] + (level == "cls")
                scores = pd.DataFrame(
                    {
                        "task": "sample-sts",
                        "subset": "sample",
                        "pair": range(60),
                        "gold": gold,
                        "score": gold + noise * rng.normal(size=60),
                    }
                )
                run.folder.mkdir()
                scores.to_parquet(run.scores)
                results = {
                    "schema": "recse-lab/results/1",
                    "protocol": find_protocol("simcse-2021").told(),
                    "dev": {"spearman": None, "selection": "last"},
                }
                write_json(run.folder / "results.json", results | sts_results(scores))
                write_json(run.folder / "environment.json", {"date": "2026-01-01T00:00:00+00:00"})
                run.set_status("done")
                cells.append(
                    {
                        "run": run.id,
                        "arm": arm,
                        "role": role,
                        "factors": {"model.pooling": level},
                        "seed": seed,
                    }
                )
    arms = [
        {"name": arm, "role": role, "seeds": seeds, "set": {}, "sweep": {}}
        for arm, role, seeds in ARMS
    ]
    spec = {
        "question": "?",
        "base": {
            "corpus": ["/home/me/wiki.txt"],
            "evaluation": {"data_dir": "/home/me/data", "selection": "last"},
        },
        "arms": arms,
        "report": {"x": "model.pooling", "against": "SimCSE"},
    }
    write_json(
        tmp_path / "study.json",
        {
            "name": "s",
            "spec": spec,
            "cells": cells,
            "seeds": list(SEEDS),
            "commands": ["recse-lab ablate s"],
        },
    )
    return AblationReport(tmp_path)


def group_of(study, arm, level):
    return next(g for g in study.groups if (g.arm, g.level) == (arm, level))


def frames_of(study, arm, level):
    return [
        pd.read_parquet(run.scores) for _, run in sorted(group_of(study, arm, level).runs.items())
    ]


def test_every_level_is_compared_with_the_reference_at_that_level(study):
    found = {(group.arm, group.level): test for group, test, _ in study.comparisons}
    assert set(found) == {(arm, level) for arm in ("untrained", "reCSE") for level in LEVELS}
    for level in LEVELS:
        frames = frames_of(study, "reCSE", level), frames_of(study, "SimCSE", level)
        wanted = compare_sts(*frames, tasks=["sample-sts"], resamples=RESAMPLES)
        assert found["reCSE", level] == pytest.approx(wanted)
        assert wanted.population == "both"
        assert wanted.p is not None


def test_an_arm_without_seeds_meets_every_seed(study):
    found = {(group.arm, group.level): test for group, test, _ in study.comparisons}
    for level in LEVELS:
        fixed, simcse = frames_of(study, "untrained", level), frames_of(study, "SimCSE", level)
        assert len(fixed) == 1
        assert found["untrained", level] == pytest.approx(
            compare_sts(3 * fixed, simcse, tasks=["sample-sts"], resamples=RESAMPLES)
        )


def test_two_arms_without_seeds_are_compared_for_other_pairs(study):
    found = study.test(group_of(study, "untrained", "mean"), group_of(study, "untrained", "cls"))
    frames = frames_of(study, "untrained", "mean"), frames_of(study, "untrained", "cls")
    assert found == pytest.approx(
        compare_sts(*frames, tasks=["sample-sts"], population="pairs", resamples=RESAMPLES)
    )
    assert found.p is not None


def test_one_seed_says_nothing_about_a_method(study):
    one = [
        replace(group_of(study, arm, "mean"), runs={0: group_of(study, arm, "mean").runs[0]})
        for arm in ("reCSE", "SimCSE")
    ]
    found = study.test(*one)
    assert (found.low, found.high, found.p, found.seeds, found.why) == (
        None,
        None,
        None,
        1,
        "one seed: no test",
    )
    assert np.isfinite(found.delta)


def test_a_level_that_the_reference_has_not_has_no_difference(study):
    """It used to be compared with the reference at another level."""
    told = study.study
    cells = [
        c for c in told["cells"] if (c["arm"], c["factors"]["model.pooling"]) != ("SimCSE", "cls")
    ]
    write_json(study.folder / "study.json", told | {"cells": cells})
    report = AblationReport(study.folder)
    found = {(group.arm, group.level): test for group, test, _ in report.comparisons}
    assert np.isnan(found["reCSE", "cls"].delta)
    assert found["reCSE", "cls"].why == "SimCSE was not run at its level"
    assert found["reCSE", "mean"].p is not None
    assert "SimCSE was not run at their level: untrained at cls; reCSE at cls" in " ".join(
        report.notes
    )
    assert "1 of 1 levels" in report.summary or "None of the 1 levels" in report.summary
    assert report.table.rows


def test_rows_of_the_same_runs_are_one_hypothesis(study):
    """Cells that a study declares one: they have one p, and neither Holm nor the sentence counts them twice."""
    single = {(group.arm, group.level): p for group, _, p in study.comparisons}
    told = study.study
    copies = [c | {"arm": "copy"} for c in told["cells"] if c["arm"] == "reCSE"]
    arm = next(a for a in told["spec"]["arms"] if a["name"] == "reCSE") | {"name": "copy"}
    spec = told["spec"] | {"arms": [*told["spec"]["arms"], arm]}
    write_json(
        study.folder / "study.json", told | {"cells": [*told["cells"], *copies], "spec": spec}
    )
    doubled = AblationReport(study.folder)
    found = {(group.arm, group.level): p for group, _, p in doubled.comparisons}
    for level in LEVELS:
        assert found["copy", level] == found["reCSE", level] == single["reCSE", level]
    assert doubled.summary == study.summary
    assert "count once" in " ".join(doubled.notes)
    assert "count once" not in " ".join(study.notes)


def test_the_interval_of_an_arm_is_for_other_seeds_and_other_pairs(study):
    group = group_of(study, "reCSE", "mean")
    points = np.array([study.primary(run) for run in group.runs.values()])
    boot = bootstrap_sts(
        frames_of(study, "reCSE", "mean"), tasks=["sample-sts"], resamples=RESAMPLES
    )
    assert study.interval(group) == mean_interval(points, boot)


def test_it_is_written_whole(study, tmp_path):
    paths = study.write(tmp_path / "report")
    assert {p.name for p in paths} == {
        "table.md",
        "table.tex",
        "table.csv",
        "summary.md",
        "page.html",
        "card.json",
        "figure.png",
        "figure.pdf",
    }
    assert not [p for p in paths if b"/home/me" in p.read_bytes()]
    assert "'selection': 'last'" in (tmp_path / "report" / "summary.md").read_text()
    assert "of the 2 levels" in study.summary
    assert "With 3 seeds one unadjusted comparison finds a true difference of" in study.summary


def test_runs_over_different_pairs_are_refused(study):
    run = group_of(study, "reCSE", "mean").runs[1]
    scores = pd.read_parquet(run.scores)
    scores.assign(gold=scores["gold"].to_numpy()[::-1]).to_parquet(run.scores)
    with pytest.raises(LabError, match="tested on different pairs"):
        _ = study.boot
