"""The dense + tanh layer between pooling and objective, dropped after training unless it is kept on purpose."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn


class TanhHead(nn.Module):
    """tanh(W h + b), hidden -> hidden, initialised as BERT's own dense layers.

    Source: SimCSE (Gao et al. 2021), section 3: an MLP over [CLS] in training, dropped in testing.
    """

    def __init__(self, hidden: int, initializer_range: float = 0.02) -> None:
        super().__init__()
        self.dense = nn.Linear(hidden, hidden)
        nn.init.normal_(self.dense.weight, std=initializer_range)
        nn.init.zeros_(self.dense.bias)

    def forward(self, embedding: Float[Tensor, "batch hidden"]) -> Float[Tensor, "batch hidden"]:
        return torch.tanh(self.dense(embedding))


HEADS: dict[str, type[TanhHead] | None] = {"tanh": TanhHead, "none": None}
