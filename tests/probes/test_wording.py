"""Words that summaries share: differences with their intervals, and what is undefined."""

import pandas as pd

from recse_lab.probes.result import ProbeResult
from recse_lab.probes.wording import differences, joined, percent, signed, undefined_notes

NAN = float("nan")


def result(*rows, against="a"):
    columns = ["encoder", "measure", "value", "low", "high", "note"]
    table = pd.DataFrame([(*row, "")[:6] for row in rows], columns=columns).assign(n=9)
    return ProbeResult("polarity", table, about={"against": against})


ROWS = [
    ("a", "rank", 5.0, 4.0, 6.0),
    ("b", "rank", 3.0, 2.0, 4.0),
    ("b", "rank minus a", -2.0, -2.5, -1.5),
    ("b", "cosine minus a", 0.125, -0.25, 0.5),
    ("b", "alone minus a", 0.5, NAN, NAN),
    ("b", "lost minus a", NAN, NAN, NAN),
]


def test_differences_name_their_intervals_and_mark_what_is_not_significant():
    labels = {"cosine": "mean cosine", "rank": "rank", "alone": "alone", "lost": "lost"}
    (text,) = differences(result(*ROWS), labels)
    assert text == (
        "Paired differences:\n\n- b minus a: mean cosine +0.12 [−0.25, +0.50] (n.s.); rank −2.00 "
        "[−2.50, −1.50]."
    )


def test_without_a_reference_or_another_encoder_nothing_is_said():
    assert differences(result(*ROWS[:2], against=None), {"rank": "rank"}) == []
    assert differences(result(ROWS[0]), {"rank": "rank"}) == []


def test_undefined_measures_are_told_once_and_their_differences_not_at_all():
    rows = [
        ("a", "rank", NAN, NAN, NAN, "one sentence"),
        ("b", "rank minus a", NAN, NAN, NAN, "one sentence"),
        ("c", "rank", NAN, NAN, NAN, "one sentence"),
    ]
    assert undefined_notes(result(*rows)) == ["Undefined for a, c: one sentence."]


def test_numbers_and_names():
    assert signed(-0.126) == "−0.13"
    assert signed(2, 0) == "+2"
    assert percent(0.126) == "13 %"
    assert [joined(list("abc")[:k]) for k in range(4)] == ["", "a", "a and b", "a, b and c"]
