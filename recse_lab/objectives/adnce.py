"""ADNCE: InfoNCE whose negatives have the largest weight where their cosine is near μ."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from recse_lab.objectives.contrast import Contrast
from recse_lab.objectives.info_nce import append_negatives, cosine_matrix, diagonal_cross_entropy


def log_gaussian_weights(
    cosine: Float[Tensor, "anchors positives"],
    *,
    mu: float,
    sigma: float,
    own: Bool[Tensor, "anchors positives"],
) -> Float[Tensor, "anchors positives"]:
    """Return the log of weights exp(−(cos − μ)²/2σ²), scaled to mean 1 over each row.

    Entries of ``own`` are not part of the mean, and their log weight is 0. With σ = ∞ all are
    exactly 0; the factor 1/σ√2π of a density cancels in the scaling.

    Source: Wu et al. 2023 (arXiv:2310.11048) section 5.
    """
    exponent = (-(((cosine - mu) / sigma) ** 2) / 2).masked_fill(own, -math.inf)
    below = exponent - exponent.amax(1, keepdim=True)
    counted = (~own).sum(1, keepdim=True)
    return torch.where(own, 0.0, below - (below.exp().sum(1, keepdim=True) / counted).log())


def adnce(
    anchors: Float[Tensor, "batch dim"],
    candidates: Float[Tensor, "positives dim"],
    *,
    temperature: float,
    mu: float,
    sigma: float,
    weigh_positive: bool = False,
) -> Float[Tensor, ""]:
    """Return −log e^{s⁺/τ} / (e^{s⁺/τ} + Σⱼ wⱼ e^{sⱼ/τ}) in nats, averaged over anchors.

    wⱼ is a Gaussian of the negative's cosine, of mean 1 over each anchor's negatives, and carries
    no gradient.

    Args:
        anchors: One embedding per sentence.
        candidates: Row i is the positive of anchor i; further rows are negatives only.
        temperature: τ.
        mu: The cosine of the negatives with the largest weight.
        sigma: How fast the weight falls away from μ.
        weigh_positive: Also weigh the positive, in the denominator alone.

    Source: Wu et al. 2023 (arXiv:2310.11048) section 5, "ADNCE".
    """
    cosine = cosine_matrix(anchors, candidates)
    own = torch.eye(*cosine.shape, dtype=torch.bool, device=cosine.device) & (not weigh_positive)
    weight = log_gaussian_weights(cosine.detach(), mu=mu, sigma=sigma, own=own)
    # The numerator is never weighted: what the positive's weight adds to it is subtracted again.
    return diagonal_cross_entropy(cosine / temperature + weight) + weight.diagonal().mean()


@dataclass(frozen=True, kw_only=True)
class ADNCE(Contrast):
    """InfoNCE with a Gaussian weight on each negative; the limit σ → ∞ is InfoNCE.

    The defaults are the authors' setting for BERT-base. Their sentence code weighs the positive
    too (``weigh_positive``); their paper, pseudo-code and image code do not.

    Raises:
        ValueError: σ or the temperature is not above 0.

    Source: see ``adnce``; github.com/junkangwu/ADNCE, README and sentence/simcse/models.py.
    """

    temperature: float = 0.07
    mu: float = 0.4
    sigma: float = 1.0
    weigh_positive: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.sigma > 0:
            raise ValueError(f"sigma {self.sigma}: it must be above 0")

    def __call__(
        self,
        anchors: Float[Tensor, "batch dim"],
        positives: Float[Tensor, "batch dim"],
        negatives: Float[Tensor, "extra dim"] | None = None,
    ) -> Float[Tensor, ""]:
        """Return ``adnce`` of the anchors with the positives and the negatives."""
        return adnce(
            anchors,
            append_negatives(positives, negatives),
            temperature=self.temperature,
            mu=self.mu,
            sigma=self.sigma,
            weigh_positive=self.weigh_positive,
        )
