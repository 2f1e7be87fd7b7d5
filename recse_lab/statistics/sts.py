"""The average of STS tasks, from stored scores: its value, and the influence of each pair on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from jaxtyping import Float

from recse_lab.errors import LabError
from recse_lab.statistics.correlation import correlation, why_undefined
from recse_lab.statistics.influence import spearman_influence
from recse_lab.statistics.sharing import SharedSentences

IDS = ["first", "second"]
KEYS = ("subset", "pair", "gold", *IDS)  # what two runs on the same pairs have in common


def sts_influence(
    runs: Sequence[pd.DataFrame], *, tasks: Sequence[str]
) -> tuple[Float[np.ndarray, " runs"], Float[np.ndarray, "runs pairs"], SharedSentences | None]:
    """Mean over tasks of the pooled Spearman (aggregation ``all``), and what each pair does to it.

    Args:
        runs: One frame of scores per run, with columns task, gold, score. If the frames have the
            columns ``subset``, ``pair``, ``first`` and ``second``, these must agree too.
        tasks: Tasks to average over.

    Returns:
        The average of each run; the influence of each pair, those of all tasks one after the other;
        and which pairs share sentences, across tasks too, or None without the ids ``first`` and
        ``second``. NaN throughout for a run whose own correlation is undefined in some task.

    Raises:
        LabError: Two runs hold different pairs or gold scores, a gold score is not finite, or a run
            lacks a task.
    """
    split = [by_task(run) for run in runs]
    point, parts, ids = np.zeros(len(runs)), [], []
    for task in tasks:
        gold, scores = joined(split, task)
        point += np.array([correlation("spearman", gold, row) for row in scores]) / len(tasks)
        parts.append(spearman_influence(gold, scores) / len(tasks))
        if set(IDS) <= set(runs[0].columns):
            ids.append(split[0][task][IDS].to_numpy())
    shared = SharedSentences(*np.concatenate(ids).T) if ids else None
    return point, np.concatenate(parts, axis=1), shared


def by_task(run: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The scores of a run by task, in the order in which the tasks first appear."""
    return {str(task): part for task, part in run.groupby("task", sort=False, observed=True)}


def joined(
    runs: Sequence[Mapping[str, pd.DataFrame]], task: str
) -> tuple[Float[np.ndarray, " pairs"], Float[np.ndarray, "runs pairs"]]:
    """Gold and the scores of every run on one task; NaN for a run that has no correlation there.

    Args:
        runs: The scores of each run by task, see ``by_task``.
        task: Name of the task.

    Raises:
        LabError: Two runs hold different pairs or gold scores, a gold score is not finite, or a run
            lacks the task.
    """
    only = "runs can only be compared on the same pairs"
    for i, run in enumerate(runs):
        if task not in run:
            raise LabError(f"run {i + 1} of {len(runs)} holds no scores of {task}; {only}.")
        if undefined := int((~np.isfinite(run[task]["gold"].to_numpy())).sum()):
            raise LabError(
                f"run {i + 1} of {len(runs)} has {undefined} gold scores of {task} "
                "that are not finite."
            )
    first = runs[0][task]
    for part in (run[task] for run in runs[1:]):
        both = set(KEYS) & set(first.columns) & set(part.columns)
        if not all(np.array_equal(part[key].to_numpy(), first[key].to_numpy()) for key in both):
            raise LabError(f"runs hold different pairs or gold scores of {task}; {only}.")
    gold, scores = first["gold"].to_numpy(), np.stack([run[task]["score"] for run in runs])
    undefined = [why_undefined(gold, row) is not None for row in scores]
    return gold, np.where(np.array(undefined)[:, None], np.nan, scores)
