"""Evaluations under named protocols, kept as runs: their numbers, their ids, the cache, and what is
refused.
"""

import json
import random
import shutil

import numpy as np
import pandas as pd
import pytest
import torch
import torch.nn.functional as F
from conftest import WORDS
from scipy import stats

from recse_lab import notebook
from recse_lab.data.sts_sets import SEVEN, SUBSETS, load_task
from recse_lab.data.transfer_sets import BINARY, TRANSFER, load_transfer_task
from recse_lab.evaluation.transfer import evaluate_transfer
from recse_lab.files import read_json
from recse_lab.jobs.evaluate import evaluate
from recse_lab.models.saving import load_encoder
from recse_lab.models.transformer import TransformerEncoder
from recse_lab.runs.store import find_runs

EXAMPLES = 24  # of each class


@pytest.fixture(scope="module")
def transfer_data(tmp_path_factory):
    """All transfer sets in SentEval's layout: the classes of a set use different words."""
    root, rng = tmp_path_factory.mktemp("transfer"), random.Random(2)
    halves = WORDS[::2], WORDS[1::2]

    def sentence(label):
        return " ".join(
            rng.choices(halves[label % 2], k=4) + rng.choices(WORDS, k=rng.randint(1, 6))
        )

    def write(file, lines, encoding="utf-8"):
        path = root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes("".join(f"{line}\n" for line in lines).encode(encoding))

    for positive, negative in BINARY.values():
        write(positive, [sentence(1) for _ in range(EXAMPLES)])
        write(negative, [sentence(0) for _ in range(EXAMPLES)])
    for split in ("train", "dev", "test"):
        write(
            f"SST/binary/sentiment-{split}",
            [f"{sentence(i % 2)}\t{i % 2}" for i in range(2 * EXAMPLES)],
        )
    for split in ("train_5500", "TREC_10"):
        classes = ("ABBR", "DESC", "ENTY", "HUM", "LOC", "NUM")
        write(f"TREC/{split}.label", [f"{c}:any {sentence(i)}" for i, c in enumerate(classes * 8)])
    for split in ("train", "test"):
        rows = [f"{i % 2}\t1\t2\t{sentence(0)}\t{sentence(1 - i % 2)}" for i in range(2 * EXAMPLES)]
        write(
            f"MRPC/msr_paraphrase_{split}.txt",
            ["Quality\t#1 ID\t#2 ID\t#1 String\t#2 String", *rows],
        )
    return root


@pytest.fixture
def encoded(monkeypatch):
    """Numbers of sentences that were really encoded, one a call."""
    calls, encode = [], TransformerEncoder.encode
    monkeypatch.setattr(
        TransformerEncoder,
        "encode",
        lambda self, s, **o: calls.append(len(s)) or encode(self, s, **o),
    )
    return calls


def evaluated(tmp_path, **wanted):
    """The one run of `eval` with these values of results.json's encoder or protocol."""
    runs = [run for run in find_runs(tmp_path / "runs") if run.study == "eval"]
    found = [
        run
        for run in runs
        if wanted.items()
        <= {**run.record.results.tree()["encoder"], **run.record.results.tree()["protocol"]}.items()
    ]
    assert len(found) == 1
    return found[0]


def test_an_evaluation_is_a_run(call, tiny, small_senteval, tmp_path, encoded):
    command = (
        "eval",
        tiny,
        "--data-dir",
        small_senteval,
        "--precision",
        "fp32",
        "--json",
        tmp_path / "o.json",
    )
    code, out, err = call(*command)
    assert code == 0, err
    (run,) = find_runs(tmp_path / "runs")
    assert (run.study, run.state, len(run.id)) == ("eval", "done", 12)
    files = {path.name for path in run.folder.iterdir()}
    assert files == {
        "config.json",
        "fingerprints.json",
        "environment.json",
        "results.json",
        "scores.parquet",
        "cost.json",
        "status.json",
    }
    assert read_json(tmp_path / "o.json") == run.record.results.document() | {
        "environment": run.record.environment.tree()
    }
    assert run.record.cost.encoded == run.record.cost.sentences == sum(encoded) > 0
    assert f"run {run.id}" in out
    frame = pd.read_parquet(run.scores)
    for task in SEVEN:
        part = frame[frame["task"] == task]
        wanted = stats.spearmanr(part["gold"], part["score"]).statistic
        assert run.record.sts.tasks[task].spearman.all == pytest.approx(wanted, abs=1e-12)

    row = notebook.runs(tmp_path / "runs").iloc[0]
    assert (row["protocol"], row["model.pooling"], row["evaluation.precision"]) == (
        "simcse-2021",
        "mean",
        "fp32",
    )
    assert row["average"] == run.record.sts.average.spearman.all
    assert row["stsb"] == run.record.sts.tasks["stsb"].spearman.all
    assert "simcse-2021" in call("runs", "ls")[1]
    assert f"{100 * row['average']:.2f}" in call("runs", "show", run.id)[1]

    code, out, _ = call(*command)
    assert "kept since" in out or "0 sentences encoded" in out  # within the second of the first
    assert sum(encoded) == run.record.cost.sentences
    before = (run.folder / "results.json").stat().st_mtime_ns
    code, out, _ = call(*command, "--no-cache")
    assert sum(encoded) == 2 * run.record.cost.sentences
    assert (run.folder / "results.json").stat().st_mtime_ns > before
    assert [found.id for found in find_runs(tmp_path / "runs")] == [run.id]


