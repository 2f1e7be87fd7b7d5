"""What both training loops share: addressed seeds, AdamW, refusal of non-finite numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from recse_lab.errors import LabError


@runtime_checkable
class TokenSource(Protocol):
    """Tokenised sentences by row number."""

    lengths: Int[np.ndarray, " rows"]
    """Tokens of every sentence."""

    def rows(self, rows: Int[np.ndarray, " batch"]) -> list[np.ndarray]:
        """Token ids of some sentences."""
        ...


class Interrupted(Exception):
    """Training was asked to stop and has saved its state."""


def step_seed(seed: int, step: int, process: int = 0) -> int:
    """Seed of everything random in one step.

    Randomness is addressed, not carried along: a resumed run, or one that evaluated the dev set
    more often, draws the same dropout masks.
    """
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
    what: str, value: Float[Tensor, ""], step: int, rows: Int[np.ndarray, " batch"], state: Path
) -> None:
    """Abort on a non-finite loss, gradient norm or norm of the weights.

    Args:
        what: Name of ``value`` in the message.
        value: A scalar.
        step: Number of the step, from 0.
        rows: Rows of the corpus in its batch.
        state: File of the last saved state.

    Raises:
        LabError: ``value`` is not finite.
    """
    if not torch.isfinite(value):
        kept = (
            f"the last good state is kept in {state}"
            if state.exists()
            else "no state had been saved yet"
        )
        raise LabError(
            f"step {step + 1}: the {what} is {value.item()} on the batch of corpus rows "
            f"{rows[0]}, {rows[1]}, … ({len(rows)} sentences); {kept}; "
            "lower training.learning_rate or raise the temperature."
        )
