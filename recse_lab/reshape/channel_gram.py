"""channel-gram: the paper's formula with channels as columns, second-order pooling."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from recse_lab.errors import LabError
from recse_lab.reshape.operator import Reshape, ssqrt


def orthonormal(hidden: int, dim: int) -> Float[Tensor, "hidden dim"]:
    """Return the fixed W with orthonormal columns: Q of the QR decomposition of a seeded Gaussian.

    The signs are fixed by R's diagonal, so that every LAPACK gives the same W.

    Source: ours; with these signs Q is uniform over such matrices (Mezzadri 2007,
    arXiv:math-ph/0609050).
    """
    gaussian = np.random.Generator(np.random.PCG64(2408_04975)).standard_normal((hidden, dim))
    q, r = np.linalg.qr(gaussian)
    return torch.from_numpy((q * np.sign(np.diag(r))).astype(np.float32))


class ChannelGram(Reshape):
    """G = ssqrt(zᵀ diag(α) z) with z = xW, p×p; uniform α = 1/n gives ssqrt(zᵀz / n).

    Raises:
        LabError: p is larger than the hidden size, so that W cannot have orthonormal columns.

    Source: X = √(xᵀx) of reCSE (arXiv:2408.04975). Ours: channels as columns, their projection to p
    by a fixed orthonormal W, the signed root. Related: bilinear pooling with signed-root
    normalisation (Lin et al. 2015, arXiv:1504.07889).
    """

    def __init__(self, hidden: int, dim: int | None = None) -> None:
        super().__init__(hidden, dim)
        assert dim is not None
        if dim > hidden:
            raise LabError(
                f"reshape.dim {dim}: channel-gram projects {hidden} channels to p, "
                f"so p must be at most {hidden}; lower reshape.dim or take token-gram."
            )
        self.out_dim = dim * dim
        self.register_buffer("projection", orthonormal(hidden, dim))

    def forward(
        self,
        features: Float[Tensor, "batch tokens hidden"],
        mask: Bool[Tensor, "batch tokens"],
        weights: Float[Tensor, "batch tokens"],
        keys: Int[Tensor, " batch"],
    ) -> Float[Tensor, "batch out"]:
        """Return G, flattened; ``mask`` and ``keys`` are not used."""
        z = features @ self.projection.to(features.dtype)  # type: ignore[operator]
        gram = z.mT @ (z * weights.to(z.dtype)[..., None])
        # A symmetric product can differ in its last bits across the diagonal, and the root would
        # magnify that near 0.
        return ssqrt((gram + gram.mT) / 2).flatten(1)
