"""What differs between two runs, the most suspicious first: every kind of difference is found, and
none that is none.
"""

import pytest

from recse_lab.files import write_json
from recse_lab.jobs.doctor import (
    KINDS,
    PROBE,
    differences,
    portrait,
    probe_tokens,
    trained_weights,
    verdict,
)
from recse_lab.runs.store import Run

CONFIG = {
    "encoder": "recse-lab/tiny",
    "corpus": ["a.txt"],
    "seed": 0,
    "reshape": None,
    "model": {"pooling": "mean", "attention": "plain"},
    "training": {"steps": 10, "precision": "fp32"},
    "evaluation": {"data_dir": "x", "precision": "fp32", "selection": "last"},
}
PRINTS = {"encoder": "e" * 64, "corpus": "c" * 64, "evaluation": "d" * 64}
ENVIRONMENT = {
    "commit": "abc",
    "date": "2026-01-01",
    "command": "recse-lab train",
    "torch": "2.6",
    "python": "3.11",
    "device": "cpu",
    "threads": 1,
    "precision": "fp32",
    "evaluation_precision": "fp32",
    "attention": "plain",
}


def run_of(folder, config=(), prints=(), environment=(), pairs=100, steps=()):
    """A finished run with these changes."""
    run = Run(folder)
    tree = CONFIG | dict(config)
    tree["training"] = tree["training"] | dict(steps)
    write_json(folder / "config.json", tree)
    write_json(folder / "fingerprints.json", PRINTS | dict(prints))
    write_json(folder / "environment.json", ENVIRONMENT | dict(environment))
    average = {"spearman": {"all": 0.5}}
    write_json(folder / "results.json", {"tasks": {"stsb": {"pairs": pairs}}, "average": average})
    run.set_status("done")
    return run


CHANGES = {
    "data": {"prints": {"corpus": "f" * 64}},
    "weights": {"prints": {"encoder": "f" * 64}},
    "options": {"steps": {"steps": 20}},
    "precision": {"steps": {"precision": "bf16"}, "environment": {"precision": "bf16"}},
    "versions": {"environment": {"torch": "2.7"}},
    "commit": {"environment": {"commit": "abd"}},
    "hardware": {"environment": {"threads": 2}},
    "paths": {"config": {"corpus": ["b.txt"]}},
    "seed": {"config": {"seed": 1}},
}


@pytest.mark.parametrize("kind", CHANGES)
def test_one_change_is_one_difference_of_its_kind(kind, tmp_path):
    found = differences(
        portrait(run_of(tmp_path / "a")), portrait(run_of(tmp_path / "b", **CHANGES[kind]))
    )
    assert [difference.kind for difference in found] == [kind]
    assert found[0].first != found[0].second
    told = verdict(found)
    assert (kind in told.partition("Alike")[0]) == (kind != "paths")
    assert kind not in told.partition("Alike: ")[2].removesuffix(".").split(", ")


def test_all_changes_at_once_come_in_the_order_of_suspicion(tmp_path):
    changes = {"config": {}, "prints": {}, "environment": {}, "steps": {}}
    for change in CHANGES.values():
        for place, values in change.items():
            changes[place] |= values
    found = differences(
        portrait(run_of(tmp_path / "a")), portrait(run_of(tmp_path / "b", **changes, pairs=99))
    )
    kinds = [difference.kind for difference in found]
    assert list(dict.fromkeys(kinds)) == [kind for kind in KINDS if kind != "tokens"]
    assert kinds == sorted(kinds, key=list(KINDS).index)
    assert ("data", "stsb, pairs", 100, 99) in found
    assert verdict(found).startswith("Look at data first (corpus, stsb, pairs)")


def test_a_run_does_not_differ_from_itself(tmp_path):
    one = portrait(run_of(tmp_path / "a"))
    assert differences(one, one) == []
    assert verdict([]).startswith("Nothing that is stored differs.")


def test_what_one_of_them_has_not_stored_is_a_difference(tmp_path):
    (bare := run_of(tmp_path / "b")).folder.joinpath("fingerprints.json").unlink()
    found = differences(portrait(run_of(tmp_path / "a")), portrait(bare))
    assert {(d.kind, d.what, d.second) for d in found} == {
        ("data", "corpus", None),
        ("data", "evaluation", None),
        ("weights", "encoder", None),
    }


def test_the_probe_sentence_is_cut_by_each_runs_own_tokenizer(tmp_path, tiny):
    packaged, small = run_of(tmp_path / "a"), run_of(tmp_path / "b", config={"encoder": str(tiny)})
    tokens = probe_tokens(packaged).split()
    assert tokens[0] == "[CLS]"
    assert "##" in probe_tokens(packaged)
    assert len(tokens) > len(PROBE.split()) + 2
    assert probe_tokens(packaged) != probe_tokens(small)
    assert probe_tokens(run_of(tmp_path / "c", config={"encoder": "./gone"})) is None
    assert "tokens" in verdict([])
    assert "tokens" not in verdict([], unknown=["tokens"])


def test_tokenizers_that_cannot_be_opened_are_no_difference(call, tmp_path):
    for name in "ab":
        run_of(tmp_path / "runs" / "s" / name, config={"encoder": f"./gone-{name}"})
    code, out, _ = call("doctor", "a", "b")
    assert code == 0
    assert "token" not in out


def test_trained_weights_are_told_apart_by_their_bytes(tmp_path):
    runs = [run_of(tmp_path / name) for name in "abc"]
    assert trained_weights(runs[0]) is None
    for run, content in zip(runs, (b"x", b"x", b"y"), strict=True):
        (run.folder / "model" / "last").mkdir(parents=True)
        (run.folder / "model" / "last" / "model.safetensors").write_bytes(content)
    first, second, third = map(trained_weights, runs)
    assert first == second != third


def test_the_command_line_names_the_first_suspect(tmp_path, call):
    run_of(tmp_path / "s" / "aaaaaaaaaaaa")
    run_of(tmp_path / "s" / "bbbbbbbbbbbb", config={"seed": 1}, prints={"corpus": "f" * 64})
    code, out, err = call("doctor", "aaa", "bbb", "--runs", tmp_path)
    assert code == 0, err
    assert "Look at data first (corpus)" in out.replace("\n", " ")
    assert "c" * 12 in out
    assert "c" * 13 not in out
    code, _, err = call("doctor", "aaa", "zzz", "--runs", tmp_path)
    assert code == 2
    assert "no run '" in err


def test_results_of_transfer_tasks_are_compared_by_their_examples(tmp_path):
    one, other = run_of(tmp_path / "a"), run_of(tmp_path / "b")
    for run, n in ((one, 100), (other, 99)):
        write_json(
            run.folder / "results.json",
            {"tasks": {"mr": {"accuracy": 0.8, "n": n}}, "average": None},
        )
    assert [
        (d.kind, d.what, d.first, d.second) for d in differences(portrait(one), portrait(other))
    ] == [("data", "mr, pairs", 100, 99)]
