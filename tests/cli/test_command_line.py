"""The command line as a user meets it: the main path end to end, and one sentence with exit code 2
for every mistake.
"""

import errno
import json
import os
import re
import shutil

import pytest
from conftest import sentences, write_senteval

from recse_lab.data import pull
from recse_lab.data.sts_sets import SEVEN
from recse_lab.files import write_json
from recse_lab.runs.store import Run, default_root, find_runs


@pytest.fixture
def study(tmp_path, tiny, corpus_file, small_senteval):
    path = tmp_path / "small.yaml"
    path.write_text(f"""
name: small
question: Does p matter?
cost: seconds
base:
  encoder: {tiny}
  corpus: {corpus_file}
  model: {{pooling: mean, max_length: 16}}
  training: {{steps: 4, batch_size: 16, eval_every: 2, precision: fp32}}
  evaluation: {{data_dir: {small_senteval}, precision: fp32, selection: last}}
  reshape: {{weight: 0.1, projection: 8}}
arms:
  - {{name: SimCSE, role: reference, set: {{reshape: null}}}}
  - {{name: mean, role: control, set: {{reshape.operator: mean}}}}
  - {{name: channel-gram, sweep: {{reshape.dim: [2, 4]}}}}
seeds: 2
report: {{x: reshape.dim, against: SimCSE}}
""")
    return path


def test_ablate_from_corpus_to_report_and_again_from_the_store(call, study, tmp_path):
    code, out, err = call("ablate", study, "--dry-run", "--out", tmp_path / "r")
    assert code == 0, err
    assert "8 distinct runs, 0 in the store" in out.replace("\n", " ")
    code, out, err = call("ablate", study, "--workers", 2, "--out", tmp_path / "r")
    assert code == 0, err
    report = tmp_path / "r" / "small"
    assert {p.name for p in report.iterdir()} == {
        "table.md",
        "table.tex",
        "table.csv",
        "summary.md",
        "page.html",
        "card.json",
        "differences.png",
        "differences.pdf",
        "figure.png",
        "figure.pdf",
    }
    before = {p.name: p.read_bytes() for p in report.iterdir()}
    code, out, _ = call("report", "small", "--out", tmp_path / "again")
    assert code == 0
    after = {p.name: p.read_bytes() for p in (tmp_path / "again" / "small").iterdir()}
    assert after == before
    code, out, _ = call("ablate", study, "--out", tmp_path / "r")
    assert "8 in the store, 0 to compute" in out.replace("\n", " ")


def test_eval_writes_the_documented_schema(call, tiny, small_senteval, tmp_path):
    code, out, err = call(
        "eval",
        tiny,
        "--data-dir",
        small_senteval,
        "--json",
        tmp_path / "o.json",
        "--beside",
        "simcse@bert-base",
    )
    assert code == 0, err
    result = json.loads((tmp_path / "o.json").read_text())
    assert result["schema"] == "recse-lab/results/1"
    assert result["protocol"]["id"] == "simcse-2021"
    assert set(result["tasks"]) == {*SEVEN, "stsb-dev"}
    assert "76.25" in out


def test_train_resumes_and_lists(call, tiny, corpus_file, small_senteval):
    options = (
        "--encoder",
        tiny,
        "--corpus",
        corpus_file,
        "--data-dir",
        small_senteval,
        "--steps",
        3,
        "--batch-size",
        16,
        "--set",
        "training.early_looks=true",  # step 0 has no loss to report
    )
    for arm in ("simcse", "recse", "reshape-only"):
        code, _, err = call(
            "train",
            "--framework",
            arm,
            *options,
            "--set",
            "reshape.dim=4" if arm != "simcse" else "seed=1",
        )
        assert code == 0, err
    code, out, _ = call("runs", "ls")
    assert out.count("done") == 3


SMALL = [
    "--encoder",
    "TINY",
    "--corpus",
    "CORPUS",
    "--data-dir",
    "STS",
    "--steps",
    "2",
    "--batch-size",
    "16",
]


def truncated(root):
    """STS data of which two files end too early, one between two lines and one within its third."""
    sts = write_senteval(root) / "STS"
    gold, dev = sts / "STS14-en-test/STS.gs.images.txt", sts / "STSBenchmark/sts-dev.csv"
    gold.write_text("".join(gold.read_text().splitlines(keepends=True)[:4]))
    lines = dev.read_text().splitlines(keepends=True)
    dev.write_text("".join(lines[:2]) + "\t".join(lines[2].split("\t")[:4]))
    return root


