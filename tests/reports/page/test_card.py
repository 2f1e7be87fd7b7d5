"""A card holds the numbers of its table as they are printed, and comes back as it was written."""

import pytest

from recse_lab.errors import LabError
from recse_lab.reports.page.card import Card, read_cards, write_card
from recse_lab.reports.tables import Cell, Column, Row, Table, markdown

COLUMNS = [
    Column("arm", "arm", "text"),
    Column("avg", "avg.", best=True),
    Column("delta", "Δ", "difference"),
    Column("p", "p", "p"),
    Column("rank", "rank", "number"),
]
ROWS = [
    Row(
        {
            "arm": Cell("a"),
            "avg": Cell(0.5481, sd=0.01, low=0.53, high=0.56),
            "rank": Cell(32.25, low=31.5, high=33),
        },
        kind="reference",
    ),
    Row(
        {
            "arm": Cell("b"),
            "avg": Cell(0.5785),
            "delta": Cell(0.0304),
            "p": Cell(0.0004, mark="†"),
            "rank": Cell(None),
        }
    ),
    Row({"arm": Cell("c"), "avg": Cell(0.79)}, kind="published"),
]


def card(**options):
    return Card(
        "s",
        "S",
        "Is it?",
        ["It is.", "Why."],
        [Table("t", COLUMNS, ROWS, ["note"], ["commit abc"])],
        **options,
    )


def test_a_card_comes_back_with_printed_cells(tmp_path):
    (tmp_path / "probes" / "x").mkdir(parents=True)
    (tmp_path / "probes" / "x" / "figure.png").write_bytes(b"")
    write_card(
        tmp_path / "probes" / "x",
        card(figures=["figure.png"], provenance=["`make`"], runs=["s/0123"]),
    )
    write_card(tmp_path / "a", card())
    (first, second) = (cards := read_cards(tmp_path))
    assert [first, second] == [tmp_path / "a", tmp_path / "probes" / "x"]
    found = cards[second]
    assert (found["question"], found["summary"], found["figures"], found["runs"]) == (
        "Is it?",
        ["It is.", "Why."],
        ["figure.png"],
        ["s/0123"],
    )
    (table,) = found["tables"]
    assert [column["kind"] for column in table["columns"]] == [
        "text",
        "score",
        "difference",
        "p",
        "number",
    ]
    assert table["notes"] == ["note", "commit abc"]
    assert [row["kind"] for row in table["rows"]] == ["reference", "own", "published"]
    texts = [
        [f"{cell['text']} {cell['extra']}".strip() for cell in row["cells"]]
        for row in table["rows"]
    ]
    assert texts == [
        ["a", "54.81 ± 1.00 [53.00, 56.00]", "", "", "32.250 [31.500, 33.000]"],
        ["b", "57.85", "+3.04", "<0.001†", ""],
        ["c", "79.00", "", "", ""],
    ]
    assert table["rows"][1]["cells"][1]["kind"] == "score best"
    assert "32.250 [31.500, 33.000]" in markdown(Table("t", COLUMNS, ROWS))


def test_a_figure_that_is_not_there_leaves_no_card(tmp_path):
    with pytest.raises(LabError, match=r"figure\.png"):
        write_card(tmp_path, card(figures=["figure.png"]))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("text", ["{", "[]", '{"schema": "recse-lab/card/0"}'])
def test_what_is_no_card_is_refused(tmp_path, text):
    (tmp_path / "card.json").write_text(text)
    with pytest.raises(LabError, match="write its report again"):
        read_cards(tmp_path)
