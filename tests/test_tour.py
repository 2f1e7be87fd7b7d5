"""docs/tour.md points at the lines that define its steps."""

import importlib.util
import re

import pytest
from conftest import REPO

SPEC = importlib.util.spec_from_file_location("tour", REPO / "tools" / "tour.py")
assert SPEC is not None
assert SPEC.loader is not None
tour = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(tour)
TEXT = tour.TOUR.read_text(encoding="utf-8")


def test_every_line_of_the_tour_is_where_its_step_is_defined():
    assert tour.renumbered(TEXT) == TEXT, "python tools/tour.py renumbers the tour"


def test_every_step_has_a_place():
    steps = [line for line in TEXT.splitlines() if re.match(r"\| (?!step|---)", line)]
    assert len(steps) >= 25
    assert [line for line in steps if not tour.STEP.search(line)] == []


def test_a_step_that_moved_away_is_named():
    with pytest.raises(LookupError, match=r"recse_lab/errors.py defines no missing"):
        tour.renumbered("`recse_lab/errors.py:3` `missing`")
