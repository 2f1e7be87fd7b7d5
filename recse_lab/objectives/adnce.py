"""ADNCE: InfoNCE whose negatives weigh most where their cosine is near μ."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from recse_lab.objectives.contrast import Contrast
from recse_lab.objectives.info_nce import cosine_matrix, own_positive, with_negatives


def log_gaussian_weights(
    cosine: Float[Tensor, "anchors positives"],
    *,
    mu: float,
    sigma: float,
    own: Bool[Tensor, "anchors positives"],
) -> Float[Tensor, "anchors positives"]:
    """log of Gaussian weights exp(−(cos − μ)²/2σ²), scaled to mean 1 in each row without ``own``, where they are 0.

    With σ = ∞ all are exactly 0; the factor 1/σ√2π of a density is lost in the scaling.
    """
    exponent = (-(((cosine - mu) / sigma) ** 2) / 2).masked_fill(own, -math.inf)
    below = exponent - exponent.amax(1, keepdim=True)
    counted = (~own).sum(1, keepdim=True)
    return torch.where(own, 0.0, below - (below.exp().sum(1, keepdim=True) / counted).log())


@dataclass(frozen=True, kw_only=True)
class ADNCE(Contrast):
    """−log e^{s⁺/τ} / (e^{s⁺/τ} + Σⱼ wⱼ e^{sⱼ/τ}), w a Gaussian of the negative's cosine, of mean 1, without gradient.

    μ is the cosine of the negatives that count most, σ how fast the others lose weight. As σ → ∞ it is InfoNCE.
    ``weigh_positive`` draws the positive into the weighing, in the denominator alone, as the authors' sentence code
    does; their paper, pseudo-code and image code do not. The defaults are their setting for BERT-base.

    Raises:
        ValueError: A σ that is not above 0.

    Source: Wu et al. 2023 (arXiv:2310.11048) section 5, "ADNCE"; github.com/junkangwu/ADNCE, README and
    sentence/simcse/models.py.
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
        cosine = cosine_matrix(anchors, with_negatives(positives, negatives))
        own = torch.eye(*cosine.shape, dtype=torch.bool, device=cosine.device) & (
            not self.weigh_positive
        )
        weight = log_gaussian_weights(cosine.detach(), mu=self.mu, sigma=self.sigma, own=own)
        # The numerator is never weighted: what the positive's weight adds to it is given back.
        return own_positive(cosine / self.temperature + weight) + weight.diagonal().mean()
