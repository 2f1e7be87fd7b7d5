"""The live board of a running study; plain lines where the output is not a terminal."""

from __future__ import annotations

import time
from types import TracebackType

from rich.console import Console
from rich.live import Live
from rich.table import Table

from recse_lab.ablation.executors.executor import Event


def duration(seconds: float) -> str:
    """A duration as people say it.

    >>> duration(7500.0), duration(200.0), duration(12.0)
    ('2 h 05 min', '3 min 20 s', '12 s')
    """
    seconds = round(seconds)
    if seconds >= 3600:
        return f"{seconds // 3600} h {seconds % 3600 // 60:02d} min"
    return f"{seconds // 60} min {seconds % 60:02d} s" if seconds >= 60 else f"{seconds} s"


class Board:
    """Counts of finished cells, the progress of those at work, and the time left, from events.

    Args:
        total: Cells to compute.
        workers: Cells that are computed at the same time.
        console: Where the board is shown.
    """

    def __init__(self, total: int, *, workers: int, console: Console) -> None:
        self.total, self.workers, self.console = total, workers, console
        self.began = time.monotonic()
        self.counts = {"done": 0, "failed": 0, "interrupted": 0}
        self.active: dict[str, Event] = {}
        self.since: dict[str, float] = {}
        self.live = Live(
            console=console, get_renderable=self._render, refresh_per_second=2, transient=True
        )

    def __enter__(self) -> Board:
        if self.console.is_terminal:
            self.live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.console.is_terminal:
            self.live.stop()

    def __call__(self, event: Event) -> None:
        """Update the board with an event."""
        name = event.task.id
        if event.kind == "started":
            self.since[name] = time.monotonic()
        if event.kind == "held":
            self.active.pop(name, None)
        elif event.kind in self.counts:
            self.active.pop(name, None)
            self.counts[event.kind] += 1
            took = duration(time.monotonic() - self.since.pop(name, self.began))
            line = f"[{sum(self.counts.values())}/{self.total}] {event.task.label} {event.kind}"
            line += f" in {took} ({name})"
            if event.message:
                line += f": {event.message}"
            if left := self.time_left():
                line += f"; about {duration(left)} left"
            self.console.print(line, highlight=False, markup=False)
        else:
            self.active[name] = event

    def time_left(self) -> float | None:
        """Seconds left, from the pace so far; None while it is too early to say."""
        progress = sum(e.line.get("step", 0) / e.steps for e in self.active.values() if e.steps)
        finished = self.counts["done"] + 0.9 * progress  # testing comes after the last step
        if finished < 0.2:
            return None
        remaining = self.total - sum(self.counts.values()) - 0.9 * progress
        return (time.monotonic() - self.began) / finished * max(0.0, remaining)

    def _render(self) -> Table:
        left = self.time_left()
        title = f"{self.counts['done']} of {self.total} cells done"
        title += f", {self.counts['failed']} failed" if self.counts["failed"] else ""
        title += f" · about {duration(left)} left" if left else " · estimating"
        table = Table(title=title, title_justify="left", box=None, pad_edge=False)
        for column in ("cell", "step", "loss", "tokens/s", "dev ×100"):
            table.add_column(column, justify="left" if column == "cell" else "right")
        for event in self.active.values():
            line = event.line
            dev = line.get("dev_spearman")
            table.add_row(
                event.task.label,
                f"{line['step']}/{event.steps}" if line else "preparing",
                f"{line['loss']:.4f}" if line else "",
                f"{line['tokens_per_s']:,.0f}" if line else "",
                f"{100 * dev:.1f}" if dev is not None else "",
            )
        return table
