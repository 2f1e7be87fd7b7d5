"""Options as nested mappings: assigned, merged, flattened."""

import pytest

from recse_lab.config.overrides import assign, flatten, merge, parse_assignment, without
from recse_lab.errors import LabError


def test_dotted_keys_make_groups_and_mappings_are_merged():
    base = {"a": {"b": 1, "c": 2}, "d": None}
    assert merge(base, {"a.b": 3, "d.e": 4}) == {"a": {"b": 3, "c": 2}, "d": {"e": 4}}
    assert merge(base, {"a": {"b": {"x": 1}}}) == {"a": {"b": {"x": 1}, "c": 2}, "d": None}
    assert assign(base, "a", 5) == {"a": 5, "d": None}
    assert base == {"a": {"b": 1, "c": 2}, "d": None}  # never written into


def test_flatten_is_undone_by_merge():
    tree = {"a": {"b": {"c": 1}, "d": [1]}, "e": "x"}
    assert flatten(tree) == {"a.b.c": 1, "a.d": [1], "e": "x"}
    assert merge({}, flatten(tree)) == tree


@pytest.mark.parametrize(
    ("text", "value"),
    [("a=null", None), ("a=[1, 2]", [1, 2]), ("a=x=y", "x=y"), ("a={b: 1}", {"b": 1})],
)
def test_a_value_is_yaml(text, value):
    assert parse_assignment(text) == ("a", value)


@pytest.mark.parametrize(
    ("text", "message"),
    [("a", "expected key=value"), ("=1", "expected key=value"), ("a=[", "not valid YAML")],
)
def test_what_is_no_assignment_is_refused(text, message):
    with pytest.raises(LabError, match=message):
        parse_assignment(text)


def test_overridden_options_have_no_line():
    lines = {"a": 1, "a.b": 2, "ab": 3}
    assert without(lines, ["a"]) == {"ab": 3}
    assert without(lines, ["a.b"]) == {"a": 1, "ab": 3}
