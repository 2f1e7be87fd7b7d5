"""Transfer protocols: SentEval's folds and choices transcribed with scikit-learn, planted encoders,
and what is undefined.
"""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.model_selection import StratifiedKFold

from recse_lab.data.transfer_sets import CLASSES, TRANSFER, Examples, TransferTask
from recse_lab.errors import LabError
from recse_lab.evaluation.protocols import PROTOCOLS
from recse_lab.evaluation.transfer import (
    Outcome,
    accuracy,
    choose,
    evaluate_transfer,
    f1,
    pair_features,
    penalties,
    run_task,
    task_features,
    transfer_results,
    trials,
)

DIM = 6


def task(name, counts, seed=0):
    """Sentences whose vectors (see ``vectors``) tell something of their class."""
    rng = np.random.default_rng(seed)
    classes, splits = len(CLASSES[name]), {}
    for split, count in counts.items():
        label = np.sort(rng.permutation(np.arange(count) % classes))
        rng.shuffle(label)
        first = [f"{name} {split} {i} {c}" for i, c in enumerate(label)]
        second = [
            f"{text} {rng.integers(classes) if rng.random() < 0.4 else c} second"
            for text, c in zip(first, label, strict=True)
        ]
        splits[split] = Examples(first, second if name == "mrpc" else None, label)
    return TransferTask(name, CLASSES[name], splits)


def vectors(texts, signal=0.8):
    """Noise, and the last number in the text as a direction."""
    rows = []
    for text in texts:
        rng = np.random.default_rng(abs(hash_of(text)))
        direction = np.random.default_rng(
            int([word for word in text.split() if word.isdigit()][-1])
        ).standard_normal(DIM)
        rows.append(rng.standard_normal(DIM) + signal * direction)
    return np.array(rows, dtype=np.float32)


def hash_of(text):
    return int.from_bytes(text.encode()[:24], "big") % 2**32


def sizes(name):
    if name == "sst2":
        return {"train": 160, "dev": 60, "test": 70}
    return {"train": 160, "test": 70} if name in ("trec", "mrpc") else {"all": 150}


@pytest.fixture(scope="module")
def seven():
    return [task(name, sizes(name), seed) for seed, name in enumerate(TRANSFER)]


# ---- the protocols, transcribed ----------------------------------------------------------------


def classifier(protocol, value, rows, classes):
    """A classifier whose optimum is the protocol's, on features with a column of ones where the
    intercept is penalised.
    """
    options = {"tol": 1e-10, "max_iter": 2000, "solver": "newton-cg"}
    if protocol.regulariser == "C":
        return LogisticRegression(C=value, **options)
    return LogisticRegression(
        C=(2 if classes == 2 else 1) / (rows * value), fit_intercept=False, **options
    )


def transcribed(task, protocol, encode):
    """InnerKFoldClassifier, KFoldClassifier and SplitClassifier of SentEval, in its loops.

    Chosen values, test predictions.
    """
    joined, _ = task_features(task, encode)
    if protocol.regulariser == "weight_decay":
        joined = np.c_[joined, np.ones(len(joined), np.float32)]
    ends = np.cumsum([len(part.label) for part in task.splits.values()])
    x = dict(zip(task.splits, np.split(joined.astype(np.float64), ends[:-1]), strict=True))
    y = {split: part.label for split, part in task.splits.items()}
    classes = len(task.classes)

    def fit(value, x, y):
        return classifier(protocol, value, len(y), classes).fit(x, y)

    def best(grid, splits, x, y):
        scores = [
            round(100 * np.mean([fit(value, x[a], y[a]).score(x[b], y[b]) for a, b in splits]), 2)
            for value in grid
        ]
        return grid[np.argmax(scores)]

    def kfold(x, y):
        return list(
            StratifiedKFold(n_splits=protocol.folds, shuffle=True, random_state=1111).split(x, y)
        )

    if "all" in x:
        x, y, chosen, predicted = x["all"], y["all"], [], np.empty(len(y["all"]), int)
        for a, b in kfold(x, y):
            chosen.append(best(protocol.grid["cv"], kfold(x[a], y[a]), x[a], y[a]))
            predicted[b] = fit(chosen[-1], x[a], y[a]).predict(x[b])
        return chosen, predicted
    if "dev" in x:
        scores = [
            round(100 * fit(v, x["train"], y["train"]).score(x["dev"], y["dev"]), 2)
            for v in protocol.grid["dev"]
        ]
        value = protocol.grid["dev"][np.argmax(scores)]
    else:
        value = best(protocol.grid["test"], kfold(x["train"], y["train"]), x["train"], y["train"])
    return [value], fit(value, x["train"], y["train"]).predict(x["test"])


