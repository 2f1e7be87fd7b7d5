"""Token features of the frozen pretrained backbone: what a reshape works on."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from recse_lab.errors import LabError
from recse_lab.models.batching import pad
from recse_lab.models.checks import embeds_alone
from recse_lab.models.loading import load_backbone, load_config


class FrozenFeatures:
    """Rows of a corpus -> hidden states of layer ``source``, token ids, content mask.

    Dropout is off, and the states are float32.

    Of the layers above ``source`` one is loaded at most: many families normalise the states of
    their last layer once more. Source 0 runs the embedding layer alone, where that is the same.

    Raises:
        LabError: The backbone has fewer layers than ``source``.
    """

    def __init__(
        self,
        encoder: str,
        *,
        source: int,
        rows: Callable[[np.ndarray], list[np.ndarray]],
        special_ids: list[int],
        pad_id: int,
        device: torch.device | str = "cpu",
    ) -> None:
        try:
            depth = load_config(encoder).num_hidden_layers
            backbone = load_backbone(encoder, layers=source + (source < depth))
        except LabError as error:
            raise LabError(f"reshape.source {source}: {error}") from None
        self.alone = source == 0 and embeds_alone(backbone)
        self.backbone = backbone.eval().requires_grad_(False)
        nn.Module.to(self.backbone, device)  # past transformers' wrapper, which has no type
        self.source, self.rows, self.pad_id = source, rows, pad_id
        self.special_ids = torch.tensor(special_ids, device=device)

    @property
    def hidden(self) -> int:
        """Width of the states that are read."""
        return self.backbone.config.hidden_size

    @torch.inference_mode()
    def __call__(
        self, rows: Int[np.ndarray, " batch"]
    ) -> tuple[
        Float[Tensor, "batch tokens hidden"],
        Int[Tensor, "batch tokens"],
        Bool[Tensor, "batch tokens"],
    ]:
        ids, mask = (t.to(self.special_ids.device) for t in pad(self.rows(rows), self.pad_id))
        content = mask.bool() & ~torch.isin(ids, self.special_ids)
        if self.alone:
            return self.backbone.embeddings(input_ids=ids), ids, content  # type: ignore[operator]
        states = self.backbone(
            input_ids=ids, attention_mask=mask, output_hidden_states=True
        ).hidden_states
        return states[self.source], ids, content
