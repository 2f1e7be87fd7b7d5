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
from jaxtyping import Int
from torch import Tensor

from recse_lab.objectives import Contrast, InfoNCE, recse_terms
from recse_lab.optimisation.batches import Batches
from recse_lab.optimisation.checkpoint import load_state, save_state
from recse_lab.optimisation.schedule import learning_rate_factor
from recse_lab.optimisation.stepping import Interrupted, Rows, adamw, refuse_nonfinite, step_seed
from recse_lab.training.arm import Arm


@runtime_checkable
class Stored(Protocol):
    """Reshaped features by row number, or None where they are computed live."""

    def read(self, rows: Int[np.ndarray, " batch"]) -> Tensor: ...


@dataclass(frozen=True)
class Recipe:
    """How to train; fields as in ``config.TrainingConfig``, ``ContrastConfig`` and ``ReshapeConfig``."""

    steps: int
    batch_size: int = 64
    learning_rate: float = 3e-5
    schedule: str = "linear"
    warmup_steps: int = 0
    weight_decay: float = 0.0
    clip: float | None = 1.0
    eval_every: int = 125
    patience: int | None = None
    early_looks: bool = False
    sub_batches: int = 4
    sort_batches: bool = False
    weight: float = 1.0
    contrast: Contrast = InfoNCE()  # noqa: RUF009 (frozen)
    reshape_weight: float = 0.0
    reshape_contrast: Contrast = InfoNCE()  # noqa: RUF009 (frozen)
    seed: int = 0
    checkpoint_s: float = 120.0


@dataclass
class Progress:
    """Where a run stands; what a resumed one continues from."""

    step: int = 0
    best: float | None = None
    best_step: int | None = None
    checks: int = 0
    since_best: int = 0
    stopped_early: bool = False
    dev: dict[str, float | None] = field(default_factory=dict)
    train_s: float = 0.0
    dev_s: float = 0.0
    save_s: float = 0.0
    tokens: int = 0


def look_due(step: int, recipe: Recipe) -> bool:
    """Whether the dev set is looked at after ``step`` steps."""
    early = recipe.early_looks and step < recipe.eval_every and step & (step - 1) == 0
    return early or (step > 0 and (step % recipe.eval_every == 0 or step == recipe.steps))


def train(
    arm: Arm,
    tokens: Rows,
    recipe: Recipe,
    folder: Path,
    *,
    stored: Stored | None = None,
    positives: Rows | None = None,
    negatives: Rows | None = None,
    dev: Callable[[], dict[str, float | None]] | None = None,
    on_best: Callable[[], None] = lambda: None,
    log: Callable[[dict[str, Any]], None] = lambda line: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Progress:
    """Train ``arm`` in place, resuming from ``folder/state.safetensors`` where it exists.

    ``positives`` and ``negatives`` are other sentences for every row of ``tokens``, where training is supervised.
    ``dev`` returns the dev measures, its ``spearman`` decides on the best step; ``log`` receives one line a step.

    Raises:
        Interrupted: ``should_stop`` said so; the state is saved.
        LabError: Loss, gradient or weights are not finite; the last good state is kept.
    """
    # The arm casts for itself: a precision from the environment must not be laid over the configured one.
    accelerator = Accelerator(cpu=arm.encoder.device.type == "cpu", mixed_precision="no")
    optimizer = adamw(arm, learning_rate=recipe.learning_rate, weight_decay=recipe.weight_decay)
    state_file = folder / "state.safetensors"
    progress = (
        Progress(**load_state(state_file, arm, optimizer)) if state_file.exists() else Progress()
    )
    model, optimizer = accelerator.prepare(arm, optimizer)
    batches = Batches(
        tokens.lengths, recipe.batch_size, seed=recipe.seed, sort_batches=recipe.sort_batches
    )
    process = accelerator.process_index

    def save() -> None:
        if accelerator.is_main_process:
            save_state(state_file, arm, getattr(optimizer, "optimizer", optimizer), vars(progress))

    if dev is not None and recipe.early_looks and progress.step == 0:
        began = time.monotonic()
        log({"step": 0} | {f"dev_{k}": v for k, v in dev().items()})
        progress.dev_s += time.monotonic() - began
    arm.train()
    saved = time.monotonic()
    while progress.step < recipe.steps and not progress.stopped_early:
        began, step = time.monotonic(), progress.step
        seed = step_seed(recipe.seed, step, process)
        torch.manual_seed(seed)
        rate = recipe.learning_rate * learning_rate_factor(
            step, steps=recipe.steps, warmup_steps=recipe.warmup_steps, schedule=recipe.schedule
        )
        for group in optimizer.param_groups:
            group["lr"] = rate

        # One batch: encode, compare, differentiate.
        rows = batches(step)
        others = (None if store is None else store.rows(rows) for store in (positives, negatives))
        views = arm.views(tokens.rows(rows), *others, seed=seed)
        groups = arm.groups(views, recipe.sub_batches, seed=seed)
        target = None if stored is None else stored.read(rows).to(accelerator.device)
        terms = recse_terms(
            *model(groups, len(rows), target),
            contrast=recipe.contrast,
            weight=recipe.weight,
            reshape_contrast=recipe.reshape_contrast,
            reshape_weight=recipe.reshape_weight,
        )
        refuse_nonfinite("loss", terms.loss, step, rows, state_file)
        arm.remember(views[0], recipe.sub_batches)
        accelerator.backward(terms.loss)
        norm = accelerator.clip_grad_norm_(
            model.parameters(), recipe.clip if recipe.clip is not None else float("inf")
        )
        assert norm is not None  # it is under DeepSpeed alone
        refuse_nonfinite("gradient norm", norm, step, rows, state_file)
        optimizer.step()
        optimizer.zero_grad()

        progress.step += 1
        count = sum(len(row) for view in views for row in view)
        progress.tokens += count
        elapsed = time.monotonic() - began
        progress.train_s += elapsed
        line: dict[str, Any] = {
            "step": progress.step,
            "loss": terms.loss.item(),
            "learning_rate": rate,
            "gradient_norm": float(norm),
            "tokens_per_s": count / elapsed,
        }
        line |= {k: t.item() for k, t in terms._asdict().items() if t is not None and k != "loss"}

        # A look at the dev set, at its own cost.
        if dev is not None and look_due(progress.step, recipe):
            began = time.monotonic()
            progress.dev = dev()
            progress.dev_s += time.monotonic() - began
            line |= {f"dev_{k}": v for k, v in progress.dev.items()}
            score = progress.dev.get("spearman")
            progress.checks += 1
            progress.since_best += 1
            if score is not None and (progress.best is None or score > progress.best):
                progress.best, progress.best_step, progress.since_best = score, progress.step, 0
                began = time.monotonic()
                on_best()
                progress.save_s += time.monotonic() - began
            progress.stopped_early = (
                recipe.patience is not None and progress.since_best >= recipe.patience
            )
        log(line)

        stop = should_stop() and progress.step < recipe.steps
        keep = (
            stop
            or progress.step % recipe.eval_every == 0
            or time.monotonic() - saved > recipe.checkpoint_s
        )
        if (
            keep or progress.step == recipe.steps
        ):  # a finite gradient may still carry the weights out of float32
            weights = torch.nn.utils.get_total_norm([p.detach() for p in arm.parameters()])
            refuse_nonfinite("norm of the weights", weights, step, rows, state_file)
        if keep:
            save()
            saved = time.monotonic()
        if stop:
            raise Interrupted(f"stopped at step {progress.step}")
    arm.eval()
    return progress
