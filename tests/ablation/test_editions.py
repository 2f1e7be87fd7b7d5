"""Editions: cheaper or larger, with the user's options and seeds."""

import pytest
from study_files import study_text

from recse_lab.ablation.editions import edition
from recse_lab.ablation.experiments import load_spec
from recse_lab.errors import LabError

QUICK = "quick: {sweep: {reshape.dim: [2]}}"
RICHER = """quick:
  sweep: {reshape.dim: [2], mask: [b]}
  set: {reshape.projection: 4}
  seeds: [0]"""


@pytest.fixture
def spec(tmp_path):
    (tmp_path / "a.yaml").write_text(study_text(QUICK, RICHER))
    return load_spec(str(tmp_path / "a.yaml"))


def test_an_edition_replaces_levels_options_and_seeds(spec):
    quick = edition(spec, size="quick")
    assert quick.arms[2].sweep == {"reshape.dim": [2], "mask": {"b": {"model.pooling": "mean"}}}
    assert quick.base["reshape"] == {"projection": 4, "dim": 4}
    assert (quick.seed_list, quick.cost) == ([0], "unknown for the quick edition")
    assert spec.arms[2].sweep["reshape.dim"] == [2, 4]  # the study itself is as it was
    assert (spec.seed_list, spec.cost, spec.origin.size) == ([0, 1, 2], "seconds", None)


def test_an_override_of_a_factor_replaces_its_levels_and_others_change_the_base(spec):
    edited = edition(spec, overrides={"reshape.dim": 8, "model.pooling": "cls"}, seeds=1)
    assert edited.arms[2].sweep["reshape.dim"] == [8]
    assert edited.base["model"] == {"pooling": "cls"}
    assert edited.seed_list == [0]
    assert edited.origin.overridden == ("reshape.dim", "model.pooling")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": "full"}, "has no full edition; leave out --full"),
        ({"overrides": {"seed": 5}}, "a study sets the seed of every run itself; give --seeds"),
        ({"overrides": {"mask": ["c"]}}, "mask has no level c; it has a, b"),
        ({"overrides": {"reshape.dim": [4, 4]}}, "reshape.dim: 4 is given twice"),
        ({"overrides": {"reshape.dim": []}}, "reshape.dim: there is no level"),
    ],
)
def test_an_edition_that_cannot_be_made_says_why(spec, options, message):
    with pytest.raises(LabError, match=message):
        edition(spec, **options)
