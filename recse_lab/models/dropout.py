"""Dropout whose masks are cheap on a CPU.

In contrastive training dropout is the augmentation, and on a CPU drawing its masks one Bernoulli
number at a time takes a fifth of a small encoder's step.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

LEVELS = 2**16  # a mask is drawn from 16 random bits, so that a rate is exact to 1/65,536


def keep_mask(shape: torch.Size, threshold: int, dtype: torch.dtype) -> Float[Tensor, "*shape"]:
    """1 with probability 1 − threshold/65,536, else 0, on the CPU.

    Seeded by one draw from torch's own generator.
    """
    seed = int(torch.empty((), dtype=torch.int64).random_())
    bits = (
        np.random.SFC64(seed).random_raw((shape.numel() + 3) // 4).view(np.uint16)[: shape.numel()]
    )
    kept = torch.from_numpy(bits >= threshold).view(torch.uint8)
    # Past float32: torch has no fast way from a byte to bfloat16.
    return kept.float().to(dtype).view(shape)


_seen: ContextVar[set[float] | None] = ContextVar("seen", default=None)


class _Drop(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, value: Tensor, threshold: int) -> Tensor:
        mask = keep_mask(value.shape, threshold, value.dtype)
        ctx.save_for_backward(mask)
        ctx.scale = LEVELS / (LEVELS - threshold)
        return (value * mask).mul_(ctx.scale)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (mask,) = ctx.saved_tensors
        return (gradients[0] * mask).mul_(ctx.scale), None


def dropout(value: Float[Tensor, "*shape"], rate: float, training: bool) -> Float[Tensor, "*shape"]:
    """Each entry 0 with probability ``rate`` (rounded to 1/65,536), else divided by 1 − rate.

    The identity in testing.
    """
    if training and (seen := _seen.get()) is not None:
        seen.add(rate)
    if value.device.type != "cpu":
        return F.dropout(value, rate, training)
    threshold = round(rate * LEVELS)
    if not training or threshold == 0:
        return value
    return _Drop.apply(value, threshold)  # type: ignore[return-value]


class Dropout(nn.Dropout):
    """``nn.Dropout`` by ``dropout``."""

    def forward(self, input: Tensor) -> Tensor:
        """``input`` with a share ``p`` of its values dropped, in training."""
        return dropout(input, self.p, self.training)


def replace_dropouts(module: nn.Module) -> None:
    """Put ``Dropout`` in the place of every ``nn.Dropout`` below ``module``."""
    for parent in module.modules():
        for name, child in parent.named_children():
            if type(child) is nn.Dropout:
                setattr(parent, name, Dropout(child.p))


UNREAD = ("classif", "summary", "pooler", "qa_")
"""Parts of the names of rates that belong to layers which no embedding is read from."""

OF_LAYERS = ("layerdrop", "layer_drop", "drop_path")
"""Parts of the names of rates at which whole layers are skipped in training."""


def set_rates(config: Any, rate: float) -> None:
    """Set every rate of dropout in a transformers configuration, whatever its family calls it.

    Layers are never skipped: that is another augmentation.
    """
    for name, value in list(vars(config).items()):
        if "drop" not in name or isinstance(value, bool) or not isinstance(value, int | float):
            continue
        if any(part in name for part in OF_LAYERS):
            setattr(config, name, 0.0)
        elif not any(part in name for part in UNREAD):
            setattr(config, name, rate)


class _RecordRates(TorchFunctionMode):
    """Notes the rate of every dropout of torch that is drawn while the mode is on."""

    def __init__(self, seen: set[float]) -> None:
        super().__init__()
        self.seen = seen

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        named = {} if kwargs is None else kwargs
        name = getattr(func, "__name__", "")
        if "dropout" in name and named.get("training", True):
            self.seen.add(float(named["p"] if "p" in named else args[1]))
        elif name == "scaled_dot_product_attention":
            self.seen.add(float(named.get("dropout_p", 0.0)))
        return func(*args, **named)


@contextmanager
def recorded_rates() -> Iterator[set[float]]:
    """Rates of all dropouts that are drawn while the context is open, in modules or functions."""
    seen: set[float] = set()
    token = _seen.set(seen)
    try:
        with _RecordRates(seen):
            yield seen
    finally:
        _seen.reset(token)
