"""The device and precision of this machine, and how work tells of its progress."""

from __future__ import annotations

from collections.abc import Callable

import torch

from recse_lab.errors import LabError
from recse_lab.models.precision import best_precision

Notify = Callable[[str, int, int], None]

"""What is being prepared, how much of it is done, out of how much (0 = unknown)."""


def silent(what: str, done: int, total: int) -> None:
    """Notify nobody."""


def device() -> torch.device:
    """The accelerator where there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def precision(choice: str) -> str:
    """``auto`` settled for this machine.

    Raises:
        LabError: It is none of auto, fp32 and bf16.
    """
    if choice not in ("auto", "fp32", "bf16"):
        raise LabError(f"precision {choice!r}: expected auto, fp32 or bf16.")
    return best_precision(device()) if choice == "auto" else choice
