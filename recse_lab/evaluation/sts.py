"""Semantic textual similarity: a cosine per pair, then every correlation the literature prints,
under its name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from recse_lab.data.sentence_ids import sentence_ids
from recse_lab.data.sts_sets import SEVEN, StsTask
from recse_lab.evaluation.protocols import AGGREGATIONS
from recse_lab.statistics.correlation import METRICS, correlation, why_undefined

Encode = Callable[[list[str]], Float[np.ndarray, "sentences hidden"]]


def cosine(
    first: Float[np.ndarray, "pairs dim"], second: Float[np.ndarray, "pairs dim"]
) -> Float[np.ndarray, " pairs"]:
    """Cosine of each row with its partner, in float32 whatever came in; NaN where a vector is
    zero.
    """
    first, second = first.astype(np.float32), second.astype(np.float32)
    norms = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.einsum("ij,ij->i", first, second) / np.where(norms > 0, norms, np.nan)


def score_pairs(tasks: Sequence[StsTask], encode: Encode) -> pd.DataFrame:
    """Cosines of all pairs of some tasks. Every distinct sentence is encoded once.

    Args:
        tasks: Tasks with their pairs.
        encode: Embeddings of sentences, one row each.

    Returns:
        One row per pair: task, subset, pair (its number in the subset), gold, score (cosine, NaN
        for a zero vector), first and second (``recse_lab.data.sentence_ids``).
    """
    index: dict[str, int] = {}
    for task in tasks:
        for pairs in task.subsets.values():
            for sentence in (*pairs.first, *pairs.second):
                index.setdefault(sentence, len(index))
    embeddings = encode(list(index))
    ids = sentence_ids(index)

    def rows(sentences: Sequence[str]) -> list[int]:
        return [index[sentence] for sentence in sentences]

    parts = []
    for task in tasks:
        for subset, pairs in task.subsets.items():
            first, second = rows(pairs.first), rows(pairs.second)
            part = {
                "task": task.name,
                "subset": subset,
                "pair": np.arange(len(first), dtype=np.int32),
                "gold": pairs.gold,
                "score": cosine(embeddings[first], embeddings[second]),
                "first": ids[first],
                "second": ids[second],
            }
            parts.append(pd.DataFrame(part))
    return pd.concat(parts, ignore_index=True)


def sts_results(scores: pd.DataFrame, averaged: Sequence[str] = SEVEN) -> dict[str, Any]:
    """``tasks`` and ``average`` of results.json: raw correlations per aggregation; null, never 0,
    where undefined.

    The average is over the tasks ``averaged`` and exists only where all of them are there and
    defined.
    """
    tasks = {str(name): _task_results(part) for name, part in scores.groupby("task", sort=False)}
    return {"tasks": tasks, "average": sts_average(tasks, averaged)}


def sts_average(tasks: Mapping[str, Mapping[str, Any]], averaged: Sequence[str]) -> dict[str, Any]:
    """``average`` of results.json: the mean of ``averaged`` per metric and aggregation, with what
    keeps it from having one.
    """
    missing = [name for name in averaged if name not in tasks]
    undefined = [name for name in averaged if name in tasks and tasks[name]["undefined"]]
    reasons = [
        f"{what} {', '.join(names)}"
        for what, names in (("missing", missing), ("undefined", undefined))
        if names
    ]
    average: dict[str, Any] = {"tasks": list(averaged), "undefined": "; ".join(reasons) or None}
    for metric in METRICS:
        average[metric] = {}
        for aggregation in AGGREGATIONS:
            values = [] if reasons else [tasks[name][metric][aggregation] for name in averaged]
            average[metric][aggregation] = (
                float(np.mean(values)) if values and None not in values else None
            )
    return average


def _task_results(part: pd.DataFrame) -> dict[str, Any]:
    subsets = [
        (g["gold"].to_numpy(), g["score"].to_numpy()) for _, g in part.groupby("subset", sort=False)
    ]
    gold, score = part["gold"].to_numpy(), part["score"].to_numpy()
    reasons = [
        why for why in (why_undefined(gold, score), *(why_undefined(*s) for s in subsets)) if why
    ]
    result: dict[str, Any] = {
        "pairs": len(part),
        "subsets": len(subsets),
        "undefined": reasons[0] if reasons else None,
    }
    for metric in METRICS:
        values = np.array([correlation(metric, *s) for s in subsets])
        aggregated = {
            "all": correlation(metric, gold, score),
            "mean": float(values.mean()),
            "wmean": float(np.average(values, weights=[len(s[0]) for s in subsets])),
        }
        result[metric] = {
            name: None if np.isnan(value) else value for name, value in aggregated.items()
        }
    return result