def test_another_protocol_takes_its_sentences_from_the_cache(
    call, tiny, small_senteval, tmp_path, encoded
):
    options = ("--data-dir", small_senteval, "--precision", "fp32")
    for protocol in ("mteb", "recse-release", "senteval-2018", "simcse-2021"):
        code, _, err = call("eval", tiny, "--protocol", protocol, *options)
        assert code == 0, err
        if protocol == "recse-release":  # STS-B dev is the one set that MTEB does not ask for
            known = sum(encoded)
    assert sum(encoded) == known
    averages = {}
    for protocol in ("mteb", "senteval-2018", "simcse-2021"):
        run = evaluated(tmp_path, id=protocol)
        frame = pd.read_parquet(run.scores)
        tasks = [*SEVEN[:-1], "sickr-all" if protocol == "mteb" else "sickr"]
        values = []
        for task in tasks:
            part = frame[frame["task"] == task]
            groups = (
                [part] if protocol != "senteval-2018" else [g for _, g in part.groupby("subset")]
            )
            values.append(
                np.mean([stats.spearmanr(g["gold"], g["score"]).statistic for g in groups])
            )
        averages[protocol] = np.mean(values)
    listed = notebook.runs(tmp_path / "runs").set_index("protocol")["average"]
    for protocol, average in averages.items():
        assert listed[protocol] == pytest.approx(average, abs=1e-12)
    assert len(set(averages.values())) == 3
    assert len(SUBSETS["sts12"]) == evaluated(tmp_path, id="mteb").record.sts.tasks["sts12"].subsets


def test_the_space_of_the_old_tables(tiny, small_senteval, tmp_path):
    """The measures of one batch written out: twelve pairs, so one batch of all of them."""
    run = evaluate(
        str(tiny),
        tmp_path,
        protocol="recse-release",
        data_dir=str(small_senteval),
        precision_="fp32",
    )
    (pairs,) = load_task("stsb-dev", small_senteval).subsets.values()
    encoder = load_encoder(str(tiny))
    u, v = (F.normalize(torch.from_numpy(encoder.encode(side)), dim=1) for side in pairs[:2])
    close = torch.from_numpy(pairs.gold >= 4)
    space = run.record.results.tree()["space"]
    assert space["alignment"] == pytest.approx(
        float((u - v)[close].norm(dim=1).square().mean()), abs=1e-5
    )
    assert space["uniformity"] == pytest.approx(
        float(torch.pdist(torch.cat([u, v])).square().mul(-2).exp().mean().log()), abs=1e-5
    )
    assert (
        "space"
        not in evaluate(str(tiny), tmp_path, data_dir=str(small_senteval)).record.results.tree()
    )


