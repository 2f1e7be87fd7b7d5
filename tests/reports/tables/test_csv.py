"""CSV that reads back as it was, and that no spreadsheet computes."""

import csv
import io

import pytest

from recse_lab.reports.tables.csv import comma_separated, read_csv
from recse_lab.reports.tables.model import Cell, Column, Row, Table

NAMES = [
    "plain",
    "=1+1",
    "+cmd",
    "-x",
    "@sum",
    "# no comment",
    "a # b",
    'quo"te',
    "two\nlines",
    "line\n# that looks like a comment",
    "'apostrophe",
    "",
    "–",
    "-",
    "a,b",
]


def table_of(names):
    columns = [Column("method", "method", "text"), Column("score", "score", "number")]
    rows = [Row({"method": Cell(name), "score": Cell(-0.5)}) for name in names]
    return Table("t", columns, rows, ['a note, with "quotes"', "two\nlines"], ["commit # 1"])


def test_names_read_back_as_they_were():
    rows, comments = read_csv(comma_separated(table_of(NAMES)))
    assert [row["method"] for row in rows] == NAMES
    assert {row["score"] for row in rows} == {"-0.500"}
    assert comments == ['a note, with "quotes"', "two lines", "commit # 1"]


@pytest.mark.parametrize("name", ["=1+1", "+cmd", "-x", "@sum", "\tx"])
def test_a_text_is_no_formula(name):
    (_, row) = list(csv.reader(io.StringIO(comma_separated(table_of([name])))))[:2]
    assert row[0][0] == "'"


def test_a_negative_number_stays_one():
    assert "-0.500" in comma_separated(table_of(["plain"]))
