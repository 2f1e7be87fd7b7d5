"""Mean and covariance of a stream in constant memory."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor


class Moments:
    """Running mean and variance (or covariance) in float64, merged batch by batch.

    Source: Chan, Golub & LeVeque (1983), "Algorithms for computing the sample variance", the
    pairwise update of mean and sum of squared deviations.
    """

    def __init__(self, width: int, *, covariance: bool = False) -> None:
        self.count = 0
        self.mean = torch.zeros(width, dtype=torch.float64)
        self._squares = torch.zeros((width, width) if covariance else (width,), dtype=torch.float64)

    def add(self, rows: Float[Tensor, "rows width"]) -> None:
        """Add a batch of rows."""
        if len(rows) == 0:
            return
        rows = rows.detach().to("cpu", torch.float64)
        mean = rows.mean(0)
        centred, shift = rows - mean, mean - self.mean
        total = self.count + len(rows)
        share = self.count * len(rows) / total
        if self._squares.ndim == 2:
            self._squares += centred.T @ centred + share * torch.outer(shift, shift)
        else:
            self._squares += centred.square().sum(0) + share * shift.square()
        self.mean += shift * (len(rows) / total)
        self.count = total

    @property
    def variance(self) -> Float[Tensor, "*width"]:
        """Population variance, or covariance matrix."""
        return self._squares / max(1, self.count)
