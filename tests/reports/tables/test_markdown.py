"""Markdown tables that no name breaks."""

import pytest

from recse_lab.reports.tables.markdown import markdown, plain
from recse_lab.reports.tables.model import Cell, Column, Row, Table


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("two\nlines", "two lines"),
        ("a|b", "a\\|b"),
        ("<script>alert(1)</script>", "&lt;script>alert(1)&lt;/script>"),
        ("AT&T", "AT&T"),
    ],
)
def test_a_text_stays_in_its_cell(text, wanted):
    assert plain(text) == wanted
    columns = [Column("a", text, "text"), Column("b", "b", "text")]
    lines = markdown(Table("t", columns, [Row({"a": Cell(text), "b": Cell("x")})], [], []))
    assert lines.splitlines()[2:5] == [
        f"| {wanted} | b |",
        "| --- | --- |",
        f"| {wanted} | x |",
    ]
