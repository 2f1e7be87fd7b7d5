"""Damaged files of the run store: the file, where in it, and what to do, in one sentence."""

import json

import pandas as pd
import pytest
from runstore import add_trained, write_study

from recse_lab.errors import LabError
from recse_lab.files import read_json
from recse_lab.runs.collection import read_store
from recse_lab.runs.store import Run, find_run


@pytest.fixture
def run(tmp_path):
    run = add_trained(tmp_path, "s", "abc", 0.4, 0)
    assert read_json(run.folder / "status.json")["state"] == run.status.state == "done"
    return run


DEEP = '{"a":' * 100_000 + "1" + "}" * 100_000
LONG = '{"a": ' + "9" * 5_000 + "}"


@pytest.mark.parametrize(
    "text", ["{", "", "{}", "[]", "null", "\udcff", DEEP, LONG], ids=lambda text: text[:8]
)
@pytest.mark.parametrize("name", ["config", "status", "environment", "results", "cost"])
def test_a_damaged_file_is_named(run, name, text):
    (run.folder / f"{name}.json").write_text(text, errors="surrogateescape")
    with pytest.raises(
        LabError,
        match=rf"s/abc/{name}\.json: damaged .*; delete the run's folder to compute it again",
    ):
        getattr(run.record, name)


def test_a_damaged_study_is_named(tmp_path, run):
    write_study(tmp_path, "s", [("arm", "arm", {}, None, lambda seed: "abc")])
    (tmp_path / "s" / "study.json").write_text("{}")
    with pytest.raises(LabError, match=r"s/study\.json: damaged"):
        read_store(tmp_path)


@pytest.mark.parametrize("line", ["{", "5", "\udcff"])
def test_a_damaged_line_of_the_metrics_is_named(run, line):
    kept = run.metrics()
    with (run.folder / "metrics.jsonl").open("a", errors="surrogateescape") as file:
        file.write(f"{line}\n{json.dumps(kept[0])}\n")
    with pytest.raises(LabError, match=rf"metrics\.jsonl, line {len(kept) + 1}: damaged"):
        run.metrics()


def test_an_unfinished_run_of_an_earlier_edition_is_continued(run):
    """It worked in the run's own folder, and said by claim.json who did."""
    run.set_status("running")
    (run.folder / "claim.json").write_text("{}")
    kept = run.metrics()
    assert run.state == "interrupted"
    with run.claim():
        assert find_run(run.home.parent.parent, "abc").state == "running"
        assert run.folder != run.home
        assert not run.home.exists()
        assert run.metrics() == kept
        assert not (run.folder / "claim.json").exists()
    assert run.state == "interrupted"


@pytest.mark.parametrize(
    "damage", [lambda raw: b"", lambda raw: raw[:200], lambda raw: raw[:-300] + bytes(300)]
)
def test_damaged_scores_are_named(run, damage):
    assert run.read_scores(["gold"]).columns.tolist() == ["gold"]
    pd.testing.assert_frame_equal(run.read_scores(), pd.read_parquet(run.scores))
    run.scores.write_bytes(damage(run.scores.read_bytes()))
    with pytest.raises(
        LabError, match=r"s/abc/scores\.parquet: damaged .*; delete the run's folder"
    ) as told:
        run.read_scores()
    assert "\n" not in str(told.value)
    run.scores.replace(run.predictions)
    with pytest.raises(LabError, match=r"s/abc/predictions\.parquet: damaged"):
        run.read_predictions(["row"])


def test_a_column_that_is_not_there_is_told(run):
    with pytest.raises(LabError, match=r"scores\.parquet: damaged"):
        run.read_scores(["row"])


def test_a_planned_run_has_no_files(tmp_path):
    run = Run(tmp_path / "s" / "new")
    assert (run.record.config.tree(), run.record.results.tree(), run.metrics(), run.state) == (
        {},
        {},
        [],
        "planned",
    )