def studies(folder, tiny, corpus_file, small_senteval):
    """A small study, and copies of it with one mistake each."""
    text = f"""name: small
question: Does p matter?
cost: seconds
base:
  encoder: {tiny}
  corpus: {corpus_file}
  training: {{steps: 2, batch_size: 16}}
  evaluation: {{data_dir: {small_senteval}}}
  reshape: {{projection: 8, dim: 4}}
arms:
  - {{name: SimCSE, role: reference}}
  - {{name: mean, role: control, set: {{reshape.operator: mean}}}}
  - {{name: gram, sweep: {{reshape.dim: [2, 4]}}}}
seeds: 1
quick: {{set: {{model.pooling: cls}}}}
report: {{x: reshape.dim, against: SimCSE}}
"""
    mistakes = {
        "STUDY": ("", ""),
        "BADBASE": ("steps:", "step:"),
        "BADARM": ("operator: mean", "operator: meen"),
        "BADSWEEP": ("[2, 4]", "[-4]"),
        "BADQUICK": ("pooling: cls", "pooling: cks"),
    }
    for name, (old, new) in mistakes.items():
        (folder / f"{name.lower()}.yaml").write_text(text.replace(old, new) if old else text)
    return {name: folder / f"{name.lower()}.yaml" for name in mistakes}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "--encoder", "TINY", "--corpus", "nowhere.txt"], "no such corpus file"),
        (["train", "--encoder", "FOLDER", "--corpus", "CORPUS"], "this folder is no encoder"),
        (["train", "--encoder", "TINY", "--corpus", "BINARY"], "line 1: this is binary data"),
        (["train", "--encoder", "TINY", "--corpus", "EMPTY"], "holds no sentence"),
        (["train", "YAML"], "line 3: unknown option model.poolng; did you mean pooling?"),
        (["train", "--encoder", "TINY", "--operator", "chanel-gram"], "did you mean channel-gram?"),
        (
            [
                "train",
                "--encoder",
                "TINY",
                "--corpus",
                "CORPUS",
                "--operator",
                "channel-gram",
                "--dim",
                "17",
                "--steps",
                "2",
                "--batch-size",
                "8",
                "--data-dir",
                "STS",
            ],
            "p must be at most 16",
        ),
        (
            ["train", "--encoder", "NOWEIGHTS", "--corpus", "CORPUS"],
            "no *.safetensors weights in this folder",
        ),
        (["train", "--encoder", "CORPUS"], "this is a file; give the folder"),
        (
            ["train", "OPERATOR"],
            "operator.yaml, line 4: reshape.operator: unknown reshape operator 'chanel-gram'; did "
            "you mean channel-gram?",
        ),
        (
            ["train", "OPERATOR", "--operator", "meen"],
            "operator.yaml: reshape.operator: unknown reshape operator 'meen'; did you mean mean?",
        ),
        (
            ["train", *SMALL, "--pooling", "meen"],
            "options: model.pooling: unknown pooling 'meen'; did you mean mean?",
        ),
        (["train", *SMALL, "--set", "model.max_length=65"], "has positions for 64 tokens"),
        (
            ["train", *SMALL, "--learning-rate", "1e39"],
            "step 2: the loss is nan on the batch of corpus rows ",
        ),
        (
            ["train", *SMALL, "--learning-rate", "1e39", "--eval-every", "1"],
            "step 1: the norm of the weights is ",
        ),
        (
            ["train", *SMALL, "--data-dir", "TRUNCATED", "--set", "evaluation.tasks=[]"],
            "sts-dev.csv, line 3: 4 fields instead of 7; is the file truncated?",
        ),
        (
            ["eval", "TINY", "--data-dir", "TRUNCATED"],
            "STS.gs.images.txt, line 4: the file ends here, its partner has 12 lines",
        ),
        (["eval", "FOLDER", "--data-dir", "STS"], "this folder is no encoder"),
        (["eval", "TINY", "--data-dir", "STS", "--tasks", "sts-b"], "did you mean stsb?"),
        (["eval", "TINY", "--data-dir", "STS", "--tasks", "stsb,stsb"], "task stsb is named twice"),
        (
            ["train", *SMALL, "--framework", "supervised"],
            "corpus.txt: a txt file has no columns, so no 'sent",
        ),
        (
            ["train", *SMALL, "--set", "evaluation.tasks=[stsb, stsb]"],
            "evaluation.tasks: 'stsb' is given twice",
        ),
        (["train", *SMALL, "--set", "seed=true"], "seed: expected a number, not True"),
        (
            ["ablate", "STUDY", "--set", "seed=5"],
            "a study sets the seed of every run itself; give --seeds",
        ),
        (["ablate", "STUDY", "--set", "reshape.dim=[4, 4]"], "reshape.dim: 4 is given twice"),
        (["ablate", "STUDY", "--full"], "experiment small has no full edition; leave out --full"),
        (
            ["eval", "TINY", "--data-dir", "STS", "--protocol", "simcse-2012"],
            "unknown protocol 'simcse-2012'; did you mean simcse-2021?",
        ),
        (
            ["eval", "TINY", "--protocol", "senteval-fast"],
            "protocol senteval-fast needs the transfer sets: give --data-dir",
        ),
        (
            ["eval", "TINY", "--data-dir", "STS", "--protocol", "senteval-fast"],
            "no transfer data here",
        ),
        (
            ["eval", "TINY", "--protocol", "senteval-fast", "--beside", "simcze"],
            "no published result 'simcze'; did you mean simcse",
        ),
        (["import", "nowhere.json"], "nowhere.json: the file cannot be read"),
        (
            ["import", "BINARY"],
            "the layout is unknown; expected the log of SimCSE's evaluation.py",
        ),
        (
            ["reshape", "build", "--encoder", "TINY", "--corpus", "nowhere.txt", "--dim", "4"],
            "no such corpus file",
        ),
        (
            ["reshape", "build", "--encoder", "TINY", "--corpus", "CORPUS", "--dim", "17"],
            "p must be at most 16",
        ),
        (["ablate", "STUDY", "--set", "reshape.dim=[2, 17]"], "p must be at most 16"),
        (
            ["ablate", "STUDY", "--set", "training.steps=-1"],
            "study.yaml (arm SimCSE): training.steps: input should be greater than or equal to 0 "
            "(given: -1).",
        ),
        (["ablate", "STUDY", "--corpus", "EMPTY"], "holds no sentence"),
        (
            ["ablate", "BADBASE"],
            "badbase.yaml (arm SimCSE), line 7: unknown option training.step; did you mean steps?",
        ),
        (
            ["ablate", "BADARM"],
            "badarm.yaml (arm mean), line 12: reshape.operator: unknown reshape operator 'meen'; "
            "did you mean mean?",
        ),
        (
            ["ablate", "BADSWEEP"],
            "badsweep.yaml (arm gram), line 13: reshape.dim: input should be greater than 0 "
            "(given: -4).",
        ),
        (
            ["ablate", "BADQUICK", "--quick"],
            "badquick.yaml (arm SimCSE), line 15: model.pooling: unknown pooling 'cks'; did you "
            "mean cls?",
        ),
        (["ablate", "reshape-dmi"], "did you mean reshape-dim?"),
        (["eval", "TINY", "--beside", "simcze"], "no published result 'simcze'"),
        (["eval", "TINY", "--data-dir", "FOLDER"], "no STS data here"),
        (["report", "nothing"], "no study 'nothing'"),
        (
            ["train", *SMALL, "--json", "FOLDER"],
            "folder: this is a folder; give a file to write the results to.",
        ),
        (["eval", "TINY", "--json", "BELOW"], "binary.txt/below: no file can be made in"),
        (
            ["probe", "polarity", "TINY", "--json", "BELOW"],
            "binary.txt/below: no file can be made in",
        ),
        (["data", "check", "--json", "FOLDER"], "folder: this is a folder; give a file"),
        (["train", *SMALL, "--runs", "BINARY"], "binary.txt/"),
        (["eval", "TINY", "--runs", "BELOW"], "binary.txt/below/eval"),
        (
            ["eval", "TINY", "--tasks", "sample-sts", "--runs", "x" * 300],
            "cannot be read or written (File name too long); mend it, or give another path.",
        ),
        (
            ["probe", "polarity", "TINY", "--out", "BELOW"],
            "cannot be read or written (Not a directory)",
        ),
        (["runs", "show", "abc"], "no run 'abc'"),
    ],
)
def test_a_mistake_is_one_sentence_and_exit_code_two(
    call, tmp_path, tiny, corpus_file, small_senteval, arguments, message
):
    (tmp_path / "binary.txt").write_bytes(b"\x00\x01\n")
    (tmp_path / "empty.txt").write_text("\n")
    (tmp_path / "folder").mkdir()
    (tmp_path / "weightless").mkdir()
    (tmp_path / "weightless" / "config.json").write_text("{}")
    (tmp_path / "bad.yaml").write_text(f"encoder: {tiny}\nmodel:\n  poolng: mean\n")
    (tmp_path / "operator.yaml").write_text(
        f"encoder: {tiny}\nreshape:\n  dim: 4\n  operator: chanel-gram\n"
    )
    names = {
        "TINY": tiny,
        "CORPUS": corpus_file,
        "BINARY": tmp_path / "binary.txt",
        "EMPTY": tmp_path / "empty.txt",
        "FOLDER": tmp_path / "folder",
        "YAML": tmp_path / "bad.yaml",
        "STS": small_senteval,
        "BELOW": tmp_path / "binary.txt" / "below",
        "NOWEIGHTS": tmp_path / "weightless",
        "OPERATOR": tmp_path / "operator.yaml",
        "TRUNCATED": truncated(tmp_path / "sts"),
        **studies(tmp_path, tiny, corpus_file, small_senteval),
    }
    code, _, err = call(*(names.get(a, a) for a in arguments))
    assert code == 2, err
    assert message in err
    assert err.startswith("error: ")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("seed: true\n", "a.yaml, line 1: seed: expected a number, not True."),
        (
            "training:\n  batch_size: '4'\n",
            "a.yaml, line 2: training.batch_size: expected a number, not '4'.",
        ),
        (
            "contrast: {objective: adnce, options: {mu: true}}\n",
            "line 1: contrast.options: expected a number, not True.",
        ),
        (
            "seed: 1\nseed: 2\n",
            "a.yaml, line 2: seed is given before, in line 1; leave one of them out.",
        ),
        (
            "model: &a\n  pooling: *a\n",
            "a.yaml: nested too deep, or an anchor that refers to itself; write it out.",
        ),
        ("model: " + "[" * 5000 + "]" * 5000, "a.yaml: nested too deep"),
        ("seed: 2020-13-45\n", "a.yaml: not valid YAML: month must be in 1..12."),
    ],
)
def test_a_mistake_in_a_file_of_options_is_told_by_line(call, tmp_path, text, message):
    (tmp_path / "a.yaml").write_text(text)
    code, _, err = call("train", tmp_path / "a.yaml", "--encoder", "recse-lab/tiny")
    assert code == 2, err
    assert message in err
    assert err.count("\n") == 1


