"""Protocols: what each averages and prints, against SciPy on the same scores."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from recse_lab.data.sts_sets import DISJOINT, LABELS, SEVEN
from recse_lab.data.transfer_sets import TRANSFER
from recse_lab.errors import LabError
from recse_lab.evaluation.protocols import (
    AGGREGATIONS,
    PROTOCOLS,
    StsProtocol,
    find_protocol,
)
from recse_lab.evaluation.sts import sts_average, sts_results
from recse_lab.runs.records import StsResults, TransferResults

STS = [name for name, protocol in PROTOCOLS.items() if isinstance(protocol, StsProtocol)]


def scores(tasks=(*SEVEN, "sickr-all", *DISJOINT), subsets=(40, 15, 25)):
    rng = np.random.default_rng(3)
    parts = []
    for task in tasks:
        for subset, pairs in enumerate(subsets):
            gold = rng.uniform(0, 5, pairs)
            score = (
                gold / 5 + rng.normal(size=pairs) + subset
            )  # a shift that pooling sees and means do not
            parts.append(
                pd.DataFrame(
                    {
                        "task": task,
                        "subset": str(subset),
                        "pair": range(pairs),
                        "gold": gold,
                        "score": score,
                    }
                )
            )
    return pd.concat(parts, ignore_index=True)


def by_hand(frame, tasks, aggregation):
    def task(name):
        part = frame[frame["task"] == name]
        if aggregation == "all":
            return stats.spearmanr(part["gold"], part["score"]).statistic
        groups = [g for _, g in part.groupby("subset")]
        values = [stats.spearmanr(g["gold"], g["score"]).statistic for g in groups]
        return np.average(
            values, weights=[len(g) for g in groups] if aggregation == "wmean" else None
        )

    return np.mean([task(name) for name in tasks])


WANTED = {
    "simcse-2021": (SEVEN, "all"),
    "recse-release": (SEVEN, "all"),
    "senteval-2018": (SEVEN, "mean"),
    "sts-disjoint": (DISJOINT, "all"),
    "mteb": (("sts12", "sts13", "sts14", "sts15", "sts16", "stsb", "sickr-all"), "all"),
}


def test_the_ground_truth_is_of_every_sts_protocol():
    assert set(WANTED) == set(STS)


@pytest.mark.parametrize("name", STS)
def test_the_average_is_that_of_the_protocol(name):
    frame, protocol = scores(), find_protocol(name)
    results = sts_results(frame, protocol.tasks) | {"protocol": protocol.told()}
    average = StsResults.check(results, "here").headline()["average"]
    assert average == pytest.approx(by_hand(frame, *WANTED[name]), abs=1e-12)
    assert results["average"]["spearman"]["wmean"] == pytest.approx(
        by_hand(frame, WANTED[name][0], "wmean"), abs=1e-12
    )


def test_aggregations_and_pairs_make_a_difference():
    averages = {by_hand(scores(), *wanted).round(6) for wanted in WANTED.values()}
    assert len(averages) == 4


@pytest.mark.parametrize("name", PROTOCOLS)
def test_a_protocol_says_what_it_is(name):
    protocol = find_protocol(name)
    assert protocol.id == protocol.told()["id"] == name
    assert protocol.about.endswith(".")
    if isinstance(protocol, StsProtocol):
        assert {*protocol.tasks, *protocol.also} <= LABELS.keys()
        assert set(protocol.printed) <= AGGREGATIONS.keys()
        assert len(protocol.tasks) == 7
    else:
        assert protocol.tasks == TRANSFER


def test_an_average_of_what_is_partly_unknown_is_unknown():
    known = {
        "undefined": None,
        "spearman": dict.fromkeys(AGGREGATIONS, 0.5),
        "pearson": dict.fromkeys(AGGREGATIONS),
    }
    average = sts_average({"a": known, "b": known}, ("a", "b"))
    assert average["spearman"] == dict.fromkeys(AGGREGATIONS, 0.5)
    assert average["pearson"] == dict.fromkeys(AGGREGATIONS)
    lacking = sts_average({"a": known, "b": known | {"undefined": "NaN"}}, ("a", "b", "c"))
    assert lacking["undefined"] == "missing c; undefined b"
    assert lacking["spearman"] == dict.fromkeys(AGGREGATIONS)


def test_headlines_of_other_results():
    assert StsResults.check({}, "here").headline() == {"average": None}
    sts = {"average": {"spearman": {"all": 0.5, "mean": 0.4}}}
    assert StsResults.check(sts, "here").headline() == {"average": 0.5}
    transfer = {
        "average": {"accuracy": 0.8},
        "tasks": {"mr": {"accuracy": 0.7}, "cr": {"accuracy": None}},
    }
    measured = TransferResults.check(transfer, "here").headline()
    assert measured == {"average": 0.8, "mr": 0.7, "cr": None}


def test_an_unknown_protocol_is_refused():
    with pytest.raises(LabError, match="unknown protocol 'mtab'; did you mean mteb"):
        find_protocol("mtab")
