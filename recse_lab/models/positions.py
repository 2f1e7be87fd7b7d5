"""Where a backbone counts its tokens from, and how many it has positions for."""

from __future__ import annotations

from typing import Any

# Positions of these families are counted from behind the padding id, so that fewer tokens fit.
COUNTED_BEHIND_PADDING = (
    "roberta",
    "xlm-roberta",
    "xlm-roberta-xl",
    "camembert",
    "roberta-prelayernorm",
    "mpnet",
    "longformer",
)


def first_position(config: Any) -> int:
    """Position id of a sentence's first token."""
    return config.pad_token_id + 1 if config.model_type in COUNTED_BEHIND_PADDING else 0


def positions(config: Any) -> int:
    """Tokens a backbone has positions for; 512 where its config does not say."""
    return getattr(config, "max_position_embeddings", 512) - first_position(config)