def test_a_feature_store_of_another_corpus_is_refused(
    call, tiny, corpus_file, small_senteval, tmp_path
):
    """As it lies in the cache after a folder was copied there by hand."""
    (tmp_path / "other.txt").write_text("\n".join(sentences(200, seed=9)) + "\n")
    reshape = ("--encoder", tiny, "--operator", "mean", "--corpus")
    for corpus in (corpus_file, tmp_path / "other.txt"):
        code, _, err = call("reshape", "build", *reshape, corpus)
        assert code == 0, err
    ours, theirs = sorted(
        (tmp_path / "cache" / "reshape").glob("*/meta.json"),
        key=lambda path: path.stat().st_mtime_ns,
    )
    for name in ("meta.json", "features.f16"):
        shutil.copy(ours.with_name(name), theirs.with_name(name))
    options = (
        "train",
        *reshape,
        tmp_path / "other.txt",
        "--data-dir",
        small_senteval,
        "--steps",
        2,
        "--batch-size",
        16,
    )
    code, _, err = call(*options)
    assert code == 2
    assert "this feature store was built from something else: corpus (" in err
    assert err.count("\n") == 1
    shutil.rmtree(theirs.parent)  # what the sentence asks for
    code, _, err = call(*options)
    assert code == 0, err


def test_damaged_statistics_of_a_reshape_are_fitted_again(call, tiny, corpus_file, tmp_path):
    build = ("reshape", "build", "--encoder", tiny, "--operator", "mean", "--corpus", corpus_file)
    call(*build)
    (kept,) = (tmp_path / "cache" / "reshape").glob("*.statistics.safetensors")
    whole = kept.read_bytes()
    kept.write_bytes(whole[:100])
    code, _, err = call(*build)
    assert code == 0, err
    assert kept.read_bytes() == whole


