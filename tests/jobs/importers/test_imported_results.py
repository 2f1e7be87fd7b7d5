"""Results of other programs: files in their layouts, written here, give the numbers that are in
them, and damaged ones are told.
"""

import hashlib
import json
import re

import numpy as np
import pytest

from recse_lab import notebook
from recse_lab.data.sts_sets import SEVEN
from recse_lab.data.transfer_sets import TRANSFER
from recse_lab.errors import LabError
from recse_lab.files import read_json
from recse_lab.jobs.importers import IMPORTS, import_files
from recse_lab.runs.store import find_runs

STS_HEAD = ("STS12", "STS13", "STS14", "STS15", "STS16", "STSBenchmark", "SICKRelatedness")
TRANSFER_HEAD = ("MR", "CR", "SUBJ", "MPQA", "SST2", "TREC", "MRPC")
STS_ROW = (61.25, 72.5, 63.75, 74.0, 70.1, 69.9, 65.5)
TRANSFER_ROW = (76.1, 80.2, 91.3, 87.4, 80.5, 85.6, 71.7)


def pretty(head, row, average=True):
    """As evaluation.py has PrettyTable print one row: numbers with two digits, and their mean."""
    cells = [f"{number:.2f}" for number in row]
    if average:
        head, cells = (*head, "Avg."), [*cells, f"{sum(map(float, cells)) / len(cells):.2f}"]
    widths = [max(len(name), len(cell)) + 2 for name, cell in zip(head, cells, strict=True)]
    rule = "+" + "+".join("-" * width for width in widths) + "+"
    lines = [
        "|" + "|".join(t.center(w) for t, w in zip(texts, widths, strict=True)) + "|"
        for texts in (head, cells)
    ]
    return "\n".join([rule, lines[0], rule, lines[1], rule]) + "\n"


def log(mode="test", sts=STS_ROW, transfer=TRANSFER_ROW, before="", after=""):
    tables = (
        pretty(STS_HEAD, sts) if mode != "dev" else pretty(STS_HEAD[-2:], sts[-2:], average=False)
    )
    return f"{before}------ {mode} ------\n{tables}{pretty(TRANSFER_HEAD, transfer)}{after}"


def written(folder, name, content):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def imported(tmp_path, content, file="file.log", **options):
    return import_files([written(tmp_path, file, content)], tmp_path / "runs", **options).runs


# ---- SimCSE's log
# ------------------------------------------------------------------------------


def test_both_tables_of_simcse_s_log(tmp_path):
    noise = (
        "2021-05-01 10:00:00 : ***** Transfer task : MR *****\n 50%|█████     | 3/6 "
        "[00:01<00:01,  2.0it/s]\n"
    )
    sts, transfer = imported(tmp_path, log(before=noise, after=noise))
    assert (sts.state, sts.study) == ("done", "imported")
    assert sts.record.results.protocol.id == "simcse-2021"
    assert [sts.record.sts.tasks[t].spearman.all for t in SEVEN] == pytest.approx(
        [x / 100 for x in STS_ROW]
    )
    assert sts.record.sts.average.spearman.all == pytest.approx(np.mean(STS_ROW) / 100)
    assert sts.record.sts.average.spearman.mean is None
    assert sts.record.sts.average.pearson.all is None
    assert transfer.record.results.protocol.id == "senteval-10fold"
    assert [transfer.record.transfer.tasks[t].accuracy for t in TRANSFER] == pytest.approx(
        [x / 100 for x in TRANSFER_ROW]
    )
    assert transfer.record.transfer.average.accuracy == pytest.approx(np.mean(TRANSFER_ROW) / 100)
    assert {task["n"] for task in transfer.record.results.tree()["tasks"].values()} == {None}
    about = sts.record.config.tree()["imported"]
    content = (tmp_path / "file.log").read_bytes()
    assert about["files"] == [{"name": "file.log", "sha256": hashlib.sha256(content).hexdigest()}]
    assert (about["format"], about["mode"], about["line"]) == ("simcse-log", "test", 3)
    assert sts.record.config.encoder == "file"


