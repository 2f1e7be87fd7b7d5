"""What every group of options shares."""

from typing import Annotated, Literal

import pytest
from pydantic import Field, ValidationError

from recse_lab.config.options import Strict, as_tuple, once, one_of, repeated, types_of


class Group(Strict):
    count: int = 3
    rates: list[float] = []
    name: str = "x"
    flag: bool = False
    either: int | None = None


@pytest.mark.parametrize(
    "options",
    [{"count": True}, {"count": "4"}, {"rates": [0.1, "0.2"]}, {"either": "1"}, {"other": 1}],
)
def test_only_numbers_are_numbers_and_only_options_are_options(options):
    with pytest.raises(ValidationError):
        Group(**options)


def test_a_group_is_frozen_and_knows_its_defaults():
    group = Group(count=5, name="4", flag=True)
    assert (group.default("count"), group.default("rates"), group.default("either")) == (
        3,
        [],
        None,
    )
    with pytest.raises(ValidationError, match="frozen"):
        group.count = 6  # type: ignore[misc]
    assert group.count == 5


def test_values_that_are_given_twice():
    assert repeated([1, 2, 1, 3, 2]) == [1, 2]
    assert once((1, 2)) == (1, 2)
    with pytest.raises(ValueError, match="'a' is given twice"):
        once(["a", "b", "a"])


def test_a_name_of_a_family():
    assert one_of("mean", {"mean": 1}, "pooling") == "mean"
    with pytest.raises(ValueError, match=r"unknown pooling 'meen'; did you mean mean\?"):
        one_of("meen", ["mean", "cls"], "pooling")


@pytest.mark.parametrize(
    ("value", "expected"), [("a", ("a",)), (["a", "b"], ("a", "b")), (3, 3), (("a",), ("a",))]
)
def test_one_text_is_a_tuple_of_one(value, expected):
    assert as_tuple(value) == expected


def test_types_of_an_annotation():
    assert {int, type(None)} <= set(types_of(int | None))
    assert float in types_of(Annotated[dict[str, float], Field()])
    assert int not in types_of(Literal["a"])
