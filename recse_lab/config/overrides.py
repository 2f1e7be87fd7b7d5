"""The run store: plain files under runs/<study>/<id>/, each whole or absent, readable without torch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import yaml

from recse_lab.config.yaml import _Loader
from recse_lab.errors import LabError

if TYPE_CHECKING:
    pass


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
    """Read ``key=value`` of ``--set``; the value is YAML, so ``null``, ``0.1`` and ``[1, 2]`` mean what they say.

    Raises:
        LabError: There is no ``=`` in it, or the value is no YAML.
    """
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise LabError(f"--set {text!r}: expected key=value, as in --set reshape.dim=16.")
    try:
        return key.strip(), yaml.load(value, Loader=_Loader)
    except (yaml.YAMLError, ValueError, RecursionError):
        raise LabError(f"--set {key}: the value {value!r} is not valid YAML.") from None


def assign(tree: dict[str, Any], key: str, value: Any) -> dict[str, Any]:
    """A copy of ``tree`` with dotted ``key`` set; a mapping is merged into a mapping, anything else replaces."""
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
    """``base`` with ``over`` laid upon it; keys may be dotted."""
    for key, value in over.items():
        base = assign(base, str(key), value)
    return base


def without(lines: Mapping[str, int], keys: Iterable[str]) -> dict[str, int]:
    """Lines of what still stands as the file has it, once ``keys`` have been overridden."""
    return {
        k: n
        for k, n in lines.items()
        if not any(k == key or k.startswith(f"{key}.") for key in keys)
    }
