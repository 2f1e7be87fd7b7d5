"""The command line as a user meets it: the main path end to end, and one sentence with exit code 2 for every mistake."""

import json
import subprocess
import sys

import pytest

from recse_lab.cli import main


@pytest.fixture
def call(monkeypatch, capsys):
    """Run the command line in this process; give exit code and what it printed."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["recse-lab", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            main()
        out = capsys.readouterr()
        return stop.value.code or 0, out.out, out.err

    return run


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
        "eval", tiny, "--data-dir", small_senteval, "--json", tmp_path / "o.json", "--beside", "simcse@bert-base"
    )
    assert code == 0, err
    result = json.loads((tmp_path / "o.json").read_text())
    assert result["schema"] == "recse-lab/results/1"
    assert {"sickr", "sickr-all"} <= result["tasks"].keys()
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
    )
    for arm in ("simcse", "recse", "reshape-only"):
        code, _, err = call("train", "--arm", arm, *options, "--set", "reshape.dim=4" if arm != "simcse" else "seed=1")
        assert code == 0, err
    code, out, _ = call("runs", "ls")
    assert out.count("done") == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "--encoder", "TINY", "--corpus", "nowhere.txt"], "no such corpus file"),
        (["train", "--encoder", "FOLDER", "--corpus", "CORPUS"], "this folder is no encoder"),
        (["train", "--encoder", "TINY", "--corpus", "BINARY"], "line 1: this is binary data"),
        (["train", "--encoder", "TINY", "--corpus", "EMPTY"], "holds no sentence"),
        (["train", "YAML"], "line 3: unknown option model.poolng; did you mean pooling?"),
        (["train", "--encoder", "TINY", "--operator", "chanel-gram"], "did you mean channel-gram?"),
        (["train", "--encoder", "TINY", "--corpus", "CORPUS", "--operator", "channel-gram", "--dim", "17", "--steps", "2", "--batch-size", "8", "--data-dir", "STS"], "p must be at most 16"),
        (["ablate", "reshape-dmi"], "did you mean reshape-dim?"),
        (["eval", "TINY", "--beside", "simcze"], "no published result 'simcze'"),
        (["eval", "TINY", "--data-dir", "FOLDER"], "no STS data here"),
        (["report", "nothing"], "no study 'nothing'"),
        (["runs", "show", "abc"], "no run begins with it"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_sentence_and_exit_code_two(
    call, tmp_path, tiny, corpus_file, small_senteval, arguments, message
):
    (tmp_path / "binary.txt").write_bytes(b"\x00\x01\n")
    (tmp_path / "empty.txt").write_text("\n")
    (tmp_path / "folder").mkdir()
    (tmp_path / "bad.yaml").write_text(f"encoder: {tiny}\nmodel:\n  poolng: mean\n")
    names = {
        "TINY": tiny, "CORPUS": corpus_file, "BINARY": tmp_path / "binary.txt", "EMPTY": tmp_path / "empty.txt",
        "FOLDER": tmp_path / "folder", "YAML": tmp_path / "bad.yaml", "STS": small_senteval,
    }  # fmt: skip
    code, _, err = call(*(names.get(a, a) for a in arguments))
    assert code == 2, err
    assert message in err
    assert err.startswith("error: ")
    assert err.count("\n") == 1


def test_reporting_and_the_run_store_open_without_torch():
    code = "import sys; import recse_lab.cli, recse_lab.reporting.ablation, recse_lab.runs; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
