"""Implementations of attention: our own, and which of them an architecture has.

Dropout is drawn inside attention, so that its implementation is part of an experiment.
"""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from recse_lab.models.dropout import dropout as drop

SCORE_TERMS = ("softcap", "s_aux", "sinks", "position_bias", "alibi")
"""Arguments by which architectures change their scores, and which plain attention has not."""


def plain_attention(
    module: nn.Module,
    query: Float[Tensor, "batch heads tokens dim"],
    key: Float[Tensor, "batch groups tokens dim"],
    value: Float[Tensor, "batch groups tokens dim"],
    attention_mask: Float[Tensor, "batch 1 tokens tokens"] | None,
    scaling: float | None = None,
    dropout: float = 0.0,
    **more: Any,
) -> tuple[Float[Tensor, "batch tokens heads dim"], Float[Tensor, "batch heads tokens tokens"]]:
    """softmax(q kᵀ · scaling + mask), dropped out, times v, with the dropout of this package.

    Keys and values may have fewer heads than queries, each shared by a group of them.

    Raises:
        NotImplementedError: The architecture adds something else to its scores.
    """
    if unknown := sorted(name for name in SCORE_TERMS if more.get(name) is not None):
        raise NotImplementedError(f"plain attention has no {unknown[0]}; take eager")
    if key.size(1) != query.size(1):
        groups = query.size(1) // key.size(1)
        key, value = key.repeat_interleave(groups, 1), value.repeat_interleave(groups, 1)
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


_BOTH = frozenset(
    (
        *("albert", "bert", "bert-generation", "camembert", "data2vec-text", "distilbert"),
        *("electra", "ernie", "esm", "eurobert", "gpt2", "gpt_neox"),
        *("gte", "jina_embeddings_v3", "layoutlm", "llama", "mistral", "modernbert"),
        *("nomic_bert", "opt", "qwen2", "qwen3", "roberta", "roberta-prelayernorm"),
        *("roc_bert", "xlm-roberta", "xlm-roberta-xl", "xmod"),
    )
)

EQUAL_TO_EAGER: dict[str, frozenset[str]] = {
    "plain": _BOTH,
    "sdpa": _BOTH | {"t5", "mt5", "umt5"},
}
"""Attention -> families in which it has been shown to equal transformers' eager attention.

`recse-lab selftest backbones` shows it. Elsewhere an architecture may add what these
implementations know nothing of (a soft cap, sinks, a bias of positions), and nobody would be told.
"""


def best_attention(config: Any) -> str:
    """The fastest attention of an architecture on this machine that equals eager attention.

    plain on a CPU, where its dropout is cheap; sdpa on an accelerator; else eager.
    """
    wanted = "sdpa" if torch.cuda.is_available() else "plain"
    return wanted if config.model_type in EQUAL_TO_EAGER[wanted] else "eager"


def attention_of(backbone: nn.Module) -> str:
    """Name of the attention that a loaded backbone computes with."""
    # The name it was loaded with has no public reader in transformers.
    return backbone.config._attn_implementation  # type: ignore[union-attr,return-value]
