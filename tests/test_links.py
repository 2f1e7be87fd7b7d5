"""Relative links in the pages of the repository lead to files that are there."""

import re

import pytest
from conftest import REPO

PAGES = [
    REPO / "README.md",
    *sorted((REPO / "docs").glob("*.md")),
    *sorted(REPO.glob("reports/**/*.md")),
    *sorted(REPO.glob("*/README.md")),
]
LINK = re.compile(r"\[[^\]]*\]\(([^)\s#]+)(?:#[^)]*)?\)")


def links(text):
    """Targets of links, without those in code."""
    text = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    return [
        target
        for target in LINK.findall(re.sub(r"`[^`]*`", "", text))
        if not re.match(r"[a-z]+:", target)
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(REPO).as_posix())
def test_links_lead_somewhere(page):
    missing = [
        target
        for target in links(page.read_text(encoding="utf-8"))
        if not (page.parent / target).exists()
    ]
    assert missing == []


def test_a_link_is_seen_and_code_is_not():
    assert links("[a](b.md#c) ![d](e.png) `[x](y)` [f](https://g)") == ["b.md", "e.png"]
