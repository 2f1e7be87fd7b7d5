"""Options as nested mappings: read from ``key=value``, merged, and flattened to dotted keys."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from recse_lab.config.yaml import Loader
from recse_lab.errors import LabError


def flatten(tree: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested options as dotted keys."""
    out: dict[str, Any] = {}
    for key, value in tree.items():
        out |= (
            flatten(value, f"{prefix}{key}.")
            if isinstance(value, dict)
            else {f"{prefix}{key}": value}
        )
    return out


def parse_assignment(text: str) -> tuple[str, Any]:
    """Read ``key=value`` of ``--set``. The value is YAML: ``null``, ``0.1``, ``[1, 2]``.

    Raises:
        LabError: There is no ``=`` in it, or the value is not valid YAML.
    """
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise LabError(f"--set {text!r}: expected key=value, as in --set reshape.dim=16.")
    try:
        return key.strip(), yaml.load(value, Loader=Loader)
    except (yaml.YAMLError, ValueError, RecursionError):
        raise LabError(f"--set {key}: the value {value!r} is not valid YAML.") from None


def assign(tree: dict[str, Any], key: str, value: Any) -> dict[str, Any]:
    """A copy of ``tree`` with dotted ``key`` set. Mappings are merged; any other value replaces."""
    head, _, rest = key.partition(".")
    out = dict(tree)
    if rest:
        child = out.get(head)
        out[head] = assign(child if isinstance(child, dict) else {}, rest, value)
    elif isinstance(value, dict) and isinstance(out.get(head), dict):
        out[head] = merge(out[head], value)
    else:
        out[head] = value
    return out


def merge(base: dict[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """``base`` updated with ``over``, whose keys may be dotted."""
    for key, value in over.items():
        base = assign(base, str(key), value)
    return base


def without(lines: Mapping[str, int], keys: Iterable[str]) -> dict[str, int]:
    """The line numbers of a file's options, except of those that ``keys`` override."""
    return {
        k: n
        for k, n in lines.items()
        if not any(k == key or k.startswith(f"{key}.") for key in keys)
    }
