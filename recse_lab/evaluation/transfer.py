"""Transfer tasks: how much of a sentence's class a logistic regression reads off frozen embeddings,
by named protocols.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool, Float, Int
from sklearn.model_selection import StratifiedKFold

from recse_lab.data.transfer_sets import SIZES, TRANSFER, Examples, TransferTask
from recse_lab.errors import LabError
from recse_lab.evaluation.logistic import Fits, fit_logistic, predict
from recse_lab.evaluation.protocols import SEED, TransferProtocol, find_protocol

SCHEMA = "recse-lab/transfer/1"
POSITIVE = 1  # the class that F1 is about

Encode = Callable[[list[str]], Float[np.ndarray, "sentences dim"]]


class Trial(NamedTuple):
    """One outer split: where to train and test, and the (train, dev) splits that choose its
    regulariser; row numbers.
    """

    train: Int[np.ndarray, " train"]
    test: Int[np.ndarray, " test"]
    inner: list[tuple[Int[np.ndarray, " _train"], Int[np.ndarray, " _dev"]]]


class Outcome(NamedTuple):
    """What a protocol made of one task. ``predictions`` has columns task, fold, row, label,
    predicted.

    ``row`` counts in the order of the task's evaluated split. ``dev`` is the mean dev accuracy of
    what was chosen. ``undefined`` says why there are no predictions.
    """

    name: str
    predictions: pd.DataFrame
    chosen: list[float]
    dev: list[float]
    examples: dict[str, int]
    sentences: int
    residual: float | None
    undefined: str | None


# ---- splits ------------------------------------------------------------------------------------


def trials(task: TransferTask, folds: int) -> tuple[str, list[Trial]]:
    """How a task is split (``cv``, ``test`` or ``dev``), and its splits as row numbers over its
    joined splits.

    Raises:
        LabError: A class with too few examples for so many folds.

    Source: SentEval, tools/validation.py: InnerKFoldClassifier, KFoldClassifier and
    SplitClassifier.
    """
    labels = [part.label for part in task.splits.values()]
    ends = np.cumsum([len(label) for label in labels])
    rows = dict(zip(task.splits, np.split(np.arange(ends[-1]), ends[:-1]), strict=True))
    joined = np.concatenate(labels)
    if "all" in rows:
        outer = _folds(task, joined, folds)
        return "cv", [
            Trial(a, b, [(a[c], a[d]) for c, d in _folds(task, joined[a], folds)]) for a, b in outer
        ]
    train, test = rows["train"], rows["test"]
    if "dev" in rows:
        return "dev", [Trial(train, test, [(train, rows["dev"])])]
    return "test", [
        Trial(train, test, [(train[c], train[d]) for c, d in _folds(task, joined[train], folds)])
    ]


def _folds(
    task: TransferTask, labels: Int[np.ndarray, " rows"], folds: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    counts = np.bincount(labels, minlength=len(task.classes))
    if counts.min() < folds:
        few = task.classes[counts.argmin()]
        raise LabError(
            f"task {task.name}: {counts.min()} examples of class {few} to train on, too few for "
            f"{folds} folds."
        )
    splitter = StratifiedKFold(n_splits=folds, shuffle=True, random_state=SEED)
    return list(splitter.split(labels, labels))


# ---- features ----------------------------------------------------------------------------------


def pair_features(
    first: Float[np.ndarray, "pairs dim"], second: Float[np.ndarray, "pairs dim"]
) -> Float[np.ndarray, "pairs two_dim"]:
    """|u − v| and u ∗ v, side by side. Source: SentEval, mrpc.py."""
    return np.concatenate([np.abs(first - second), first * second], axis=1)


def task_features(task: TransferTask, encode: Encode) -> tuple[Float[np.ndarray, "rows dim"], int]:
    """One row an example over the joined splits, and the number of distinct sentences; each of them
    is encoded once.
    """
    parts: list[Examples] = list(task.splits.values())
    index: dict[str, int] = {}
    first = [index.setdefault(s, len(index)) for part in parts for s in part.first]
    second = [index.setdefault(s, len(index)) for part in parts for s in part.second or ()]
    embeddings = encode(list(index))
    features = pair_features(embeddings[first], embeddings[second]) if second else embeddings[first]
    return features, len(index)


# ---- one task ----------------------------------------------------------------------------------


def run_task(
    task: TransferTask,
    encode: Encode,
    *,
    protocol: str = "senteval-10fold",
    tolerance: float = 1e-4,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
) -> Outcome:
    """Choose a regulariser by dev accuracy in every outer split and predict its test rows, all fits
    in one batch.

    Raises:
        LabError: Unknown transfer protocol, or a class with too few examples for its folds.
    """
    chosen_protocol = _transfer_protocol(protocol)
    split, plan = trials(task, chosen_protocol.folds)
    features, sentences = task_features(task, encode)
    labels = np.concatenate([part.label for part in task.splits.values()])
    examples = {name: len(part.label) for name, part in task.splits.items()}
    broken = int((~np.isfinite(features).all(1)).sum())
    if broken:
        reason = f"{broken} of {len(features)} feature rows are not finite"
        return Outcome(
            task.name,
            _predictions(task.name, plan[:0], labels, []),
            [],
            [],
            examples,
            sentences,
            None,
            reason,
        )
    grid = chosen_protocol.grid[split]
    correct, predicted, fits = _fit_all(
        features,
        labels,
        plan,
        grid,
        chosen_protocol.regulariser,
        classes=len(task.classes),
        tolerance=tolerance,
        dtype=dtype,
        device=device,
    )
    picks = [choose(accuracies) for accuracies in correct]
    return Outcome(
        task.name,
        _predictions(
            task.name, plan, labels, [p[pick] for p, pick in zip(predicted, picks, strict=True)]
        ),
        [grid[pick] for pick in picks],
        [
            float(accuracies[:, pick].mean())
            for accuracies, pick in zip(correct, picks, strict=True)
        ],
        examples,
        sentences,
        float(fits.residual.max()),
        None,
    )


def _transfer_protocol(name: str) -> TransferProtocol:
    protocol = find_protocol(name)
    if not isinstance(protocol, TransferProtocol):
        raise LabError(f"protocol {name} is of STS, not of transfer tasks.")
    return protocol


def choose(accuracies: Float[np.ndarray, "inner grid"]) -> int:
    """Place in the grid of the best mean dev accuracy, rounded to 0.01 points, the first of equals,
    as SentEval chooses.
    """
    return int(np.argmax(np.round(100 * accuracies.mean(0), 2)))


def penalties(
    regulariser: str, grid: Sequence[float], rows: Int[np.ndarray, " folds"], classes: int
) -> Float[np.ndarray, "folds grid"]:
    """``fit_logistic``'s penalty for every fold of so many rows and every number of the grid.

    Two softmax vectors that share a penalty λ are one vector with λ/2; scikit-learn sums over rows
    where we average.
    """
    if regulariser == "weight_decay":
        return np.tile(np.asarray(grid) * (0.5 if classes == 2 else 1.0), (len(rows), 1))
    return 1 / (np.asarray(grid)[None, :] * rows[:, None])


def _fit_all(
    features: Float[np.ndarray, "rows dim"],
    labels: Int[np.ndarray, " rows"],
    plan: list[Trial],
    grid: Sequence[float],
    regulariser: str,
    *,
    classes: int,
    tolerance: float,
    dtype: torch.dtype,
    device: torch.device | str,
) -> tuple[list[Float[np.ndarray, "inner grid"]], list[Int[np.ndarray, "grid _test"]], Fits]:
    """For every trial: dev accuracies by inner split and grid, and classes of its test rows by
    grid.
    """
    index: dict[bytes, int] = {}
    members: list[Bool[np.ndarray, " rows"]] = []

    def fold(rows: Int[np.ndarray, " train"]) -> int:
        mask = np.zeros(len(labels), dtype=bool)
        mask[rows] = True
        at = index.setdefault(
            mask.tobytes(), len(members)
        )  # a dev split trains on what the test split trains on
        if at == len(members):
            members.append(mask)
        return at

    inner = [[fold(train) for train, _ in trial.inner] for trial in plan]
    outer = [fold(trial.train) for trial in plan]
    inside = np.stack(members)
    count = len(grid)
    penalty = penalties(regulariser, grid, inside.sum(1), classes)
    x = torch.as_tensor(features, dtype=dtype, device=device)
    fits = fit_logistic(
        x,
        torch.as_tensor(labels, device=device),
        torch.as_tensor(inside, device=device),
        torch.arange(len(members), device=device).repeat_interleave(count),
        torch.as_tensor(penalty.ravel(), dtype=dtype, device=device),
        classes=classes,
        penalise_intercept=regulariser == "weight_decay",
        tolerance=tolerance,
    )
    classified = predict(x, fits).cpu().numpy().T.reshape(len(members), count, len(labels))
    correct = [
        np.stack(
            [
                (classified[at][:, dev] == labels[dev]).mean(1)
                for at, (_, dev) in zip(ats, trial.inner, strict=True)
            ]
        )
        for ats, trial in zip(inner, plan, strict=True)
    ]
    return (
        correct,
        [classified[at][:, trial.test] for at, trial in zip(outer, plan, strict=True)],
        fits,
    )


def _predictions(
    name: str,
    plan: list[Trial],
    labels: Int[np.ndarray, " rows"],
    predicted: list[Int[np.ndarray, " _test"]],
) -> pd.DataFrame:
    rows = [trial.test for trial in plan]
    joined = np.concatenate(rows) if rows else np.empty(0, dtype=np.int64)
    kind = np.int8 if labels.max() < 128 else np.int16
    first = (
        int(joined.min()) if rows else 0
    )  # of the split that is tested on, which lies last where there are several
    return pd.DataFrame(
        {
            "task": name,
            "fold": np.repeat(np.arange(len(plan), dtype=np.int16), [len(r) for r in rows]),
            "row": (joined - first).astype(np.int32),
            "label": labels[joined].astype(kind),
            "predicted": (np.concatenate(predicted) if predicted else joined).astype(kind),
        }
    )


# ---- results -----------------------------------------------------------------------------------


def evaluate_transfer(
    tasks: Sequence[TransferTask],
    encode: Encode,
    *,
    protocol: str = "senteval-10fold",
    progress: Callable[[int, int], None] | None = None,
    **options: Any,
) -> tuple[dict[str, Any], pd.DataFrame]:
    """``transfer_results`` and the predictions of all tasks; ``options`` as in ``run_task``,
    ``progress`` in tasks.

    Raises:
        LabError: Unknown transfer protocol, or a class with too few examples for its folds.
    """
    outcomes = []
    for done, task in enumerate(tasks, 1):
        outcomes.append(run_task(task, encode, protocol=protocol, **options))
        if progress:
            progress(done, len(tasks))
    return transfer_results(outcomes, protocol), pd.concat(
        [o.predictions for o in outcomes], ignore_index=True
    )


def accuracy(predictions: pd.DataFrame) -> float:
    """Mean over outer folds of the share of rows classified rightly, 0 to 1: SentEval's, before it
    rounds.
    """
    right = (predictions["label"] == predictions["predicted"]).to_numpy()
    fold = predictions["fold"].to_numpy()
    return float(np.mean(np.bincount(fold, right) / np.bincount(fold)))


def f1(predictions: pd.DataFrame) -> float | None:
    """2 TP / (2 TP + FP + FN) of class 1 over all rows; None where nothing is or is called class
    1.
    """
    label, predicted = (
        predictions[column].to_numpy() == POSITIVE for column in ("label", "predicted")
    )
    both, either = int((label & predicted).sum()), int(label.sum() + predicted.sum())
    return 2 * both / either if either else None


def transfer_results(outcomes: Sequence[Outcome], protocol: str) -> dict[str, Any]:
    """Results of all tasks: raw accuracies, 0 to 1; null, never 0, where undefined.

    The average is over the seven tasks and exists only where all seven are there and defined.
    """
    about = _transfer_protocol(protocol)
    tasks = {outcome.name: _task_results(outcome, about) for outcome in outcomes}
    missing = [name for name in TRANSFER if name not in tasks]
    undefined = [name for name in TRANSFER if name in tasks and tasks[name]["accuracy"] is None]
    reasons = [
        f"{what} {', '.join(names)}"
        for what, names in (("missing", missing), ("undefined", undefined))
        if names
    ]
    mean = None if reasons else float(np.mean([tasks[name]["accuracy"] for name in TRANSFER]))
    return {
        "schema": SCHEMA,
        "protocol": about.told(),
        "tasks": tasks,
        "average": {
            "tasks": list(TRANSFER),
            "accuracy": mean,
            "undefined": "; ".join(reasons) or None,
        },
    }


def _task_results(outcome: Outcome, protocol: TransferProtocol) -> dict[str, Any]:
    defined = outcome.undefined is None
    unusual = [
        f"{count:,} {split} examples where SentEval has {SIZES[outcome.name][split]:,}"
        for split, count in outcome.examples.items()
        if count != SIZES[outcome.name][split]
    ]
    return {
        "protocol": protocol.id,
        "accuracy": accuracy(outcome.predictions) if defined else None,
        "f1": f1(outcome.predictions) if defined and outcome.name == "mrpc" else None,
        "n": list(outcome.examples.values())[-1],
        "dev_accuracy": float(np.mean(outcome.dev)) if defined else None,
        "majority": float(outcome.predictions["label"].value_counts(normalize=True).max())
        if defined
        else None,
        "regulariser": protocol.regulariser,
        "chosen": outcome.chosen,
        "examples": outcome.examples,
        "sentences": outcome.sentences,
        "unusual": "; ".join(unusual) or None,
        "residual": outcome.residual,
        "undefined": outcome.undefined,
    }
