"""Executors: where the runs of a plan are computed. A new one is one file and one line here."""

from __future__ import annotations

from collections.abc import Callable

from recse_lab.ablation.executors.executor import Executor
from recse_lab.ablation.executors.local import LocalExecutor

EXECUTORS: dict[str, Callable[[int], Executor]] = {"local": LocalExecutor}
"""Name -> from a number of workers to the executor."""
