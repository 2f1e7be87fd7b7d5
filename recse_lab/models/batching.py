"""Token ids to padded batches, and rows to batches within a token budget."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor


def tokenize(
    tokenizer: Any, sentences: Sequence[str], *, max_length: int
) -> list[Int[np.ndarray, " _"]]:
    """Token ids of every sentence with special tokens, cut at ``max_length``."""
    ids = tokenizer(
        list(sentences), truncation=True, max_length=max_length, return_attention_mask=False
    )
    return [np.asarray(row, dtype=np.int64) for row in ids["input_ids"]]


def pad(
    rows: Sequence[np.ndarray], pad_id: int
) -> tuple[Int[Tensor, "batch tokens"], Int[Tensor, "batch tokens"]]:
    """Token ids and attention mask of a batch, padded to its own longest row."""
    width = max(map(len, rows))
    ids = np.full((len(rows), width), pad_id, dtype=np.int64)
    mask = np.zeros((len(rows), width), dtype=np.int64)
    for i, row in enumerate(rows):
        ids[i, : len(row)] = row
        mask[i, : len(row)] = 1
    return torch.from_numpy(ids), torch.from_numpy(mask)


def token_budget(device: torch.device | str) -> int:
    """Tokens to encode at once.

    A larger batch leaves a CPU's caches; in a smaller one the calls cost more than the sums.
    """
    return 4096 if torch.device(device).type == "cpu" else 8192


def by_token_budget(lengths: np.ndarray, tokens_per_batch: int) -> Iterator[np.ndarray]:
    """Indices of all rows, longest first, in batches of a padded size within a token budget."""
    order = np.argsort(-lengths, kind="stable")
    start = 0
    while start < len(order):
        size = max(1, tokens_per_batch // max(1, int(lengths[order[start]])))
        yield order[start : start + size]
        start += size
