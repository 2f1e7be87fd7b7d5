"""SimCSE's supervised objective: entailments are positives, contradictions hard negatives."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from recse_lab.objectives.contrast import Contrast, others
from recse_lab.objectives.info_nce import append_negatives, cosine_matrix, diagonal_cross_entropy


def hard_negative_info_nce(
    anchors: Float[Tensor, "batch dim"],
    positives: Float[Tensor, "batch dim"],
    negatives: Float[Tensor, "extra dim"] | None,
    *,
    temperature: float,
    log_weight: float,
) -> Float[Tensor, ""]:
    """Return −log e^{s(hᵢ, hᵢ⁺)/τ} / Σⱼ (e^{s(hᵢ, hⱼ⁺)/τ} + α^{[i = j]} e^{s(hᵢ, hⱼ⁻)/τ}) in nats.

    It is averaged over anchors. Without negatives it is InfoNCE.

    Args:
        anchors: One embedding per sentence.
        positives: Row i belongs to anchor i.
        negatives: Row i is the hard negative of anchor i, and a plain one to the others; rows
            beyond the batch are plain.
        temperature: τ.
        log_weight: log α; 0 gives every negative the same weight.

    Raises:
        ValueError: There are fewer negatives than anchors, so that some anchors lack their own.

    Source: SimCSE (Gao et al. 2021, arXiv:2104.08821) eq. 5, with α as in section 4.
    """
    batch = len(anchors)
    logits = cosine_matrix(anchors, append_negatives(positives, negatives)) / temperature
    if negatives is not None and len(negatives) > 0:
        if len(negatives) < batch:
            raise ValueError(
                f"{len(negatives)} negatives for {batch} anchors: each needs its own hard negative"
            )
        own = torch.eye(*logits.shape, dtype=torch.bool, device=logits.device).roll(batch, 1)
        logits = torch.where(own, logits + log_weight, logits)
    return diagonal_cross_entropy(logits)


@dataclass(frozen=True, kw_only=True)
class Supervised(Contrast):
    """InfoNCE with one hard negative per anchor, weighted by α for its own anchor alone.

    ``hard_negative_weight`` is log α, as in the authors' option of that name.

    Source: see ``hard_negative_info_nce``.
    """

    hard_negative_weight: float = 0.0

    def __call__(
        self,
        anchors: Float[Tensor, "batch dim"],
        positives: Float[Tensor, "batch dim"],
        negatives: Float[Tensor, "extra dim"] | None = None,
    ) -> Float[Tensor, ""]:
        """Return ``hard_negative_info_nce``; row i of ``negatives`` belongs to anchor i.

        Raises:
            ValueError: There are fewer negatives than anchors.
        """
        return hard_negative_info_nce(
            anchors,
            positives,
            negatives,
            temperature=self.temperature,
            log_weight=self.hard_negative_weight,
        )

    def of_rows(
        self,
        anchors: Float[Tensor, "batch dim"],
        positives: Float[Tensor, "batch dim"],
        negatives: Float[Tensor, "extra dim"] | None = None,
        *,
        rows: slice,
    ) -> Float[Tensor, ""]:
        """Return the loss of ``rows``: their own hard negatives come first, then all the others."""
        if negatives is None or len(negatives) == 0:
            return super().of_rows(anchors, positives, rows=rows)
        rest = [negatives[rows], *others(positives, rows), *others(negatives, rows)]
        return self(anchors[rows], positives[rows], torch.cat(rest))
