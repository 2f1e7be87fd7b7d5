"""Reports as one self-contained HTML page: no network, light and dark, readable on a phone and on
paper.
"""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from markupsafe import Markup

from recse_lab.reports.page import prose

if TYPE_CHECKING:
    from jinja2 import Template

COLOURS = 256
RUN_ID = re.compile(r"[0-9a-f]{12}")


class Figure(NamedTuple):
    """A picture inside the page."""

    name: str
    data: str
    """A data: URL."""


class Link(NamedTuple):
    """A run, and where its folder lies if that is known."""

    text: str
    href: str | None


@dataclass(frozen=True)
class Entry:
    """One report as the page shows it."""

    anchor: str
    name: str
    question: str
    answer: str
    """Markdown of one sentence; without its marks it describes the figures to whoever does not see
    them.
    """
    body: Markup
    figures: Sequence[Figure] = ()
    tables: Sequence[Mapping[str, Any]] = ()
    """Printed tables, as ``tables.shown`` has them."""
    details: Markup = field(default_factory=Markup)
    runs: Sequence[Link] = ()
    older: bool = False
    """Told from its summary.md, for want of a card."""

    @property
    def answer_html(self) -> Markup:
        """The answer as HTML."""
        return prose.line(self.answer)

    @property
    def answer_text(self) -> str:
        """The answer without marks."""
        return self.answer_html.striptags()


class Group(NamedTuple):
    """Reports under one heading, with what is said of all of them."""

    title: str
    introduction: Markup
    entries: Sequence[Entry]


def entry_of(card: Mapping[str, Any], folder: Path, page: Path, runs: Path | None = None) -> Entry:
    """A card that lies in ``folder``, for a page in ``page``; runs are linked where they are in the
    store ``runs``.
    """
    place = folder.relative_to(page).as_posix()
    return Entry(
        anchor=anchor(place),
        name=card["name"],
        question=card["question"] or card["title"],
        answer=prose.answer(card["summary"][0]) if card["summary"] else "",
        body=prose.block("\n\n".join(card["summary"]), folder, page),
        figures=[Figure(Path(name).stem, data_url(folder / name)) for name in card["figures"]],
        tables=card["tables"],
        details=prose.block("\n\n".join(card["provenance"]), folder, page),
        runs=[_link(run, page, runs) for run in card["runs"]],
    )


def anchor(place: str) -> str:
    """What a report's part of the page is called in links."""
    return re.sub(r"[^\w-]+", "-", place).strip("-") or "report"


def _link(run: str, page: Path, runs: Path | None) -> Link:
    import os

    there = runs is not None and "/" in run and (runs / run / "config.json").is_file()
    return Link(
        run,
        Path(os.path.relpath(runs / run, page)).as_posix() + "/"
        if runs is not None and there
        else None,
    )


def data_url(picture: Path) -> str:
    """A PNG as part of the page, in a palette of its own 256 colours: a third of the bytes, for
    lines and letters the same.
    """
    from PIL import Image

    out = io.BytesIO()
    with Image.open(picture) as image:
        on_white = Image.new("RGBA", image.size, "white")
        on_white.alpha_composite(image.convert("RGBA"))
        on_white.convert("RGB").quantize(COLOURS).save(out, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(out.getvalue()).decode()


@cache
def _template() -> Template:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    made = Environment(
        loader=PackageLoader("recse_lab.reports.page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["prose"] = prose.line
    made.globals["source"] = lambda name: (
        Markup(made.loader.get_source(made, name)[0]) if made.loader else ""
    )
    return made.get_template("page.html")


def render(
    title: str,
    groups: Sequence[Group],
    opening: Sequence[str] = (),
    facts: Sequence[tuple[str, str]] = (),
) -> str:
    """The page as text; everything that comes from a user's file is escaped."""
    return _template().render(title=title, groups=groups, opening=opening, facts=facts)


def card_page(card: Mapping[str, Any], folder: Path) -> str:
    """The page of one report, of a card and the figures in ``folder``."""
    return render(card["title"], [Group("", Markup(), [entry_of(card, folder, folder)])])
