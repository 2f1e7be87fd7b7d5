"""A study and a store as arms by seed, and their tables."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from runstore import add_run, add_trained, make_store, write_study

from recse_lab.data.sts_sets import SEVEN
from recse_lab.errors import LabError
from recse_lab.runs.collection import (
    FRAME_COLUMNS,
    Arm,
    read_store,
    read_study,
    runs_of,
    short_name,
)

EDITION_1 = Path(__file__).parent / "fixtures" / "edition-1"


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return make_store(tmp_path_factory.mktemp("store"))


def test_a_study_of_the_first_edition_is_read_as_planned():
    study = read_study(EDITION_1 / "small")
    assert [(arm.label, arm.role, arm.seeds) for arm in study.arms] == [
        ("SimCSE", "reference", "2"),
        ("channel-gram: dim 4", "arm", "2"),
    ]
    assert {seed: run.id for seed, run in study.arms[1].runs.items()} == {
        0: "28b3198a8bea",
        1: "09a36a02809c",
    }
    assert (study.name, study.factors, study.missing) == ("small", ["reshape.dim"], [])
    assert len(study.runs) == 4


def test_frame_has_declared_columns_then_factors_then_tasks(store):
    study = read_study(store / "portability")
    frame = study.frame()
    assert list(frame) == [*FRAME_COLUMNS, "framework", "reshape", *SEVEN]
    assert {name: str(frame[name].dtype) for name in FRAME_COLUMNS} == FRAME_COLUMNS
    assert len(frame) == 1 + 3 * 2 * 3
    rows = frame.loc[(frame["framework"] == "crop") & (frame["reshape"] == "with")]
    row = rows.to_dict("records")[1]
    run = study.find("trained", {"framework": "crop", "reshape": "with"}).runs[1]
    assert (row["run"], row["seed"]) == (run.id, 1)
    assert row["average"] == run.record.sts.average.spearman.all
    assert row["average"] == pytest.approx(np.mean([row[task] for task in SEVEN]))
    assert row["dev"] == 0.61
    assert list(frame["framework"].isna()).count(True) == 1, (
        "the untrained encoder sweeps no factor"
    )


def test_scores_are_those_of_the_files(store):
    study = read_study(store / "portability")
    scores = study.scores(["stsb"])
    assert list(scores) == ["study", "run", "task", "subset", "pair", "gold", "score"]
    assert set(scores["task"]) == {"stsb"}
    run = study.runs[3]
    stored = run.read_scores()
    expected = stored.loc[stored["task"] == "stsb"].reset_index(drop=True)
    found = scores.loc[scores["run"] == run.id, list(stored)].reset_index(drop=True)
    pd.testing.assert_frame_equal(found, expected)
    assert len(study.scores()) == len(study.runs) * len(stored)


def test_a_store_holds_studies_evaluations_and_imports(store):
    whole = read_store(store)
    assert {arm.study for arm in whole.arms} == {"portability", "eval", "imported"}
    assert [arm.label for arm in read_store(store, ["imported"]).arms] == ["imported"]
    encoders = [arm.encoder for arm in whole.arms]
    assert len(set(encoders)) == 4
    assert len(runs_of(whole.arms)) == 19 + 5 + 1
    assert len(whole.frame()) == 25
    assert read_store(store, ["imported"]).scores().empty


def test_missing_cells_say_why(tmp_path):
    add_trained(tmp_path, "s", "a-0", 0.4, 0)
    failed = add_trained(tmp_path, "s", "a-1", 0.4, 1)
    failed.set_status("failed", "out of memory")
    write_study(tmp_path, "s", [("a", "arm", {}, None, lambda seed: f"a-{seed}")])
    study = read_study(tmp_path / "s")
    assert [(m.cell.seed, m.status.state, m.status.message) for m in study.missing] == [
        (1, "failed", "out of memory"),
        (2, "planned", None),
    ]
    assert (study.arms[0].seeds, list(study.arms[0].runs)) == ("1 of 3", [0])


def test_arms_of_the_same_runs_count_once_in_a_store_and_twice_in_a_study(tmp_path):
    add_trained(tmp_path, "s", "a", 0.4, 0)
    arms = [(name, "arm", {}, None, lambda seed: "a") for name in ("one", "other")]
    write_study(tmp_path, "s", arms, seeds=(0,))
    assert [arm.name for arm in read_store(tmp_path).arms] == ["one"]
    assert [arm.name for arm in read_study(tmp_path / "s").arms] == ["one", "other"]


def test_runs_outside_a_study_that_differ_in_their_seed_are_one_arm(tmp_path):
    for seed in (0, 1):
        add_trained(tmp_path, "train", f"a-{seed}", 0.4, seed)
    add_trained(tmp_path, "train", "b", 0.4, 0, steps=30)
    assert [(list(arm.runs), arm.label) for arm in read_store(tmp_path).arms] == [
        ([0, 1], "info-nce, run a-0"),
        ([0], "info-nce, run b"),
    ]


def test_layers_cut_by_training_are_part_of_the_encoder_s_name(tmp_path):
    config = {
        "encoder": "whitening@big",
        "model": {"layers": 3},
        "training": {"steps": 0},
        "contrast": {"objective": "info-nce", "weight": 0.0},
    }
    add_run(tmp_path, "train", "a", config=config, results={"tasks": {}})
    assert read_store(tmp_path).arms[0].encoder == "big, 3 layers"


def test_an_unknown_study_or_arm_is_refused_with_a_hint(store, tmp_path):
    with pytest.raises(LabError, match=r"no runs of a study 'portabilty'.*did you mean portab"):
        read_store(store, ["portabilty"])
    with pytest.raises(LabError, match="no finished run here"):
        read_store(tmp_path)
    with pytest.raises(LabError, match="no arm 'trainde' here; did you mean"):
        read_study(store / "portability").find("trainde")


def test_factors_go_by_short_names():
    arm = Arm("s", "a", factors={"reshape.dim": 8, "contrast.temperature": 0.1, "mask": "fixed"})
    assert arm.label == "a: dim 8, τ 0.1, mask fixed"
    assert short_name("reshape.temperature") == "τ′"
