"""A study's page: self-contained, escaped, and with the numbers of its table."""

import re
from html.parser import HTMLParser

import pytest

from recse_lab.reporting.page import study_page
from recse_lab.reporting.tables import Cell, Column, Row, Table, markdown


@pytest.fixture
def table():
    columns = [Column("arm", "arm", "text"), Column("avg", "avg.", best=True), Column("p", "p", "p")]
    rows = [
        Row({"arm": Cell("SimCSE"), "avg": Cell(0.5481, sd=0.01, low=0.53, high=0.56)}, kind="reference"),
        Row({"arm": Cell("<script>alert(1)</script>"), "avg": Cell(0.5785), "p": Cell(0.0004, mark="*")}),
    ]
    return Table("STS & more", columns, rows, notes=["a note"], provenance=["commit abc"])


class Reader(HTMLParser):
    """Collects what a browser would fetch or run, and the text of table cells."""

    def __init__(self):
        super().__init__()
        self.fetched, self.scripts, self.cells, self.open = [], 0, [], False

    def handle_starttag(self, tag, attrs):
        self.fetched += [value for name, value in attrs if name in ("src", "href")]
        self.scripts += tag == "script"
        if tag == "td":
            self.open = True
            self.cells.append("")

    def handle_endtag(self, tag):
        self.open = self.open and tag != "td"

    def handle_data(self, data):
        if self.open:
            self.cells[-1] += data


def page_of(table, tmp_path):
    picture = tmp_path / "figure.png"
    picture.write_bytes(b"\x89PNG")
    return study_page(
        name="s", question="Is <b> bold?", summary="It is.", table=table, picture=picture, commands=["recse-lab ablate s"],
        runs=[("SimCSE", 0, "abc123")],
    )  # fmt: skip


def test_nothing_is_fetched_and_nothing_runs(table, tmp_path):
    reader = Reader()
    reader.feed(page_of(table, tmp_path))
    assert reader.scripts == 0
    assert [value[:22] for value in reader.fetched] == ["data:image/png;base64,"]
    assert "<script>alert(1)</script>" in reader.cells  # as text


def test_the_numbers_are_those_of_the_markdown_table(table, tmp_path):
    numbers = re.compile(r"\d+\.\d+")
    reader = Reader()
    reader.feed(page_of(table, tmp_path))
    in_page = numbers.findall(" ".join(reader.cells[:6]))
    assert in_page == numbers.findall(" ".join(markdown(table).splitlines()[4:6]))
    assert in_page
