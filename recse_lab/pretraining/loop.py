"""Masked language modelling, to be read from top to bottom: an encoder made from text alone."""

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

from recse_lab.config.pretraining import MaskedTrainingConfig
from recse_lab.models.batching import pad
from recse_lab.models.precision import autocast
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
from recse_lab.pretraining.masking import Masked, mask_tokens

BEHAVIOUR = 1
"""Version of the numbers. Raise it when they change: runs that use it get new ids."""


@dataclass
class MaskedProgress:
    """Where pretraining stands; what a resumed one continues from."""

    step: int = 0
    tokens: int = 0
    train_s: float = 0.0

    def count_step(self, tokens: int, elapsed: float) -> float:
        """Add a finished step; returns its tokens per second."""
        self.step += 1
        self.tokens += tokens
        self.train_s += elapsed
        return tokens / elapsed


def token_logits(
    model: nn.Module, states: Float[Tensor, "chosen hidden"]
) -> Float[Tensor, "chosen vocab"]:
    """The masked-language-model head on some states only.

    Its name is ``cls`` in BERT's family and ``lm_head`` in RoBERTa's.

    Raises:
        ValueError: The model keeps its head elsewhere.
    """
    for name in ("cls", "lm_head"):
        if hasattr(model, name):
            return getattr(model, name)(states)
    raise ValueError(f"{type(model).__name__} has no head named cls or lm_head")


def guesses(
    model: nn.Module,
    masked: Masked,
    ids: Int[Tensor, "batch tokens"],
    attended: Int[Tensor, "batch tokens"],
    *,
    precision: str,
) -> tuple[Float[Tensor, "chosen vocab"], Int[Tensor, " chosen"]]:
    """Logits of the chosen tokens, and what they were; no other token passes the last layer.

    Args:
        model: The masked language model.
        masked: The sentences with some tokens hidden.
        ids: The sentences as they were.
        attended: 1 on tokens, 0 on padding.
        precision: fp32 or bf16, of matrix products.
    """
    device = next(model.parameters()).device
    with autocast(device, precision):
        states = model.base_model(  # type: ignore[operator]
            input_ids=masked.ids.to(device), attention_mask=attended.to(device)
        ).last_hidden_state
        logits = token_logits(model, states[masked.chosen.to(device)])
    return logits, ids[masked.chosen].to(device)


def pretrain(
    model: nn.Module,
    tokens: TokenSource,
    config: MaskedTrainingConfig,
    folder: Path,
    *,
    steps: int,
    seed: int = 0,
    mask_id: int,
    pad_id: int,
    special_ids: list[int],
    log: Callable[[dict[str, Any]], None] = lambda line: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> MaskedProgress:
    """Train a masked language model in place, resuming from ``folder/state.safetensors``.

    Batches hold sentences of similar length, which biases nothing here: no sentence is another's
    negative.

    Args:
        model: The masked language model.
        tokens: The sentences of the corpus.
        config: The recipe; its ``epochs`` and ``steps`` are not read.
        folder: Where the state is kept.
        steps: Optimiser steps in all.
        seed: Of batches, masks and dropout.
        mask_id: Id of the mask token.
        pad_id: Id of the padding token.
        special_ids: Ids of tokens that are never masked.
        log: Called with one line of metrics per step.
        should_stop: Asked after every step whether to save and stop.

    Raises:
        Interrupted: ``should_stop`` said so; the state is saved.
        LabError: Loss or gradient is not finite; the last good state is kept.
    """
    optimizer = adamw(model, learning_rate=config.learning_rate, weight_decay=config.weight_decay)
    state_file = folder / "state.safetensors"
    progress = resume(MaskedProgress, state_file, model, optimizer)
    batches = Batches(tokens.lengths, config.batch_size, seed=seed, sort_batches=True)
    largest_norm = float("inf") if config.clip is None else config.clip
    special = torch.tensor(special_ids)
    vocab: int = model.config.vocab_size  # type: ignore[union-attr,assignment]
    model.train()
    saved = time.monotonic()
    while progress.step < steps:
        began, step = time.monotonic(), progress.step
        torch.manual_seed(step_seed(seed, step))
        rate = set_learning_rate(optimizer, config, step, steps)

        # One batch: hide, guess, differentiate.
        rows = batches(step)
        ids, attended = pad(tokens.rows(rows), pad_id)
        maskable: Bool[Tensor, "batch tokens"] = attended.bool() & ~torch.isin(ids, special)
        generator = torch.Generator().manual_seed(step_seed(seed, step, 1))
        masked = mask_tokens(
            ids, maskable, rate=config.mask_rate, mask_id=mask_id, vocab=vocab, generator=generator
        )
        logits, wanted = guesses(model, masked, ids, attended, precision=config.precision)
        loss = F.cross_entropy(logits.float(), wanted)
        refuse_nonfinite("loss", loss, step, rows, state_file)
        loss.backward()
        norm = nn.utils.clip_grad_norm_(model.parameters(), largest_norm)
        refuse_nonfinite("gradient norm", norm, step, rows, state_file)
        optimizer.step()
        optimizer.zero_grad()

        speed = progress.count_step(int(attended.sum()), time.monotonic() - began)
        accuracy = (logits.argmax(1) == wanted).float().mean().item()
        line = {"step": progress.step, "loss": loss.item(), "accuracy": accuracy}
        log(line | {"learning_rate": rate, "gradient_norm": float(norm), "tokens_per_s": speed})

        stop = should_stop() and progress.step < steps
        if stop or time.monotonic() - saved > CHECKPOINT_S:
            save_state(state_file, model, optimizer, vars(progress))
            saved = time.monotonic()
        if stop:
            raise Interrupted(f"stopped at step {progress.step}")
    model.eval()
    return progress
