"""Which rows of the corpus form which batch.

A pure function of seed and step, so that a resumed run needs no memory of it.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Int

WINDOW = 50
"""Batches that are sorted together if whole batches are drawn by length."""


class Batches:
    """Rows of the corpus in shuffled batches of equal size, epoch after epoch.

    The incomplete last batch of an epoch is left out.

    Args:
        lengths: Tokens of every row.
        batch_size: Rows per batch.
        seed: Of the shuffling.
        sort_batches: Form batches of similar length: cheaper, and other negatives meet.

    Raises:
        ValueError: The corpus is smaller than one batch.
    """

    def __init__(
        self,
        lengths: Int[np.ndarray, " rows"],
        batch_size: int,
        *,
        seed: int,
        sort_batches: bool = False,
    ) -> None:
        if len(lengths) < batch_size:
            raise ValueError(
                f"a batch of {batch_size} needs as many sentences; there are {len(lengths)}"
            )
        self.lengths, self.batch_size = lengths, batch_size
        self.seed, self.sort_batches = seed, sort_batches
        self.per_epoch = len(lengths) // batch_size
        self._epoch, self._order = -1, np.empty(0, dtype=np.int64)

    def __call__(self, step: int) -> Int[np.ndarray, " batch"]:
        """Rows of step 0, 1, 2 …"""
        epoch, batch = divmod(step, self.per_epoch)
        if epoch != self._epoch:
            self._epoch, self._order = epoch, self._shuffle(epoch)
        return self._order[batch * self.batch_size : (batch + 1) * self.batch_size]

    def _shuffle(self, epoch: int) -> Int[np.ndarray, " rows"]:
        rng = np.random.default_rng([self.seed, epoch])
        order = rng.permutation(len(self.lengths))[: self.per_epoch * self.batch_size]
        if self.sort_batches:
            width = WINDOW * self.batch_size
            windows = [order[i : i + width] for i in range(0, len(order), width)]
            order = np.concatenate([self._by_length(window) for window in windows])
            order = order.reshape(-1, self.batch_size)[rng.permutation(self.per_epoch)].reshape(-1)
        return order

    def _by_length(self, rows: Int[np.ndarray, " rows"]) -> Int[np.ndarray, " rows"]:
        return rows[np.argsort(self.lengths[rows], kind="stable")]