@pytest.mark.parametrize(
    ("name", "protocol"),
    [
        ("mr", "senteval-fast"),
        ("mr", "senteval-logreg"),
        ("trec", "senteval-10fold"),
        ("trec", "senteval-logreg"),
        ("sst2", "senteval-10fold"),
        ("sst2", "senteval-logreg"),
        ("mrpc", "senteval-10fold"),
        ("mrpc", "senteval-logreg"),
    ],
)
def test_a_protocol_is_senteval_s_loops_over_scikit_learn(monkeypatch, name, protocol):
    few = PROTOCOLS[protocol]._replace(
        folds=min(PROTOCOLS[protocol].folds, 4)
    )  # scikit-learn's side takes its time
    monkeypatch.setitem(PROTOCOLS, protocol, few)
    made = task(name, sizes(name), seed=3)
    chosen, predicted = transcribed(made, few, vectors)
    outcome = run_task(made, vectors, protocol=protocol, tolerance=1e-6, dtype=torch.float64)
    ours = outcome.predictions.sort_values("row")
    assert outcome.chosen == chosen
    assert (ours["predicted"].to_numpy() == predicted).all()
    assert (ours["label"].to_numpy() == list(made.splits.values())[-1].label).all()
    single = run_task(made, vectors, protocol=protocol)
    assert abs(accuracy(single.predictions) - accuracy(outcome.predictions)) <= 0.002 + 1e-9
    assert single.residual is not None
    assert single.residual <= 1e-4


def test_grids_and_folds_are_senteval_s():
    decays, fast, logreg = (
        PROTOCOLS[name] for name in ("senteval-10fold", "senteval-fast", "senteval-logreg")
    )
    assert (decays.folds, fast.folds, logreg.folds) == (10, 5, 10)
    assert all(
        list(protocol.grid[split]) == pytest.approx([10.0**t for t in range(-5, -1)])
        for protocol in (decays, fast)
        for split in ("cv", "test", "dev")
    )
    assert logreg.grid["cv"] == logreg.grid["dev"] == (0.25, 0.5, 1, 2, 4, 8)
    assert logreg.grid["test"] == (0.5, 1, 2, 4, 8, 16, 32)


def test_penalties_by_hand():
    rows = np.array([100, 200])
    np.testing.assert_allclose(penalties("C", [0.5, 2], rows, 2), [[0.02, 0.005], [0.01, 0.0025]])
    np.testing.assert_allclose(penalties("weight_decay", [1e-2], rows, 2), [[5e-3], [5e-3]])
    np.testing.assert_allclose(penalties("weight_decay", [1e-2], rows, 6), [[1e-2], [1e-2]])


def test_the_first_of_the_best_as_rounded_is_chosen():
    assert choose(np.array([[0.70, 0.80, 0.80], [0.70, 0.80, 0.80]])) == 1
    assert choose(np.array([[0.80001, 0.80004]])) == 0  # 80.00 both
    assert choose(np.array([[0.8000, 0.8001]])) == 1
    assert choose(np.array([[1.0, 0.6], [0.0, 0.6]])) == 1  # the mean counts


