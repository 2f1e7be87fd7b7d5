"""The dense + tanh layer between readout and objective, dropped after training unless kept."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import torch
from jaxtyping import Float
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from recse_lab.models.folders import reading

FOLDER = "2_Dense"
"""Folder of a head's weights, where sentence-transformers expects them."""


class TanhHead(nn.Module):
    """tanh(W h + b), hidden -> hidden, initialised as BERT's own dense layers.

    Args:
        hidden: Width of the embedding.
        initializer_range: Standard deviation of the weights before training.
        kept: Whether the head is applied at test time and saved, and not only in training.

    Source: SimCSE (Gao et al. 2021), section 3: an MLP over [CLS] in training, dropped in testing.
    """

    name = "tanh"
    behaviour: ClassVar[int] = 1
    """Version of the numbers. Raise it when they change: runs that use it get new ids."""

    def __init__(self, hidden: int, initializer_range: float = 0.02, *, kept: bool = False) -> None:
        super().__init__()
        self.kept = kept
        self.dense = nn.Linear(hidden, hidden)
        nn.init.normal_(self.dense.weight, std=initializer_range)
        nn.init.zeros_(self.dense.bias)

    def forward(self, embedding: Float[Tensor, "batch hidden"]) -> Float[Tensor, "batch hidden"]:
        """The embedding after the head."""
        return torch.tanh(self.dense(embedding))

    def save(self, folder: Path) -> None:
        """Write the weights into an encoder's folder, under the names of sentence-transformers."""
        (folder / FOLDER).mkdir(exist_ok=True)
        linear = {"linear.weight": self.dense.weight, "linear.bias": self.dense.bias}
        save_file(
            {k: v.detach().cpu().contiguous() for k, v in linear.items()},
            folder / FOLDER / "model.safetensors",
        )

    @classmethod
    def read(cls, folder: Path, hidden: int) -> TanhHead:
        """Read what ``save`` wrote; the head is kept.

        Raises:
            LabError: The file is missing, damaged or of another width.
        """
        head = cls(hidden, kept=True)
        with reading(file := folder / FOLDER / "model.safetensors"):
            weights = load_file(file)
            head.dense.load_state_dict({k.removeprefix("linear."): v for k, v in weights.items()})
        return head


HEADS: dict[str, type[TanhHead] | None] = {TanhHead.name: TanhHead, "none": None}
"""Value of ``model.head``, and of ``head`` in a folder's card -> class."""