def test_a_zero_of_simcse_s_log_is_a_task_that_was_not_run(tmp_path):
    (only,) = imported(tmp_path, log(sts=(0, *STS_ROW[1:]), transfer=[0] * 7))
    assert "sts12" not in only.record.results.tree()["tasks"]
    assert only.record.sts.average.undefined == "missing sts12"
    assert only.record.sts.average.spearman.all is None


def test_fast_modes_have_their_own_protocol(tmp_path):
    sts, transfer = imported(tmp_path, log("fasttest"))
    assert (
        sts.record.results.protocol.id,
        transfer.record.results.protocol.id,
    ) == (
        "simcse-2021",
        "senteval-fast",
    )
    sts, transfer = imported(tmp_path, log("dev"))
    assert {
        t: round(v["spearman"]["all"], 6) for t, v in sts.record.results.tree()["tasks"].items()
    } == {
        "stsb-dev": 0.699,
        "sickr-trial": 0.655,
    }
    assert sts.record.sts.average.spearman.all is None
    mr = transfer.record.results.tree()["tasks"]["mr"]
    assert (mr["accuracy"], mr["dev_accuracy"]) == (None, pytest.approx(0.761))
    assert transfer.record.transfer.average.accuracy is None


def test_two_models_in_one_log_are_two_runs(tmp_path):
    command = "python evaluation.py --model_name_or_path {} --pooler cls --task_set sts\n"
    text = "".join(
        log(before=command.format(name), transfer=[0] * 7) for name in ("org/one", "result/two")
    )
    one, two = imported(tmp_path, text)
    assert (one.record.config.encoder, two.record.config.encoder) == (
        "org/one",
        "result/two",
    )
    assert one.record.config.tree()["imported"]["pooling"] == "cls"
    assert one.id != two.id


DAMAGED = [
    (log().rsplit("| 76.10", 1)[0], "a table ends after its head; is the log truncated"),
    (log().replace("61.25", "69.25"), "line 5: the average 68.14 is not that of its row"),
    (log().replace("61.25", "oops "), "line 5: .* is no row of 8 numbers from −100 to 100"),
]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("------ test ------\n", "no table follows; is the log truncated"),
        (log(sts=[0] * 7, transfer=[0] * 7), "every number in its tables is 0.00"),
        ("------ test ------\n" + pretty(("STS99",), (1.0,)), "line 5: no column .*'STS99'"),
    ],
)
def test_a_log_without_a_table_is_told(tmp_path, text, message):
    with pytest.raises(LabError, match=message):
        imported(tmp_path, text)
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(("text", "message"), DAMAGED)
def test_a_damaged_table_is_named_and_the_good_one_is_kept(tmp_path, text, message):
    found = import_files([written(tmp_path, "file.log", text)], tmp_path / "runs")
    assert len(found.runs) == 1
    (told,) = found.left_out
    assert re.search(message, told)


def test_what_a_terminal_adds_to_a_log_is_not_part_of_its_tables(tmp_path):
    plain = import_files([written(tmp_path, "a.log", log())], tmp_path / "a").runs
    coloured = log().replace("STS12", "\x1b[1mSTS12\x1b[0m")
    path = tmp_path / "b.log"
    path.write_bytes(b"caf\xe9: 100 %\n" + coloured.encode())
    found = import_files([path], tmp_path / "b")
    assert found.left_out == []
    for one, two in zip(plain, found.runs, strict=True):
        assert one.record.results.tree()["tasks"] == two.record.results.tree()["tasks"]


