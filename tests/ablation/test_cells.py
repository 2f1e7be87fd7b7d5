"""The configuration of a cell: base, framework, what the arm sets, its levels, its seed."""

import pytest
from study_files import GRAM, study_text

from recse_lab.ablation.cells import cell_config
from recse_lab.ablation.experiments import load_spec
from recse_lab.ablation.study import plan_study
from recse_lab.config.reading import make_config
from recse_lab.errors import LabError


def test_recse_needs_no_reshape_of_the_base(tmp_path):
    text = study_text("role: control", "framework: recse")
    (tmp_path / "a.yaml").write_text(
        text.replace("reshape: {projection: 8, dim: 4}", "reshape: null")
    )
    cells = plan_study(str(tmp_path / "a.yaml"), tmp_path).cells
    reshapes = [cell.lab.config.reshape for cell in cells if cell.arm == "mean"]
    assert {reshape.dim for reshape in reshapes if reshape is not None} == {32}
    assert None not in reshapes
    (tmp_path / "a.yaml").write_text(
        text.replace("reshape: {projection: 8, dim: 4}", "reshape: gram")
    )
    with pytest.raises(
        LabError, match=r"a\.yaml \(arm .*\), line 6: reshape: input should be a valid dictionary"
    ):
        plan_study(str(tmp_path / "a.yaml"), tmp_path)


def spec_of(tmp_path, *replaced):
    (tmp_path / "a.yaml").write_text(study_text(*replaced))
    return load_spec(str(tmp_path / "a.yaml"))


def test_later_options_win(tmp_path):
    arm = GRAM + ", framework: esimcse, set: {model.pooling: cls, view.strength: 0.5}"
    spec = spec_of(tmp_path, GRAM, arm)
    found = cell_config(spec, spec.arms[2], {"reshape.dim": 2, "mask": "b"}, seed=7)
    assert found == make_config(
        {
            "encoder": "recse-lab/tiny",
            "seed": 7,
            "model": {"pooling": "mean"},
            "view": {"family": "token-repetition", "strength": 0.5},
            "contrast": {"queue": 2.5, "momentum": 0.995},
            "reshape": {"dim": 2},  # the framework has none: the base's is gone
        }
    )


def test_a_framework_with_a_reshape_takes_the_studys(tmp_path):
    spec = spec_of(tmp_path, GRAM, GRAM + ", framework: esimcse+reshape")
    found = cell_config(spec, spec.arms[2], {"reshape.dim": 2, "mask": "a"}, seed=0)
    assert found.reshape is not None
    assert (found.reshape.dim, found.reshape.projection) == (2, 8)


def test_same_takes_the_run_of_another_cell(tmp_path):
    rule = "{when: {mask: a}, then: {mask: b, training.steps: 0}}"
    spec = spec_of(tmp_path, GRAM, GRAM + f", same: [{rule}]")
    arm = spec.arms[2]
    taken, other = (
        cell_config(spec, arm, {"reshape.dim": 2, "mask": mask}, seed=0) for mask in "ab"
    )
    assert taken.model.pooling == other.model.pooling == "mean"
    assert (taken.training.steps, other.training.steps) == (0, None)


def test_a_baseline_is_measured_on_the_studys_encoder_untrained(tmp_path):
    spec = spec_of(tmp_path, GRAM, GRAM + ", baseline: whitening-4")
    found = cell_config(spec, spec.arms[2], {"reshape.dim": 2, "mask": "a"}, seed=0)
    assert (found.encoder, found.training.steps) == ("whitening-4@recse-lab/tiny", 0)
