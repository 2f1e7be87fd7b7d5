"""Implementations of attention: our own, and which of them an architecture has.

Dropout is drawn inside attention, so that its implementation is part of an experiment.
"""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from recse_lab.models.dropout import dropout as drop


def plain_attention(
    module: nn.Module,
    query: Float[Tensor, "batch heads tokens dim"],
    key: Float[Tensor, "batch heads tokens dim"],
    value: Float[Tensor, "batch heads tokens dim"],
    attention_mask: Float[Tensor, "batch 1 tokens tokens"] | None,
    scaling: float | None = None,
    dropout: float = 0.0,
    **_: Any,
) -> tuple[Float[Tensor, "batch tokens heads dim"], Float[Tensor, "batch heads tokens tokens"]]:
    """softmax(q kᵀ · scaling + mask), dropped out, times v, with the dropout of this package."""
    scale = query.size(-1) ** -0.5 if scaling is None else scaling
    scores = (query * scale) @ key.transpose(2, 3)
    if attention_mask is not None:
        scores = scores + attention_mask
    weights = drop(torch.softmax(scores, dim=-1), dropout, module.training)
    return (weights @ value).transpose(1, 2).contiguous(), weights


def register_plain_attention() -> None:
    """Make attention ``plain`` known to transformers."""
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.masking_utils import eager_mask

    AttentionInterface.register("plain", plain_attention)
    AttentionMaskInterface.register("plain", eager_mask)


def best_attention(config: Any) -> str:
    """The fastest attention of an architecture on this machine.

    plain on a CPU, where its dropout is cheap; sdpa on an accelerator; eager if the architecture
    has neither.
    """
    wanted = "sdpa" if torch.cuda.is_available() else "plain"
    return wanted if _has_attention(config, wanted) else "eager"


def _has_attention(config: Any, attention: str) -> bool:
    # transformers says this in private class attributes alone; its public way is to build the
    # model and to see whether that raises, which costs a second for a backbone of usual size.
    from transformers import MODEL_MAPPING

    flag = {"plain": "_supports_attention_backend", "sdpa": "_supports_sdpa"}[attention]
    return bool(getattr(MODEL_MAPPING[type(config)], flag))


def attention_of(backbone: nn.Module) -> str:
    """Name of the attention that a loaded backbone computes with."""
    # The name it was loaded with has no public reader in transformers.
    return backbone.config._attn_implementation  # type: ignore[union-attr,return-value]
