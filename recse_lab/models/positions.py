"""Where a backbone counts its tokens from, and how many it has positions for."""

from __future__ import annotations

from typing import Any

COUNTED_AFTER_PADDING = (
    "roberta",
    "xlm-roberta",
    "xlm-roberta-xl",
    "camembert",
    "roberta-prelayernorm",
    "mpnet",
    "longformer",
    "data2vec-text",
    "ibert",
    "luke",
    "xmod",
)
"""Families whose position ids start after the padding id, so that fewer tokens fit."""


def first_position(config: Any) -> int:
    """Position id of a sentence's first token."""
    return config.pad_token_id + 1 if config.model_type in COUNTED_AFTER_PADDING else 0


def positions(config: Any) -> int:
    """Number of tokens that a backbone has positions for; 512 if its config does not say.

    Of BigBird, those up to which every token sees every other: beyond, it draws at random which.
    """
    stated = getattr(config, "max_position_embeddings", None)
    if stated is None or stated < 1:  # T5 and XLNet count distances
        return 512
    if getattr(config, "attention_type", None) == "block_sparse":
        stated = min(stated, (5 + 2 * config.num_random_blocks) * config.block_size)
    return stated - first_position(config)


def longest_sentence(config: Any, tokenizer: Any, asked: int | None = None) -> int:
    """Longest sentence in tokens that backbone and tokenizer allow, and not above ``asked``."""
    limit = min(tokenizer.model_max_length, positions(config))
    return min(asked or limit, limit)
