"""Records: what folders of the first edition hold, what is written, and how damage is refused."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from recse_lab.errors import LabError
from recse_lab.runs.records import (
    Config,
    Cost,
    Dev,
    Environment,
    Fingerprints,
    PretrainResults,
    Results,
    RunRecord,
    Status,
    StsResults,
    StudyRecord,
    TransferResults,
    migrate,
    read_metrics,
)
from recse_lab.runs.store import Run, find_runs

EDITION_1 = Path(__file__).parent / "fixtures" / "edition-1"
FOLDERS = [run.folder for run in find_runs(EDITION_1)]
SAMPLE = ("tasks", "sample-sts")
FILES = (Config, Fingerprints, Environment, Results, Cost, Status)


def only(study: str, having: str) -> Run:
    """The one run of a study whose results state a schema."""
    found = [
        run
        for run in find_runs(EDITION_1)
        if run.study == study
        and (run.folder / "results.json").is_file()
        and having in (run.folder / "results.json").read_text()
    ]
    assert len(found) == 1
    return found[0]


@pytest.fixture
def run(tmp_path):
    """A copy of a trained run of the first edition."""
    folder = tmp_path / "small" / "b11b1146677c"
    shutil.copytree(EDITION_1 / "small" / "b11b1146677c", folder)
    return Run(folder)


# ---- the first edition --------------------------------------------------------------------------


def test_there_is_a_folder_of_every_kind():
    kinds = {type(RunRecord(folder).results) for folder in FOLDERS}
    assert kinds == {StsResults, TransferResults, PretrainResults, Results}
    assert {Run(folder).state for folder in FOLDERS} == {"done", "failed", "interrupted"}


@pytest.mark.parametrize(
    "folder", FOLDERS, ids=lambda folder: f"{folder.parent.name}-{folder.name}"
)
@pytest.mark.parametrize("kind", FILES)
def test_nothing_of_a_file_of_the_first_edition_is_lost(folder, kind, tmp_path):
    path = folder / kind.FILE
    stored = json.loads(path.read_text()) if path.is_file() else {}
    schema = stored.pop("schema", None)
    record = kind.read(folder)
    assert record.tree() == stored
    if not path.is_file():
        assert record == kind()
        return
    assert schema in (None, record.SCHEMA)
    record.write(tmp_path)
    written = json.loads((tmp_path / kind.FILE).read_text())
    assert written == {"schema": record.SCHEMA, **stored}
    assert list(written) == ["schema", *stored], "fields keep their order"
    assert kind.read(tmp_path) == record
    assert type(record).check(stored, path).model_dump(mode="json", exclude_unset=True) == stored


def test_fields_of_a_trained_run_are_those_of_its_files():
    folder = EDITION_1 / "small" / "28b3198a8bea"
    record = RunRecord(folder)
    config, results = (
        json.loads((folder / f"{n}.json").read_text()) for n in ("config", "results")
    )
    assert record.config.trained
    assert (record.config.encoder, record.config.seed) == ("recse-lab/tiny", 0)
    assert record.config.reshape is not None
    assert record.config.reshape.operator == config["reshape"]["operator"] == "channel-gram"
    assert record.config.training is not None
    assert record.config.training.steps == 2
    stored = results["tasks"]["sample-sts"]
    assert record.sts.spearman("sample-sts") == stored["spearman"]["all"]
    assert record.sts.tasks["sample-sts"].pairs == stored["pairs"] == 540
    assert record.sts.tasks["sample-sts"].pearson.wmean == stored["pearson"]["wmean"]
    assert record.sts.spearman("sts12") is None
    assert record.results.dev.last.uniformity == results["dev"]["last"]["uniformity"]
    assert record.results.dev.selection == "last"
    assert [line["step"] for line in record.metrics] == [1, 2]
    assert record.cost.steps == 2
    assert record.environment.settled_precision == "fp32"
    assert record.transfer == TransferResults()


def test_what_has_no_value_is_none_and_says_why():
    record = RunRecord(EDITION_1 / "small" / "b11b1146677c")
    assert record.sts.average.spearman.all is None
    assert "missing sts12" in str(record.sts.average.undefined)
    assert StsResults().average.undefined == "no average was stored"


def test_an_evaluation_an_import_and_a_pretraining():
    evaluated = only("eval", "recse-lab/results/1").record
    assert not evaluated.config.trained
    assert (evaluated.results.encoder.pooling, evaluated.results.encoder.layers) == ("mean", 3)
    assert evaluated.results.dev == Dev()
    assert evaluated.cost.encode_s is not None
    tested = only("eval", "recse-lab/transfer/1").record
    assert tested.transfer.tasks["mrpc"].n == 1725
    assert tested.transfer.average.accuracy is None
    imported = only("imported", "recse-lab/results/1").record
    assert imported.results.imported is not None
    assert imported.results.imported.format == "simcse-log"
    assert imported.sts.average.spearman.all == pytest.approx(0.681428571)
    assert imported.cost == Cost()
    assert only("imported", "recse-lab/transfer/1").record.transfer.tasks[
        "mr"
    ].accuracy == pytest.approx(0.761)
    made = only("pretrain", "recse-lab/pretraining/1").record.pretraining
    assert (made.steps, made.vocabulary) == (2, 300)


def test_headlines_are_what_a_protocol_leads_with():
    imported = only("imported", "recse-lab/results/1").record
    assert imported.results.headline()["stsb"] == pytest.approx(0.699)
    tested = only("imported", "recse-lab/transfer/1").record.results.headline()
    assert [tested["mr"], tested["average"]] == pytest.approx([0.761, 0.8182857])
    tree = {"protocol": {"id": "simcse-2021"}, "tasks": {"stsb": {"spearman": {"mean": 0.5}}}}
    assert StsResults.check(tree, "here").headline() == {"average": None, "stsb": None}


def test_a_study_of_the_first_edition():
    study = StudyRecord.read(EDITION_1 / "small")
    assert [(arm.name, arm.role, arm.seedless) for arm in study.spec.arms] == [
        ("SimCSE", "reference", False),
        ("channel-gram", "arm", False),
    ]
    assert (study.spec.report.x, study.spec.report.against) == ("reshape.dim", "SimCSE")
    assert study.cells[1].factors == {"reshape.dim": 4}
    assert {cell.run for cell in study.cells} == {
        folder.name for folder in FOLDERS if folder.parent.name == "small"
    }


# ---- damage --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "keys", "value", "field"),
    [
        (
            "results",
            ("tasks", "sample-sts", "spearman", "all"),
            "high",
            "tasks.sample-sts.spearman.all",
        ),
        ("results", ("tasks",), [1], "tasks"),
        ("results", ("average", "undefined"), 3, "average.undefined"),
        ("config", ("seed",), "0", "seed"),
        ("config", ("training", "steps"), 2.5, "training.steps"),
        ("cost", ("train_s",), True, "train_s"),
        ("environment", ("threads",), "one", "threads"),
        ("status", ("state",), "finished", "state"),
        ("fingerprints", ("encoder",), 5, "encoder"),
    ],
)
def test_a_mistyped_field_is_named_with_what_to_do(run, name, keys, value, field):
    path = run.folder / f"{name}.json"
    tree = json.loads(path.read_text())
    part = tree
    for key in keys[:-1]:
        part = part[key]
    part[keys[-1]] = value
    path.write_text(json.dumps(tree))
    with pytest.raises(LabError) as refused:
        getattr(run.record, name)
    message = str(refused.value)
    assert message.startswith(f"{path}, field {field}: damaged (")
    assert message.endswith("; delete the run's folder to compute it again.")
    assert "\n" not in message


def test_a_damaged_file_does_not_keep_the_others_from_being_read(run):
    (run.folder / "results.json").write_text("{")
    record = run.record
    assert record.config.seed == 0
    with pytest.raises(LabError, match=r"results\.json: damaged"):
        _ = record.sts


def test_a_missing_field_is_named(tmp_path):
    shutil.copy(EDITION_1 / "small" / "study.json", tmp_path)
    tree = json.loads((tmp_path / "study.json").read_text())
    del tree["cells"][1]["seed"]
    (tmp_path / "study.json").write_text(json.dumps(tree))
    with pytest.raises(
        LabError,
        match=r"study\.json, field cells\.1\.seed: damaged \(this field is missing\); restore",
    ):
        StudyRecord.read(tmp_path)


def test_no_study_says_how_to_get_one(tmp_path):
    with pytest.raises(LabError, match="no study here; run it with `recse-lab ablate"):
        StudyRecord.read(tmp_path)


@pytest.mark.parametrize("line", ["{", "5", '{"loss": 1}', '{"step": "2"}', '{"step": true}'])
def test_a_damaged_line_of_metrics_is_named(run, line):
    with (run.folder / "metrics.jsonl").open("a") as file:
        file.write(f"{line}\n")
    with pytest.raises(LabError, match=r"metrics\.jsonl, line 3.*: damaged"):
        read_metrics(run.folder)


def test_a_line_that_a_killed_process_cut_short_is_left_out(run):
    with (run.folder / "metrics.jsonl").open("a") as file:
        file.write('{"step": 3')
    assert [line["step"] for line in read_metrics(run.folder)] == [1, 2]


# ---- schemas -------------------------------------------------------------------------------------


def test_a_newer_schema_is_refused(run):
    (run.folder / "config.json").write_text('{"schema": "recse-lab/config/9", "seed": 0}')
    with pytest.raises(
        LabError, match=r"config\.json, field schema: 'recse-lab/config/9' is unknown"
    ):
        _ = run.record.config


@pytest.mark.parametrize(
    ("tree", "kind"),
    [
        ({"tasks": {}, "average": None}, StsResults),
        ({"tasks": {}, "average": {"accuracy": 0.5}}, TransferResults),
        ({"vocabulary": 3}, PretrainResults),
        ({"schema": "recse-lab/transfer/1", "tasks": {}}, TransferResults),
    ],
)
def test_results_are_known_by_their_schema_or_by_what_they_hold(tree, kind):
    found, migrated = migrate(Path("results.json"), tree, Results)
    assert found is kind
    assert "schema" not in migrated


def test_undefined_numbers_are_written_as_null(tmp_path):
    StsResults.check({"tasks": {"stsb": {"spearman": {"all": float("nan")}}}}, "here").write(
        tmp_path
    )
    record = RunRecord(tmp_path)
    assert record.sts.spearman("stsb") is None
    assert json.loads((tmp_path / "results.json").read_text())["schema"] == "recse-lab/results/1"


def test_numbers_of_numpy_are_numbers():
    assert Cost(train_s=np.float64(1.5)).train_s == 1.5


def test_unknown_fields_are_kept(tmp_path):
    Environment.check({"torch": "2", "numpy": "2.1"}, "here").write(tmp_path)
    assert Environment.read(tmp_path).model_extra == {"numpy": "2.1"}
