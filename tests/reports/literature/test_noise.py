"""The noise of a difference, from stored scores with known sentences."""

import numpy as np
import pytest
from runstore import add_trained, scores, write_study
from scipy import stats

from recse_lab.data.sts_sets import SEVEN
from recse_lab.errors import LabError
from recse_lab.reports.literature.noise import measure_noise
from recse_lab.runs.collection import read_store
from recse_lab.statistics.comparison import compare_sts


@pytest.fixture
def store(tmp_path):
    """Three arms of good quality and a poor one; every pair of a task stands in the next one."""
    arms = []
    for arm, noise in (("a", 0.10), ("b", 0.15), ("c", 0.20), ("poor", 2.0)):
        run = add_trained(tmp_path, "s", f"{arm}-0", noise, 0)
        with_ids(noise).to_parquet(run.scores, index=False)
        arms.append((arm, "arm", {}, [0], lambda seed, arm=arm: f"{arm}-{seed}"))
    write_study(tmp_path, "s", arms, [0])
    return tmp_path


def with_ids(noise):
    frame = scores(noise, 0)
    pair = frame["pair"].to_numpy()
    return frame.assign(first=2 * pair, second=2 * pair + 1)


def test_the_error_of_a_difference_is_that_of_a_comparison(store):
    noise = measure_noise(read_store(store).arms)
    assert {(pair.first, pair.second) for pair in noise.pairs} == {
        ("a", "b"),
        ("a", "c"),
        ("b", "c"),
    }
    pair = noise.pairs[0]
    found = compare_sts([with_ids(0.10)], [with_ids(0.15)], tasks=SEVEN, population="pairs")
    assert pair.error == pytest.approx(100 * (found.high - found.low) / 2 / 1.959964, rel=1e-5)
    assert pair.error / pair.independent == pytest.approx(found.sharing_ratio)


def test_agreement_is_spearman_between_the_scores(store):
    noise = measure_noise(read_store(store).arms)
    one, other = with_ids(0.10), with_ids(0.15)
    wanted = [
        stats.spearmanr(*(frame.loc[frame["task"] == task, "score"] for frame in (one, other)))[0]
        for task in SEVEN
    ]
    assert noise.pairs[0].agreement == pytest.approx(np.mean(wanted))
    assert noise.agreements[0] >= noise.agreements[1] >= noise.agreements[2]
    assert noise.errors == tuple(sorted(noise.errors))
    pair = noise.pairs[0]
    assert pair.scale * np.sqrt(1 - pair.agreement) == pytest.approx(pair.error)


def test_a_copy_is_no_other_method(store):
    """An encoder whose scores agree by 0.99 or more."""
    near = with_ids(0.10)
    near["score"] += np.random.default_rng(0).normal(0, 1e-3, len(near)).astype(np.float32)
    run = add_trained(store, "t", "copy", 0.10, 0)
    near.to_parquet(run.scores, index=False)
    noise = measure_noise(read_store(store).arms)
    labels = [(pair.first, pair.second) for pair in noise.pairs]
    assert not any("a" in label and "copy" in label[1] for label in labels)
    assert max(pair.agreement for pair in noise.pairs) < 0.99


def test_too_few_encoders_of_that_quality_are_refused(store):
    with pytest.raises(LabError, match=r"average at least 99 .*recse-lab ablate arms"):
        measure_noise(read_store(store).arms, least=0.99)
