"""The grammar of operators."""

import pytest

from recse_lab.errors import LabError
from recse_lab.reshape import parse_operator

HIDDEN, P = 8, 4


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("mean", (False, ["mean"])),
        ("mean+channel-gram", (False, ["mean", "channel-gram"])),
        ("shuffled", (True, ["channel-gram"])),
        ("shuffled:token-gram", (True, ["token-gram"])),
    ],
)
def test_operator_grammar(spec, expected):
    assert parse_operator(spec) == expected


def test_unknown_operator_names_the_nearest():
    with pytest.raises(LabError, match="'chanel-gram'; did you mean channel-gram"):
        parse_operator("mean+chanel-gram")
