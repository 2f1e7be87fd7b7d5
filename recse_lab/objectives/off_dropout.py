"""SimCSE++'s objective: positives under two dropout masks, negatives without dropout."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from recse_lab.objectives.contrast import Contrast
from recse_lab.objectives.info_nce import cosine_matrix


def off_dropout_info_nce(
    anchors: Float[Tensor, "rows dim"],
    positives: Float[Tensor, "rows dim"],
    clean: Float[Tensor, "rows dim"],
    candidates: Float[Tensor, "candidates dim"],
    *,
    first: int = 0,
    temperature: float,
    positive_scale: float,
) -> Float[Tensor, ""]:
    """Return −log e^{r·s(hᵢ, hᵢ⁺)/τ} / (e^{r·s(hᵢ, hᵢ⁺)/τ} + Σ_{j≠i} e^{s(zᵢ, zⱼ)/τ}) in nats.

    h and h⁺ are a sentence under two dropout masks, z is the sentence without dropout. It is
    averaged over anchors; at collapse, with r = 1, it is the log of the number of candidates.

    Args:
        anchors: h, one row per sentence.
        positives: h⁺.
        clean: z of the same sentences.
        candidates: z of all sentences of the batch, and any further negatives.
        first: Place of the first sentence among the candidates: anchor i is candidate first + i,
            which is no negative of its own.
        temperature: τ.
        positive_scale: r.

    Source: SimCSE++ (Xu et al. 2023, arXiv:2305.13192), off-dropout; r and the formula as in the
    authors' code, github.com/Jiahao004/SimCSE-plus-plus at a52ea2d, simcse/models_re.py.
    """
    kind = torch.promote_types(anchors.dtype, torch.float32)
    cosine = F.cosine_similarity(anchors.to(kind), positives.to(kind), dim=-1)
    negative = cosine_matrix(clean, candidates) / temperature
    places = torch.arange(len(anchors), device=negative.device)
    own = torch.zeros_like(negative, dtype=torch.bool)
    own[places, places + first] = True
    positive = positive_scale * cosine / temperature
    logits = torch.cat([positive[:, None], negative.masked_fill(own, -torch.inf)], dim=1)
    return (torch.logsumexp(logits, dim=1) - positive).mean()


@dataclass(frozen=True, kw_only=True)
class OffDropout(Contrast):
    """InfoNCE whose negatives carry no dropout noise: each sentence is encoded a third time, clean.

    Row i of ``negatives`` is sentence i without dropout; rows beyond the batch are plain negatives.
    Without negatives, the other positives take their place, as in InfoNCE.

    ``positive_scale`` is r, the factor of the positive's cosine; with 1 and without dropout the
    objective is InfoNCE without dropout.

    Source: see ``off_dropout_info_nce``; r = 0.9 is ``pos_ratio`` of the authors' run_re.sh.
    """

    clean_view: ClassVar[bool] = True

    positive_scale: float = 0.9

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.positive_scale > 0:
            raise ValueError(f"positive_scale {self.positive_scale}: it must be above 0")

    def __call__(
        self,
        anchors: Float[Tensor, "batch dim"],
        positives: Float[Tensor, "batch dim"],
        negatives: Float[Tensor, "extra dim"] | None = None,
    ) -> Float[Tensor, ""]:
        """Return ``off_dropout_info_nce``; row i of ``negatives`` is sentence i without dropout.

        Raises:
            ValueError: There are fewer negatives than anchors.
        """
        return self.of_rows(anchors, positives, negatives, rows=slice(0, len(anchors)))

    def of_rows(
        self,
        anchors: Float[Tensor, "batch dim"],
        positives: Float[Tensor, "batch dim"],
        negatives: Float[Tensor, "extra dim"] | None = None,
        *,
        rows: slice,
    ) -> Float[Tensor, ""]:
        """Return the loss of ``rows``, each clean sentence against all the others.

        Raises:
            ValueError: There are fewer negatives than anchors.
        """
        clean, candidates = anchors, positives
        if negatives is not None and len(negatives) > 0:
            if len(negatives) < len(anchors):
                raise ValueError(
                    f"{len(negatives)} negatives for {len(anchors)} anchors: each sentence needs "
                    "itself without dropout"
                )
            clean = candidates = negatives
        return off_dropout_info_nce(
            anchors[rows],
            positives[rows],
            clean[rows],
            candidates,
            first=rows.start,
            temperature=self.temperature,
            positive_scale=self.positive_scale,
        )
