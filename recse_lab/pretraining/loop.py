"""Masked language modelling, to be read from top to bottom: how an encoder is made from text alone."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from recse_lab.models.batching import pad
from recse_lab.models.precision import autocast
from recse_lab.optimisation.batches import Batches
from recse_lab.optimisation.checkpoint import load_state, save_state
from recse_lab.optimisation.schedule import learning_rate_factor
from recse_lab.optimisation.stepping import Interrupted, Rows, adamw, refuse_nonfinite, step_seed
from recse_lab.pretraining.masking import mask_tokens


@dataclass(frozen=True)
class MaskedRecipe:
    """How to pretrain; fields as in ``config.MaskedTrainingConfig``."""

    steps: int
    batch_size: int = 64
    learning_rate: float = 1e-3
    schedule: str = "linear"
    warmup_steps: int = 0
    weight_decay: float = 0.01
    clip: float | None = 1.0
    mask_rate: float = 0.15
    precision: str = "fp32"
    seed: int = 0
    checkpoint_s: float = 120.0


@dataclass
class MaskedProgress:
    """Where pretraining stands; what a resumed one continues from."""

    step: int = 0
    tokens: int = 0
    train_s: float = 0.0


def token_logits(
    model: nn.Module, states: Float[Tensor, "chosen hidden"]
) -> Float[Tensor, "chosen vocab"]:
    """The masked-language-model head of BERT's (``cls``) and RoBERTa's (``lm_head``) families on some states only.

    Raises:
        ValueError: The model keeps its head elsewhere.
    """
    for name in ("cls", "lm_head"):
        if hasattr(model, name):
            return getattr(model, name)(states)
    raise ValueError(f"{type(model).__name__} has no head named cls or lm_head")


def pretrain(
    model: nn.Module,
    tokens: Rows,
    recipe: MaskedRecipe,
    folder: Path,
    *,
    mask_id: int,
    pad_id: int,
    special_ids: list[int],
    log: Callable[[dict[str, Any]], None] = lambda line: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> MaskedProgress:
    """Train a masked language model in place, resuming from ``folder/state.safetensors`` where it exists.

    Batches hold sentences of like length, which is free here: no sentence is another one's negative.

    Raises:
        Interrupted: ``should_stop`` said so; the state is saved.
        LabError: Loss or gradient is not finite; the last good state is kept.
    """
    device = next(model.parameters()).device
    optimizer = adamw(model, learning_rate=recipe.learning_rate, weight_decay=recipe.weight_decay)
    state_file = folder / "state.safetensors"
    progress = (
        MaskedProgress(**load_state(state_file, model, optimizer))
        if state_file.exists()
        else MaskedProgress()
    )
    batches = Batches(tokens.lengths, recipe.batch_size, seed=recipe.seed, sort_batches=True)
    special = torch.tensor(special_ids, device=device)
    vocab: int = model.config.vocab_size  # type: ignore
    model.train()
    saved = time.monotonic()
    while progress.step < recipe.steps:
        began, step = time.monotonic(), progress.step
        torch.manual_seed(step_seed(recipe.seed, step))
        rate = recipe.learning_rate * learning_rate_factor(
            step, steps=recipe.steps, warmup_steps=recipe.warmup_steps, schedule=recipe.schedule
        )
        for group in optimizer.param_groups:
            group["lr"] = rate

        # One batch: hide, guess, differentiate. Only the hidden tokens pass through the wide last layer.
        rows = batches(step)
        ids, attended = pad(tokens.rows(rows), pad_id)
        maskable: Bool[Tensor, "batch tokens"] = attended.bool() & ~torch.isin(ids, special.cpu())
        generator = torch.Generator().manual_seed(step_seed(recipe.seed, step, 1))
        masked = mask_tokens(
            ids, maskable, rate=recipe.mask_rate, mask_id=mask_id, vocab=vocab, generator=generator
        )
        wanted: Int[Tensor, " chosen"] = ids[masked.chosen].to(device)
        with autocast(device, recipe.precision):
            states = model.base_model(
                input_ids=masked.ids.to(device), attention_mask=attended.to(device)
            )  # type: ignore[operator]
            logits = token_logits(model, states.last_hidden_state[masked.chosen.to(device)])
        loss = F.cross_entropy(logits.float(), wanted)
        refuse_nonfinite("loss", loss, step, rows, state_file)
        loss.backward()
        clip = recipe.clip if recipe.clip is not None else float("inf")
        norm = nn.utils.clip_grad_norm_(model.parameters(), clip)
        refuse_nonfinite("gradient norm", norm, step, rows, state_file)
        optimizer.step()
        optimizer.zero_grad()

        progress.step += 1
        count = int(attended.sum())
        progress.tokens += count
        elapsed = time.monotonic() - began
        progress.train_s += elapsed
        log(
            {
                "step": progress.step,
                "loss": loss.item(),
                "accuracy": (logits.argmax(1) == wanted).float().mean().item(),
                "learning_rate": rate,
                "gradient_norm": float(norm),
                "tokens_per_s": count / elapsed,
            }
        )

        stop = should_stop() and progress.step < recipe.steps
        if stop or time.monotonic() - saved > recipe.checkpoint_s:
            save_state(state_file, model, optimizer, vars(progress))
            saved = time.monotonic()
        if stop:
            raise Interrupted(f"stopped at step {progress.step}")
    model.eval()
    return progress
