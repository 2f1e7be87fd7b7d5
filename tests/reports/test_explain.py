"""A difference from a published row is taken apart without remainder: the steps and what is left
add up to it.
"""

import json

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from recse_lab.data.sts_sets import SEVEN
from recse_lab.errors import LabError
from recse_lab.evaluation.sts import sts_results
from recse_lab.files import write_json
from recse_lab.reports.explain import explain, published_row
from recse_lab.runs.store import Run

SUBSETS = {"one": 20, "two": 60}


def scores_of(seed, tasks=SEVEN):
    """Two subsets a task, of unlike size and with a shift between them, so that every aggregation
    has another value.
    """
    rng = np.random.default_rng(seed)
    parts = []
    for task in tasks:
        for subset, size in SUBSETS.items():
            gold = rng.uniform(0, 5, size)
            score = (
                gold * (1 if subset == "one" else -0.2)
                + 2 * (subset == "two")
                + rng.normal(size=size)
            )
            parts.append(
                pd.DataFrame(
                    {
                        "task": task,
                        "subset": subset,
                        "pair": range(size),
                        "gold": gold,
                        "score": score,
                    }
                )
            )
    return pd.concat(parts, ignore_index=True)


def run_of(root, name, seed, pooling="mean", tasks=SEVEN):
    run = Run(root / "s" / name)
    frame = scores_of(seed, tasks)
    dev = {"selection": "last", "spearman": 0.6}
    write_json(
        run.folder / "config.json",
        {"encoder": "recse-lab/tiny", "seed": seed, "model": {"pooling": pooling}},
    )
    write_json(run.folder / "results.json", sts_results(frame) | {"dev": dev})
    looks = [{"step": 1}, {"step": 8, "dev_spearman": 0.72}, {"step": 16, "dev_spearman": 0.70}]
    (run.folder / "metrics.jsonl").write_text("".join(json.dumps(look) + "\n" for look in looks))
    run.set_status("done")
    return run, frame


def cells(table):
    return {
        row.cells["step"].value: {key: cell.value for key, cell in row.cells.items()}
        for row in table.rows
    }


def by_hand(frame, weighted):
    """The average over the tasks of the mean over subsets, from scipy alone."""
    means = []
    for _, task in frame.groupby("task"):
        found = [
            (len(part), stats.spearmanr(part["gold"], part["score"]).statistic)
            for _, part in task.groupby("subset")
        ]
        sizes = [size if weighted else 1 for size, _ in found]
        means.append(np.average([value for _, value in found], weights=sizes))
    return np.mean(means)


@pytest.mark.parametrize(
    "aggregation", ["all", "mean", "wmean", "all (assumed)", "mteb", "not stated"]
)
def test_the_steps_add_up_to_the_difference(tmp_path, aggregation):
    run, frame = run_of(tmp_path, "a" * 12, 0, tasks=(*SEVEN, "sickr-all"))
    row = published_row("simcse@bert-base")[0] | {"aggregation": aggregation}
    table = explain(run, row, tmp_path)
    told = cells(table)
    start = told["this run"]["value"]
    assert start + sum(
        line["points"] for line in told.values() if line.get("points")
    ) == pytest.approx(0.7625)
    used = {
        "mean": by_hand(frame[frame["task"] != "sickr-all"], False),
        "wmean": by_hand(frame[frame["task"] != "sickr-all"], True),
    }
    (step,) = [line for name, line in told.items() if name.startswith("aggregation")]
    assert step["points"] == pytest.approx(used.get(aggregation, start) - start)
    if aggregation in used:
        assert abs(step["points"]) > 0.01
    assert ("says 'not stated'" in step["how"]) == (aggregation == "not stated")
    results = run.record.results.tree()["tasks"]
    moved = (results["sickr-all"]["spearman"]["all"] - results["sickr"]["spearman"]["all"]) / 7
    if aggregation == "mteb":
        assert told["SICK split"]["points"] == pytest.approx(moved)
    else:
        assert told["SICK split"]["how"] == "80 pairs here, 4,927 pairs there"


def test_other_test_data_is_the_first_thing_that_is_told(tmp_path):
    run, _ = run_of(tmp_path, "a" * 12, 0)
    row = published_row("simcse@bert-base")[0]
    told = cells(explain(run, row, tmp_path))
    assert list(told)[1] == "test data"
    assert "STS12 has 80 pairs (the published set 3,108)" in told["test data"]["how"]
    assert told["SICK split"]["points"] is None


def test_what_is_left_stands_beside_what_new_pairs_would_give(tmp_path):
    run, frame = run_of(tmp_path, "a" * 12, 0)
    frame.to_parquet(run.scores)
    row = published_row("simcse@bert-base")[0]
    how = cells(explain(run, row, tmp_path))["not explained"]["how"]
    assert "is beyond what they would give" in how
    near = cells(explain(run, row | {"avg": run.record.sts.average.spearman.all}, tmp_path))
    assert "is within what they would give" in near["not explained"]["how"]


