"""The page of mechanisms says what the tables say, and no more."""

import pandas as pd
import pytest

from recse_lab.errors import LabError
from recse_lab.probes import PROBES
from recse_lab.reports.mechanisms import (
    EXPECTATIONS,
    mechanisms_page,
    moved,
    read_tables,
    write_mechanisms,
)

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
    page = write_mechanisms(tmp_path).read_text()
    assert page == mechanisms_page(read_tables(tmp_path))
    assert "| SimCSE | -0.400 [-0.500, -0.300] | agrees |" in page
    assert "| SimCSE | -0.100 * | contradicts |" in page
    assert "| lost | – | undefined |" in page
    assert "Not measured here:" in page
    assert page.index("Polarity: the scores") < page.index("Gradients")
    with pytest.raises(LabError, match="no table of a probe here"):
        read_tables(tmp_path / "gradients")


def test_every_expectation_is_of_a_probe():
    for each in EXPECTATIONS:
        assert each.probe in PROBES
        assert each.sign in (-1, 1)
