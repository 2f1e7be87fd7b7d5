"""Numbers of stored runs with their pairs: stored ids, ids from the data, no ids."""

import numpy as np
import pytest
from runstore import add_trained

from recse_lab.data.sentence_ids import sentence_ids
from recse_lab.data.sts_sets import load_task
from recse_lab.evaluation.sts import score_pairs, sts_results
from recse_lab.files import write_json
from recse_lab.runs.samples import pair_ids, sts_samples
from recse_lab.runs.store import Run
from recse_lab.statistics.sts import sts_influence


def encode(sentences):
    """Bags of character trigrams: no training, no randomness."""
    vectors = np.zeros((len(sentences), 256), np.float32)
    for row, text in zip(vectors, sentences, strict=True):
        for start in range(len(text) - 2):
            row[sum(map(ord, text[start : start + 3])) % 256] += 1
    return vectors


@pytest.fixture(scope="module")
def scores():
    return score_pairs([load_task("sample-sts", None)], encode)


def stored(root, name, frame):
    run = Run(root / "eval" / name)
    write_json(run.folder / "config.json", {"encoder": "e", "evaluation": {"data_dir": None}})
    results = {"protocol": {"id": "sample", "printed": ["all"]}} | sts_results(frame)
    write_json(run.folder / "results.json", {"schema": "recse-lab/results/1"} | results)
    frame.to_parquet(run.scores, index=False)
    run.set_status("done")
    return run


def test_a_sample_is_the_average_with_its_influences_and_pairs(tmp_path, scores):
    run = stored(tmp_path, "a", scores)
    found = sts_samples([run], ["sample-sts"])[run.id]
    point, psi, shared = sts_influence([scores], tasks=["sample-sts"])
    assert found.point == point[0]
    np.testing.assert_array_equal(found.influence, psi[0])
    assert found.pairs.shared is not None
    assert found.pairs.shared.sentences == shared.sentences
    assert found.pairs.shared.sharing == 0  # the sample was written so


def test_ids_that_were_not_stored_are_read_from_the_data(tmp_path, scores):
    old = stored(tmp_path, "old", scores.drop(columns=["first", "second"]))
    new = stored(tmp_path, "new", scores)
    samples = sts_samples([old, new], ["sample-sts"])
    assert samples["old"].pairs is samples["new"].pairs  # one object, one graph
    pairs = load_task("sample-sts", None).subsets["sample"]
    expected = np.stack([sentence_ids(pairs.first), sentence_ids(pairs.second)], axis=1)
    np.testing.assert_array_equal(samples["old"].pairs.ids, expected)


def test_other_gold_scores_are_other_pairs_without_ids(tmp_path, scores):
    other = scores.drop(columns=["first", "second"])
    other["gold"] = other["gold"].to_numpy()[::-1]
    run = stored(tmp_path, "other", other)
    assert pair_ids(run, run.read_scores()) is None
    samples = sts_samples([run, stored(tmp_path, "a", scores)], ["sample-sts"])
    assert samples["other"].pairs.shared is None
    assert samples["other"].pairs != samples["a"].pairs


def test_runs_without_all_tasks_are_left_out(tmp_path, scores):
    assert sts_samples([stored(tmp_path, "a", scores)], ["sample-sts", "stsb"]) == {}
    trained = add_trained(tmp_path, "s", "t", 0.3, 0)  # no data holds its made-up gold scores
    assert sts_samples([trained], ["sts12", "stsb"])["t"].pairs.shared is None
