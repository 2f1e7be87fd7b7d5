"""Bootstrap intervals over pairs that share sentences, for measures without an influence function.

A bootstrap over pairs draws them as if they were independent. What it leaves out can be read from
the same resamples: a measure that a resample b moves by t_b ≈ Σᵢ ψᵢ (c_bi − 1), with c_bi the times
that it draws pair i, has ψᵢ = E[t (cᵢ − 1)], and from ψ follows the dyadic-robust variance.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int
from scipy import special

from recse_lab.statistics.sharing import SharedSentences

BLOCK = 2**22
"""Numbers in one working array."""


class SharedBootstrap:
    """What sharing costs each measure that was computed on given resamples of the pairs.

    Args:
        counts: How often each resample draws each pair.
        shared: Which pairs share sentences; None takes them as independent.

    Raises:
        ValueError: The resamples are not over the pairs of ``shared``.
    """

    def __init__(
        self, counts: Int[np.ndarray, "resamples pairs"], shared: SharedSentences | None
    ) -> None:
        if shared is not None and counts.shape[1] != shared.pairs:
            raise ValueError(f"resamples {counts.shape} are not over {shared.pairs} pairs")
        self.counts = counts
        self.shared = shared if shared is not None and shared.sharing else None
        self._own = np.empty(0) if self.shared is None else self._squares(self.shared)

    def _squares(self, shared: SharedSentences) -> Float[np.ndarray, " resamples"]:
        step = max(1, BLOCK // self.counts.shape[1])
        blocks = (self.counts[i : i + step] for i in range(0, len(self.counts), step))
        return np.concatenate([shared.squares(block.astype(np.float64) - 1) for block in blocks])

    def ratio(self, boot: Float[np.ndarray, " resamples"]) -> float:
        """Standard error over pairs that share sentences divided by the bootstrap's, at least 1.

        Products of two different resamples estimate the dyadic variance without bias; a resample's
        product with itself would add its noise. With 1,000 resamples of STS-B's 1,379 pairs the
        ratio's own standard error is 0.03.

        Args:
            boot: The measure on each resample; those where it is undefined are left out.

        Source: after Efron (1992), "Jackknife-after-bootstrap standard errors", for influences from
        resamples; ``SharedSentences.covariance`` for the sum.
        """
        defined = np.isfinite(boot)
        size = int(defined.sum())
        if self.shared is None or size < 3:
            return 1.0
        moves = boot[defined] - boot[defined].mean()
        independent = float(moves @ moves) / (size - 1)
        if independent <= 0:
            return 1.0
        influence = moves @ (self.counts[defined].astype(np.float64) - 1)
        total = float(self.shared.squares(influence[None])[0])
        sharing = (total - float(moves**2 @ self._own[defined])) / (size * (size - 1))
        return max(1.0, sharing / independent) ** 0.5

    def level(self, level: float, boot: Float[np.ndarray, " resamples"]) -> float:
        """The level at which a percentile interval of ``boot`` is ``ratio`` times as wide.

        Args:
            level: Level that the interval shall have.
            boot: The measure on each resample.

        Returns:
            A level between ``level`` and 1; the interval stays within the values met and keeps
            their skewness.
        """
        z = special.ndtri((1 + level) / 2) * self.ratio(boot)
        return float(2 * special.ndtr(z) - 1)
