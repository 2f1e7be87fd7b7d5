"""The named terms a step minimises: a contrast between views, a contrast with reshaped features, or both."""

from __future__ import annotations

from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor

from recse_lab.objectives.contrast import Contrast
from recse_lab.objectives.info_nce import info_nce


class Terms(NamedTuple):
    """``loss`` is the sum of the weighted terms; an absent term is None, not 0."""

    loss: Float[Tensor, ""]
    contrast: Float[Tensor, ""] | None
    reshape: Float[Tensor, ""] | None


def recse_terms(
    views: Float[Tensor, "views batch dim"],
    projection: Float[Tensor, "batch projection"] | None,
    target: Float[Tensor, "batch projection"] | None,
    negatives: Float[Tensor, "extra dim"] | None = None,
    *,
    contrast: Contrast,
    weight: float,
    reshape_weight: float = 0.0,
    reshape_temperature: float = 0.05,
) -> Terms:
    """L = w·contrast(h, h′) + λ·InfoNCE(P_h(h), P_g(g); τ′), each term unweighted beside the total.

    ``views`` holds h, and h′ where w > 0. With InfoNCE for the contrast, and without ``projection`` and ``target``, this is
    SimCSE; with w = 0 it is reshape-only, and one view suffices.

    Raises:
        ValueError: Neither term is present.

    Source: reCSE (arXiv:2408.04975) for the two temperatures and λ; the role "target" is ours, as docs/method.md says.
    """
    first = contrast(views[0], views[1], negatives) if weight > 0 else None
    reshape = None
    if projection is not None and target is not None and reshape_weight > 0:
        reshape = info_nce(projection, target, temperature=reshape_temperature)
    parts = [w * t for w, t in ((weight, first), (reshape_weight, reshape)) if t is not None]
    if not parts:
        raise ValueError("no term to minimise: both weights are 0")
    return Terms(loss=sum(parts[1:], parts[0]), contrast=first, reshape=reshape)
