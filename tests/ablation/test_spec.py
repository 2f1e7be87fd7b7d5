"""A study as a model: its factors, seeds and origin. What it refuses is in test_experiments."""

import pytest
from pydantic import ValidationError
from study_files import study_text

from recse_lab.ablation.experiments import load_spec
from recse_lab.ablation.spec import Origin, ReportSpec, check_sweep


@pytest.fixture
def spec(tmp_path):
    (tmp_path / "a.yaml").write_text(study_text())
    return load_spec(str(tmp_path / "a.yaml"))


def test_factors_have_all_levels_of_all_arms(spec):
    wider = spec.arms[2].model_copy(update={"name": "wider", "sweep": {"reshape.dim": [4, 8]}})
    both = spec.model_copy(update={"arms": [*spec.arms, wider]})
    assert both.factors == {"reshape.dim": [2, 4, 8], "mask": ["a", "b"]}


@pytest.mark.parametrize(("seeds", "listed"), [(3, [0, 1, 2]), ([5, 7], [5, 7])])
def test_seeds_are_a_number_or_a_list(spec, seeds, listed):
    assert spec.model_copy(update={"seeds": seeds}).seed_list == listed


def test_the_origin_of_a_copy_is_its_own(spec):
    copy = spec.with_origin(Origin("b.yaml"))
    assert (copy.origin.file, copy.origin.lines) == ("b.yaml", {})
    assert spec.origin.file.endswith("a.yaml")
    assert copy.model_dump() == spec.model_dump()


@pytest.mark.parametrize(
    ("sweep", "message"),
    [
        ({"a": []}, "a: there is no level"),
        ({"a": [1, 1]}, "a: 1 is given twice"),
        ({"seed": [1]}, "seed: it is not a factor"),
        ({"a": {"x": {"framework": "simsce"}}}, "a: unknown framework 'simsce'"),
    ],
)
def test_a_sweep_is_checked(sweep, message):
    with pytest.raises(ValueError, match=message):
        check_sweep(sweep)


def test_a_figure_has_what_it_needs():
    assert ReportSpec(figure="heat-map", x="a", y="b", against="c").y == "b"
    with pytest.raises(ValidationError, match="a figure of interaction needs effects"):
        ReportSpec(figure="interaction", against="c")
