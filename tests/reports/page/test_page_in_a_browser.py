"""The page of all reports in a real browser: no error, pictures show, tables sort and are filtered,
nothing is fetched.
"""

import html
import json
import os
import re
import shutil
import subprocess

import pytest
from PIL import Image

from recse_lab.reports.page.card import Card, write_card
from recse_lab.reports.page.index import write_index
from recse_lab.reports.tables import Cell, Column, Row, Table

CHROMIUM = next(
    (
        path
        for name in ("chromium", "chromium-browser", "google-chrome")
        if (path := shutil.which(name))
    ),
    None,
)
QUIET = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)

LISTENER = """<script>
const problems = [];
const missing = (event) => `not loaded: ${event.target.outerHTML.slice(0, 80)}`;
addEventListener("error", (event) => problems.push(event.message || missing(event)), true);
document.addEventListener("securitypolicyviolation", (event) => {
  problems.push(`refused: ${event.blockedURI}`);
});
console.error = (...words) => problems.push(words.join(" "));
</script>"""

PROBE = """<script>
addEventListener("load", () => {
  const table = document.querySelector("main table"), body = table.tBodies[0];
  const first = (cell) => cell.textContent.trim().split(" ")[0];
  const column = (index) => [...body.rows].map((row) => first(row.cells[index]));
  const press = (index) => {
    const header = table.tHead.rows[0].cells[index];
    header.querySelector("button").click();
    return [header.getAttribute("aria-sort"), column(index)];
  };
  const told = { problems, original: column(0) };
  told.score = [press(1), press(1), press(1)];
  told.p = [press(2), press(2)];
  told.arm = press(0);
  const headers = [...table.tHead.rows[0].cells];
  told.sorted = headers.filter((header) => header.hasAttribute("aria-sort")).length;
  const box = document.querySelector(".filter input"), say = (word) => {
    box.value = word;
    box.dispatchEvent(new Event("input"));
    const shown = [...body.rows].filter((row) => row.offsetHeight > 0);
    return [shown.map((row) => row.cells[0].textContent), box.nextSibling.textContent];
  };
  told.filtered = [say("recse 0.1"), say("nobody"), say("")];
  told.filters = document.querySelectorAll(".filter").length;
  told.label = box.getAttribute("aria-label");
  told.pictures = [...document.images].map((image) => [image.naturalWidth, image.alt]);
  const reached = (link) => [!!document.querySelector(link.hash), link.checkVisibility()];
  told.contents = [...document.querySelectorAll("nav a")].map(reached);
  told.wide = document.documentElement.scrollWidth <= innerWidth;
  told.dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const fetched = performance.getEntriesByType("resource").map((entry) => entry.name);
  told.fetched = fetched.filter((name) => !name.startsWith("data:"));
  document.body.dataset.told = JSON.stringify(told);
});
</script>"""

ARMS = {
    "SimCSE": (0.6, None),
    "reCSE 0.1": (0.55, 0.0004),
    "reCSE 0.2": (0.7, 0.03),
    "untrained": (None, 0.5),
    "ten": (0.095, 1.0),
}


@pytest.fixture
def index(tmp_path):
    """A page of two reports; the first has a table with missing values and 12 columns more than a
    phone is wide.
    """
    columns = [
        Column("arm", "arm", "text"),
        Column("avg", "avg.", best=True),
        Column("p", "p", "p"),
    ]
    columns += [Column(f"t{i}", f"task {i}") for i in range(12)]
    rows = [
        Row(
            {
                "arm": Cell(arm),
                "avg": Cell(avg, sd=0.01, low=0.5, high=0.7),
                "p": Cell(p),
                **{f"t{i}": Cell(0.5) for i in range(12)},
            }
        )
        for arm, (avg, p) in ARMS.items()
    ]
    for name, kept in (("one", rows), ("two", rows[:3])):
        (tmp_path / name).mkdir()
        Image.new("RGB", (300, 100), "white").save(tmp_path / name / "figure.png")
        card = Card(
            name,
            name,
            f"Is it {name}?",
            ["It is. Surely."],
            [Table("t", columns, kept)],
            ["figure.png"],
            ["`make`"],
            ["s/0"],
        )
        write_card(tmp_path / name, card)
    return write_index(tmp_path, tmp_path / "runs")


def opened(page, folder, *options):
    """What the probe tells of a copy of the page, opened in a fresh browser."""
    if CHROMIUM is None:
        pytest.skip("no Chromium here (Debian: chromium)")
    text = (
        page.read_text(encoding="utf-8")
        .replace("<meta charset", LISTENER + "<meta charset", 1)
        .replace("</body>", PROBE + "</body>")
    )
    (folder / "probed.html").write_text(text, encoding="utf-8")
    command = [
        CHROMIUM,
        *QUIET,
        f"--user-data-dir={folder / 'profile'}",
        *options,
        "--virtual-time-budget=5000",
        "--dump-dom",
    ]
    done = subprocess.run(
        [*command, (folder / "probed.html").as_uri()],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, "HOME": str(folder)},
    )
    told = re.search(r'data-told="(.*?)"', done.stdout)
    assert told, done.stderr[-2000:]
    return json.loads(html.unescape(told[1]))


def test_it_works_in_a_browser(index, tmp_path):
    told = opened(index, tmp_path, "--window-size=1400,900")
    assert told["problems"] == []
    assert told["fetched"] == []
    assert told["pictures"] == [[300, "figure: It is."]] * 2
    assert told["contents"] == [[True, True]] * 2
    falling, rising = (
        ["70.00", "60.00", "55.00", "9.50", ""],
        ["9.50", "55.00", "60.00", "70.00", ""],
    )
    assert told["score"] == [
        ["descending", falling],
        ["ascending", rising],
        [None, ["60.00", "55.00", "70.00", "", "9.50"]],
    ]
    assert told["p"] == [
        ["descending", ["1.000", "0.500", "0.030", "<0.001", ""]],
        ["ascending", ["<0.001", "0.030", "0.500", "1.000", ""]],
    ]
    assert told["original"] == ["SimCSE", "reCSE", "reCSE", "untrained", "ten"]
    assert told["arm"] == ["ascending", ["reCSE", "reCSE", "SimCSE", "ten", "untrained"]]
    assert told["sorted"] == 1
    assert told["filtered"][0] == [["reCSE 0.1"], "1 of 5 rows"]
    assert told["filtered"][1] == [[], "0 of 5 rows"]
    assert sorted(told["filtered"][2][0]) == sorted(ARMS)
    assert told["filters"] == 1  # three rows need none
    assert told["label"] == "Filter rows of t"


def test_on_a_phone_the_page_is_no_wider_than_the_screen_and_the_contents_are_folded(
    index, tmp_path
):
    told = opened(index, tmp_path, "--window-size=500,800")
    assert told["problems"] == []
    assert told["wide"]
    assert told["contents"] == [[True, False]] * 2
