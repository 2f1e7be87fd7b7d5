"""The training loop, to be read from top to bottom."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from accelerate import Accelerator
from jaxtyping import Float, Int
from torch import Tensor

from recse_lab.config.schema import TrainingConfig
from recse_lab.objectives import LossTerms
from recse_lab.optimisation.batches import Batches
from recse_lab.optimisation.checkpoint import CHECKPOINT_S, resume, save_state
from recse_lab.optimisation.schedule import set_learning_rate
from recse_lab.optimisation.stepping import (
    Interrupted,
    TokenSource,
    adamw,
    refuse_nonfinite,
    step_seed,
)
from recse_lab.training.arm import Arm, TokenRows

BEHAVIOUR = 1
"""Version of the numbers. Raise it when they change: runs that use it get new ids."""

Objective = Callable[..., LossTerms]
"""The fields of an ``ArmOutput`` -> the named terms of the loss."""

DevMeasures = dict[str, float | None]
"""Measures of the dev set by name; ``spearman`` decides on the best step."""


@runtime_checkable
class FeatureSource(Protocol):
    """Reshaped features by row number."""

    def read(self, rows: Int[np.ndarray, " batch"]) -> Float[Tensor, "batch reshaped"]:
        """Features of some rows of the corpus."""
        ...


@dataclass
class Progress:
    """Where a run stands; what a resumed run continues from."""

    step: int = 0
    best: float | None = None
    best_step: int | None = None
    checks: int = 0
    since_best: int = 0
    stopped_early: bool = False
    dev: DevMeasures = field(default_factory=dict)
    train_s: float = 0.0
    dev_s: float = 0.0
    save_s: float = 0.0
    tokens: int = 0

    def count_step(self, views: list[TokenRows], elapsed: float) -> float:
        """Add a finished step; returns its tokens per second."""
        tokens = sum(len(row) for view in views for row in view)
        self.step += 1
        self.tokens += tokens
        self.train_s += elapsed
        return tokens / elapsed

    def evaluate(self, dev: Callable[[], DevMeasures], on_best: Callable[[], None]) -> None:
        """Evaluate on the dev set, and call ``on_best`` after the best score so far."""
        began = time.monotonic()
        self.dev = dev()
        self.dev_s += time.monotonic() - began
        score = self.dev.get("spearman")
        self.checks += 1
        self.since_best += 1
        if score is not None and (self.best is None or score > self.best):
            self.best, self.best_step, self.since_best = score, self.step, 0
            began = time.monotonic()
            on_best()
            self.save_s += time.monotonic() - began


def evaluation_due(step: int, config: TrainingConfig, steps: int) -> bool:
    """Whether the dev set is evaluated after ``step`` of ``steps``."""
    power_of_two = step & (step - 1) == 0
    early = config.early_looks and step < config.eval_every and power_of_two
    return early or (step > 0 and (step % config.eval_every == 0 or step == steps))


def train(
    arm: Arm,
    tokens: TokenSource,
    config: TrainingConfig,
    folder: Path,
    *,
    objective: Objective,
    steps: int,
    seed: int = 0,
    stored: FeatureSource | None = None,
    positives: TokenSource | None = None,
    negatives: TokenSource | None = None,
    dev: Callable[[], DevMeasures] | None = None,
    on_best: Callable[[], None] = lambda: None,
    log: Callable[[dict[str, Any]], None] = lambda line: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Progress:
    """Train ``arm`` in place, resuming from ``folder/state.safetensors`` if it exists.

    Args:
        arm: What is trained.
        tokens: The sentences of the corpus.
        config: The recipe; its ``epochs`` and ``steps`` are not read.
        folder: Where the state is kept.
        objective: From the arm's output to the loss and its terms.
        steps: Optimiser steps in all.
        seed: Of batches, dropout and views.
        stored: Reshaped features of the sentences; None if there are none, or live ones.
        positives: Another sentence for every row of ``tokens``, in supervised training.
        negatives: A hard negative for every row of ``tokens``.
        dev: Evaluates the dev set.
        on_best: Called after the best dev score so far.
        log: Called with one line of metrics per step.
        should_stop: Asked after every step whether to save and stop.

    Raises:
        Interrupted: ``should_stop`` said so; the state is saved.
        LabError: Loss, gradient or weights are not finite; the last good state is kept.
    """
    # The arm casts for itself: no precision from the environment may come on top.
    accelerator = Accelerator(cpu=arm.encoder.device.type == "cpu", mixed_precision="no")
    optimizer = adamw(arm, learning_rate=config.learning_rate, weight_decay=config.weight_decay)
    state_file = folder / "state.safetensors"
    progress = resume(Progress, state_file, arm, optimizer)
    model, optimizer = accelerator.prepare(arm, optimizer)
    batches = Batches(
        tokens.lengths, config.batch_size, seed=seed, sort_batches=config.sort_batches
    )
    largest_norm = float("inf") if config.clip is None else config.clip
    if dev is not None and config.early_looks and progress.step == 0:
        log(_evaluate_untrained(progress, dev))
    arm.train()
    saved = time.monotonic()
    while progress.step < steps and not progress.stopped_early:
        began, step = time.monotonic(), progress.step
        draw = step_seed(seed, step, accelerator.process_index)
        torch.manual_seed(draw)
        rate = set_learning_rate(optimizer, config, step, steps)

        # One batch: encode, compare, differentiate.
        rows = batches(step)
        partners = (None if s is None else s.rows(rows) for s in (positives, negatives))
        views = arm.views(tokens.rows(rows), *partners, seed=draw)
        groups = arm.groups(views, config.sub_batches, seed=draw)
        features = None if stored is None else stored.read(rows).to(accelerator.device)
        terms = objective(*model(groups, len(rows), features))
        refuse_nonfinite("loss", terms.loss, step, rows, state_file)
        arm.update_queue(views[0], config.sub_batches)
        accelerator.backward(terms.loss)
        norm = accelerator.clip_grad_norm_(model.parameters(), largest_norm)
        assert norm is not None  # it is None under DeepSpeed alone
        refuse_nonfinite("gradient norm", norm, step, rows, state_file)
        optimizer.step()
        optimizer.zero_grad()

        speed = progress.count_step(views, time.monotonic() - began)
        line = _metrics(progress.step, terms, rate, float(norm), speed)
        if dev is not None and evaluation_due(progress.step, config, steps):
            progress.evaluate(dev, on_best)
            progress.stopped_early = config.patience is not None and (
                progress.since_best >= config.patience
            )
            line |= _dev_columns(progress.dev)
        log(line)

        stop = should_stop() and progress.step < steps
        overdue = time.monotonic() - saved > CHECKPOINT_S
        keep = stop or overdue or progress.step % config.eval_every == 0
        if keep or progress.step == steps:
            # A finite gradient may still carry the weights out of float32.
            weights = torch.nn.utils.get_total_norm([p.detach() for p in arm.parameters()])
            refuse_nonfinite("norm of the weights", weights, step, rows, state_file)
        if keep:
            if accelerator.is_main_process:
                plain = getattr(optimizer, "optimizer", optimizer)
                save_state(state_file, arm, plain, vars(progress))
            saved = time.monotonic()
        if stop:
            raise Interrupted(f"stopped at step {progress.step}")
    arm.eval()
    return progress


def _evaluate_untrained(progress: Progress, dev: Callable[[], DevMeasures]) -> dict[str, Any]:
    """A line of metrics for step 0; it does not decide on the best step."""
    began = time.monotonic()
    line = {"step": 0} | _dev_columns(dev())
    progress.dev_s += time.monotonic() - began
    return line


def _dev_columns(measures: DevMeasures) -> dict[str, Any]:
    return {f"dev_{name}": value for name, value in measures.items()}


def _metrics(step: int, terms: LossTerms, rate: float, norm: float, speed: float) -> dict[str, Any]:
    """The line of metrics of a step; absent terms are left out."""
    parts = {name: t.item() for name, t in terms._asdict().items() if t is not None}
    return {
        "step": step,
        "loss": parts.pop("loss"),
        "learning_rate": rate,
        "gradient_norm": norm,
        "tokens_per_s": speed,
        **parts,
    }
