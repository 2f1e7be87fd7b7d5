"""Peak memory of a run, of its training steps and of all of it."""

from __future__ import annotations

import resource
import sys
from contextlib import suppress
from pathlib import Path

import torch

from recse_lab.jobs.machine import device


def forget_peak() -> None:
    """Begin to look for the largest memory anew. On a system without /proc the peak stays that of the whole process."""
    if device().type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def peak_bytes() -> int:
    """Largest memory since ``forget_peak``: of the accelerator where there is one, else of this process."""
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
    """Largest memory of a run's training steps, and of all of it: the two are asked apart, since a test may hold more than a step."""

    def __init__(self) -> None:
        self.steps = self.whole = 0

    def after(self, *, steps: bool = False) -> None:
        """Take note of what has been held since the last call, and begin anew."""
        found = peak_bytes()
        self.whole = max(self.whole, found)
        if steps:
            self.steps = max(self.steps, found)
        forget_peak()
