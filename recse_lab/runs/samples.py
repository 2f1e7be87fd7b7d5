"""Numbers of stored runs as samples of sentence pairs: the value, and each pair's influence on
it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from recse_lab.data.manifest import PULLED
from recse_lab.data.sentence_ids import sentence_ids
from recse_lab.data.sts_sets import SEVEN, StsTask, load_task
from recse_lab.errors import LabError
from recse_lab.runs.store import Run
from recse_lab.statistics.sharing import SharedSentences
from recse_lab.statistics.sts import IDS, by_task, sts_influence


@dataclass(frozen=True)
class TestPairs:
    """The pairs that a number was computed on. Numbers are comparable on equal ones."""

    __test__ = False  # pytest would collect the class by its name

    gold: str
    """Hash of the tasks, the numbers of the pairs and their gold scores."""
    ids: Int[np.ndarray, "pairs 2"] | None = field(default=None, compare=False)
    """Ids of both sentences of each pair; None where they are not known."""

    @cached_property
    def shared(self) -> SharedSentences | None:
        """Which pairs share sentences; None, which takes them as independent, without ids."""
        return None if self.ids is None else SharedSentences(*self.ids.T)


class Sample(NamedTuple):
    """A number of one run.

    ``influence`` is that of each pair on ``point``: its squares add up to the variance over
    independent pairs (``recse_lab.statistics.influence``).
    """

    point: float
    influence: Float[np.ndarray, " pairs"]
    pairs: TestPairs


def sts_samples(runs: Sequence[Run], tasks: Sequence[str] = SEVEN) -> dict[str, Sample]:
    """Mean over tasks of the pooled Spearman (aggregation ``all``), by run id.

    Runs on the same pairs have one ``TestPairs`` object.

    Args:
        runs: Runs with stored scores of all tasks; others are left out.
        tasks: Tasks to average over.

    Raises:
        LabError: A file of scores is damaged.
    """
    known: dict[TestPairs, TestPairs] = {}
    found = {}
    for run in runs:
        split = by_task(run.read_scores())
        if not set(tasks) <= set(split):
            continue
        frame = pd.concat([split[task] for task in tasks])
        point, influence, _ = sts_influence([frame.drop(columns=IDS, errors="ignore")], tasks=tasks)
        pairs = TestPairs(_hash(frame, tasks))
        if pairs not in known:
            known[pairs] = TestPairs(pairs.gold, pair_ids(run, frame))
        found[run.id] = Sample(float(point[0]), influence[0], known[pairs])
    return found


def pair_ids(run: Run, scores: pd.DataFrame) -> Int[np.ndarray, "pairs 2"] | None:
    """Ids of both sentences of each pair of a run.

    Runs of earlier editions did not store them. Their sentences are read from the data folder that
    they were tested on, or from pulled data, if it holds tasks of the same gold scores in the same
    order.

    Args:
        run: A run.
        scores: Its scores, some of its tasks.

    Returns:
        None where the sentences are not at hand.
    """
    if set(IDS) <= set(scores.columns):
        return scores[IDS].to_numpy()
    folder = run.record.config.evaluation.data_dir
    for data_dir in dict.fromkeys([folder, PULLED]):
        parts = [
            _ids_in(data_dir, str(task), part["gold"].to_numpy())
            for task, part in scores.groupby("task", sort=False)
        ]
        ids = [part for part in parts if part is not None]
        if len(ids) == len(parts):
            return np.concatenate(ids)
    return None


def _ids_in(
    data_dir: str | None, task: str, gold: Float[np.ndarray, " pairs"]
) -> Int[np.ndarray, "pairs 2"] | None:
    """Ids of a task's pairs as a data folder has them; None if its gold scores are others."""
    try:
        loaded, ids = _task(task, data_dir)
    except LabError:
        return None
    same = np.array_equal(np.concatenate([p.gold for p in loaded.subsets.values()]), gold)
    return ids if same else None


@lru_cache(maxsize=64)
def _task(name: str, data_dir: str | None) -> tuple[StsTask, Int[np.ndarray, "pairs 2"]]:
    task = load_task(name, data_dir)
    first = sentence_ids(s for pairs in task.subsets.values() for s in pairs.first)
    second = sentence_ids(s for pairs in task.subsets.values() for s in pairs.second)
    return task, np.stack([first, second], axis=1)


def _hash(scores: pd.DataFrame, tasks: Sequence[str]) -> str:
    digest = hashlib.sha256("\n".join(tasks).encode())
    for column in ("pair", "gold"):
        digest.update(scores[column].to_numpy(float).tobytes())
    return digest.hexdigest()
