"""The average of STS tasks and each pair's influence on it; runs that do not belong together."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from recse_lab.errors import LabError
from recse_lab.statistics.influence import spearman_influence
from recse_lab.statistics.sts import sts_influence


def frames(runs=3, n=80, seed=0, tasks=("sts12", "stsb")):
    rng = np.random.default_rng(seed)
    out = []
    gold = {t: rng.integers(0, 26, n) / 5 for t in tasks}
    for _ in range(runs):
        parts = [
            pd.DataFrame({"task": t, "gold": gold[t], "score": gold[t] + rng.normal(size=n) * 2})
            for t in tasks
        ]
        out.append(pd.concat(parts))
    return out


def test_averages_tasks_and_their_influences():
    runs = frames()
    point, psi, shared = sts_influence([*runs, runs[0]], tasks=("sts12", "stsb"))
    assert shared is None
    np.testing.assert_array_equal(psi[0], psi[3])
    parts = [part for _, part in runs[0].groupby("task", sort=False)]
    rhos = [np.asarray(stats.spearmanr(part["gold"], part["score"]))[0] for part in parts]
    assert point[0] == pytest.approx(np.mean(rhos))
    expected = [
        spearman_influence(p["gold"].to_numpy(), p["score"].to_numpy()[None])[0] for p in parts
    ]
    np.testing.assert_allclose(psi[0], np.concatenate(expected) / 2)


def test_sentences_are_shared_across_tasks():
    """A sentence of the first task's first pair is in the second task's last."""
    ids = np.arange(320).reshape(160, 2)
    ids[159, 1] = ids[0, 0]
    runs = [run.assign(first=ids[:, 0], second=ids[:, 1]) for run in frames(runs=2)]
    _, psi, shared = sts_influence(runs, tasks=("sts12", "stsb"))
    assert shared is not None
    assert (shared.pairs, shared.sharing) == (160, 2)
    assert shared.covariance(psi)[0, 0] == pytest.approx(
        (psi[0] ** 2).sum() + 2 * psi[0, 0] * psi[0, 159]
    )
    other = runs[1].assign(second=ids[::-1, 1])
    with pytest.raises(LabError, match="different pairs or gold scores of sts12"):
        sts_influence([runs[0], other], tasks=("sts12", "stsb"))


def test_runs_over_different_pairs_are_refused():
    a, b = frames(runs=2)
    with pytest.raises(LabError, match="different pairs or gold scores of stsb"):
        sts_influence([a, b[:-1]], tasks=("sts12", "stsb"))
    with pytest.raises(LabError, match="holds no scores of sickr"):
        sts_influence([a, b], tasks=("sickr",))
    undefined = a.assign(gold=a["gold"].where(a["gold"] > 0.5))
    with pytest.raises(
        LabError, match=r"run 1 of 2 has \d+ gold scores of sts12 that are not finite"
    ):
        sts_influence([undefined, undefined], tasks=("sts12",))


def test_pairs_in_another_order_are_refused_even_where_gold_agrees():
    a, b = (run.assign(pair=np.arange(len(run)), subset="all") for run in frames(runs=2))
    b = b.assign(pair=b["pair"].to_numpy()[::-1])
    with pytest.raises(LabError, match="different pairs or gold scores of sts12"):
        sts_influence([a, b], tasks=("sts12",))


def test_a_constant_encoder_has_no_interval():
    """Float32 noise around one cosine is no ranking, here as in sts_results."""
    a, b = frames(runs=2)
    noise = np.random.default_rng(0).uniform(0, 1e-7, len(b))
    found, psi, _ = sts_influence([a, b.assign(score=0.9 + noise)], tasks=("sts12", "stsb"))
    assert np.isfinite(psi[0]).all()
    assert np.isnan(psi[1]).all()
    assert np.isnan(found).tolist() == [False, True]