def test_nothing_of_a_test_row_is_seen_in_training():
    made = task("mr", {"all": 150})
    kind, plan = trials(made, 5)
    assert kind == "cv"
    assert sorted(np.concatenate([trial.test for trial in plan])) == list(range(150))
    for trial in plan:
        assert not set(trial.train) & set(trial.test)
        assert len(trial.inner) == 5
        assert sorted(np.concatenate([dev for _, dev in trial.inner])) == sorted(trial.train)
        for train, dev in trial.inner:
            assert set(train) | set(dev) == set(trial.train)
            assert not set(train) & set(dev)
    kind, [trial] = trials(task("sst2", sizes("sst2")), 5)
    assert (kind, len(trial.inner)) == ("dev", 1)
    assert (trial.train.max(), trial.inner[0][1].tolist(), trial.test.min()) == (
        159,
        list(range(160, 220)),
        220,
    )
    kind, [trial] = trials(task("trec", sizes("trec")), 5)
    assert (kind, len(trial.inner), trial.test.tolist()) == ("test", 5, list(range(160, 230)))


# ---- features ----------------------------------------------------------------------------------


def test_pair_features():
    first, second = np.array([[1.0, -2.0]]), np.array([[3.0, 5.0]])
    assert pair_features(first, second).tolist() == [[2.0, 7.0, 3.0, -10.0]]


def test_every_distinct_sentence_is_encoded_once(seven):
    calls = []

    def encode(texts):
        calls.append(texts)
        return vectors(texts)

    mrpc = seven[-1]
    part = mrpc.splits["test"]
    repeated = Examples(
        [*part.first, *part.first], [*part.second, *part.second], np.tile(part.label, 2)
    )
    features, count = task_features(
        mrpc._replace(splits={"train": mrpc.splits["train"], "test": repeated}), encode
    )
    assert len(calls) == 1
    assert len(set(calls[0])) == len(calls[0]) == count
    u, v = vectors(part.first), vectors(part.second)
    np.testing.assert_allclose(features[-len(part.label) :], np.c_[np.abs(u - v), u * v])
    assert len(features) == 160 + 140


# ---- planted encoders --------------------------------------------------------------------------


def test_an_oracle_is_right_and_noise_is_not(seven):
    oracle = run_task(
        seven[0], lambda texts: vectors(texts, signal=100.0), protocol="senteval-fast"
    )
    assert accuracy(oracle.predictions) == 1.0
    noise = run_task(seven[0], lambda texts: vectors(texts, signal=0.0), protocol="senteval-fast")
    assert abs(accuracy(noise.predictions) - 0.5) < 0.15


def test_a_constant_encoder_gets_the_majority():
    label = np.array([1] * 90 + [0] * 60)
    made = TransferTask(
        "mr", ("0", "1"), {"all": Examples([f"s {i}" for i in range(150)], None, label)}
    )
    results, predictions = evaluate_transfer(
        [made], lambda texts: np.ones((len(texts), 3), np.float32), protocol="senteval-fast"
    )
    assert results["tasks"]["mr"]["accuracy"] == pytest.approx(0.6)
    assert results["tasks"]["mr"]["majority"] == pytest.approx(0.6)
    assert (predictions["predicted"].to_numpy() == 1).all()


# ---- results -----------------------------------------------------------------------------------


def test_the_suite(seven):
    heard = []
    results, predictions = evaluate_transfer(
        seven, vectors, protocol="senteval-fast", progress=lambda *n: heard.append(n)
    )
    assert json.loads(json.dumps(results, allow_nan=False)) == json.loads(json.dumps(results))
    assert results["schema"] == "recse-lab/transfer/1"
    assert results["protocol"]["id"] == "senteval-fast"
    assert heard == [(n, 7) for n in range(1, 8)]
    assert list(results["tasks"]) == list(TRANSFER)
    accuracies = []
    for name, result in results["tasks"].items():
        part = predictions[predictions["task"] == name]
        assert result["protocol"] == "senteval-fast"
        folds = part.groupby("fold").apply(
            lambda f: (f["label"] == f["predicted"]).mean(), include_groups=False
        )
        assert result["accuracy"] == pytest.approx(folds.mean())
        assert len(result["chosen"]) == (5 if "all" in sizes(name) else 1)
        assert set(result["chosen"]) <= {1e-5, 1e-4, 1e-3, 1e-2}
        assert 0 < result["dev_accuracy"] <= 1
        assert sorted(part["row"]) == list(range(list(sizes(name).values())[-1]))
        assert result["examples"] == sizes(name)
        assert "where SentEval has" in result["unusual"]
        assert (result["f1"] is None) == (name != "mrpc")
        assert result["n"] == list(sizes(name).values())[-1]
        accuracies.append(result["accuracy"])
    mrpc = predictions[predictions["task"] == "mrpc"]
    assert results["tasks"]["mrpc"]["f1"] == pytest.approx(
        f1_score(mrpc["label"], mrpc["predicted"])
    )
    assert results["tasks"]["mrpc"]["sentences"] == 2 * 230
    assert results["average"] == {
        "tasks": list(TRANSFER),
        "accuracy": pytest.approx(np.mean(accuracies)),
        "undefined": None,
    }


