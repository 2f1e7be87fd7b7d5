"""InfoNCE: each anchor must find its own positive among the batch's."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor


def cosine_matrix(
    anchors: Float[Tensor, "anchors dim"], positives: Float[Tensor, "positives dim"]
) -> Float[Tensor, "anchors positives"]:
    """Cosine of every anchor with every positive, in float32 at least."""
    kind = torch.promote_types(anchors.dtype, torch.float32)
    return F.normalize(anchors.to(kind), dim=-1) @ F.normalize(positives.to(kind), dim=-1).T


def info_nce(
    anchors: Float[Tensor, "anchors dim"], positives: Float[Tensor, "positives dim"], *, temperature: float
) -> Float[Tensor, ""]:
    """−log softmax(cos(aᵢ, pⱼ)/τ) at j = i, averaged over anchors; nats.

    Row i of ``positives`` belongs to anchor i; further rows are negatives only. At collapse it is log(positives).

    Source: van den Oord et al. 2018 (arXiv:1807.03748) eq. 4; with cosine and τ as SimCSE (arXiv:2104.08821) eq. 1.
    """
    logits = cosine_matrix(anchors, positives) / temperature
    return F.cross_entropy(logits, torch.arange(len(anchors), device=logits.device))