def test_a_further_column_is_left_out_and_a_nan_is_undefined(tmp_path):
    head, row = (*STS_HEAD, "STS17"), (*STS_ROW, 50.0)
    text = "------ test ------\n" + pretty(head, row)
    found = import_files([written(tmp_path, "a.log", text)], tmp_path / "a")
    assert found.left_out == ["line 5: no column of evaluation.py is called 'STS17'"]
    assert set(found.runs[0].record.sts.tasks) == set(SEVEN)
    (run, _) = imported(tmp_path, log().replace("61.25", "nan  "))
    undefined = [name for name, task in run.record.sts.tasks.items() if task.spearman.all is None]
    assert len(undefined) == 1
    assert run.record.sts.average.spearman.all is None
    assert undefined[0] in run.record.sts.average.undefined


# ---- a Trainer's state
# ------------------------------------------------------------------------------


def state(
    kept="result/my-simcse",
    names=("eval_stsb_spearman", "eval_sickr_spearman", "eval_avg_sts"),
    values=(0.6, 0.75, 0.7),
):
    history = []
    for step, value in zip((125, 250, 375), values, strict=True):
        history.append({"epoch": step / 1000, "learning_rate": 3e-5, "loss": 0.1, "step": step})
        history.append({"epoch": step / 1000, "step": step} | dict.fromkeys(names, value))
    return {
        "best_metric": 0.75,
        "best_model_checkpoint": kept,
        "log_history": history,
        "max_steps": 375,
        "num_train_epochs": 1,
    }


def test_a_trainer_s_state(tmp_path):
    (run,) = imported(tmp_path, state(), "trainer_state.json")
    assert run.record.results.protocol.id == "simcse-2021"
    assert run.record.results.tree()["tasks"] == {}
    dev = run.record.results.tree()["dev"]
    assert (dev["task"], dev["selection"], dev["spearman"], dev["step"], dev["checks"]) == (
        "stsb-dev",
        "best",
        0.75,
        250,
        3,
    )
    assert dev["last"] == {"spearman": 0.7}
    assert [(line["step"], line["loss"], line["dev_spearman"]) for line in run.metrics()] == [
        (125, 0.1, 0.6),
        (250, 0.1, 0.75),
        (375, 0.1, 0.7),
    ]
    assert run.metrics()[0]["eval_sickr_spearman"] == 0.6
    assert run.record.config.encoder == "my-simcse"


def test_a_trainer_s_state_of_other_origin(tmp_path):
    other = state(
        kept=None,
        names=("eval_sts-dev_spearman_cosine", "eval_loss"),
        values=(0.6, float("nan"), 0.7),
    )
    (run,) = imported(tmp_path, other, "mine/trainer_state.json")
    assert run.record.results.protocol.id is None
    dev = run.record.results.tree()["dev"]
    assert (dev["task"], dev["selection"], dev["spearman"], dev["step"], dev["checks"]) == (
        "sts-dev",
        "last",
        0.7,
        375,
        2,
    )
    assert run.metrics()[1]["dev_spearman"] is None
    assert run.record.config.encoder == "mine"


@pytest.mark.parametrize(
    ("changes", "step"),
    [
        ({"best_global_step": 125}, 125),
        ({"best_model_checkpoint": "out/checkpoint-375"}, 375),
        ({"best_metric": 0.7}, 375),
    ],
)
def test_the_step_is_that_of_the_checkpoint_that_was_kept(tmp_path, changes, step):
    """Not that of the largest Spearman, which is step 250."""
    (run,) = imported(tmp_path, state() | changes, "trainer_state.json")
    dev = run.record.results.dev
    assert dev.step == step
    assert dev.spearman == {125: 0.6, 375: 0.7}[step]


def test_a_state_that_does_not_say_which_step_it_kept_is_refused(tmp_path):
    with pytest.raises(LabError, match="does not say at which step"):
        imported(tmp_path, state() | {"best_metric": 0.1234}, "trainer_state.json")


