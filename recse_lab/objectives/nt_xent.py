"""NT-Xent: either view of a sentence must find the other among all other views of the batch."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from recse_lab.objectives.contrast import Contrast
from recse_lab.objectives.info_nce import cosine_matrix, with_negatives


@dataclass(frozen=True, kw_only=True)
class NTXent(Contrast):
    """−log e^{s(zᵢ, zⱼ)/τ} / Σ_{k≠i} e^{s(zᵢ, z_k)/τ} over all 2N views, averaged over them: symmetric in the views.

    Unlike InfoNCE's, the denominator holds the other sentences' views of the anchor's own kind too: 2N − 2 negatives.
    A sentence alone has loss 0; at collapse it is log(2N − 1).

    Source: SimCLR (arXiv:2002.05709) eq. 1; ConSERT (arXiv:2105.11741) section 3, with τ = 0.1.
    """

    temperature: float = 0.1

    def __call__(
        self,
        anchors: Float[Tensor, "batch dim"],
        positives: Float[Tensor, "batch dim"],
        negatives: Float[Tensor, "extra dim"] | None = None,
    ) -> Float[Tensor, ""]:
        views = torch.cat([anchors, positives])
        logits = cosine_matrix(views, with_negatives(views, negatives)) / self.temperature
        itself = torch.eye(*logits.shape, dtype=torch.bool, device=logits.device)
        other_view = torch.arange(len(views), device=logits.device).roll(len(anchors))
        return F.cross_entropy(logits.masked_fill(itself, -math.inf), other_view)
