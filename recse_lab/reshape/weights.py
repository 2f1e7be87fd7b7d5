"""Token weights: frequent words dominate token features unless they are weighed down."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

SIF_A = 1e-3


def uniform(
    counts: Int[np.ndarray, " vocab"], document_frequency: Int[np.ndarray, " vocab"], sentences: int
):
    """1 for every token."""
    return np.ones(len(counts))


def sif(
    counts: Int[np.ndarray, " vocab"], document_frequency: Int[np.ndarray, " vocab"], sentences: int
):
    """a / (a + p(token)), a = 1e-3.

    Source: Arora, Liang & Ma (2017), "A simple but tough-to-beat baseline for sentence embeddings", eq. 3.
    """
    return SIF_A / (SIF_A + counts / max(1, counts.sum()))


def idf(
    counts: Int[np.ndarray, " vocab"], document_frequency: Int[np.ndarray, " vocab"], sentences: int
):
    """log((1 + N) / (1 + df)) + 1, the smoothed form, never 0."""
    return np.log((1 + sentences) / (1 + document_frequency)) + 1


WEIGHTS = {"uniform": uniform, "sif": sif, "idf": idf}


def token_weights(
    name: str,
    counts: Int[np.ndarray, " vocab"],
    document_frequency: Int[np.ndarray, " vocab"],
    sentences: int,
) -> Float[np.ndarray, " vocab"]:
    """One positive weight per vocabulary entry; they are normalised inside each sentence where they are used."""
    return WEIGHTS[name](counts, document_frequency, sentences).astype(np.float32)
