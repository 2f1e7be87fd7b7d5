"""Pages of cards: self-contained, escaped, with the numbers of their tables; the page of all
reports leaves none out.
"""

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from PIL import Image

from recse_lab.errors import LabError
from recse_lab.files import write_json
from recse_lab.reports.page import prose
from recse_lab.reports.page.card import Card, as_data, write_card
from recse_lab.reports.page.index import entry_of_summary, gather, write_index
from recse_lab.reports.page.page import card_page
from recse_lab.reports.tables import Cell, Column, Row, Table, markdown
from recse_lab.runs.store import Run

EVIL = "<script>alert(1)</script>"


@pytest.fixture
def table():
    columns = [
        Column("arm", "arm", "text"),
        Column("avg", "avg.", best=True),
        Column("p", "p", "p"),
    ]
    rows = [
        Row(
            {"arm": Cell("SimCSE"), "avg": Cell(0.5481, sd=0.01, low=0.53, high=0.56)},
            kind="reference",
        ),
        Row({"arm": Cell(EVIL), "avg": Cell(0.5785), "p": Cell(0.0004, mark="*")}),
    ]
    return Table("STS & more", columns, rows, notes=["a `note`"], provenance=["commit abc"])


def picture(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGBA", (40, 20), (255, 0, 0, 128)).save(path)


def card(table, **options):
    given = {
        "question": "Is <b> bold?",
        "summary": ["It is: *so*. Or not.", f"{EVIL} ![x](http://e.org/x.png)"],
    }
    return Card("s", "S", tables=[table], figures=["figure.png"], **given | options)


class Reader(HTMLParser):
    """Collects what a browser would load, what it would follow, how many scripts it would run, and
    the text of table cells.
    """

    def __init__(self, text):
        super().__init__()
        self.loaded, self.followed, self.scripts, self.cells, self.alts, self.open = (
            [],
            [],
            0,
            [],
            [],
            False,
        )
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        told = dict(attrs)
        self.followed += [told["href"]] if tag == "a" else []
        self.loaded += [
            value for name, value in attrs if name in ("src", "srcset", "data", "poster")
        ]
        self.loaded += [told["href"]] if tag in ("link", "base", "image", "use") else []
        self.alts += [told["alt"]] if tag == "img" else []
        self.scripts += tag == "script"
        if tag == "td":
            self.open = True
            self.cells.append("")

    def handle_endtag(self, tag):
        self.open = self.open and tag != "td"

    def handle_data(self, data):
        if self.open:
            self.cells[-1] += data


def page_of(table, tmp_path, **options):
    picture(tmp_path / "figure.png")
    return card_page(as_data(card(table, **options)), tmp_path)


def test_nothing_is_loaded_and_nothing_of_a_users_runs(table, tmp_path):
    text = page_of(table, tmp_path, runs=["s/0123456789ab"])
    found = Reader(text)
    assert [value[:22] for value in found.loaded] == ["data:image/png;base64,"]
    assert found.scripts == 1  # the page's own
    assert EVIL not in text
    assert EVIL in found.cells  # as text
    assert "url(" not in text
    assert "@import" not in text
    assert "default-src 'none'" in text
    assert found.followed == []
    assert found.alts == ["figure: It is: so."]


def test_the_numbers_are_those_of_the_markdown_table(table, tmp_path):
    numbers = re.compile(r"\d+\.\d+")
    in_page = numbers.findall(" ".join(Reader(page_of(table, tmp_path)).cells[:6]))
    assert in_page == numbers.findall(" ".join(markdown(table).splitlines()[4:6]))
    assert in_page


@pytest.fixture
def reports(table, tmp_path):
    """A study with a card, a probe with one, a study of an earlier form, a check whose table is in
    a file; and one run.
    """
    root = tmp_path / "reports"
    for place in ("a-study", "probes/bias"):
        picture(root / place / "figure.png")
        write_card(
            root / place,
            card(table, question=f"What of {place}?", runs=["s/0123456789ab", "s/gone"]),
        )
        (root / place / "summary.md").write_text("# nothing of this is told\n")
    (root / "probes" / "README.md").write_text(
        "# Title\n\nThe reading: [bias](bias/summary.md), [all](../../docs/all.md).\n"
    )
    picture(root / "older" / "figure.png")
    picture(root / "older" / "more.png")
    (root / "older" / "summary.md").write_text(
        "# older\n\n*Computed as another.*\n\n**Was it so?**\n\nIt *was*. With 3 "
        "seeds.\n\n![figure](figure.png)\n\n| arm | avg. |\n| --- | ---: |\n| x | **5.5** |\n\n## "
        "How it was computed\n\n```\nrecse-lab ablate older\n```\n"
    )
    (root / "statistics").mkdir()
    (root / "statistics" / "summary.md").write_text("# Do they hold?\n\nThey do.\n")
    (root / "statistics" / "table.csv").write_text("method,value\nt,0.05\n# a note\n")
    run = Run(tmp_path / "runs" / "s" / "0123456789ab")
    write_json(
        run.folder / "config.json", {"encoder": "recse-lab/tiny", "corpus": ["/somewhere/wiki.txt"]}
    )
    write_json(
        run.folder / "environment.json", {"date": "2026-01-02T00:00:00+00:00", "commit": "abc"}
    )
    run.set_status("done")
    return root


def test_every_report_is_on_the_page_of_all(reports, tmp_path):
    groups = gather(reports, tmp_path / "runs")
    told = {group.title: [entry.question for entry in group.entries] for group in groups}
    assert list(told.values()) == [
        ["What of a-study?", "Was it so?"],
        ["What of probes/bias?"],
        ["Do they hold?"],
    ]
    text = write_index(reports, tmp_path / "runs").read_text(encoding="utf-8")
    for words in ("recse-lab/tiny", "wiki.txt", "2026-01-02", "1 in 1 studies"):
        assert words in text
    assert "/somewhere" not in text
    found = Reader(text)
    assert all(value.startswith("data:image/png;base64,") for value in found.loaded)
    assert len(found.alts) == 4
    run = "../runs/s/0123456789ab/"
    assert found.followed.count(run) == 2
    assert "s/gone" in text
    assert not [href for href in found.followed if "gone" in href or href.startswith("http")]
    anchors = {href[1:] for href in found.followed if href.startswith("#")} - {"main"}
    assert (
        anchors
        == {"a-study", "older", "probes-bias", "statistics"}
        == set(re.findall(r'<article id="(.+?)"', text))
    )
    assert {"probes/bias/summary.md", "../docs/all.md"} <= set(found.followed)


def test_an_instrument_is_known_by_its_name_and_not_by_its_folder(table, tmp_path):
    for place, name in (
        ("benchmarks-again", "benchmarks"),
        ("benchmarks-of-mine", "benchmarks-of-mine"),
    ):
        write_card(tmp_path / place, replace(card(table, question=place), name=name, figures=[]))
    told = {
        group.title: [entry.question for entry in group.entries]
        for group in gather(tmp_path, tmp_path / "runs")
    }
    assert told == {"Studies": ["benchmarks-of-mine"], "The instruments": ["benchmarks-again"]}


def test_a_report_of_an_earlier_form_is_told_from_its_summary(reports):
    older = entry_of_summary(reports / "older", reports)
    assert (older.question, older.answer, older.answer_text, older.older) == (
        "Was it so?",
        "It *was*.",
        "It was.",
        True,
    )
    assert [figure.name for figure in older.figures] == ["figure", "more"]
    assert "<strong>5.5</strong>" in older.body
    assert "ablate older" not in older.body
    assert "ablate older" in older.details
    assert older.tables == []
    (table,) = entry_of_summary(reports / "statistics", reports).tables
    assert [cell["text"] for cell in table["rows"][0]["cells"]] == ["t", "0.05"]
    assert table["notes"] == ["a note"]


def test_without_a_report_there_is_no_page(tmp_path):
    with pytest.raises(LabError, match="no report here"):
        write_index(tmp_path, tmp_path / "runs")
    assert not list(tmp_path.iterdir())


def test_the_answer_is_the_first_sentence():
    assert (
        prose.answer("None of 19 at 5 % (p = 0.024, a.b. c). With 3 seeds.")
        == "None of 19 at 5 % (p = 0.024, a.b. c)."
    )
    assert prose.answer("2,551 sentences, +0.5 points") == "2,551 sentences, +0.5 points"


def test_prose_keeps_html_as_text_and_scripts_out_of_links(tmp_path):
    made = prose.block("# H\n\n<b>x</b> [a](javascript:alert) [b](t.csv)", tmp_path / "r", tmp_path)
    assert "<h3>H</h3>" in made
    assert "&lt;b&gt;" in made
    assert 'href="javascript' not in made
    assert 'href="r/t.csv"' in made
    assert prose.line("`a` [b](c) ![d](e)") == "<code>a</code> b d"