BRACKETS = "r[/x]y[red]z"  # rich would raise an error at the first and swallow the second


def test_brackets_in_names_are_printed_as_they_are(
    call, tiny, small_senteval, tmp_path, monkeypatch
):
    monkeypatch.setenv("RECSE_LAB_RUNS", str(tmp_path / BRACKETS))
    encoder = shutil.copytree(tiny, tmp_path / f"e{BRACKETS}")
    for arguments in (
        ["eval", encoder, "--data-dir", small_senteval],
        ["probe", "polarity", f"a{BRACKETS}={encoder}"],
        ["report", "sts", "--out", tmp_path / BRACKETS],
    ):
        code, out, err = call(*arguments)
        assert code == 0, err
        assert BRACKETS in out.replace("\n", ""), out


def test_brackets_in_a_study_are_printed_as_they_are(call, study):
    text = (
        study.read_text()
        .replace("matter?", f"matter {BRACKETS}?")
        .replace("cost: ", f"cost: {BRACKETS} ")
    )
    study.write_text(text.replace("name: mean", f"name: 'mean {BRACKETS}'"))
    code, out, err = call("ablate", study, "--dry-run")
    assert code == 0, err
    for told in ("small: Does p matter ", "mean ", "cost as stated: "):
        assert told + BRACKETS in " ".join(out.split()), out


