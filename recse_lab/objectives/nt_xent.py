"""NT-Xent: either view of a sentence must find the other among all other views of the batch."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from recse_lab.objectives.contrast import Contrast, others
from recse_lab.objectives.info_nce import append_negatives, cosine_matrix


def nt_xent(
    first: Float[Tensor, "batch dim"],
    second: Float[Tensor, "batch dim"],
    negatives: Float[Tensor, "extra dim"] | None = None,
    *,
    temperature: float,
) -> Float[Tensor, ""]:
    """Return −log e^{s(zᵢ, zⱼ)/τ} / Σ_{k≠i} e^{s(zᵢ, z_k)/τ} in nats, averaged over all 2N views.

    j is the other view of i. The loss is symmetric in the views. A sentence alone has loss 0; at
    collapse it is log(2N − 1).

    Args:
        first: One view of each sentence.
        second: The other view of each sentence.
        negatives: Further rows of every denominator.
        temperature: τ.

    Source: SimCLR (Chen et al. 2020, arXiv:2002.05709) eq. 1.
    """
    views = torch.cat([first, second])
    logits = cosine_matrix(views, append_negatives(views, negatives)) / temperature
    itself = torch.eye(*logits.shape, dtype=torch.bool, device=logits.device)
    other_view = torch.arange(len(views), device=logits.device).roll(len(first))
    return F.cross_entropy(logits.masked_fill(itself, -math.inf), other_view)


@dataclass(frozen=True, kw_only=True)
class NTXent(Contrast):
    """InfoNCE made symmetric: the denominator also holds the other sentences' views of the anchor's
    own kind, 2N − 2 negatives.

    Source: see ``nt_xent``; ConSERT (Yan et al. 2021, arXiv:2105.11741) section 3, with τ = 0.1.
    """

    temperature: float = 0.1

    def __call__(
        self,
        anchors: Float[Tensor, "batch dim"],
        positives: Float[Tensor, "batch dim"],
        negatives: Float[Tensor, "extra dim"] | None = None,
    ) -> Float[Tensor, ""]:
        """Return ``nt_xent`` of anchors and positives, with the negatives in every denominator."""
        return nt_xent(anchors, positives, negatives, temperature=self.temperature)

    def of_rows(
        self,
        anchors: Float[Tensor, "batch dim"],
        positives: Float[Tensor, "batch dim"],
        negatives: Float[Tensor, "extra dim"] | None = None,
        *,
        rows: slice,
    ) -> Float[Tensor, ""]:
        """Return the loss of both views in ``rows``; both views of the others are negatives."""
        rest = [*others(anchors, rows), *others(positives, rows)]
        rest += [] if negatives is None else [negatives]
        return self(anchors[rows], positives[rows], torch.cat(rest))
