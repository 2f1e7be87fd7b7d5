"""(h) The seven transfer tasks: all fits in one batch, beside scikit-learn's loops and SentEval's
own classifiers.

``RECSE_LAB_EMBEDDINGS`` names a folder that keeps the embeddings between runs,
``RECSE_LAB_SENTEVAL`` a checkout of facebookresearch/SentEval, whose code is then run too; none of
it is in this repository.
"""

from __future__ import annotations

import importlib
import inspect
import os
import sys
import time
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression

from benchmarks.measure import ENCODER, Part, Row, Setup, say
from recse_lab.data.transfer_sets import TRANSFER, TRANSFER_LABELS, TransferTask, load_transfer_task
from recse_lab.evaluation.protocols import PROTOCOLS, SEED
from recse_lab.evaluation.transfer import (
    Outcome,
    Trial,
    accuracy,
    choose,
    f1,
    run_task,
    task_features,
    trials,
)
from recse_lab.models.embedding_cache import cached_encode, embedding_key
from recse_lab.models.folders import resolve
from recse_lab.models.loading import weights_fingerprint
from recse_lab.models.saving import load_encoder

PROTOCOL = "senteval-10fold"
OUTER = 2
"""Of ten outer folds, those that scikit-learn does in its loops; its seconds are scaled up to ten.
"""
SENTEVAL_TASKS = ("cr", "sst2", "trec", "mrpc")
"""What SentEval's own code is timed on: every kind of split.

MR, SUBJ and MPQA would be CR again with 2.8 times the rows.
"""
ADAM = {"nhid": 0, "optim": "adam", "batch_size": 64, "tenacity": 5, "epoch_size": 4}


class Loops(NamedTuple):
    """CPU seconds of the loops as scikit-learn comes; accuracies as it comes and solved, at
    recse-lab's choices; and in how many of the splits whose regulariser it chose itself it chose
    the same.
    """

    seconds: float
    as_it_comes: float
    solved: float
    same: int
    tried: int


def cpu_seconds(task: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds of CPU of this process, which other work on the machine does not lengthen, and the
    result.
    """
    began = time.process_time()
    result = task()
    return time.process_time() - began, result


# ---- scikit-learn
# ------------------------------------------------------------------------------


SOLVED = {"solver": "newton-cg", "tol": 1e-8, "max_iter": 1000}


class SkLearn:
    """SentEval's loops over LogisticRegression: as it comes (lbfgs, tol 1e-4, at most 100
    iterations), or ``SOLVED``.
    """

    def __init__(self, features: np.ndarray, labels: np.ndarray, classes: int) -> None:
        self.labels, self.classes = labels, classes
        self.features = np.c_[
            features, np.ones((len(features), 1), np.float32)
        ]  # weight decay shrinks the intercept too

    def right(self, value: float, train: np.ndarray, test: np.ndarray, **options: Any) -> float:
        """Share of test rows that are classified rightly."""
        decay = value / 2 if self.classes == 2 else value
        model = LogisticRegression(C=1 / (len(train) * decay), fit_intercept=False, **options)
        return float(
            model.fit(self.features[train], self.labels[train]).score(
                self.features[test], self.labels[test]
            )
        )

    def trial(self, trial: Trial, grid: tuple[float, ...]) -> float:
        """All fits of one outer split, the last one included, and the chosen value."""
        scores = np.array([[self.right(value, *inner) for value in grid] for inner in trial.inner])
        value = grid[choose(scores)]
        self.right(value, trial.train, trial.test)
        return value


# ---- SentEval's own code
# ------------------------------------------------------------------------------


def senteval_validation(checkout: Path) -> types.ModuleType:
    """SentEval's tools/validation.py, on a CPU: its calls of .cuda() are taken out when its
    classifier is loaded.
    """
    package = types.ModuleType("senteval")
    package.__path__ = [str(checkout / "senteval")]
    sys.modules["senteval"] = package
    if not hasattr(inspect, "getargspec"):  # left Python in 3.11
        inspect.getargspec = inspect.getfullargspec  # type: ignore[attr-defined]
    file = checkout / "senteval" / "tools" / "classifier.py"
    source = file.read_text(encoding="utf-8")
    for before, after in (
        (".cuda()", ""),
        ("'cuda'", "'cpu'"),
        ("torch.cuda.FloatTensor", "torch.FloatTensor"),
    ):
        source = source.replace(before, after)
    classifier = types.ModuleType("senteval.tools.classifier")
    package.utils = importlib.import_module("senteval.utils")  # type: ignore[attr-defined]
    importlib.import_module("senteval.tools")
    exec(compile(source, str(file), "exec"), classifier.__dict__)
    sys.modules["senteval.tools.classifier"] = classifier
    return importlib.import_module("senteval.tools.validation")


def senteval_accuracy(
    validation: types.ModuleType, task: TransferTask, features: np.ndarray
) -> float:
    """Test accuracy as SentEval's own classes give it, 0 to 1."""
    config = {
        "nclasses": len(task.classes),
        "seed": SEED,
        "usepytorch": True,
        "classifier": dict(ADAM),
        "nhid": 0,
        "kfold": 10,
    }
    ends = np.cumsum([len(part.label) for part in task.splits.values()])
    x = dict(zip(task.splits, np.split(features, ends[:-1]), strict=True))
    y = {split: part.label for split, part in task.splits.items()}
    if "all" in x:
        return validation.InnerKFoldClassifier(x["all"], y["all"], config).run()[1] / 100
    if "dev" in x:
        named = [
            {"train": each["train"], "valid": each["dev"], "test": each["test"]} for each in (x, y)
        ]
        return validation.SplitClassifier(*named, config=config).run()[1] / 100
    sets = ({"X": x[split], "y": y[split]} for split in ("train", "test"))
    return validation.KFoldClassifier(*sets, config).run()[1] / 100


