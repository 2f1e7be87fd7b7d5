"""How a number is taken and what is kept of it: one value a repeat, their median and range, and a
target.
"""

from __future__ import annotations

import gc
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from recse_lab.jobs.machine import device

ENCODER = "all-minilm-l6-v2"


@dataclass(frozen=True)
class Setup:
    """What the user asked for, and a folder that is removed in the end."""

    data_dir: str
    corpus: tuple[str, ...]
    repeats: int
    quick: bool
    scratch: Path


@dataclass(frozen=True)
class Row:
    """One line of the table: a value for each repeat, and the target that their median must
    keep.
    """

    what: str
    unit: str
    values: list[float]
    at_most: float | None = None
    at_least: float | None = None

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def met(self) -> bool | None:
        """None where there is no target."""
        if self.at_most is None and self.at_least is None:
            return None
        return self.median <= (self.at_most or float("inf")) and self.median >= (
            self.at_least or 0.0
        )


@dataclass(frozen=True)
class Part:
    """One question: its rows, what was compared in words, and every raw number."""

    title: str
    rows: list[Row]
    notes: list[str]
    raw: dict[str, Any] = field(default_factory=dict)


def say(message: str) -> None:
    """Tell of progress."""
    print(f"{time.strftime('%H:%M:%S')} {message}", file=sys.stderr, flush=True)


def clock() -> float:
    """Seconds, once the device has done all it was asked to do."""
    if device().type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


def timed(task: Callable[[], Any]) -> tuple[float, Any]:
    """Wall seconds of a task, and what it returned."""
    gc.collect()
    began = clock()
    result = task()
    return clock() - began, result


def ratios(above: Sequence[float], below: Sequence[float]) -> list[float]:
    """Ratio within each repeat."""
    return [a / b for a, b in zip(above, below, strict=True)]
