"""Rank in training: the peak, the phases and the correlations of curves made to order."""

import numpy as np
import pytest

from recse_lab.errors import LabError
from recse_lab.probes.rank_in_training import RANK_IN_TRAINING, rank_in_training


def lines(ranks, scores, **others):
    out = [{"step": 1, "loss": 2.0}]
    for i, (rank, score) in enumerate(zip(ranks, scores, strict=True)):
        extra = {f"dev_{key}": values[i] for key, values in others.items()}
        out.append({"step": 2**i, "dev_effective_rank": rank, "dev_spearman": score, **extra})
    return out


def row(result, measure, encoder="run"):
    table = result.table.set_index(["encoder", "measure"])
    return table.loc[(encoder, measure)]


RISING = [10, 20, 30, 40, 35, 30, 25]
SCORES = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]


def test_phases_are_split_at_the_peak_and_each_has_its_own_correlation():
    result = rank_in_training({"run": lines(RISING, SCORES, uniformity=SCORES[::-1])})
    assert row(result, "peak step")["value"] == 8
    for when, value in {"first": 10, "peak": 40, "last": 25}.items():
        assert row(result, f"effective_rank ({when})")["value"] == value
    assert row(result, "phase 1: effective_rank with STS")["value"] == 1
    assert row(result, "phase 2: effective_rank with STS")["value"] == -1
    assert row(result, "phase 2: uniformity with STS")["value"] == -1
    missing = row(result, "phase 1: alignment with STS")
    assert np.isnan(missing["value"])
    assert missing["note"] == "0 evaluations in this phase, 4 are needed"


def test_runs_together_have_students_interval():
    falling = lines(RISING, SCORES[::-1])
    result = rank_in_training({"run": lines(RISING, SCORES), "other": falling})
    line = row(result, "phase 1: effective_rank with STS", "all runs")
    assert line["value"] == pytest.approx(0)
    assert (line["low"], line["high"]) == (-1, 1)  # ±12.7, and a correlation ends at ±1
    scores = [[*SCORES[:3], 0.25, *SCORES[4:]], SCORES, [0.1, 0.3, 0.2, 0.4, *SCORES[4:]]]
    three = rank_in_training({str(i): lines(RISING, own) for i, own in enumerate(scores)})
    line = row(three, "phase 1: effective_rank with STS", "all runs")
    values = np.array([0.8, 1.0, 0.8])
    half = 4.30265 * values.std(ddof=1) / np.sqrt(3)
    assert line["value"] == pytest.approx(values.mean())
    assert line["low"] == pytest.approx(values.mean() - half, rel=1e-4)
    assert (line["n"], len(values)) == (3, 3)
    assert "2 runs" in RANK_IN_TRAINING.summary(result)
    assert RANK_IN_TRAINING.figures(result)


def test_runs_without_a_rank_are_undefined_or_refused():
    old = [{"step": 1, "dev_spearman": 0.5}]
    with pytest.raises(LabError, match="no run recorded dev_effective_rank"):
        rank_in_training({"old": old})
    both = rank_in_training({"old": old, "run": lines(RISING, SCORES)})
    assert row(both, "peak step", "old")["note"] == "this run did not record its rank"
    assert "did not record its rank" in RANK_IN_TRAINING.summary(both)
    assert RANK_IN_TRAINING.figures(both)
    with pytest.raises(LabError, match="blind: no line of its metrics"):
        rank_in_training({"blind": [{"step": 1, "loss": 2.0}]})
