"""YAML with line numbers: read safely, and every error names file and line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from recse_lab.errors import LabError


class Loader(yaml.SafeLoader):
    """YAML in which 3e-5 is a number; YAML 1.1 reads it as text."""


Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)[eE][-+]?\d+$"),
    list("-+.0123456789"),
)


def read_yaml(path: str | Path) -> tuple[dict[str, Any], dict[str, int]]:
    """Read a YAML mapping and, for every dotted key in it, its line number.

    Raises:
        LabError: The file is absent, not YAML, not a mapping, or has an option twice.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise LabError(f"{path}: no such file.") from None
    except (UnicodeDecodeError, IsADirectoryError):
        raise LabError(f"{path}: not a YAML text file.") from None
    try:
        node = yaml.compose(text, Loader=Loader)
        if _size(node, {}) > LARGEST:
            raise LabError(
                f"{path}: its aliases unfold to more than {LARGEST:,} entries; write it out "
                "shorter."
            )
        value = yaml.load(text, Loader=Loader)
        keys = list(_lines(node))
    except RecursionError:
        raise LabError(
            f"{path}: nested too deep, or an anchor that refers to itself; write it out."
        ) from None
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a date that does not exist
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        raise LabError(
            f"{path}{where}: not valid YAML: {getattr(error, 'problem', error)}."
        ) from None
    if not isinstance(value, dict):
        raise LabError(f"{path}: expected a mapping of options (key: value lines).")
    lines: dict[str, int] = {}
    for key, line in keys:
        if key in lines:
            raise LabError(
                f"{path}, line {line}: {key} is given before, in line {lines[key]}; "
                "leave one of them out."
            )
        lines[key] = line
    return value, lines


LARGEST = 100_000
"""Entries that a file may have, its aliases unfolded."""


def _size(node: yaml.Node | None, known: dict[int, int]) -> int:
    """Entries below a node, where every alias counts as what it stands for."""
    if not isinstance(node, yaml.CollectionNode):
        return 1
    if id(node) not in known:
        children = (child for entry in node.value for child in _children(entry))
        known[id(node)] = 1 + sum(_size(child, known) for child in children)
    return known[id(node)]


def _children(entry: yaml.Node | tuple[yaml.Node, yaml.Node]) -> tuple[yaml.Node, ...]:
    return entry if isinstance(entry, tuple) else (entry,)


def _lines(node: yaml.Node, prefix: str = "") -> Iterator[tuple[str, int]]:
    if isinstance(node, yaml.MappingNode):
        for key, child in node.value:
            name = f"{prefix}{key.value}"
            yield name, key.start_mark.line + 1
            yield from _lines(child, f"{name}.")
    elif isinstance(node, yaml.SequenceNode):
        for i, child in enumerate(node.value):
            yield f"{prefix}{i}", child.start_mark.line + 1
            yield from _lines(child, f"{prefix}{i}.")
