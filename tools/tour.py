"""Renumber the lines of docs/tour.md: `python tools/tour.py`.

Every `` `file.py:LINE` `name` `` of the tour gets the line on which the file defines that name.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TOUR = ROOT / "docs" / "tour.md"
STEP = re.compile(r"`(?P<file>[\w/]+\.py):(?P<line>\d+)` `(?P<name>\w+)`")


def line_of(file: str, name: str) -> int:
    """The line on which a file's top level defines a function or class.

    Raises:
        LookupError: It does not.
    """
    for node in ast.parse((ROOT / file).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == name:
            return node.lineno
    raise LookupError(f"{TOUR.name}: {file} defines no {name}; name the step's new place.")


def renumbered(text: str) -> str:
    """The tour with the lines as they are now.

    Raises:
        LookupError: A file does not define the name beside it.
    """
    return STEP.sub(lambda m: f"`{m['file']}:{line_of(m['file'], m['name'])}` `{m['name']}`", text)


if __name__ == "__main__":
    TOUR.write_text(renumbered(TOUR.read_text(encoding="utf-8")), encoding="utf-8")
