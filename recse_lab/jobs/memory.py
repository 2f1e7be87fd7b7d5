"""Peak memory of a run, of its training steps and of all of it."""

from __future__ import annotations

import resource
import sys
from contextlib import suppress
from pathlib import Path

import torch

from recse_lab.jobs.machine import device


def forget_peak() -> None:
    """Reset the peak memory. Without /proc, the peak stays that of the whole process."""
    if device().type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def peak_bytes() -> int:
    """Largest memory since ``forget_peak``: of the accelerator if there is one, or this process."""
    if device().type == "cuda":
        return torch.cuda.max_memory_allocated()
    # getrusage counts what the parent held when it started this process, too.
    with suppress(OSError):
        status = Path("/proc/self/status").read_text()
        return 1024 * int(status.partition("VmHWM:")[2].split()[0])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (
        1 if sys.platform == "darwin" else 1024
    )


class Peaks:
    """Peak memory of training steps and of a whole run, apart: a test may hold more than a step."""

    def __init__(self) -> None:
        self.steps = self.whole = 0

    def after(self, *, steps: bool = False) -> None:
        """Record the peak since the last call, and reset it."""
        found = peak_bytes()
        self.whole = max(self.whole, found)
        if steps:
            self.steps = max(self.steps, found)
        forget_peak()