# ---- the part
# ------------------------------------------------------------------------------


def run(setup: Setup) -> Part:
    """Every side gets the same embeddings, encoded before the clock starts."""
    names = ("cr", "mrpc") if setup.quick else TRANSFER
    tasks = {name: load_transfer_task(name, setup.data_dir) for name in names}
    embeddings = _embeddings(tasks, setup)
    ours: dict[str, list[float]] = {name: [] for name in names}
    outcomes: dict[str, Outcome] = {}
    for _ in range(setup.repeats):
        for name, task in tasks.items():
            took, outcomes[name] = cpu_seconds(
                lambda task=task, given=embeddings[name]: run_task(
                    task, lambda _: given, protocol=PROTOCOL
                )
            )
            ours[name].append(took)
            say(
                f"h: recse-lab, {name}: {took:.1f} s, accuracy "
                f"{accuracy(outcomes[name].predictions):.4f}"
            )
    theirs = {name: _loops(task, embeddings[name], outcomes[name]) for name, task in tasks.items()}
    seconds = {name: each.seconds for name, each in theirs.items()}
    table = {
        name: {
            "recse-lab": accuracy(outcomes[name].predictions),
            "scikit-learn": each.as_it_comes,
            "scikit-learn, solved": each.solved,
        }
        for name, each in theirs.items()
    }
    same, tried = (
        sum(each) for each in zip(*((t.same, t.tried) for t in theirs.values()), strict=True)
    )
    rows = [_row("scikit-learn's loops", ours, seconds)]
    notes = [
        f"Embeddings of {ENCODER}, mean pooling, fp32, protocol {PROTOCOL}; CPU seconds of the "
        f"classifiers alone, {torch.get_num_threads()} thread(s). recse-lab: "
        f"{sum(map(float, map(np.median, ours.values()))):.1f} s for {len(names)} tasks.",
        "scikit-learn's loops: LogisticRegression as it comes on the same folds, "
        f"{sum(seconds.values()):.0f} s; MR, CR, SUBJ and MPQA were timed on {OUTER} of 10 outer "
        f"folds and scaled. It chose the same regulariser in {same} of {tried} splits.",
        f"Accuracy of recse-lab, of scikit-learn solved ({SOLVED}) and as it comes, on the same "
        "folds and at the same regularisers: "
        + "; ".join(
            f"{TRANSFER_LABELS[name]} {100 * row['recse-lab']:.2f} "
            f"{100 * row['scikit-learn, solved']:.2f} {100 * row['scikit-learn']:.2f}"
            for name, row in table.items()
        )
        + (
            f"; F1 of MRPC {100 * score:.2f}."
            if (score := f1(outcomes["mrpc"].predictions)) is not None
            else "."
        ),
    ]
    raw: dict[str, Any] = {
        "seconds": {"recse-lab": ours, "scikit-learn": seconds},
        "accuracy": table,
    }
    if not os.environ.get("RECSE_LAB_SENTEVAL"):
        notes.append("SentEval's own code was not run: RECSE_LAB_SENTEVAL names no checkout of it.")
        return Part("transfer tasks, time", rows, notes, raw)
    validation = senteval_validation(Path(os.environ["RECSE_LAB_SENTEVAL"]))
    some = [name for name in SENTEVAL_TASKS if name in names]
    raw["senteval"] = {}
    for name in some:
        features = task_features(tasks[name], lambda _, given=embeddings[name]: given)[0]
        took, found = cpu_seconds(
            lambda name=name, x=features: senteval_accuracy(validation, tasks[name], x)
        )
        say(f"h: SentEval, {name}: {took:.1f} s, accuracy {found:.4f}")
        raw["senteval"][name] = {"seconds": took, "accuracy": found}
    mine = {name: ours[name] for name in some}
    rows.append(
        _row(
            "SentEval's own code",
            mine,
            {n: r["seconds"] for n, r in raw["senteval"].items()},
            at_most=0.2,
        )
    )
    notes.append(
        "SentEval's own code: its classes of tools/validation.py in the setting of published "
        f"tables (usepytorch, kfold 10, {ADAM}), on "
        f"{', '.join(TRANSFER_LABELS[name] for name in some)}, its .cuda() calls taken out. It "
        "stops early where recse-lab solves, so accuracies differ: "
        + "; ".join(
            f"{TRANSFER_LABELS[name]} {100 * raw['senteval'][name]['accuracy']:.2f}"
            for name in some
        )
        + "."
    )
    return Part("transfer tasks, time", rows, notes, raw)


