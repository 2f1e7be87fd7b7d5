"""All reports on one page, reports/index.html, from the cards they left; a report without one is
told from its summary.md.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from markupsafe import Markup

from recse_lab.errors import LabError
from recse_lab.files import atomic_path, now
from recse_lab.reports.page import prose
from recse_lab.reports.page.card import read_cards
from recse_lab.reports.page.page import Entry, Figure, Group, anchor, data_url, entry_of, render
from recse_lab.reports.tables import Cell, Column, Row, Table, shown
from recse_lab.reports.tables.csv import read_csv
from recse_lab.runs.provenance import commit
from recse_lab.runs.references import encoder_label
from recse_lab.runs.store import Run, find_runs

GROUPS = {"probes": "What the arms do to the space", "": "Studies", "lab": "The instruments"}
"""Room -> heading, in the order of the page. A room is the folder that a report's folder lies in.
"""
INSTRUMENTS = ("benchmarks", "sample-sts", "statistics")
"""What their reports call themselves, whatever folder they lie in."""
OPENING = (
    "recse-lab asks of every trick for sentence embeddings whether it works, why, and whether it "
    "can be told from noise. Each part of this page answers one question: the answer first, then "
    "its figure, the table it is drawn from, and how to compute it again.",
    "Scores are ×100 unless a table says otherwise. A click on a header sorts; published rows are "
    "grey and in italics, the best of our own is bold.",
)
HOW = "\n## How it "


def rebuild(
    runs: Path, out: Path, notify: Callable[[str], None] = lambda name: None
) -> dict[str, str]:
    """Write every study's report, every table and the claims again, from stored scores; what could
    not be written, and why.
    """
    from recse_lab.reports.claims.verdicts import write_claims
    from recse_lab.reports.literature import write_literature
    from recse_lab.reports.paper import TABLES, report_table
    from recse_lab.reports.study.writing import write_study

    failed = {}
    for study in sorted(path.parent for path in runs.glob("*/study.json")):
        notify(study.name)
        try:
            write_study(study, out / study.name)
        except LabError as error:
            failed[study.name] = str(error)
    if not any(run.state == "done" for run in find_runs(runs)):
        return failed  # what stands there was written from another store
    for name in TABLES:
        notify(name)
        try:
            report_table(name, runs, out / name, f"recse-lab report {name}")
        except LabError as error:
            failed[f"the table {name}"] = str(error)
    if (out / "literature").is_dir():
        notify("literature")
        try:
            write_literature(runs, out / "literature")
        except LabError as error:
            failed["the literature"] = str(error)
    notify("claims")
    write_claims(runs, out, "recse-lab report claims")
    return failed


def write_index(reports: Path, runs: Path) -> Path:
    """Write ``reports``/index.html; runs are linked where they are in the store ``runs``.

    Raises:
        LabError: There is no report, a card is damaged, or the disk is full.
    """
    groups = gather(reports, runs)
    if not groups:
        raise LabError(f"{reports}: no report here; `recse-lab ablate` writes one.")
    text = render("What has been found", groups, OPENING, facts(find_runs(runs)))
    with atomic_path(reports / "index.html") as beside:
        beside.write_text(text, encoding="utf-8")
    return reports / "index.html"


def gather(reports: Path, runs: Path) -> list[Group]:
    """Every report below ``reports`` in the group it belongs to; a README.md of a room introduces
    its group.
    """
    entries = {
        folder: entry_of(card, folder, reports, runs)
        for folder, card in read_cards(reports).items()
    }
    for path in sorted(reports.rglob("summary.md")):
        if path.parent not in entries:
            entries[path.parent] = entry_of_summary(path.parent, reports)
    rooms: dict[str, list[Entry]] = {room: [] for room in ("", *GROUPS)}
    for folder in sorted(entries):
        place = folder.relative_to(reports).as_posix()
        room = "lab" if entries[folder].name in INSTRUMENTS else place.rpartition("/")[0]
        rooms.setdefault(room, []).append(entries[folder])
    return [
        Group(GROUPS.get(room, room), _introduction(reports, room), found)
        for room, found in rooms.items()
        if found
    ]


def _introduction(reports: Path, room: str) -> Markup:
    readme = reports / room / "README.md"
    if not room or not readme.is_file():
        return Markup()
    without_title = re.sub(r"\A# .*\n", "", readme.read_text(encoding="utf-8"))
    return prose.block(without_title, readme.parent, reports)


def facts(runs: Sequence[Run]) -> list[tuple[str, str]]:
    """What the page rests on, read from the finished runs: encoders, corpora, protocol, versions;
    and the page's own date.
    """
    done = [run for run in runs if run.state == "done"]
    records = [run.record for run in done]
    configs = [record.config for record in records]
    environments = [record.environment for record in records]
    protocols = [record.results.protocol.id for record in records]
    corpora = {
        ", ".join(Path(name).name for name in config.corpus)
        for config in configs
        if config.corpus is not None
    }
    commits = sorted({about.commit for about in environments if about.commit is not None})
    dates = sorted(about.date[:10] for about in environments if about.date is not None)
    told = [
        (
            "runs in the store",
            f"{len(done)} in {len({run.study for run in done})} studies" if done else "",
        ),
        ("encoder", _distinct(encoder_label(c.encoder) for c in configs if c.encoder)),
        ("corpus", "; ".join(sorted(corpora - {""}))),
        ("protocol", _distinct(protocols)),
        ("computed", " to ".join(dict.fromkeys([*dates[:1], *dates[-1:]]))),
        (
            "by",
            f"{len(commits)} commits, named in each report"
            if len(commits) > 3
            else ", ".join(commits),
        ),
        ("page made", f"{now()[:10]}, commit {commit() or 'unknown'}"),
    ]
    return [(name, value) for name, value in told if value]


def _distinct(values: Iterable[object]) -> str:
    return ", ".join(sorted({str(value) for value in values if value is not None}))


# ---- reports of an earlier form ----------------------------------------------------------------


def entry_of_summary(folder: Path, page: Path) -> Entry:
    """A report that left no card, from its summary.md, its figures, and its table.csv where the
    summary holds no table.
    """
    text = (folder / "summary.md").read_text(encoding="utf-8")
    place = folder.relative_to(page).as_posix()
    title = re.search(r"\A# (.+)", text)
    text = text[title.end() :] if title else text
    asked = re.search(r"^\*\*(.+\?)\*\*$", text, re.MULTILINE)
    text = text.replace(asked[0], "", 1) if asked else text
    pictures = dict.fromkeys(re.findall(r"^!\[.*?\]\(([^/()]+\.png)\)$", text, re.MULTILINE))
    text = re.sub(r"^!\[.*?\]\(.*\)$", "", text, flags=re.MULTILINE)
    told, how, details = text.partition(HOW)
    paragraphs = [
        part
        for part in told.split("\n\n")
        if part.strip() and not part.lstrip().startswith(("#", "|", "*", "_"))
    ]
    pictures |= dict.fromkeys(path.name for path in sorted(folder.glob("*.png")))
    tables = (
        sorted(folder.glob("*.csv")) if not re.search(r"^\| ?:?---", told, re.MULTILINE) else []
    )
    return Entry(
        anchor=anchor(place),
        name=place.rpartition("/")[2],
        question=asked[1] if asked else title[1] if title else place,
        answer=prose.answer(paragraphs[0]) if paragraphs else "",
        body=prose.block(told, folder, page),
        figures=[
            Figure(Path(name).stem, data_url(folder / name))
            for name in pictures
            if (folder / name).is_file()
        ],
        tables=[shown(_printed(path)) for path in tables],
        details=prose.block(how + details, folder, page),
        older=True,
    )


def _printed(path: Path) -> Table:
    """A CSV file as it is, all of it text; a line that begins with # is a note."""
    try:
        found, notes = read_csv(path.read_text(encoding="utf-8"))
    except LabError as error:
        raise LabError(f"{path}: {error}") from None
    columns = [Column(name, name, "text") for name in (found[0] if found else {})]
    rows = [Row({name: Cell(value or None) for name, value in row.items()}) for row in found]
    return Table(path.name, columns, rows, notes)
