"""From a study to its cells."""

import pytest
from study_files import GRAM, study_text

from recse_lab.ablation.plan import record_of, states
from recse_lab.ablation.study import plan_study
from recse_lab.config.identity import run_id
from recse_lab.files import read_json
from recse_lab.jobs.behaviour import behaviour_of_run
from recse_lab.runs.store import Run


def planned(tmp_path, *replaced, **options):
    (tmp_path / "a.yaml").write_text(study_text(*replaced))
    return plan_study(str(tmp_path / "a.yaml"), tmp_path / "runs", **options)


def test_cells_are_crossed_and_come_seed_by_seed(tmp_path):
    study = planned(tmp_path)
    assert [cell.seed for cell in study.cells] == [0] * 6 + [1] * 5 + [2] * 5
    first = [(cell.arm, tuple(cell.factors.values())) for cell in study.cells[:6]]
    crossed = [("gram", (dim, mask)) for dim in (2, 4) for mask in "ab"]
    assert first == [("SimCSE", ()), ("mean", ()), *crossed]
    assert study.cells[3].label == "gram dim=2 mask=b seed 0"
    assert study.folder == tmp_path / "runs" / "small"


def test_levels_that_are_skipped_have_no_cell(tmp_path):
    arm = GRAM + ", skip: [{reshape.dim: 2, mask: b}]"
    cells = planned(tmp_path, GRAM, arm, seeds=1).cells
    assert [tuple(c.factors.values()) for c in cells if c.arm == "gram"] == [
        (2, "a"),
        (4, "a"),
        (4, "b"),
    ]


def test_cells_that_ask_the_same_are_one_run(tmp_path):
    arm = GRAM + ", same: [{when: {mask: a}, then: {mask: b}}]"
    cells = [cell for cell in planned(tmp_path, GRAM, arm, seeds=1).cells if cell.arm == "gram"]
    assert len(cells) == 4
    assert len({cell.id for cell in cells}) == 2


def test_the_id_of_a_cell_is_its_question(tmp_path):
    for cell in planned(tmp_path, seeds=1).cells:
        config = cell.lab.config
        assert cell.id == run_id(config, cell.lab.fingerprints, behaviour_of_run(config))


def test_the_record_of_a_study_keeps_its_commands(tmp_path):
    study = planned(tmp_path, quick=True, seeds=1)
    for command in ("first", "second", "first"):
        record_of(study.folder, study.spec, study.cells, command).write(study.folder)
    record = read_json(study.folder / "study.json")
    assert record["commands"] == ["first", "second"]
    assert record["created"] <= record["updated"]
    assert [cell["run"] for cell in record["cells"]] == [cell.id for cell in study.cells]
    assert study.folder.name == "small-quick"


@pytest.mark.parametrize("state", ["done", "failed", "interrupted"])
def test_states_are_those_of_the_store(tmp_path, state):
    study = planned(tmp_path, seeds=1)
    run = Run(study.folder / study.cells[1].id)
    run.folder.mkdir(parents=True)
    run.set_status(state)
    found = states(study.folder, study.cells)
    assert found.pop(run.id) == state
    assert set(found.values()) == {"planned"}


def test_a_folder_under_an_earlier_id_is_left_alone(tmp_path):
    """Ids of earlier editions are computed from other text: such runs stay, and are not taken."""
    study = planned(tmp_path, seeds=1)
    earlier = Run(study.folder / "0123456789ab")
    earlier.folder.mkdir(parents=True)
    earlier.set_status("done")
    assert set(states(study.folder, study.cells).values()) == {"planned"}
    assert earlier.state == "done"