def test_what_cannot_be_computed_says_what_to_run(tmp_path):
    run, _ = run_of(tmp_path, "a" * 12, 0, pooling="first_last_mean")
    study = {"name": "s", "spec": {"arms": []}, "cells": []}
    study["commands"] = ["recse-lab ablate s --quick"]
    write_json(tmp_path / "s" / "study.json", study)
    row = published_row("simcse@bert-base")[0]
    told = cells(explain(run, row | {"aggregation": "mteb"}, tmp_path))
    again = "run `recse-lab ablate s --quick --rerun all --keep-models`, then `recse-lab eval"
    for step, option in (
        ("pooling", "--pooling cls"),
        ("layers", "--pooling static_last_mean"),
        ("SICK split", "--tasks sickr-all"),
    ):
        assert told[step].get("points") is None
        assert again in told[step]["how"]
        assert option in told[step]["how"]
    assert (
        "best of 2 looks is 72.00 (step 8), the last 70.00 (step 16, -2.00)"
        in told["selection"]["how"]
    )
    (run.folder / "model" / "last").mkdir(parents=True)
    told = cells(explain(run, row, tmp_path))
    assert again not in told["pooling"]["how"]
    assert (
        f"`recse-lab eval {run.folder / 'model' / 'last'} --pooling cls" in told["pooling"]["how"]
    )


def test_seeds_of_the_same_question_alone_are_its_spread(tmp_path):
    run, _ = run_of(tmp_path, "a" * 12, 0)
    assert (
        "no other seed"
        in cells(explain(run, published_row("simcse@bert-base")[0], tmp_path))["seeds"]["how"]
    )
    others = [run_of(tmp_path, str(seed) * 12, seed)[0] for seed in (1, 2)]
    run_of(tmp_path, "b" * 12, 3, pooling="cls")
    values = [100 * one.record.sts.average.spearman.all for one in (run, *others)]
    told = cells(explain(run, published_row("simcse@bert-base")[0], tmp_path))["seeds"]["how"]
    assert told.startswith(
        f"3 seeds: {np.mean(values):.2f} ± {np.std(values, ddof=1):.2f}, from {min(values):.2f} "
        f"to {max(values):.2f}"
    )
    assert told.endswith("lies outside that")


def test_a_row_is_found_and_others_of_its_name_are_told(tmp_path, call):
    row, others = published_row("simcse")
    assert (row["label"], row["avg"]) == ("SimCSE, BERT-base (all)", pytest.approx(0.7625))
    assert "SimCSE, RoBERTa-base (all)" in others
    run_of(tmp_path, "a" * 12, 0)
    code, out, err = call("explain", "aaa", "--published", "simcse", "--runs", tmp_path)
    assert code == 0, err
    assert "not explained" in out
    assert "Other rows" in out
    with pytest.raises(LabError, match="no published result"):
        published_row("simpsons")


def test_a_run_without_the_seven_tasks_is_refused(tmp_path):
    run, _ = run_of(tmp_path, "a" * 12, 0, tasks=("stsb",))
    with pytest.raises(LabError, match="no average over the seven"):
        explain(run, published_row("simcse")[0], tmp_path)


def measured(root, averages, tasks, config):
    """A run that was not trained here: an evaluated encoder, or an imported result."""
    run = Run(root / "eval" / ("c" * 12))
    correlations = {task: {"spearman": averages, "pairs": 10} for task in tasks}
    write_json(run.folder / "config.json", config)
    average = {"tasks": list(tasks), "spearman": averages, "undefined": None}
    write_json(run.folder / "results.json", {"tasks": correlations, "average": average})
    run.set_status("done")
    return run


def test_an_evaluated_encoder_is_explained_too(tmp_path):
    averages = {"all": 0.70, "mean": 0.68, "wmean": 0.69}
    config = {"encoder": "bert", "model": {"pooling": "mean"}}
    run = measured(tmp_path, averages, (*SEVEN[:-1], "sickr-all"), config)
    told = cells(explain(run, published_row("simcse@bert-base")[0], tmp_path))
    assert told["not explained"]["points"] == pytest.approx(0.7625 - 0.70)
    assert told["SICK split"].get("points") is None
    assert "10 pairs here, 4,927 pairs there" in told["SICK split"]["how"]
    assert (
        "run `recse-lab eval bert --tasks sickr --data-dir SENTEVAL`" in told["SICK split"]["how"]
    )
    assert "run `recse-lab eval bert --pooling cls --data-dir SENTEVAL`" in told["pooling"]["how"]
    assert "no seeds" in told["seeds"]["how"]
    assert "no weights were chosen" in told["selection"]["how"]


def test_an_imported_result_is_explained_as_far_as_it_tells(tmp_path):
    averages = {"all": 0.70, "mean": None, "wmean": None}
    run = measured(
        tmp_path, averages, SEVEN, {"encoder": "bert", "imported": {"format": "simcse-log"}}
    )
    told = cells(
        explain(run, published_row("simcse@bert-base")[0] | {"aggregation": "mean"}, tmp_path)
    )
    assert told["aggregation mean"].get("points") is None
    assert "this run by all 70.00" in told["aggregation mean"]["how"]
    assert told["not explained"]["points"] == pytest.approx(0.0625)
    assert "cannot be computed from an imported result" in told["pooling"]["how"]
