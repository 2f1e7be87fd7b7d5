"""ArcCon: InfoNCE with an angle added between an anchor and its positive."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from recse_lab.objectives.contrast import Contrast
from recse_lab.objectives.info_nce import append_negatives, cosine_matrix, diagonal_cross_entropy


def arc_con(
    anchors: Float[Tensor, "batch dim"],
    candidates: Float[Tensor, "positives dim"],
    *,
    temperature: float,
    margin: float,
) -> Float[Tensor, ""]:
    """Return InfoNCE with cos(θ + m) for the cosine of an anchor and its positive, in nats.

    Args:
        anchors: One embedding per sentence.
        candidates: Row i is the positive of anchor i; further rows are negatives only.
        temperature: τ.
        margin: m in radians.

    Source: ArcCSE (Zhang et al., ACL 2022, doi:10.18653/v1/2022.acl-long.336), the ArcCon loss.
    """
    cosine = cosine_matrix(anchors, candidates)
    # The clamp keeps the slope finite where θ is 0.
    sine = (1 - cosine**2).clamp(min=torch.finfo(cosine.dtype).eps).sqrt()
    own = torch.eye(*cosine.shape, dtype=torch.bool, device=cosine.device)
    moved = torch.where(own, cosine * math.cos(margin) - sine * math.sin(margin), cosine)
    return diagonal_cross_entropy(moved / temperature)


@dataclass(frozen=True, kw_only=True)
class ArcCon(Contrast):
    """InfoNCE with a margin of ``margin_degrees`` between an anchor and its positive.

    With a margin of 0 it is InfoNCE. ArcCSE's triplet term over masked spans is not part of it.

    Source: see ``arc_con``; the authors' margin is 10°.
    """

    margin_degrees: float = 10.0

    def __call__(
        self,
        anchors: Float[Tensor, "batch dim"],
        positives: Float[Tensor, "batch dim"],
        negatives: Float[Tensor, "extra dim"] | None = None,
    ) -> Float[Tensor, ""]:
        """Return ``arc_con`` of the anchors with the positives and the negatives."""
        candidates = append_negatives(positives, negatives)
        margin = math.radians(self.margin_degrees)
        return arc_con(anchors, candidates, temperature=self.temperature, margin=margin)
