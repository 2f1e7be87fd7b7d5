"""Baselines that are an affine map behind an encoder.

Whitening, all-but-the-top, removed principal components.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from recse_lab.errors import LabError
from recse_lab.models.baselines.fitting import FittedMoments, Fitting, digest
from recse_lab.models.baselines.wrapped import WrappedEncoder
from recse_lab.models.encoder import Encoder

# ---- formulas ----------------------------------------------------------------------------------


def spectrum(
    matrix: Float[np.ndarray, "dim dim"],
) -> tuple[Float[np.ndarray, " dim"], Float[np.ndarray, "dim dim"]]:
    """Eigenvalues of a symmetric matrix, largest first, and its eigenvectors as columns.

    The largest entry of every eigenvector is positive.
    """
    values, vectors = np.linalg.eigh(matrix)
    values, vectors = values[::-1], vectors[:, ::-1]
    largest = np.take_along_axis(vectors, np.abs(vectors).argmax(0)[None], axis=0)
    return values, vectors * np.where(largest < 0, -1.0, 1.0)


def rank(values: Float[np.ndarray, " dim"], energy: float) -> int:
    """Number of directions in which float32 vectors vary by more than their rounding.

    Args:
        values: Eigenvalues of their covariance.
        energy: Their mean square norm.
    """
    noise = (len(values) * np.finfo(np.float32).eps) ** 2 * energy
    return int((values > noise).sum())


def whitening_kernel(
    values: Float[np.ndarray, " dim"], vectors: Float[np.ndarray, "dim dim"], k: int
) -> Float[np.ndarray, "dim k"]:
    """W = (U Λ^{-1/2})[:, :k] of a covariance U Λ Uᵀ: (x − μ) W has covariance 1 in k dimensions.

    Source: Su et al. (2021), "Whitening sentence representations for better semantics and faster
    retrieval", arXiv 2103.15316, algorithm 1. The covariance is divided by N, as in the paper; the
    authors' code divides by N − 1, which no cosine sees.
    """
    return vectors[:, :k] / np.sqrt(values[:k])


def complement(vectors: Float[np.ndarray, "dim removed"]) -> Float[np.ndarray, "dim dim"]:
    """I − U Uᵀ: what is left beside orthonormal columns."""
    return np.eye(len(vectors)) - vectors @ vectors.T


# ---- encoders ---------------------------------------------------------------------------------


class Mapped(WrappedEncoder):
    """(x − mean) · kernel of another encoder's embeddings x, computed in float64."""

    def __init__(
        self,
        encoder: Encoder,
        mean: Float[np.ndarray, " dim"],
        kernel: Float[np.ndarray, "dim k"],
        *,
        fingerprint: str,
        fitted_on: str,
    ) -> None:
        super().__init__(encoder, fingerprint=fingerprint, fitted_on=fitted_on)
        self.mean, self.kernel = mean, kernel

    @property
    def hidden(self) -> int:
        """Dimensions of an embedding, after the map."""
        return self.kernel.shape[1]

    def encode_ids(
        self,
        rows: Sequence[np.ndarray],
        *,
        precision: str = "fp32",
        progress: Callable[[int, int], None] | None = None,
    ) -> Float[np.ndarray, "sentences k"]:
        """Embeddings of tokenised sentences."""
        embeddings = super().encode_ids(rows, precision=precision, progress=progress)
        return ((embeddings.astype(np.float64) - self.mean) @ self.kernel).astype(np.float32)


class Directions(NamedTuple):
    """Mean of a corpus's embeddings, and spectrum of their covariance or second moment."""

    mean: Float[np.ndarray, " dim"]
    values: Float[np.ndarray, " dim"]
    vectors: Float[np.ndarray, "dim dim"]
    varying: int
    """Leading directions that carry more than rounding."""
    cloud: FittedMoments


def _directions(
    fitting: Fitting, encoder: Encoder, inner: str, number: int, *, centred: bool = True
) -> Directions:
    """The directions of a corpus; refused if fewer than ``number`` carry anything."""
    cloud = fitting.cloud(encoder, inner)
    mean, matrix = cloud.mean, cloud.covariance
    energy = float(np.trace(matrix) + mean @ mean)
    values, vectors = spectrum(matrix if centred else matrix + np.outer(mean, mean))
    varying = rank(values, energy)
    if number > varying:
        raise LabError(
            f"{fitting.spec}: fitted on {cloud.sentences:,} sentences of {fitting.corpus.name}, "
            f"whose embeddings vary in {varying} "
            f"directions, not in {number}; give a smaller number or a larger corpus."
        )
    return Directions(mean, values, vectors, varying, cloud)


