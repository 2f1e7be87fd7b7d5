"""Token embeddings factorised from a corpus.

Positive pointwise mutual information, then a truncated SVD.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import scipy.sparse as sp
from jaxtyping import Float, Int

BLOCK_TOKENS = 2_000_000  # counted together


def cooccurrences(
    rows: Iterable[Int[np.ndarray, " _"]], vocab: int, *, window: int = 5
) -> sp.csr_array:
    """How often two tokens stand at most ``window`` places apart in one sentence.

    Symmetric, vocab × vocab.

    Rows are streamed; memory is that of the counts.
    """
    counts = sp.csr_array((vocab, vocab), dtype=np.float64)
    block: list[np.ndarray] = []
    held = 0
    for row in rows:
        block.append(np.asarray(row, dtype=np.int64))
        held += len(row)
        if held >= BLOCK_TOKENS:
            counts, block, held = counts + _count(block, vocab, window), [], 0
    return counts + _count(block, vocab, window)


def _count(rows: list[np.ndarray], vocab: int, window: int) -> sp.csr_array:
    if not rows:
        return sp.csr_array((vocab, vocab), dtype=np.float64)
    flat = np.concatenate(rows)
    sentence = np.repeat(np.arange(len(rows)), [len(row) for row in rows])
    first, second = [], []
    for distance in range(1, window + 1):
        together = sentence[:-distance] == sentence[distance:]
        first.append(flat[:-distance][together])
        second.append(flat[distance:][together])
    i, j = np.concatenate(first), np.concatenate(second)
    counts = sp.coo_array((np.ones(len(i)), (i, j)), shape=(vocab, vocab)).tocsr()
    return (counts + counts.T).tocsr()


def positive_pmi(counts: sp.csr_array, *, smoothing: float = 0.75) -> sp.csr_array:
    """max(0, log P(i, j) / (P(i) P_s(j))), with context probabilities P_s ∝ count**smoothing.

    Source: Levy, Goldberg & Dagan (2015), "Improving distributional similarity with lessons learned
    from word embeddings", sections 2.1 and 3.2.
    """
    tokens = np.asarray(counts.sum(axis=1)).ravel()
    contexts = tokens**smoothing
    total = contexts.sum()
    pairs = counts.tocoo()
    expected = tokens[pairs.coords[0]] * contexts[pairs.coords[1]] / total
    values = np.log(pairs.data / expected)
    kept = values > 0
    places = (pairs.coords[0][kept], pairs.coords[1][kept])
    return sp.csr_array((values[kept], places), shape=counts.shape)


def factorise(
    matrix: sp.csr_array, dim: int, *, exponent: float = 0.0, seed: int = 0
) -> Float[np.ndarray, "vocab dim"]:
    """U·S**exponent of the leading ``dim`` singular vectors.

    An exponent of 0 leaves every direction equally long.

    Source: Levy et al. (2015), section 3.3: exponents 0 and 0.5 beat the textbook's 1. Signs are
    settled, so that the same matrix gives the same numbers.
    """
    from sklearn.utils.extmath import randomized_svd

    # scikit-learn's annotations know neither sparse matrices nor a number of iterations.
    svd: Any = randomized_svd
    left, singular, _ = svd(matrix, dim, n_iter=4, random_state=seed)
    return (left * singular**exponent).astype(np.float32)
