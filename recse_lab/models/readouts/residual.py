"""The role "residual": a compressed reshape added to what another readout reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Integer
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from recse_lab.models.folders import reading
from recse_lab.models.precision import full
from recse_lab.models.readouts.readout import EncodedBatch, Readout
from recse_lab.reshape.reshaper import Reshaper

FILE = "residual.safetensors"


class Residual(Readout):
    """inner + compress(lift(G)), with G the standardised reshape of the live states of one layer.

    ``compress`` starts at 0, so that training starts from the encoder as it was. Used in training
    and at test time alike.

    Args:
        inner: The readout that the reshape is added to.
        reshaper: Operators with the statistics of a corpus.
        hidden: Width of the hidden states, and of the embedding.
        source: Layer whose states are reshaped; 0 is the embedding layer.
    """

    def __init__(self, inner: Readout, reshaper: Reshaper, hidden: int, *, source: int = 0) -> None:
        super().__init__(inner.name)
        self.inner, self.reshaper, self.source = inner, reshaper, source
        self.separates_views = inner.separates_views
        self.compress = reshaper.head(hidden)
        nn.init.zeros_(self.compress.compress.weight)
        nn.init.zeros_(self.compress.compress.bias)

    def prepare(self, sentence: str) -> str:
        """As the inner readout does."""
        return self.inner.prepare(sentence)

    def wrap(
        self, row: Integer[np.ndarray, " tokens"], view: int = 0
    ) -> Integer[np.ndarray, " wrapped"]:
        """As the inner readout does."""
        return self.inner.wrap(row, view)

    def forward(self, batch: EncodedBatch) -> Float[Tensor, "batch hidden"]:
        """The inner readout's vectors plus the compressed reshape.

        In float32: bfloat16 is too coarse for gram matrices and their statistics.
        """
        features = batch.hidden[self.source]
        content = batch.encoder.content_mask(batch.ids, batch.mask)
        with torch.autocast(features.device.type, enabled=False):
            added = self.compress(self.reshaper(full(features), batch.ids, content))
        return self.inner(batch) + added

    def untrained(self) -> Readout:
        """The inner readout: a residual starts at zero."""
        return self.inner.untrained()

    @property
    def card(self) -> dict[str, Any]:
        """The inner readout's entries, and the shape of the reshape."""
        shaper = self.reshaper
        dims = {part.dim for part in shaper.parts if part.dim is not None}
        return self.inner.card | {
            "residual": {
                "operator": shaper.operator,
                "hidden": shaper.hidden,
                "vocab": len(shaper.token_weights),
                "dim": next(iter(dims), None),
                "weights": shaper.weights,
                "centring": shaper.centring,
                "source": self.source,
            }
        }

    def save(self, folder: Path) -> None:
        """Write statistics and weights as safetensors."""
        self.inner.save(folder)
        state = {k: v.detach().cpu().contiguous() for k, v in self.state_dict().items()}
        save_file(state, folder / FILE)

    @classmethod
    def read(cls, folder: Path, card: dict[str, Any], inner: Readout) -> Residual:
        """Read what ``save`` wrote; ``card`` is the folder's entry ``residual``.

        Raises:
            LabError: The file is missing, damaged or not what the card says.
        """
        with reading(folder / FILE):
            known = dict(card)
            source, operator = known.pop("source"), known.pop("operator")
            residual = cls(inner, Reshaper(operator, **known), known["hidden"], source=source)
            residual.load_state_dict(load_file(folder / FILE))
        return residual
