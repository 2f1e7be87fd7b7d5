"""What sharing costs on the real sets, with the packaged encoder as it is: minutes, so `slow`."""

import numpy as np
import pytest

from recse_lab import notebook
from recse_lab.data.sts_sets import SEVEN
from recse_lab.runs.samples import sts_samples
from recse_lab.statistics.sharing import SharedSentences

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def sample(data_dir, tmp_path_factory):
    root = tmp_path_factory.mktemp("runs")
    run = notebook.evaluate("recse-lab/tiny", data_dir=str(data_dir), root=root)
    return sts_samples([run], SEVEN)[run.id]


def test_the_average_of_seven_varies_by_1_45_times_as_much_as_independent_pairs_say(sample):
    influence = sample.influence[None]
    independent = float((influence @ influence.T)[0, 0]) ** 0.5
    dyadic = float(sample.pairs.shared.squares(influence)[0]) ** 0.5
    assert 100 * independent == pytest.approx(0.56, abs=0.02)
    assert 100 * dyadic == pytest.approx(0.81, abs=0.02)
    assert dyadic / independent == pytest.approx(1.45, abs=0.05)


def test_sharing_inside_tasks_alone_accounts_for_1_29(sample, data_dir):
    from recse_lab.data.sentence_ids import sentence_ids
    from recse_lab.data.sts_sets import load_task

    first, second = [], []
    for place, task in enumerate(SEVEN):
        for pairs in load_task(task, str(data_dir)).subsets.values():
            first.append(sentence_ids([f"{place} {text}" for text in pairs.first]))
            second.append(sentence_ids([f"{place} {text}" for text in pairs.second]))
    inside = SharedSentences(np.concatenate(first), np.concatenate(second))
    influence = sample.influence[None]
    independent = float((influence @ influence.T)[0, 0])
    assert (float(inside.squares(influence)[0]) / independent) ** 0.5 == pytest.approx(
        1.29, abs=0.03
    )