def test_the_largest_of_several_sizes_is_the_model_s(tmp_path):
    names = [f"eval_sts-dev-{size}_spearman_cosine" for size in (64, 768, 256)]
    content = state(kept=None, names=names)
    for line in content["log_history"]:
        line.update({name: 0.01 * k for k, name in enumerate(names) if name in line})
    (run,) = imported(tmp_path, content, "trainer_state.json")
    assert (run.record.results.dev.task, run.record.results.dev.spearman) == ("sts-dev-768", 0.01)


def test_infinity_is_no_metric(tmp_path):
    content = state()
    content["log_history"][0]["loss"] = float("inf")
    (run,) = imported(tmp_path, content, "trainer_state.json")
    assert run.metrics()[0]["loss"] is None


# ---- sentence-transformers' CSV
# ------------------------------------------------------------------------------

CSV = "epoch,steps,cosine_pearson,cosine_spearman\n1,100,0.7,0.6\n1,-1,0.72,0.65\n\n"


def test_a_similarity_evaluation_is_a_dev_set(tmp_path):
    file = "mine/eval/similarity_evaluation_sts-dev_results.csv"
    (run,) = imported(tmp_path, "\ufeff" + CSV, file)
    dev = run.record.results.dev
    assert (dev.task, dev.spearman, dev.checks, dev.selection) == ("sts-dev", 0.65, 2, "last")
    assert run.record.config.encoder == "mine"
    assert [line["dev_spearman"] for line in run.metrics()] == [0.6, 0.65]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (CSV.replace("0.65", "65"), "line 3: 65.0 is no correlation"),
        (CSV.replace("0.65", "x"), "line 3: expected 4 numbers"),
        (CSV.splitlines()[0] + "\n", "no evaluation with a cosine_spearman"),
        (CSV.replace("cosine_spearman", "dot_spearman"), "the layout is unknown"),
    ],
)
def test_a_damaged_similarity_evaluation_is_told(tmp_path, content, message):
    with pytest.raises(LabError, match=message):
        imported(tmp_path, content, "similarity_evaluation_x_results.csv")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            state(names=("eval_loss", "eval_accuracy")),
            r"no eval_stsb_spearman.*\(it has eval_accuracy, eval_loss\)",
        ),
        ({"log_history": []}, "nothing was evaluated"),
        (state(values=(60.0, 75.0, 70.0)), "eval_stsb_spearman: 60.0 is no correlation"),
        (state(values=("0.6", 0.75, 0.7)), "eval_stsb_spearman: '0.6' is no correlation"),
        (state(values=[float("nan")] * 3), "it is undefined at every step"),
    ],
)
def test_a_state_without_sts_is_told(tmp_path, content, message):
    with pytest.raises(LabError, match=message):
        imported(tmp_path, content, "trainer_state.json")


# ---- MTEB
# ------------------------------------------------------------------------------

MTEB = ("STS12", "STS13", "STS14", "STS15", "STS16", "STSBenchmark", "SICK-R")


def first_layout(task, spearman, pearson, **splits):
    scores = {
        "cos_sim": {"pearson": pearson, "spearman": spearman},
        "euclidean": {"pearson": 0.1, "spearman": 0.2},
    }
    return {
        "mteb_dataset_name": task,
        "mteb_version": "0.0.2",
        "test": scores | {"evaluation_time": 4.5},
    } | splits


def second_layout(task, spearman, pearson, scale=1.0):
    scores = {
        "cosine_pearson": scale * pearson,
        "cosine_spearman": scale * spearman,
        "main_score": scale * spearman,
    }
    scores |= {
        "hf_subset": "default",
        "languages": ["eng-Latn"],
        "euclidean_spearman": 0.2,
        "pearson": [0.1, 0.0],
    }
    other = {"hf_subset": "de", "cosine_spearman": 0.01, "main_score": 0.01}
    return {
        "task_name": task,
        "mteb_version": "1.12.75",
        "dataset_revision": "abc",
        "scores": {"test": [other, scores]},
    }