def test_results_that_cannot_be_written_are_refused_before_the_work(call, tiny, monkeypatch):
    monkeypatch.setattr(
        "recse_lab.jobs.train.train", lambda *_, **__: pytest.fail("it was trained")
    )
    monkeypatch.setattr(
        os, "access", lambda path, mode: False
    )  # a test may run as root, who may do anything
    code, _, err = call("train", "--encoder", tiny, "--json", "results.json")
    assert (code, "results.json: no file can be made in" in err) == (2, True)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (
            PermissionError(errno.EACCES, "Permission denied", "data/STS"),
            "data/STS: cannot be read or written (Permission denied); mend it",
        ),
        (
            IsADirectoryError(errno.EISDIR, "Is a directory", ".t.1.tmp", None, "t"),
            "error: t: cannot be read or written",
        ),
        (
            OSError(errno.ENOSPC, "No space left on device"),
            "the disk: the disk is full; nothing half-written was kept",
        ),
    ],
)
def test_what_the_system_refuses_is_one_sentence(call, monkeypatch, error, message):
    def refuse(*_):
        raise error

    monkeypatch.setattr(pull, "check", refuse)
    code, _, err = call("data", "check")
    assert (code, message in err, err.count("\n")) == (2, True, 1), err


@pytest.mark.parametrize("family", ["roberta", "distilbert", "mpnet"])
def test_train_and_eval_on_other_families(
    request, call, family, corpus_file, small_senteval, tmp_path
):
    options = [
        "train",
        "--encoder",
        request.getfixturevalue(family),
        "--corpus",
        corpus_file,
        "--data-dir",
        small_senteval,
        "--steps",
        3,
        "--batch-size",
        16,
        "--precision",
        "fp32",
        "--set",
        "evaluation.tasks=[stsb]",
        "--set",
        "evaluation.precision=fp32",
    ]
    options += ["--set", "model.attention=eager"] if family == "mpnet" else []
    arms = (
        ["--framework", "simcse"],
        ["--framework", "recse", "--dim", 4, "--mode", "separated"],
        ["--framework", "recse", "--dim", 4, "--mode", "integrated"],
    )
    for arm in arms:
        code, out, err = call(
            *options, *arm, "--pooling", "mean", "--json", tmp_path / "trained.json"
        )
        assert code == 0, err
        folder = re.search(r"run [0-9a-f]{12} in (\S+):", out)[1]
        code, _, err = call(
            "eval",
            f"{folder}/model/best",
            "--data-dir",
            small_senteval,
            "--tasks",
            "stsb",
            "--precision",
            "fp32",
            "--json",
            tmp_path / "tested.json",
        )
        assert code == 0, err
        trained, tested = (
            json.loads((tmp_path / f"{name}.json").read_text()) for name in ("trained", "tested")
        )
        for metric in ("spearman", "pearson"):  # other batches than the run's, so other last bits
            assert tested["tasks"]["stsb"][metric] == pytest.approx(
                trained["tasks"]["stsb"][metric], abs=1e-4
            )
        assert (tested["encoder"]["max_length"], tested["encoder"]["pooling"]) == (64, "mean")
        assert abs(tested["tasks"]["stsb"]["spearman"]["all"]) < 1


