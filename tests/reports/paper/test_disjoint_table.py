"""Stored scores under sts-disjoint: rows chosen by hand, runs on other pairs refused, the
command.
"""

import numpy as np
import pandas as pd
import pytest
from conftest import write_senteval
from runstore import PROTOCOL, add_run
from scipy import stats

from recse_lab.data.sts_sets import SEVEN, load_task
from recse_lab.errors import LabError
from recse_lab.evaluation.sts import sts_results
from recse_lab.reports.paper import disjoint_table
from recse_lab.reports.paper.request import Ask
from recse_lab.runs.collection import read_store


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """STS sets in which one pair of STS-B test is a pair of STS16, reversed and without its
    case.
    """
    root = write_senteval(tmp_path_factory.mktemp("shared"))
    first, second = load_task("sts16", root).subsets["headlines"][:2]
    path = root / "STS/STSBenchmark/sts-test.csv"
    lines = path.read_text().splitlines()
    lines[4] = f"main\tf\t2012\t4\t3.5\t{second[0].upper()} .\t{first[0]}"
    path.write_text("".join(f"{line}\n" for line in lines))
    return root


def frame(root, seed, tasks=SEVEN):
    rng = np.random.default_rng(seed)
    parts = [
        pd.DataFrame(
            {
                "task": name,
                "subset": subset,
                "pair": range(len(pairs.gold)),
                "gold": pairs.gold,
                "score": rng.normal(size=len(pairs.gold)),
            }
        )
        for name in tasks
        for subset, pairs in load_task(name, root).subsets.items()
    ]
    return pd.concat(parts, ignore_index=True)


def add(root, data, name, seed, gold=None):
    scores = frame(data, seed)
    if gold is not None:
        scores.loc[0, "gold"] = gold
    config = {"encoder": name, "seed": 0, "evaluation": {"data_dir": str(data)}}
    results = {"protocol": PROTOCOL, "encoder": {"name": name}} | sts_results(scores)
    add_run(root, "eval", name, config=config, results=results, frame=scores)
    return scores


def test_a_shared_pair_stays_in_the_smaller_task(folder, tmp_path):
    scores = {name: add(tmp_path, folder, name, seed) for seed, name in enumerate("ab")}
    stsb, *sixteen = (
        [
            frozenset(text.lower().removesuffix(" .") for text in pair)
            for pair in zip(*pairs[:2], strict=True)
        ]
        for name in ("stsb", "sts16")
        for pairs in load_task(name, folder).subsets.values()
    )
    shared = [row for row, pair in enumerate(stsb) if any(pair in part for part in sixteen)]
    assert 4 in shared
    made = disjoint_table.table(read_store(tmp_path).arms, Ask())
    for row in made.rows:
        whole = scores[row.runs[0].id]
        kept = whole[~((whole["task"] == "stsb") & whole["pair"].isin(shared))]
        by_hand = [
            stats.spearmanr(part["gold"], part["score"]).statistic
            for part in (kept[kept["task"] == name] for name in SEVEN)
        ]
        assert row.cells["stsb_disjoint"].value == pytest.approx(by_hand[SEVEN.index("stsb")])
        assert row.cells["disjoint"].value == pytest.approx(np.mean(by_hand))
        assert row.cells["delta"].value == pytest.approx(
            row.cells["disjoint"].value - row.cells["avg"].value
        )
    assert sorted(row.cells["place"].value for row in made.rows) == [1.0, 2.0]
    assert disjoint_table.answer(made).startswith("Without shared pairs the average of 2 rows")


def test_scores_of_other_pairs_are_refused(folder, tmp_path):
    add(tmp_path, folder, "a", 0, gold=0.123)
    with pytest.raises(LabError, match=r"sts12 are not on the pairs in .*with --data-dir"):
        disjoint_table.table(read_store(tmp_path).arms, Ask())


def test_without_data_or_scores(folder, tmp_path):
    add(tmp_path, folder, "a", 0)
    with pytest.raises(LabError, match="no STS data here"):
        disjoint_table.table(read_store(tmp_path).arms, Ask(data_dir=str(tmp_path)))
    (tmp_path / "eval/a/scores.parquet").unlink()
    with pytest.raises(LabError, match="no finished run has stored scores of the seven STS tasks"):
        disjoint_table.table(read_store(tmp_path).arms, Ask())
