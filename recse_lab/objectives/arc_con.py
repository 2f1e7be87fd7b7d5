"""ArcCon: InfoNCE with an angle added between an anchor and its positive."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from recse_lab.objectives.contrast import Contrast
from recse_lab.objectives.info_nce import cosine_matrix, own_positive, with_negatives


@dataclass(frozen=True, kw_only=True)
class ArcCon(Contrast):
    """InfoNCE with cos(θ + m) for the cosine of an anchor and its positive; m = ``margin_degrees``.

    At m = 0 it is InfoNCE. ArcCSE's triplet term over masked spans is no part of it.

    Source: ArcCSE (Zhang et al., ACL 2022, 10.18653/v1/2022.acl-long.336), the ArcCon loss, with m = 10°.
    """

    margin_degrees: float = 10.0

    def __call__(
        self,
        anchors: Float[Tensor, "batch dim"],
        positives: Float[Tensor, "batch dim"],
        negatives: Float[Tensor, "extra dim"] | None = None,
    ) -> Float[Tensor, ""]:
        cosine = cosine_matrix(anchors, with_negatives(positives, negatives))
        margin = math.radians(self.margin_degrees)
        sine = (
            (1 - cosine**2).clamp(min=torch.finfo(cosine.dtype).eps).sqrt()
        )  # a finite slope where θ is 0
        own = torch.eye(*cosine.shape, dtype=torch.bool, device=cosine.device)
        moved = torch.where(own, cosine * math.cos(margin) - sine * math.sin(margin), cosine)
        return own_positive(moved / self.temperature)