def english_among_others(task, spearman, pearson):
    result = second_layout(task, spearman, pearson)
    result["scores"]["test"][1]["hf_subset"] = "en-en"
    return result


@pytest.mark.parametrize("layout", [first_layout, second_layout, english_among_others])
def test_seven_files_of_a_model_are_one_run(tmp_path, layout):
    spearmans = [0.61, 0.72, 0.63, 0.74, 0.7, 0.69, 0.65]
    folder = tmp_path / "results" / "org__model" / "0123456789abcdef"
    files = [
        written(folder, f"{task}.json", layout(task, value, value + 0.01))
        for task, value in zip(MTEB, spearmans, strict=True)
    ]
    (run,) = import_files(files, tmp_path / "runs").runs
    tasks = [*SEVEN[:-1], "sickr-all"]
    assert (
        list(run.record.results.tree()["tasks"])
        == tasks
        == run.record.results.tree()["average"]["tasks"]
    )
    assert [run.record.sts.tasks[task].spearman.all for task in tasks] == spearmans
    assert run.record.sts.tasks["sts12"].pearson.all == pytest.approx(0.62)
    assert run.record.sts.average.spearman.all == pytest.approx(np.mean(spearmans))
    assert run.record.results.protocol.id == "mteb"
    assert run.record.config.encoder == "org/model"
    assert run.record.config.tree()["imported"]["revision"] == "0123456789abcdef"
    assert len(run.record.config.tree()["imported"]["files"]) == 7


def test_of_a_results_folder_what_is_known_is_taken_and_the_rest_named(tmp_path):
    folder = tmp_path / "org__model" / "abcdef0"
    written(folder, "STS12.json", second_layout("STS12", 0.61, 0.62))
    written(folder, "Banking77Classification.json", second_layout("Banking77", 0.8, 0.8))
    written(folder, "model_meta.json", {"name": "org/Model"})
    found = import_files([folder], tmp_path / "runs")
    assert [run.record.config.encoder for run in found.runs] == ["org/Model"]
    assert [told.partition(": ")[2][:30] for told in found.left_out] == [
        "MTEB task 'Banking77' has no c",
        "it describes the model and has",
    ]
    (folder / "STS12.json").unlink()
    with pytest.raises(LabError, match="Banking77"):
        import_files([folder], tmp_path / "runs")


@pytest.mark.parametrize("name", ["main_score", "spearman", "dot_spearman"])
def test_a_score_of_another_similarity_is_not_taken_for_the_cosine_s(tmp_path, name):
    content = {"task_name": "STS12", "scores": {"test": [{"hf_subset": "default", name: 0.8}]}}
    with pytest.raises(LabError, match=r"no cosine Spearman .* may be of another similarity"):
        imported(tmp_path, content, "STS12.json")


def test_a_model_s_name_is_that_of_its_card(tmp_path):
    written(tmp_path, "model_meta.json", {"name": "org/Model", "revision": "r1"})
    (run,) = imported(tmp_path, second_layout("STS12", 0.6, 0.6), "STS12.json")
    assert (
        run.record.config.encoder,
        run.record.config.tree()["imported"]["revision"],
    ) == ("org/Model", "r1")
    (named,) = imported(tmp_path, second_layout("STS12", 0.6, 0.6), "STS12.json", name="mine")
    assert (named.record.config.encoder, named.id) == ("mine", run.id)


def test_numbers_of_model_cards_are_times_100(tmp_path):
    (run,) = imported(tmp_path, second_layout("SICK-R", 0.779, 0.84, scale=100.0), "SICK-R.json")
    assert run.record.sts.tasks["sickr-all"].spearman.all == pytest.approx(0.779)
    assert run.record.sts.tasks["sickr-all"].pearson.all == pytest.approx(0.84)
    assert run.record.sts.average.undefined.startswith("missing sts12")


