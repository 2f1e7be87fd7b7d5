"""Token weights: frequent words dominate token features unless their weight is small."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

SIF_A = 1e-3


def uniform(
    counts: Int[np.ndarray, " vocab"], document_frequency: Int[np.ndarray, " vocab"], sentences: int
) -> Float[np.ndarray, " vocab"]:
    """Return 1 for every token.

    Source: reCSE (arXiv:2408.04975), which weights no token.
    """
    return np.ones(len(counts))


def sif(
    counts: Int[np.ndarray, " vocab"], document_frequency: Int[np.ndarray, " vocab"], sentences: int
) -> Float[np.ndarray, " vocab"]:
    """Return a / (a + p(token)) with a = 1e-3.

    Source: Arora, Liang & Ma (2017), "A simple but tough-to-beat baseline for sentence embeddings",
    eq. 3.
    """
    return SIF_A / (SIF_A + counts / max(1, counts.sum()))


def idf(
    counts: Int[np.ndarray, " vocab"], document_frequency: Int[np.ndarray, " vocab"], sentences: int
) -> Float[np.ndarray, " vocab"]:
    """Return log((1 + N) / (1 + df)) + 1, which is never 0.

    Source: Spärck Jones (1972), "A statistical interpretation of term specificity and its
    application in retrieval", in the smoothed form of scikit-learn's ``TfidfTransformer``.
    """
    return np.log((1 + sentences) / (1 + document_frequency)) + 1


WEIGHTS = {"uniform": uniform, "sif": sif, "idf": idf}


def token_weights(
    name: str,
    counts: Int[np.ndarray, " vocab"],
    document_frequency: Int[np.ndarray, " vocab"],
    sentences: int,
) -> Float[np.ndarray, " vocab"]:
    """Return one positive weight per vocabulary entry, to be normalised inside each sentence.

    Args:
        name: A key of ``WEIGHTS``.
        counts: How often each token occurs in the corpus.
        document_frequency: In how many sentences each token occurs.
        sentences: Sentences of the corpus, N.

    Source: see ``uniform``, ``sif`` and ``idf``; weighting a reshape's features is ours.
    """
    return WEIGHTS[name](counts, document_frequency, sentences).astype(np.float32)