def test_transfer_tasks_from_the_command_line(call, tiny, transfer_data, tmp_path, encoded):
    command = (
        "eval",
        tiny,
        "--protocol",
        "senteval-fast",
        "--data-dir",
        transfer_data,
        "--precision",
        "fp32",
    )
    code, out, err = call(*command, "--json", tmp_path / "o.json")
    assert code == 0, err
    run = evaluated(tmp_path, id="senteval-fast")
    results = read_json(tmp_path / "o.json")
    tasks = [load_transfer_task(name, transfer_data) for name in TRANSFER]
    encoder = load_encoder(str(tiny))
    wanted, _ = evaluate_transfer(
        tasks, lambda texts: encoder.encode(texts), protocol="senteval-fast"
    )
    predictions = pd.read_parquet(run.folder / "predictions.parquet")
    for name in TRANSFER:
        found = results["tasks"][name]
        assert found["accuracy"] == pytest.approx(wanted["tasks"][name]["accuracy"], abs=0.03)
        assert found["n"] == (predictions["task"] == name).sum() == 2 * EXAMPLES
        part = predictions[predictions["task"] == name]
        folds = (
            part.assign(right=part["label"] == part["predicted"]).groupby("fold")["right"].mean()
        )
        assert found["accuracy"] == pytest.approx(folds.mean(), abs=1e-12)
        assert f"{100 * found['accuracy']:.2f}" in out
    assert results["average"]["accuracy"] == pytest.approx(
        np.mean([results["tasks"][n]["accuracy"] for n in TRANSFER])
    )
    assert results["tasks"]["mrpc"]["f1"] is not None
    assert results["tasks"]["mr"]["f1"] is None
    assert notebook.runs(tmp_path / "runs").iloc[0]["average"] == results["average"]["accuracy"]
    assert f"{100 * results['average']['accuracy']:.2f}" in call("runs", "ls")[1]
    known = sum(encoded)
    code, out, err = call(
        "eval",
        tiny,
        "--protocol",
        "senteval-logreg",
        "--data-dir",
        transfer_data,
        "--precision",
        "fp32",
        "--tasks",
        "mr,cr",
        "--beside",
        "simcse@bert-base",
        "--runs",
        tmp_path / "other",
    )
    assert code == 0, err
    assert sum(encoded) == known
    assert "85.81" in out
    assert "No average: missing subj" in out


def test_the_id_is_that_of_the_question(tiny, small_senteval, tmp_path):
    def id_of(encoder=tiny, **options):
        given = {
            "data_dir": str(small_senteval),
            "tasks": ["stsb"],
            "precision_": "fp32",
            **options,
        }
        return evaluate(str(encoder), tmp_path / "runs", **given).id

    copy, moved = tmp_path / "copy", tmp_path / "moved"
    shutil.copytree(tiny, copy)
    shutil.copytree(small_senteval, moved)
    plain = id_of()
    assert (
        plain
        == id_of(copy)
        == id_of(data_dir=str(moved))
        == id_of(pooling="mean")
        == id_of(layers=3)
    )
    others = [
        id_of(pooling="cls"),
        id_of(layers=2),
        id_of(max_length=8),
        id_of(protocol="mteb"),
        id_of(tasks=["sickr"]),
        id_of(precision_="bf16"),
    ]
    gold = moved / "STS/STSBenchmark/sts-test.csv"
    gold.write_text(gold.read_text().replace("\t3\t", "\t2\t"))
    others.append(id_of(data_dir=str(moved)))
    assert len({plain, *others}) == 8


def test_what_fails_is_marked_and_measured_next_time(
    call, tiny, small_senteval, tmp_path, monkeypatch
):
    def broken(self, sentences, **options):
        raise RuntimeError("out of luck")

    command = ("eval", tiny, "--data-dir", small_senteval, "--tasks", "stsb")
    with monkeypatch.context() as patch:
        patch.setattr(TransformerEncoder, "encode", broken)
        with pytest.raises(RuntimeError):
            evaluate(str(tiny), tmp_path / "runs", data_dir=str(small_senteval), tasks=["stsb"])
    (run,) = find_runs(tmp_path / "runs")
    assert (run.state, run.record.results.tree()) == ("failed", {})
    assert "out of luck" in (run.status.message or "")
    assert call(*command)[0] == 0
    assert run.state == "done"


def test_a_constant_encoder_has_no_score(tiny, small_senteval, tmp_path, monkeypatch):
    monkeypatch.setattr(
        TransformerEncoder, "encode", lambda self, s, **o: np.ones((len(s), 16), np.float32)
    )
    run = evaluate(str(tiny), tmp_path, data_dir=str(small_senteval), protocol="recse-release")
    assert run.record.sts.average.spearman.all is None
    assert (
        run.record.sts.tasks["stsb"].undefined == "all scores are the same: the encoder is constant"
    )
    assert json.loads((run.folder / "results.json").read_text())["space"]["alignment"] == 0


def test_a_measurement_is_no_model(call, tiny, tmp_path):
    run = evaluate(str(tiny), tmp_path / "runs")
    code, _, err = call("probe", "geometry", run.id)
    assert code == 2
    assert "is a measurement and keeps no model; give the encoder it measured" in err


def test_protocols_are_listed(call):
    out = call("list", "protocols")[1]
    assert all(
        name in out
        for name in ("simcse-2021", "senteval-2018", "mteb", "recse-release", "senteval-10fold")
    )


def test_two_processes_do_not_measure_the_same(call, tiny, tmp_path):
    run = evaluate(str(tiny), tmp_path / "runs")
    with run.claim():
        code, _, err = call("eval", tiny, "--no-cache")
    assert code == 2
    assert "is being computed by another process" in err
    assert call("eval", tiny, "--no-cache")[0] == 0
