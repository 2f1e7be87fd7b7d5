"""What every training loop shares: addressed seeds, AdamW, refusal of non-finite numbers, interruption."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from recse_lab.errors import LabError


@runtime_checkable
class Rows(Protocol):
    """Tokenised sentences by row number."""

    lengths: Int[np.ndarray, " rows"]

    def rows(self, rows: Int[np.ndarray, " batch"]) -> list[np.ndarray]: ...


class Interrupted(Exception):
    """Training was asked to stop and has saved its state."""


def step_seed(seed: int, step: int, process: int = 0) -> int:
    """Seed of everything random in one step. Randomness is addressed, not carried along: a resumed run, or one that
    looked at the dev set more often, draws the same dropout masks."""
    return int(
        np.random.SeedSequence([seed, step, process]).generate_state(1, np.uint64)[0]
        >> np.uint64(1)
    )


def adamw(
    module: torch.nn.Module, *, learning_rate: float, weight_decay: float
) -> torch.optim.AdamW:
    """AdamW without decay on biases and norms."""
    decayed = [p for p in module.parameters() if p.requires_grad and p.ndim > 1]
    others = [p for p in module.parameters() if p.requires_grad and p.ndim <= 1]
    groups = [
        {"params": decayed, "weight_decay": weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=learning_rate, fused=True)


def refuse_nonfinite(
    what: str, value: Tensor, step: int, rows: Int[np.ndarray, " batch"], state: Path
) -> None:
    """Stop training at a loss or gradient that is no number, before it reaches the weights."""
    if not torch.isfinite(value):
        kept = (
            f"the last good state is kept in {state}"
            if state.exists()
            else "no state had been saved yet"
        )
        raise LabError(
            f"step {step + 1}: the {what} is {value.item()} on the batch of corpus rows {rows[0]}, {rows[1]}, … "
            f"({len(rows)} sentences); {kept}; lower training.learning_rate or raise the temperature."
        )
