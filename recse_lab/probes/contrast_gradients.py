"""Gradients of a contrast by the cosines of an anchor with its candidates, by autograd.

A module of its own, imported when a gradient is computed, so that the list of probes opens without
torch.
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from recse_lab.objectives.contrast import Contrast


def cosine_gradients(
    contrast: Contrast,
    anchor: Float[Tensor, " dim"],
    candidates: Float[Tensor, "candidates dim"],
) -> tuple[Float[Tensor, " candidates"], Float[Tensor, " candidates"]]:
    """Cosines of an anchor with its candidates, and the derivative of the loss by each of them.

    The gradient of the loss by a unit vector c is ∂L/∂cos · (a − cos · c), whose product with the
    anchor a is ∂L/∂cos · sin² θ.

    Args:
        contrast: The loss; its mean is over this anchor alone. Where it has a clean view, the
            anchor stands for itself without dropout, and the negatives for theirs.
        anchor: A unit vector.
        candidates: Unit vectors; the first is the positive, the others are negatives.

    Returns:
        Cosines, and derivatives in nats per unit of cosine; NaN where θ is 0 or 180° exactly.
    """
    rows = candidates.detach().clone().requires_grad_()
    extra = torch.cat([anchor[None], rows[1:]]) if contrast.clean_view else rows[1:]
    loss = contrast(anchor[None], rows[:1], extra)
    (gradient,) = torch.autograd.grad(loss, rows)
    cosines = rows.detach() @ anchor
    squared_sine = 1 - cosines**2
    slope = (gradient @ anchor) / squared_sine
    return cosines, torch.where(squared_sine > 1e-12, slope, torch.nan)


def star(
    positive: float, negative: float, count: int
) -> tuple[Float[Tensor, " dim"], Float[Tensor, "candidates dim"]]:
    """An anchor, and candidates at these angles to it in directions of their own."""
    anchor = torch.zeros(count + 2, dtype=torch.float64)
    anchor[0] = 1
    angles = torch.tensor([positive, *[negative] * count], dtype=torch.float64)
    candidates = torch.zeros(count + 1, count + 2, dtype=torch.float64)
    candidates[:, 0] = angles.cos()
    candidates[torch.arange(count + 1), torch.arange(1, count + 2)] = angles.sin()
    return anchor, candidates


def batch_gradients(
    contrast: Contrast,
    first: Float[np.ndarray, "sentences dim"],
    second: Float[np.ndarray, "sentences dim"],
    batch: int,
) -> tuple[Float[np.ndarray, "sentences candidates"], Float[np.ndarray, "sentences candidates"]]:
    """Derivatives and cosines of every sentence with its positive and its batch; all have equally
    many candidates, so that the last batch reaches back into the one before."""
    count, size = len(first), min(batch, len(first))
    anchors, others = torch.from_numpy(first), torch.from_numpy(second)
    slopes, cosines = (np.empty((count, size)) for _ in range(2))
    for i in range(count):
        start = min(i // size * size, count - size)
        rows = [i, *(j for j in range(start, start + size) if j != i)]
        found = cosine_gradients(contrast, anchors[i], others[rows])
        cosines[i], slopes[i] = (part.numpy() for part in found)
    return slopes, cosines