def _embeddings(tasks: dict[str, TransferTask], setup: Setup) -> dict[str, np.ndarray]:
    """Of the distinct sentences of each task, in the order in which ``run_task`` asks for them."""
    encoder = load_encoder(ENCODER, pooling="mean")
    key = embedding_key(encoder, weights_fingerprint(resolve(ENCODER)), "fp32")
    folder = Path(os.environ.get("RECSE_LAB_EMBEDDINGS") or setup.scratch / "embeddings")
    found: dict[str, np.ndarray] = {}

    def keep(name: str, texts: list[str]) -> np.ndarray:
        found[name] = cached_encode(encoder.encode, texts, key=key, folder=folder)
        return found[name]

    for name, task in tasks.items():
        say(f"h: encoding {name}")
        task_features(task, lambda texts, name=name: keep(name, texts))
    return found


def _loops(task: TransferTask, embeddings: np.ndarray, outcome: Outcome) -> Loops:
    protocol = PROTOCOLS[PROTOCOL]
    split, plan = trials(task, protocol.folds)
    labels = np.concatenate([part.label for part in task.splits.values()])
    loops = SkLearn(task_features(task, lambda _: embeddings)[0], labels, len(task.classes))
    timed = plan[:OUTER]
    seconds, done = cpu_seconds(
        lambda: [loops.trial(trial, protocol.grid[split]) for trial in timed]
    )
    seconds *= len(plan) / len(timed)
    picks = list(zip(plan, outcome.chosen, strict=True))
    plain, solved = (
        float(
            np.mean(
                [loops.right(value, trial.train, trial.test, **options) for trial, value in picks]
            )
        )
        for options in ({}, SOLVED)
    )
    say(f"h: scikit-learn, {task.name}: {seconds:.1f} s, accuracy {plain:.4f}, solved {solved:.4f}")
    same = sum(value == mine for value, mine in zip(done, outcome.chosen, strict=False))
    return Loops(seconds, plain, solved, same, len(timed))


def _row(
    other: str, ours: dict[str, list[float]], theirs: dict[str, float], at_most: float | None = None
) -> Row:
    totals = [sum(values) for values in zip(*ours.values(), strict=True)]
    what = f"recse-lab / {other}, {len(theirs)} tasks"
    return Row(what, "×", [total / sum(theirs.values()) for total in totals], at_most=at_most)
