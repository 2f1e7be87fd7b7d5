"""The training loop, to be read from top to bottom."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from recse_lab.config.schema import TrainingConfig
from recse_lab.errors import LabError
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
from recse_lab.training.arm import Arm, Group, TokenRows
from recse_lab.training.chunks import Chunks, Objective, whole_gradient
from recse_lab.training.ranks import ALONE, Ranks

BEHAVIOUR = 1
"""Version of the numbers. Raise it when they change: runs that use it get new ids."""

Gradient = Callable[..., LossTerms]
"""``whole_gradient``, or the same in chunks."""

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

    def count_step(self, tokens: int, elapsed: float) -> float:
        """Add a finished step; returns its tokens per second."""
        self.step += 1
        self.tokens += tokens
        self.train_s += elapsed
        return tokens / elapsed

    def look(self, hooks: Hooks, patience: int | None, ranks: Ranks) -> None:
        """Evaluate on the dev set in the first process, and tell the others what follows."""
        if hooks.dev is not None:
            self._evaluate(hooks.dev, hooks.on_best)
            self.stopped_early = patience is not None and self.since_best >= patience
        self.__dict__.update(ranks.told(vars(self)))

    def _evaluate(self, dev: Callable[[], DevMeasures], on_best: Callable[[], None]) -> None:
        """Evaluate, and call ``on_best`` after the best score so far."""
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


@dataclass(frozen=True)
class Data:
    """What a step reads of the corpus, by row number."""

    tokens: TokenSource
    """The sentences."""
    positives: TokenSource | None = None
    """Another sentence for every row, in supervised training."""
    negatives: TokenSource | None = None
    """A hard negative for every row."""
    stored: FeatureSource | None = None
    """Reshaped features of the sentences; None if there are none, or live ones."""

    def views(self, arm: Arm, rows: Int[np.ndarray, " batch"], seed: int) -> list[TokenRows]:
        """Token ids of every view of some rows."""
        partners = (None if s is None else s.rows(rows) for s in (self.positives, self.negatives))
        return arm.views(self.tokens.rows(rows), *partners, seed=seed)


@dataclass(frozen=True)
class Hooks:
    """What is called while a training runs. With several processes, give them to the first."""

    dev: Callable[[], DevMeasures] | None = None
    """Evaluates the dev set."""
    on_best: Callable[[], None] = lambda: None
    """Called after the best dev score so far."""
    log: Callable[[dict[str, Any]], None] = lambda line: None
    """Called with one line of metrics per step."""
    should_stop: Callable[[], bool] = lambda: False
    """Asked after every step whether to save and stop."""


def train(
    arm: Arm,
    data: Data,
    config: TrainingConfig,
    folder: Path,
    *,
    objective: Objective,
    steps: int,
    seed: int = 0,
    order: int | None = None,
    hooks: Hooks = Hooks(),
    ranks: Ranks = ALONE,
) -> Progress:
    """Train ``arm`` in place, resuming from ``folder/state.safetensors`` if it exists.

    Args:
        arm: What is trained.
        data: The corpus and what belongs to its rows.
        config: The recipe; its ``epochs`` and ``steps`` are not read.
        folder: Where the state is kept.
        objective: From the arm's output to the loss and its terms; with several processes, the
            share of this one.
        steps: Optimiser steps in all.
        seed: Of dropout, views and, unless ``order`` is given, batches.
        order: Seed of the batches.
        hooks: Dev set, metrics, and the question whether to stop.
        ranks: The processes that train together.

    Raises:
        Interrupted: ``should_stop`` said so; the state is saved.
        LabError: Loss, gradient or weights are not finite; the last good state is kept.
    """
    optimizer = adamw(arm, learning_rate=config.learning_rate, weight_decay=config.weight_decay)
    state_file = folder / "state.safetensors"
    progress = resume(Progress, state_file, arm, optimizer)
    ranks.agree({"state of training saved at step": progress.step})
    lengths, dealt = data.tokens.lengths, seed if order is None else order
    batches = Batches(lengths, config.batch_size, seed=dealt, sort_batches=config.sort_batches)
    gradient = gradient_of(config)
    if hooks.dev is not None and config.early_looks and progress.step == 0:
        hooks.log(_evaluate_untrained(progress, hooks.dev))
    arm.train()
    saved = time.monotonic()
    while progress.step < steps and not progress.stopped_early:
        began, step = time.monotonic(), progress.step
        rate = set_learning_rate(optimizer, config, step, steps)
        rows = batches(step)[ranks.share(config.batch_size)]
        refuse = partial(refuse_nonfinite, step=step, rows=rows, state=state_file)

        terms, tokens = differentiate(
            arm, data, rows, config, gradient, objective, step_seed(seed, step, ranks.index), ranks
        )
        refuse("loss", terms.loss)
        norm = nn.utils.clip_grad_norm_(arm.parameters(), config.clip or float("inf"))
        refuse("gradient norm", norm)
        optimizer.step()
        optimizer.zero_grad()

        speed = progress.count_step(tokens, time.monotonic() - began)
        line = _metrics(progress.step, terms, rate, float(norm), speed)
        if evaluation_due(progress.step, config, steps):
            progress.look(hooks, config.patience, ranks)
            line |= _dev_columns(progress.dev)
        hooks.log(line)

        stop = ranks.any(hooks.should_stop(), arm.encoder.device) and progress.step < steps
        overdue = ranks.told(time.monotonic() - saved > CHECKPOINT_S)
        keep = stop or overdue or progress.step % config.eval_every == 0
        if keep or progress.step == steps:
            # A finite gradient may still carry the weights out of float32.
            weights = nn.utils.get_total_norm([p.detach() for p in arm.parameters()])
            refuse("norm of the weights", weights)
        if keep:
            if ranks.first:
                save_state(state_file, arm, optimizer, vars(progress))
            saved = time.monotonic()
        if stop:
            raise Interrupted(f"stopped at step {progress.step}")
    arm.eval()
    return progress


def gradient_of(config: TrainingConfig) -> Gradient:
    """How a step is differentiated: whole, or in chunks of a token budget."""
    if config.chunk_tokens is None:
        return whole_gradient
    return Chunks(None if config.graph_memory is None else config.graph_memory * 2**30)


def differentiate(
    arm: Arm,
    data: Data,
    rows: Int[np.ndarray, " batch"],
    config: TrainingConfig,
    gradient: Gradient,
    objective: Objective,
    draw: int,
    ranks: Ranks = ALONE,
) -> tuple[LossTerms, int]:
    """One batch: encode, compare, differentiate, and give the queue what it keeps.

    Args:
        arm: The arm; it gets the gradient of the whole batch.
        data: The corpus.
        rows: The rows of this process.
        config: How the rows are grouped.
        gradient: How the step is differentiated.
        objective: As for ``train``.
        draw: Seed of everything random in this step and process.
        ranks: The processes that share the batch.

    Returns:
        The terms of the whole batch, and the tokens of this process.

    Raises:
        LabError: The step needs more memory than there is.
    """
    torch.manual_seed(draw)
    views = data.views(arm, rows, draw)
    groups = arm.groups(views, config.sub_batches, seed=draw, tokens=config.chunk_tokens)
    features = None if data.stored is None else data.stored.read(rows).to(arm.encoder.device)
    with refusing_what_does_not_fit(groups):
        terms = gradient(arm, groups, len(rows), features, objective, ranks)
    arm.update_queue(views[0], config.sub_batches, tokens=config.chunk_tokens, gather=ranks.gather)
    ranks.add_gradients(arm)
    summed = {name: ranks.total(term) for name, term in terms._asdict().items() if term is not None}
    return terms._replace(**summed), sum(len(row) for view in views for row in view)


@contextmanager
def refusing_what_does_not_fit(groups: Sequence[Group]) -> Iterator[None]:
    """Turn the end of memory in a step into a sentence that says which chunk may fit.

    Raises:
        LabError: Memory ended.
    """
    try:
        yield
    except RuntimeError as error:  # a CPU's allocator has no class of its own
        ended = isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)
        if not ended:
            raise
        tokens = sum(group.ids.numel() for group in groups)
        longest = max(group.ids.shape[1] for group in groups)
        smaller = max(longest, min(tokens // 8, max(g.ids.numel() for g in groups) // 2))
        raise LabError(
            f"a step of {tokens:,} padded tokens does not fit into memory; give "
            f"training.chunk_tokens {smaller} (the same gradient, chunk by chunk), or "
            "training.graph_memory, in GiB, if it is given already."
        ) from error


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