def outcome(name, undefined=None, right=(1, 0), examples=None):
    columns = {
        "task": name,
        "fold": [0, 0],
        "row": [0, 1],
        "label": [1, 1],
        "predicted": list(right),
    }
    frame = pd.DataFrame(columns if undefined is None else {key: [] for key in columns})
    return Outcome(name, frame, [1e-3], [0.5], examples or {"test": 2}, 2, 1e-5, undefined)


def test_no_average_over_fewer_than_seven(monkeypatch):
    monkeypatch.setattr(
        "recse_lab.evaluation.transfer.SIZES", {name: {"test": 2} for name in TRANSFER}
    )
    whole = transfer_results([outcome(name) for name in TRANSFER], "senteval-10fold")
    assert whole["average"]["accuracy"] == 0.5
    assert whole["tasks"]["mr"]["unusual"] is None
    some = transfer_results([outcome(name) for name in TRANSFER[:5]], "senteval-10fold")
    assert some["average"]["accuracy"] is None
    assert some["average"]["undefined"] == "missing trec, mrpc"
    broken = transfer_results(
        [outcome(n, "NaN" if n == "cr" else None) for n in TRANSFER], "senteval-10fold"
    )
    assert broken["average"]["accuracy"] is None
    assert broken["average"]["undefined"] == "undefined cr"
    assert broken["tasks"]["cr"]["accuracy"] is None
    assert broken["tasks"]["cr"]["majority"] is None


@pytest.mark.parametrize("name", ["mr", "mrpc"])
def test_embeddings_that_are_not_finite_have_no_accuracy(seven, name):
    def encode(texts):
        rows = vectors(texts)
        rows[3] = np.nan
        return rows

    made = next(each for each in seven if each.name == name)
    results, predictions = evaluate_transfer([made], encode, protocol="senteval-fast")
    assert results["tasks"][name]["accuracy"] is None
    assert (
        results["tasks"][name]["undefined"]
        == f"1 of {sum(sizes(name).values())} feature rows are not finite"
    )
    assert results["tasks"][name].get("f1") is None
    assert predictions.empty
    assert list(predictions) == ["task", "fold", "row", "label", "predicted"]


def test_folds_weigh_the_same_in_an_accuracy():
    frame = pd.DataFrame({"fold": [0, 0, 0, 1], "label": [1, 1, 1, 1], "predicted": [1, 1, 0, 0]})
    assert accuracy(frame) == pytest.approx((2 / 3 + 0) / 2)


def test_f1_by_hand():
    def of(label, predicted):
        return f1(pd.DataFrame({"label": label, "predicted": predicted}))

    assert of([1, 1, 0, 0], [1, 0, 1, 0]) == pytest.approx(0.5)
    assert of([1, 1, 1, 0], [1, 1, 0, 0]) == pytest.approx(0.8)
    assert of([1, 0], [0, 0]) == 0.0
    assert of([0, 0], [0, 0]) is None


def test_refusals(seven):
    with pytest.raises(
        LabError, match="unknown protocol 'senteval-10fald'; did you mean senteval-10fold"
    ):
        run_task(seven[0], vectors, protocol="senteval-10fald")
    with pytest.raises(LabError, match="protocol mteb is of STS"):
        run_task(seven[0], vectors, protocol="mteb")
    label = np.array([0] * 100 + [1] * 10)
    few = TransferTask(
        "cr", ("0", "1"), {"all": Examples([f"s {i}" for i in range(110)], None, label)}
    )
    with pytest.raises(
        LabError, match="task cr: 9 examples of class 1 to train on, too few for 10 folds"
    ):
        run_task(few, vectors)
