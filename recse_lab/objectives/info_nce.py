"""InfoNCE: each anchor must find its own positive among the batch's."""

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
    """Cosine of every anchor with every positive, in float32 at least."""
    kind = torch.promote_types(anchors.dtype, torch.float32)
    return F.normalize(anchors.to(kind), dim=-1) @ F.normalize(positives.to(kind), dim=-1).T


def with_negatives(
    positives: Float[Tensor, "batch dim"], negatives: Float[Tensor, "extra dim"] | None
) -> Float[Tensor, "positives dim"]:
    """What an anchor is compared with: the positives, and below them the extra negatives."""
    return positives if negatives is None else torch.cat([positives, negatives])


def own_positive(logits: Float[Tensor, "anchors positives"]) -> Float[Tensor, ""]:
    """−log softmax of each row at its own column, averaged over rows."""
    return F.cross_entropy(logits, torch.arange(len(logits), device=logits.device))


def info_nce(
    anchors: Float[Tensor, "anchors dim"],
    positives: Float[Tensor, "positives dim"],
    *,
    temperature: float,
) -> Float[Tensor, ""]:
    """−log softmax(cos(aᵢ, pⱼ)/τ) at j = i, averaged over anchors; nats.

    Row i of ``positives`` belongs to anchor i; further rows are negatives only. At collapse it is log(positives).

    Source: van den Oord et al. 2018 (arXiv:1807.03748) eq. 4; with cosine and τ as SimCSE (arXiv:2104.08821) eq. 1.
    """
    return own_positive(cosine_matrix(anchors, positives) / temperature)


@dataclass(frozen=True, kw_only=True)
class InfoNCE(Contrast):
    """InfoNCE over the batch; extra negatives enlarge the denominator and nothing else.

    Source: ``info_nce``; with a queue's rows as negatives it is ESimCSE's loss (arXiv:2109.04380) section 3.2.
    """

    def __call__(
        self,
        anchors: Float[Tensor, "batch dim"],
        positives: Float[Tensor, "batch dim"],
        negatives: Float[Tensor, "extra dim"] | None = None,
    ) -> Float[Tensor, ""]:
        return info_nce(anchors, with_negatives(positives, negatives), temperature=self.temperature)
