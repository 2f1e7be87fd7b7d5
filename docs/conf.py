"""Sphinx: the pages of docs/ and a reference made from docstrings. `make docs` needs no network."""

import re
from importlib.metadata import version as installed
from typing import Any

from sphinx.application import Sphinx

project = "recse-lab"
author = "The recse-lab developers"
version = release = installed("recse-lab")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.apidoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build", "README.md"]
html_theme = "furo"
html_title = f"recse-lab {release}"

myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3

apidoc_modules = [
    {
        "path": "../recse_lab",
        "destination": "api",
        "separate_modules": True,
        "module_first": True,
    }
]
autodoc_default_options = {"members": True, "show-inheritance": True}
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
default_role = "code"  # docstrings write `names` as Markdown does

# Names that a package exports are described where they are defined, too.
# Links to files outside docs/ are no pages of the site; tests/test_links.py follows them.
suppress_warnings = ["ref.python", "autodoc.import_object", "myst.xref_missing"]


def plain(text: str) -> str:
    """A line of a docstring with reStructuredText's marks escaped, outside of its code."""
    parts = re.split(r"(``.*?``|`[^`]*`)", text)
    return "".join(
        part if part.startswith("`") else re.sub(r"([*|]|(?<=\w)_(?!\w))", r"\\\1", part)
        for part in parts
    )


def escape(app: Sphinx, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """Docstrings are plain text: formulas hold * and |, which are no mark-up there."""
    if getattr(thing, "__module__", name).startswith("recse_lab"):
        lines[:] = [plain(line) for line in lines]


def setup(app: Sphinx) -> None:
    """Called by Sphinx."""
    app.connect("autodoc-process-docstring", escape, priority=900)
