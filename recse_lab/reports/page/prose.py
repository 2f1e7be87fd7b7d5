"""Markdown of reports as HTML: raw HTML stays text, a picture is told by its name, links are read
from the page.
"""

from __future__ import annotations

import posixpath
import re
from functools import cache
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup


@cache
def _parser() -> MarkdownIt:
    return MarkdownIt("js-default")


def line(text: str) -> Markup:
    """One line of Markdown: emphasis and code; the text of links."""
    tokens = _parser().parseInline(text)
    for child in tokens[0].children or []:
        _plain_picture(child)
    kept = [child for child in tokens[0].children or [] if not child.type.startswith("link_")]
    tokens[0].children = kept
    return _html(tokens)


def block(text: str, folder: Path, page: Path) -> Markup:
    """Markdown of the report in ``folder``, headings two levels down, for a page that lies in
    ``page``.
    """
    tokens = _parser().parse(text)
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(int(token.tag[1]) + 2, 6)}"
        for child in token.children or []:
            _plain_picture(child)
            if child.type == "link_open":
                child.attrSet("href", _from(str(child.attrGet("href")), folder, page))
    return _html(tokens)


def answer(paragraph: str) -> str:
    """The first sentence."""
    return re.split(r"(?<=[.!?])\s+(?=[^\W\da-z_]|\d)", paragraph.strip(), maxsplit=1)[0]


def _html(tokens: list[Token]) -> Markup:
    return Markup(_parser().renderer.render(tokens, _parser().options, {}))


def _plain_picture(token: Token) -> None:
    if token.type == "image":
        token.type, token.tag = "text", ""


def _from(href: str, folder: Path, page: Path) -> str:
    """A link of a file in ``folder``, as it reads from ``page``."""
    if re.match(r"[a-z][a-z0-9+.-]*:|#|/", href):
        return href
    return posixpath.normpath(posixpath.join(folder.relative_to(page).as_posix(), href))
