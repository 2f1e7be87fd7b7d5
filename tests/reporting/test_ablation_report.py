"""Who is compared with whom: the reference at the same level, and an arm that no seed changes with every seed."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from recse_lab.evaluation.protocols import find_protocol
from recse_lab.evaluation.sts import sts_results
from recse_lab.reporting.ablation import AblationReport
from recse_lab.store import Run, write_json

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
                scores = pd.DataFrame({
                    "task": "sample-sts", "subset": "sample", "pair": range(60), "gold": gold, "score": gold + noise * rng.normal(size=60)
                })  # fmt: skip
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
                    {"run": run.id, "arm": arm, "role": role, "factors": {"model.pooling": level}, "seed": seed}
                )
    arms = [{"name": arm, "role": role, "seeds": seeds, "set": {}, "sweep": {}} for arm, role, seeds in ARMS]
    spec = {"question": "?", "base": {}, "arms": arms, "report": {"x": "model.pooling", "against": "SimCSE"}}
    write_json(
        tmp_path / "study.json",
        {"name": "s", "spec": spec, "cells": cells, "seeds": list(SEEDS), "commands": ["recse-lab ablate s"]},
    )
    return AblationReport(tmp_path)


def scores_of(study, arm, level):
    group = next(g for g in study.groups if (g.arm, g.level) == (arm, level))
    return [study.primary(run) for _, run in sorted(group.runs.items())]


def test_every_level_is_compared_with_the_reference_at_that_level(study):
    found = {(group.arm, group.level): test for group, test, _ in study.comparisons}
    assert set(found) == {(arm, level) for arm in ("untrained", "reCSE") for level in LEVELS}
    for level in LEVELS:
        wanted = stats.ttest_rel(scores_of(study, "reCSE", level), scores_of(study, "SimCSE", level))
        assert found["reCSE", level].p == pytest.approx(wanted.pvalue)
        assert found["reCSE", level].delta == pytest.approx(
            np.mean(scores_of(study, "reCSE", level)) - np.mean(scores_of(study, "SimCSE", level))
        )


def test_an_arm_without_seeds_meets_every_seed(study):
    found = {(group.arm, group.level): test for group, test, _ in study.comparisons}
    for level in LEVELS:
        (fixed,) = scores_of(study, "untrained", level)
        wanted = stats.ttest_1samp(scores_of(study, "SimCSE", level), fixed)
        assert found["untrained", level].p == pytest.approx(wanted.pvalue)
        assert found["untrained", level].seeds == 3


def test_it_is_written_whole(study, tmp_path):
    paths = study.write(tmp_path / "report")
    assert {p.name for p in paths} == {
        "table.md", "table.tex", "table.csv", "summary.md", "page.html", "figure.png", "figure.pdf"
    }  # fmt: skip
    assert "of the 2 levels" in study.summary
