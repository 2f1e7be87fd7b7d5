"""What is read from another program's file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from recse_lab.evaluation.protocols import AGGREGATIONS


class LeftOut(NamedTuple):
    """A file of a known layout with nothing in it that is measured here."""

    why: str


@dataclass(frozen=True)
class Imported:
    """One set of results under one protocol, as a file has them.

    ``protocol`` is None if the file does not say. ``results`` holds average and dev as results.json
    has them, ``metrics`` the lines of metrics.jsonl, ``about`` whatever else the file says. What
    has the same ``joins`` becomes one run. ``format`` and ``files`` are added by ``read_file``.
    """

    name: str
    protocol: str | None
    tasks: dict[str, dict[str, Any]]
    results: dict[str, Any] = field(default_factory=dict)
    metrics: list[dict[str, Any]] = field(default_factory=list)
    about: Mapping[str, Any] = field(default_factory=dict)
    joins: str | None = None
    left_out: tuple[str, ...] = ()
    """What of the file was not taken, and why."""
    format: str = ""
    files: tuple[dict[str, str], ...] = ()


def sts_task(
    spearman: float | None, pearson: float | None = None, undefined: str | None = None
) -> dict[str, Any]:
    """A task of results.json with its pooled correlations, raw; its file has no number of pairs."""
    nothing = dict.fromkeys(AGGREGATIONS)
    return {
        "pairs": None,
        "subsets": None,
        "undefined": undefined,
        "spearman": nothing | {"all": spearman},
        "pearson": nothing | {"all": pearson},
    }