def test_validation_of_stsb_is_its_dev_set(tmp_path):
    content = first_layout(
        "STSBenchmark", 0.8, 0.81, validation={"cos_sim": {"spearman": 0.85, "pearson": 0.86}}
    )
    (run,) = imported(tmp_path, content, "STSBenchmark.json")
    assert {
        task: v["spearman"]["all"] for task, v in run.record.results.tree()["tasks"].items()
    } == {
        "stsb": 0.8,
        "stsb-dev": 0.85,
    }


def test_nan_is_undefined(tmp_path):
    (run,) = imported(tmp_path, second_layout("STS12", float("nan"), float("nan")), "STS12.json")
    assert run.record.sts.tasks["sts12"].undefined == "the file has no finite number"
    assert run.record.sts.tasks["sts12"].spearman.all is None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            second_layout("Banking77Classification", 0.8, 0.8),
            "MTEB task 'Banking77Classification' has no counterpart here",
        ),
        (second_layout("STS12", 180.0, 0.8), r"a\.json: 180.0 is no correlation, raw or ×100"),
        (second_layout(["STS12"], 0.8, 0.8), "has no counterpart here"),
        ({"task_name": "STS12", "scores": {"test": [3]}}, "no test split of STS12"),
        ({"task_name": "STS12", "scores": {"train": []}}, "no test split of STS12"),
        (
            {"task_name": "STS12", "scores": {"test": [{"hf_subset": "default"}]}},
            "no cosine Spearman correlation",
        ),
        (
            {"mteb_dataset_name": "STS12", "test": {"cos_sim": {"pearson": 0.1}}},
            "no cosine Spearman correlation",
        ),
    ],
)
def test_another_result_of_mteb_is_told(tmp_path, content, message):
    with pytest.raises(LabError, match=message):
        imported(tmp_path, content, "a.json")


def test_a_task_twice_is_told_and_nothing_is_written(tmp_path):
    files = [written(tmp_path, f"{n}.json", second_layout("STS12", 0.6, 0.6)) for n in "ab"]
    good = written(tmp_path, "good.log", log())
    with pytest.raises(LabError, match=r"b\.json: another of the files holds sts12"):
        import_files([good, *files], tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


# ---- all of them
# ------------------------------------------------------------------------------


def test_json_that_ends_too_early_is_broken_and_no_other_layout(tmp_path):
    with pytest.raises(LabError, match=r"line 2: this is broken JSON"):
        imported(tmp_path, '{"task_name":\n')


@pytest.mark.parametrize(
    "content", ["", "just words", "[1, 2]", {"a": 1}, {"test": 3}, {"log_history": 3}]
)
def test_another_layout_is_refused_in_one_sentence(tmp_path, content):
    with pytest.raises(LabError) as told:
        imported(tmp_path, content)
    assert all(module.LAYOUT in str(told.value) for module in IMPORTS.values())


def test_from_the_command_line_to_the_store(call, tmp_path):
    files = [
        written(tmp_path, "a.log", log()),
        written(tmp_path, "trainer_state.json", state()),
        written(tmp_path, "SICK-R.json", second_layout("SICK-R", 0.779, 0.84)),
    ]
    code, out, err = call("import", *files)
    assert code == 0, err
    assert "(imported)" in out
    assert "stsb-dev: 75.00 at step 250 (best of 3 dev evaluations)" in out
    assert "77.90" in out
    found = find_runs(tmp_path / "runs")
    assert len(found) == 4
    listed = notebook.runs(tmp_path / "runs")
    assert set(listed["study"]) == {"imported"}
    assert sorted(listed["protocol"]) == ["mteb", "senteval-10fold", "simcse-2021", "simcse-2021"]
    assert call("runs", "ls")[1].count("imported") == 4
    for run in found:
        assert call("runs", "show", run.id)[0] == 0
        assert read_json(run.folder / "environment.json")["command"].startswith("recse-lab import")
    assert call("import", *files)[0] == 0
    assert [run.id for run in find_runs(tmp_path / "runs")] == [run.id for run in found]