def _mapped(
    fitting: Fitting,
    encoder: Encoder,
    found: Directions,
    mean: np.ndarray,
    kernel: np.ndarray,
    *,
    kind: str,
    number: int,
) -> Mapped:
    fingerprint = digest({"kind": kind, "number": number, "moments": found.cloud.fingerprint})
    return Mapped(encoder, mean, kernel, fingerprint=fingerprint, fitted_on=fitting.corpus.name)


def whitening(fitting: Fitting, number: int | None) -> Mapped:
    """BERT-whitening to N dimensions, default all in which embeddings vary (Su et al. 2021).

    A mean of LayerNorm's outputs, x = γ·z + β with Σ z = 0, varies in one direction fewer than it
    has numbers: across it whitening would blow up rounding.

    Raises:
        LabError: More dimensions than the embedding has, or than its embeddings of the corpus vary
            in; by default, a corpus of no more sentences than dimensions.
    """
    encoder = fitting.network()
    if number is not None and not 1 <= number <= encoder.hidden:
        raise LabError(
            f"{fitting.spec}: whitening keeps 1 to {encoder.hidden} dimensions of "
            f"{fitting.encoder}, not {number}."
        )
    found = _directions(fitting, encoder, fitting.identity(encoder), number or 1)
    if number is None and found.cloud.sentences <= encoder.hidden:
        raise LabError(
            f"{fitting.spec}: {found.cloud.sentences:,} sentences of {fitting.corpus.name} cannot "
            f"fill {encoder.hidden} dimensions; give a larger corpus, or say how many dimensions "
            "to keep."
        )
    k = number or found.varying
    kernel = whitening_kernel(found.values, found.vectors, k)
    return _mapped(fitting, encoder, found, found.mean, kernel, kind="whitening", number=k)


def all_but_the_top(fitting: Fitting, number: int | None) -> Mapped:
    """All-but-the-top: sentence embeddings without their mean and top N components.

    N is d/100 by default (Mu & Viswanath 2018).

    The paper does this to word vectors, and so does not say what D suits sentences.

    Raises:
        LabError: As many components as there are dimensions, or more than the embeddings of the
            corpus vary in.

    Source: Mu & Viswanath (2018), "All-but-the-top: simple and effective postprocessing for word
    representations", algorithm 1; the components are removed from the centred vectors.
    """
    encoder = fitting.network()
    removed = max(1, round(encoder.hidden / 100)) if number is None else number
    _leaves_something(fitting, removed, encoder.hidden)
    found = _directions(fitting, encoder, fitting.identity(encoder), removed)
    kernel = complement(found.vectors[:, :removed])
    return _mapped(
        fitting, encoder, found, found.mean, kernel, kind="all-but-the-top", number=removed
    )


def without_principal(fitting: Fitting, encoder: Encoder, inner: str, removed: int) -> Mapped:
    """Embeddings without their first singular directions; they are not centred.

    The paper takes the directions from the sentences that are tested; these are of the corpus, so
    that no test sentence is seen.

    Args:
        fitting: The baseline's specification and corpus.
        encoder: The encoder that is wrapped.
        inner: Its fingerprint.
        removed: Number of directions.

    Raises:
        LabError: As many components as there are dimensions, or more than the embeddings of the
            corpus have.

    Source: Arora, Liang & Ma (2017), "A simple but tough-to-beat baseline for sentence
    embeddings", algorithm 1.
    """
    _leaves_something(fitting, removed, encoder.hidden)
    found = _directions(fitting, encoder, inner, removed, centred=False)
    kernel = complement(found.vectors[:, :removed])
    return _mapped(
        fitting,
        encoder,
        found,
        np.zeros_like(found.mean),
        kernel,
        kind="without-principal",
        number=removed,
    )


def _leaves_something(fitting: Fitting, removed: int, hidden: int) -> None:
    if removed >= hidden:
        raise LabError(
            f"{fitting.spec}: removes {removed} components of {hidden} dimensions; "
            "nothing would be left."
        )
