"""InfoNCE: each anchor must find its own positive among those of the batch."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from recse_lab.objectives.contrast import Contrast


def cosine_matrix(
    anchors: Float[Tensor, "anchors dim"], positives: Float[Tensor, "positives dim"]
) -> Float[Tensor, "anchors positives"]:
    """Return the cosine of every anchor with every positive, in float32 at least."""
    kind = torch.promote_types(anchors.dtype, torch.float32)
    return F.normalize(anchors.to(kind), dim=-1) @ F.normalize(positives.to(kind), dim=-1).T


def append_negatives(
    positives: Float[Tensor, "batch dim"], negatives: Float[Tensor, "extra dim"] | None
) -> Float[Tensor, "positives dim"]:
    """Return what an anchor is compared with: the positives, and below them the extra negatives."""
    return positives if negatives is None else torch.cat([positives, negatives])


def diagonal_cross_entropy(logits: Float[Tensor, "anchors positives"]) -> Float[Tensor, ""]:
    """Return −log softmax of each row at its diagonal entry, averaged over rows."""
    return F.cross_entropy(logits, torch.arange(len(logits), device=logits.device))


def info_nce(
    anchors: Float[Tensor, "anchors dim"],
    positives: Float[Tensor, "positives dim"],
    *,
    temperature: float,
) -> Float[Tensor, ""]:
    """Return −log softmax(cos(aᵢ, pⱼ)/τ) at j = i in nats, averaged over anchors.

    At collapse, when all embeddings are equal, it is log(positives).

    Args:
        anchors: One embedding per sentence.
        positives: Row i belongs to anchor i; further rows are negatives only.
        temperature: τ.

    Source: van den Oord et al. 2018 (arXiv:1807.03748) eq. 4; with the cosine and τ of SimCSE
    (Gao et al. 2021, arXiv:2104.08821) eq. 1.

    >>> info_nce(torch.ones(4, 2), torch.ones(4, 2), temperature=0.05).exp().round().item()
    4.0
    """
    return diagonal_cross_entropy(cosine_matrix(anchors, positives) / temperature)


@dataclass(frozen=True, kw_only=True)
class InfoNCE(Contrast):
    """InfoNCE over the batch; extra negatives enlarge the denominator and nothing else.

    Source: see ``info_nce``; with the rows of a queue as negatives it is the loss of ESimCSE
    (Wu et al. 2021, arXiv:2109.04380) section 3.2.
    """

    def __call__(
        self,
        anchors: Float[Tensor, "batch dim"],
        positives: Float[Tensor, "batch dim"],
        negatives: Float[Tensor, "extra dim"] | None = None,
    ) -> Float[Tensor, ""]:
        """Return ``info_nce`` of the anchors with the positives and the negatives."""
        candidates = append_negatives(positives, negatives)
        return info_nce(anchors, candidates, temperature=self.temperature)
