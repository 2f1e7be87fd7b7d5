"""Learning rates as pure functions of the step."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol, runtime_checkable

import torch

from recse_lab.errors import LabError


@runtime_checkable
class LearningRate(Protocol):
    """Options of a learning rate, as the configurations of both training loops have them."""

    @property
    def learning_rate(self) -> float:
        """Rate that the factor multiplies."""
        ...

    @property
    def warmup_steps(self) -> int:
        """Steps over which the rate rises."""
        ...

    @property
    def schedule(self) -> str:
        """Decay after the warm-up, a name in ``SCHEDULES``."""
        ...


@runtime_checkable
class Length(Protocol):
    """Options that say how long a training is, as the configurations of both loops have them."""

    @property
    def batch_size(self) -> int:
        """Sentences per step."""
        ...

    @property
    def epochs(self) -> float:
        """Passes over the corpus."""
        ...

    @property
    def steps(self) -> int | None:
        """Optimiser steps; if given, they decide."""
        ...


WARM_UP_BEHAVIOUR = 2
"""Version of the warm-up's numbers; runs without a warm-up do not depend on it."""

SCHEDULES: dict[str, Callable[[float], float]] = {
    "linear": lambda done: 1.0 - done,
    "cosine": lambda done: 0.5 * (1.0 + math.cos(math.pi * done)),
    "constant": lambda done: 1.0,
}
"""Name -> factor as a function of the share of steps done after the warm-up."""


def learning_rate_factor(
    step: int, *, steps: int, warmup_steps: int = 0, schedule: str = "linear"
) -> float:
    """Factor of the base rate at step 0, 1, … steps−1.

    Over a warm-up of w steps it is step/w, so that the very first step moves nothing; then it
    decays towards 0, which it would reach at ``steps``.

    Args:
        step: Steps done before.
        steps: Steps in all.
        warmup_steps: w.
        schedule: A name in ``SCHEDULES``.

    Source: transformers, optimization.py, ``get_linear_schedule_with_warmup`` and
    ``get_cosine_schedule_with_warmup``, which the releases of SimCSE, ESimCSE, PromptBERT and
    ConSERT use.
    """
    if step < warmup_steps:
        return step / warmup_steps
    done = (step - warmup_steps) / max(1, steps - warmup_steps)
    return SCHEDULES[schedule](done)


def set_learning_rate(
    optimizer: torch.optim.Optimizer, config: LearningRate, step: int, steps: int
) -> float:
    """Give all parameters the rate of ``step`` out of ``steps``, and return it."""
    rate = config.learning_rate * learning_rate_factor(
        step, steps=steps, warmup_steps=config.warmup_steps, schedule=config.schedule
    )
    for group in optimizer.param_groups:
        group["lr"] = rate
    return rate


def count_steps(sentences: int, training: Length, *, corpus: str) -> int:
    """Optimiser steps of a training: ``steps`` if given, else those of ``epochs``.

    Raises:
        LabError: The corpus is smaller than one batch.
    """
    batch_size, steps = training.batch_size, training.steps
    if sentences < batch_size:
        raise LabError(
            f"{corpus}: {sentences} sentences are fewer than one batch; lower training.batch_size "
            f"({batch_size}) or give a larger corpus."
        )
    return math.ceil(training.epochs * (sentences // batch_size)) if steps is None else steps
