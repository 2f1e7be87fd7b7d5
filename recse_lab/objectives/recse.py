"""The terms a step minimises: a contrast of views, a contrast with reshaped features, or both."""

from __future__ import annotations

from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor

from recse_lab.objectives.contrast import Contrast
from recse_lab.objectives.info_nce import InfoNCE

INFO_NCE = InfoNCE()


class LossTerms(NamedTuple):
    """The terms of one step, in nats."""

    loss: Float[Tensor, ""]
    """The sum of the weighted terms."""
    contrast: Float[Tensor, ""] | None
    """The contrast of views, unweighted; None where it is absent, never 0."""
    reshape: Float[Tensor, ""] | None
    """The contrast with reshaped features, unweighted; None where it is absent, never 0."""


def recse_terms(
    views: Float[Tensor, "views batch dim"],
    projection: Float[Tensor, "batch projection"] | None,
    target: Float[Tensor, "batch projection"] | None,
    negatives: Float[Tensor, "extra dim"] | None = None,
    *,
    contrast: Contrast,
    weight: float,
    reshape_contrast: Contrast = INFO_NCE,
    reshape_weight: float = 0.0,
) -> LossTerms:
    """Return L = w·contrast(h, h′) + λ·reshape_contrast(P_h(h), P_g(g)) with its terms.

    With InfoNCE as contrast, and without ``projection`` and ``target``, this is SimCSE; with w = 0
    it is reshape-only, and one view is enough.

    Args:
        views: h, and h′ where w > 0.
        projection: P_h(h), the projected embedding of each sentence.
        target: P_g(g), the projected reshaped features of each sentence.
        negatives: Extra negatives of the contrast of views.
        contrast: The contrast of views, with its temperature τ.
        weight: w.
        reshape_contrast: The contrast with reshaped features, with its temperature τ′.
        reshape_weight: λ.

    Raises:
        ValueError: Neither term is present.

    Source: reCSE (Zhao, Gao & Yan 2024, arXiv:2408.04975) for the two temperatures, and the
    authors' scripts for λ; the features as a target are our reading, see docs/method.md.
    """
    first = contrast(views[0], views[1], negatives) if weight > 0 else None
    reshape = None
    if projection is not None and target is not None and reshape_weight > 0:
        reshape = reshape_contrast(projection, target)
    parts = [w * t for w, t in ((weight, first), (reshape_weight, reshape)) if t is not None]
    if not parts:
        raise ValueError("no term to minimise: both weights are 0")
    return LossTerms(loss=sum(parts[1:], parts[0]), contrast=first, reshape=reshape)
