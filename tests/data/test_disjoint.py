"""sts-disjoint: what is known of the real sets, its rule by brute force, and dev sets without
tests.
"""

import itertools

import numpy as np
import pytest

from recse_lab.data.disjoint import KEEPERS, first_occurrences, pair_keys, unseen
from recse_lab.data.sentence_ids import normalised
from recse_lab.data.sts_sets import (
    DISJOINT,
    DISJOINT_DEVS,
    SEVEN,
    StsTask,
    kept_rows,
    load_task,
    task_keys,
)

YEARS = SEVEN[:5]


def texts(task: StsTask, punctuation: bool) -> list[frozenset[str]]:
    """Pairs as sets of normalised texts: another implementation than the keys."""
    return [
        frozenset(normalised(s, punctuation=punctuation) for s in pair)
        for pairs in task.subsets.values()
        for pair in zip(pairs.first, pairs.second, strict=True)
    ]


@pytest.mark.parametrize(
    ("name", "punctuation", "shared"),
    [
        ("stsb-dev", True, 893),
        ("stsb", True, 839),
        ("stsb-dev", False, 1131),
        ("stsb", False, 1007),
    ],
)
def test_pairs_of_sts_benchmark_that_are_pairs_of_the_years(data_dir, name, punctuation, shared):
    years = {p for year in YEARS for p in texts(load_task(year, data_dir), punctuation)}
    assert sum(p in years for p in texts(load_task(name, data_dir), punctuation)) == shared


def test_keys_ignore_order_case_space_and_punctuation():
    a, b, c = pair_keys(["A dog.", "a cat", "A dog"], ["a  cat", "a dog !", "a bird"])
    assert a == b != c
    with_marks = pair_keys(["A dog.", "a dog"], ["x", "x"], punctuation=True)
    assert with_marks[0] != with_marks[1]


def test_every_distinct_pair_stays_once_and_in_the_first_task_of_the_order():
    rng = np.random.default_rng(0)
    tasks = {name: [tuple(p) for p in rng.integers(0, 6, (40, 2)).tolist()] for name in "abc"}
    kept = first_occurrences(tasks, ["c", "a", "b"])
    stay = [
        (name, row)
        for name in ("c", "a", "b")
        for row in range(40)
        if tasks[name][row] not in tasks[name][:row]
        and not any(
            tasks[name][row] in tasks[earlier] for earlier in "cab"["cab".index(name) :: -1][1:]
        )
    ]
    assert stay == [(n, r) for n in ("c", "a", "b") for r in np.flatnonzero(kept[n])]
    assert len(stay) == len(set(itertools.chain(*tasks.values())))


def test_a_dev_set_loses_test_sentences_and_its_own_repeats():
    dev = [(1, 2), (3, 4), (1, 2), (5, 6), (7, 7)]
    assert unseen(dev, [(4, 9)]).tolist() == [True, False, False, True, True]


def test_the_real_sets_without_leaks(data_dir):
    """17,324 distinct pairs; the smallest task that has a pair keeps it, so STS-B keeps 1,092."""
    kept = {name: load_task(name, data_dir) for name in (*DISJOINT, *DISJOINT_DEVS)}
    pairs = {name: texts(task, punctuation=False) for name, task in kept.items()}
    tests = list(itertools.chain(*(pairs[name] for name in DISJOINT)))
    published = {name: texts(load_task(name, data_dir), punctuation=False) for name in SEVEN}
    assert len(tests) == len(set(tests)) == 17324
    assert set(tests) == set(itertools.chain(*published.values()))
    assert {name: len(found) for name, found in pairs.items()} == {
        "sts12-disjoint": 2608,
        "sts13-disjoint": 1427,
        "sts14-disjoint": 3355,
        "sts15-disjoint": 2788,
        "sts16-disjoint": 1185,
        "stsb-disjoint": 1092,
        "sickr-disjoint": 4869,
        "stsb-dev-disjoint": 306,
        "stsb-train-disjoint": 689,
    }
    sentences = {s for found in published.values() for pair in found for s in pair}
    for name in DISJOINT_DEVS:
        assert not sentences & {s for pair in pairs[name] for s in pair}
    sizes = [len(published[name]) for name in KEEPERS]
    assert sizes == sorted(sizes)


def test_rows_keep_the_gold_score_of_their_file(data_dir):
    """So stored scores of simcse-2021 give those of sts-disjoint by a choice of rows."""
    whole, kept = load_task("sts12", data_dir), kept_rows(data_dir)["sts12"]
    disjoint = load_task("sts12-disjoint", data_dir)
    gold = np.concatenate([pairs.gold for pairs in whole.subsets.values()])
    assert (
        np.concatenate([p.gold for p in disjoint.subsets.values()]).tolist() == gold[kept].tolist()
    )
    keys = task_keys(whole)
    assert task_keys(disjoint) == [keys[row] for row in np.flatnonzero(kept)]
