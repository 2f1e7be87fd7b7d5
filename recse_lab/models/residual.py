"""The role "residual": a compressed reshape added to the pooled state, in training and in use."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from recse_lab.reshape.reshaper import Reshaper

FILE = "residual.safetensors"


class Residual(nn.Module):
    """compress(lift(standardised G)), with G of the live hidden states of layer ``source``.

    ``compress`` starts at 0, so that training starts from the encoder as it was.
    """

    def __init__(self, reshaper: Reshaper, hidden: int, *, source: int = 0) -> None:
        super().__init__()
        self.reshaper, self.source = reshaper, source
        self.compress = reshaper.head(hidden)
        nn.init.zeros_(self.compress.compress.weight)
        nn.init.zeros_(self.compress.compress.bias)

    def forward(
        self,
        features: Float[Tensor, "batch tokens hidden"],
        ids: Int[Tensor, "batch tokens"],
        mask: Bool[Tensor, "batch tokens"],
    ) -> Float[Tensor, "batch hidden"]:
        """``mask`` is true on content tokens. In float32: gram matrices and their statistics are no matter for bfloat16."""
        with torch.autocast(features.device.type, enabled=False):
            return self.compress(self.reshaper(features.float(), ids, mask))

    @property
    def card(self) -> dict[str, Any]:
        """What it takes to build it anew."""
        shaper = self.reshaper
        dims = {part.dim for part in shaper.parts if part.dim is not None}
        return {
            "operator": shaper.operator,
            "hidden": shaper.hidden,
            "vocab": len(shaper.token_weights),
            "dim": next(iter(dims), None),
            "weights": shaper.weights,
            "centring": shaper.centring,
            "source": self.source,
        }

    def save(self, folder: Path) -> None:
        """Write statistics and weights as safetensors."""
        save_file(
            {k: v.detach().cpu().contiguous() for k, v in self.state_dict().items()}, folder / FILE
        )


def load_residual(folder: Path, card: dict[str, Any]) -> Residual:
    """Read what ``save`` wrote."""
    known = dict(card)
    source = known.pop("source")
    residual = Residual(Reshaper(known.pop("operator"), **known), known["hidden"], source=source)
    residual.load_state_dict(load_file(folder / FILE))
    return residual