def test_a_run_that_tested_nothing_is_shown(call, tmp_path):
    run = Run(tmp_path / "runs" / "pretrain" / "0123456789ab")
    write_json(run.folder / "config.json", {"seed": 3, "training": {"steps": 20}})
    write_json(run.folder / "results.json", {"schema": "recse-lab/pretraining/1", "last_loss": 2.5})
    code, out, _ = call("runs", "show", "0123")
    assert code == 0
    assert "training.steps = 20" in out
    assert call("runs", "ls")[1].splitlines()[1].split("\t")[:4] == [
        "pretrain",
        "0123456789ab",
        "planned",
        "–",
    ]


def test_rerun_all_leaves_alone_what_another_process_computes(call, study, tmp_path):
    """Nothing is removed: neither that run nor those before it."""
    options = ("--seeds", 1, "--out", tmp_path / "r")
    assert call("ablate", study, *options)[0] == 0
    folders = [run.folder for run in find_runs(default_root())]
    with Run(folders[-1]).claim():
        code, _, err = call("ablate", study, *options, "--rerun", "all")
    assert code == 2
    assert "is being computed by another process" in err
    assert all(Run(folder).state == "done" for folder in folders)


def test_one_id_with_two_contents_is_no_one_run(call, tmp_path):
    for place, score in (("one", 0.5), ("two", 0.5), ("three", 0.6)):
        run = Run(tmp_path / "runs" / place / "0123456789ab")
        write_json(run.folder / "config.json", {"seed": 3})
        write_json(run.folder / "results.json", {"average": {"spearman": {"all": score}}})
        run.set_status("done")
    code, _, err = call("runs", "show", "0123")
    assert code == 2
    assert "give one/0123456789ab or three/0123456789ab or two/0123456789ab" in err.replace(
        "\n", " "
    )
    code, out, _ = call("runs", "show", "three/0123")
    assert code == 0
    assert "three/0123456789ab" in out


def test_runs_ls_of_what_is_not_there(call, tmp_path):
    run = Run(tmp_path / "runs" / "s[red]" / "0123456789ab")
    write_json(run.folder / "config.json", {"seed": 3, "encoder": "a[/b]"})
    code, _, err = call("runs", "ls", "nope")
    assert code == 2
    assert "known: s[red]" in err
    (run.folder / "results.json").write_text("{")
    assert call("runs", "ls")[1].splitlines()[1].split("\t")[:3] == [
        "s[red]",
        "0123456789ab",
        "damaged",
    ]
    (tmp_path / "file").write_text("")
    code, _, err = call("runs", "ls", "--runs", tmp_path / "file")
    assert (code, "this is a file" in err) == (2, True)


def test_runs_ls_fits_a_terminal_and_is_plain_in_a_pipe(call, tmp_path, monkeypatch):
    for i, operator in enumerate(("shuffled:channel-gram", "mean")):
        run = Run(tmp_path / "runs" / "reshape-dim" / f"{i:012x}")
        config = {
            "reshape": {"operator": operator, "dim": 48, "weight": 0.01},
            "seed": 2,
            "training": {"steps": 200},
        }
        write_json(run.folder / "config.json", config)
        write_json(run.folder / "environment.json", {"date": "2026-01-02T03:04:05+00:00"})
        write_json(
            run.folder / "results.json",
            {"average": {"spearman": {"all": 0.5785}}, "dev": {"spearman": 0.6193}},
        )
        run.set_status("interrupted")
    call_out = call("runs", "ls")[1].splitlines()
    assert call_out[0].split("\t") == [
        "study",
        "run",
        "state",
        "reshape",
        "p",
        "λ",
        "seed",
        "steps",
        "avg",
        "dev",
        "date",
        "encoder",
        "protocol",
    ]
    told = [
        "reshape-dim",
        "0" * 12,
        "interrupted",
        "shuffled:channel-gram",
        "48",
        "0.01",
        "2",
        "200",
        "57.85",
        "61.93",
    ]
    assert call_out[1].split("\t") == [*told, "2026-01-02T03:04", "–", "–"]
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    for width, missing in ((120, ()), (80, ("2026-01-02",)), (60, ("2026-01-02", "61.93"))):
        monkeypatch.setenv("COLUMNS", str(width))
        out = re.sub(r"\x1b\[[0-9;]*m", "", call("runs", "ls")[1])
        assert max(map(len, out.splitlines())) <= width
        assert "…" not in out
        shown = [text for text in (*told[1:5], "57.85", "61.93", "2026-01-02") if text in out]
        assert shown == [
            text for text in (*told[1:5], "57.85", "61.93", "2026-01-02") if text not in missing
        ]
