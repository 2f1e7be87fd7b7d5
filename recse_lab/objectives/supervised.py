"""SimCSE's supervised objective: entailments are positives, contradictions hard negatives."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from recse_lab.objectives.contrast import Contrast
from recse_lab.objectives.info_nce import cosine_matrix, own_positive, with_negatives


@dataclass(frozen=True, kw_only=True)
class Supervised(Contrast):
    """−log e^{s(hᵢ, hᵢ⁺)/τ} / Σⱼ (e^{s(hᵢ, hⱼ⁺)/τ} + α^{[i = j]} e^{s(hᵢ, hⱼ⁻)/τ}).

    Row i of ``negatives`` is anchor i's hard negative, and a plain one to the others; rows beyond the batch are plain.
    ``hard_negative_weight`` is log α, as in the authors' option of that name: 0 weighs every negative alike, and α
    falls on the own hard negative alone. Without negatives it is InfoNCE.

    Raises:
        ValueError: Fewer negatives than anchors, so that some anchors lack their own.

    Source: SimCSE (arXiv:2104.08821) eq. 5, with α as in its study of hard negatives (section 4).
    """

    hard_negative_weight: float = 0.0

    def __call__(
        self,
        anchors: Float[Tensor, "batch dim"],
        positives: Float[Tensor, "batch dim"],
        negatives: Float[Tensor, "extra dim"] | None = None,
    ) -> Float[Tensor, ""]:
        batch = len(anchors)
        logits = cosine_matrix(anchors, with_negatives(positives, negatives)) / self.temperature
        if negatives is not None and len(negatives) > 0:
            if len(negatives) < batch:
                raise ValueError(
                    f"{len(negatives)} negatives for {batch} anchors: each needs its own hard negative"
                )
            own = torch.eye(*logits.shape, dtype=torch.bool, device=logits.device).roll(batch, 1)
            logits = torch.where(own, logits + self.hard_negative_weight, logits)
        return own_positive(logits)
