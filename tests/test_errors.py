"""Hints for unknown names."""

import pytest

from recse_lab.errors import suggest


@pytest.mark.parametrize(
    ("name", "known", "options", "expected"),
    [
        ("meen", ["cls", "mean"], {}, "did you mean mean?"),
        ("zzz", ["cls", "mean"], {}, "known: cls, mean."),
        ("zzz", [], {}, "there are none."),
        ("zzz", ["cls"], {"otherwise": "give a folder."}, "give a folder."),
        ("cl", ["cls"], {"otherwise": "give a folder."}, "did you mean cls?"),
        ("simcze", ["simcse", "esimcse", "mean"], {"most": 2}, "did you mean simcse or esimcse?"),
    ],
)
def test_the_nearest_names_are_offered_or_else_all(name, known, options, expected):
    assert suggest(name, known, **options) == expected
    assert suggest(name, dict.fromkeys(known), **options) == expected
