"""The page of mechanisms says what the tables say, and no more."""

import pandas as pd
import pytest
from matplotlib.colors import to_hex

from recse_lab.errors import LabError
from recse_lab.probes import PROBES
from recse_lab.reports.mechanisms import (
    EXPECTATIONS,
    MECHANISM,
    SYMPTOM,
    judged,
    mechanisms_page,
    moved,
    polarity_answer,
    read_tables,
    verdict_figure,
    write_mechanisms,
)
from recse_lab.reports.page.card import read_cards

NAN = float("nan")


def table(*rows):
    columns = ["encoder", "measure", "value", "low", "high"]
    return pd.DataFrame(list(rows), columns=columns).assign(n=9, note="")


PAIRED = table(
    ("untrained", "dissipation", 0.9, 0.8, 1.0),
    ("SimCSE", "dissipation", 0.5, 0.4, 0.6),
    ("SimCSE", "dissipation minus untrained", -0.4, -0.5, -0.3),
    ("other", "dissipation", 0.95, 0.8, 1.0),
    ("other", "dissipation minus untrained", 0.05, -0.1, 0.2),
)
PLAIN = table(
    ("untrained", "used range", 0.3, 0.25, 0.35),
    ("SimCSE", "used range", 0.2, 0.15, 0.24),
    ("other", "used range", 0.36, 0.34, 0.4),
    ("lost", "used range", NAN, NAN, NAN),
)


def test_paired_differences_decide_and_others_only_when_intervals_are_disjoint():
    down, still = moved(PAIRED, "dissipation")
    assert (down.verdict(-1), down.verdict(+1)) == ("agrees", "contradicts")
    assert still.verdict(-1) == "undecided"
    lower, touching, lost = moved(PLAIN, "used range")
    assert lower.value == pytest.approx(-0.1)
    assert (lower.verdict(+1), touching.verdict(+1)) == ("contradicts", "undecided")
    assert lost.verdict(+1) == "undefined"
    assert moved(PLAIN, "absent") == []


def test_the_page_has_a_row_per_arm_and_names_what_is_missing(tmp_path):
    for name, one in {"gradients": PAIRED, "polarity": PLAIN}.items():
        (tmp_path / name).mkdir()
        one.to_csv(tmp_path / name / "table.csv", index=False)
    path = write_mechanisms(tmp_path)
    page = path.read_text()
    assert page == mechanisms_page(read_tables(tmp_path))
    assert "| SimCSE | −0.400 [−0.500, −0.300] | agrees |" in page
    assert "| SimCSE | −0.100 * | contradicts |" in page
    assert (
        "- SimCSE: agrees with 1 of 2 expectations, contradicts 1 (scores use more of their "
        "range), 0 undecided or without change." in page
    )
    card = read_cards(tmp_path)[path.parent]
    assert card["figures"] == ["verdicts.png"]
    assert "| lost | – | undefined |" in page
    assert "Not measured here:" in page
    assert page.index("Polarity: the scores") < page.index("Gradients")
    with pytest.raises(LabError, match="no table of a probe here"):
        read_tables(tmp_path / "gradients")


def poles(symptom, cause):
    """Tables in which an arm moves this far in the symptom and in the mechanism, surely or not."""
    return {
        probe: table(
            ("untrained", measure, 0.2, 0.1, 0.3),
            ("arm", measure, 0.2 + value, 0.1, 0.9),
            ("arm", f"{measure} minus untrained", value, value - 0.1, value + 0.1),
        )
        for (probe, measure), value in ((SYMPTOM, symptom), (MECHANISM, cause))
    }


@pytest.mark.parametrize(
    ("symptom", "cause", "said"),
    [
        (0.3, 0.4, "both the symptom and its mechanism are found"),
        (0.3, 0.05, "the symptom is found without its mechanism"),
        (-0.3, 0.4, "the mechanism is found without the symptom"),
        (0.05, -0.4, "neither the symptom nor its mechanism is found"),
    ],
)
def test_polarity_comes_first_with_the_symptom_beside_its_mechanism(symptom, cause, said):
    tables = poles(symptom, cause)
    (line,) = polarity_answer(tables)
    assert line.startswith("- arm: ")
    assert line.endswith(f"{said}.")
    page = mechanisms_page(tables)
    assert page.index(line) < page.index("All expectations")
    assert polarity_answer({"polarity": tables["polarity"]}) == []


def test_a_difference_of_exactly_nothing_is_no_change():
    rows = table(
        ("untrained", "flat positives", 0, 0, 0),
        ("arm", "flat positives", 0, 0, 0),
        ("arm", "flat positives minus untrained", 0, 0, 0),
    )
    (one,) = moved(rows, "flat positives")
    assert one.verdict(+1) == "no change"


def test_the_figure_has_a_coloured_cell_per_expectation_and_arm():
    found = judged({"gradients": PAIRED, "polarity": PLAIN})
    (axes,) = verdict_figure(found).axes
    shades = [to_hex(patch.get_facecolor()) for patch in axes.patches]
    blue, orange, grey, white = "#0072b2", "#d55e00", "#dddddd", "#ffffff"
    assert shades == [orange, grey, white, blue, grey]
    texts = [text.get_text() for text in axes.texts]
    assert texts == ["−0.1", "+0.06", "undefined", "−0.4", "+0.05"]


def test_tables_without_an_untrained_encoder_are_refused(tmp_path):
    (tmp_path / "polarity").mkdir()
    rows = table(("SimCSE", "used range", 0.2, 0.1, 0.3))
    rows.to_csv(tmp_path / "polarity" / "table.csv", index=False)
    with pytest.raises(LabError, match="no table compares an arm with one called 'untrained'"):
        write_mechanisms(tmp_path)


def test_every_expectation_is_of_a_probe():
    for each in EXPECTATIONS:
        assert each.probe in PROBES
        assert each.sign in (-1, 1)
