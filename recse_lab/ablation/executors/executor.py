"""What an executor does: compute every task of a plan, somewhere, and report on it.

Laws (tests/contracts): every task ends once; what a killed worker or a lost host leaves undone,
another one computes; nothing that is done is computed again; a task that another process holds is
waited for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

Ending = Literal["done", "failed", "interrupted"]


@dataclass(frozen=True)
class Task:
    """A cell as a worker needs it, in plain data."""

    id: str
    label: str
    config: Mapping[str, Any]


@dataclass(frozen=True)
class Event:
    """What happened to a task."""

    kind: Literal["started", "step", "held"] | Ending
    """held: another process computes it; its ending follows, or it is started once more."""
    task: Task
    line: Mapping[str, Any] = field(default_factory=dict)
    """The metrics of the latest step."""
    steps: int = 0
    """Steps in all."""
    message: str | None = None
    """Why it failed or was interrupted."""

    @property
    def final(self) -> bool:
        """Whether nothing follows for this task."""
        return self.kind in ("done", "failed", "interrupted")


OnEvent = Callable[[Event], None]


@runtime_checkable
class Job(Protocol):
    """Compute one task. An importable function, as it is sent to other processes by name."""

    def __call__(
        self,
        task: Task,
        study: Path,
        *,
        keep_model: bool,
        on_step: Callable[[dict[str, Any], int], None],
        should_stop: Callable[[], bool],
    ) -> None:
        """Leave a finished run in ``study``.

        Raises:
            LabError: A problem the user can fix.
            Interrupted: ``should_stop`` said so.
        """
        ...


@runtime_checkable
class Executor(Protocol):
    """Where the tasks of a study are computed."""

    @property
    def workers(self) -> int:
        """Tasks that are computed at the same time."""
        ...

    def run(
        self, tasks: Sequence[Task], study: Path, *, keep_models: bool, on_event: OnEvent
    ) -> bool:
        """Compute all tasks; return whether none of them was cut short.

        Args:
            tasks: In the order in which they are started.
            study: Folder of the run store that the runs are kept in.
            keep_models: Whether trained encoders are kept.
            on_event: Receives "started", any number of "step", and one ending for every task.
        """
        ...
