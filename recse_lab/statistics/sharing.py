"""Variances over sentence pairs that share sentences.

Two pairs with a sentence in common are not independent: what is odd about the sentence moves both
scores. 98 % of SICK-R's pairs share a sentence with another one, and 839 of STS-B's 1,379 pairs are
pairs of STS12–16. The dyadic-robust variance adds ψᵢψⱼ over all i, j that share a sentence, within
and across tasks (ψ: ``recse_lab.statistics.influence``).
"""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import sparse


class SharedSentences:
    """Which of n sentence pairs share a sentence.

    Args:
        first: Id of each pair's first sentence, of any integer type.
        second: Id of its second sentence.

    Raises:
        ValueError: The two have different lengths.
    """

    def __init__(
        self, first: Int[np.ndarray, " first_pairs"], second: Int[np.ndarray, " second_pairs"]
    ) -> None:
        if first.shape != second.shape or first.ndim != 1:
            raise ValueError(
                f"{first.shape} first and {second.shape} second sentences are no pairs"
            )
        ids, places = np.unique(np.concatenate([first, second]), return_inverse=True)
        ends = np.sort(places.reshape(2, -1), axis=0)
        self.pairs = len(first)
        self.sentences = len(ids)
        self._low, self._high = ends
        self._distinct = self._low != self._high  # a pair of a sentence with itself has one end

    @cached_property
    def _of_sentence(self) -> sparse.csr_matrix:
        """Incidence of sentences and pairs, shape (sentences, pairs)."""
        own = np.arange(self.pairs)
        rows = np.concatenate([self._low, self._high[self._distinct]])
        columns = np.concatenate([own, own[self._distinct]])
        shape = (self.sentences, self.pairs)
        return sparse.csr_matrix((np.ones(len(rows)), (rows, columns)), shape=shape)

    @cached_property
    def _of_two(self) -> sparse.csr_matrix:
        """Incidence of unordered sets of two sentences and pairs."""
        own = np.flatnonzero(self._distinct)
        keys = self._low[own].astype(np.int64) * self.sentences + self._high[own]
        rows = np.unique(keys, return_inverse=True)[1]
        shape = (int(rows.max(initial=-1)) + 1, self.pairs)
        return sparse.csr_matrix((np.ones(len(own)), (rows, own)), shape=shape)

    @property
    def duplicates(self) -> int:
        """How many pairs repeat an earlier one, in either order."""
        keys = self._low.astype(np.int64) * self.sentences + self._high
        return self.pairs - len(np.unique(keys))

    @cached_property
    def sharing(self) -> int:
        """How many pairs share a sentence with another pair."""
        degree = np.bincount(np.concatenate([self._low, self._high[self._distinct]]))
        return int(((degree[self._low] > 1) | (degree[self._high] > 1)).sum())

    def subset(self, kept: Bool[np.ndarray, " pairs"]) -> SharedSentences:
        """The graph of some of the pairs."""
        return SharedSentences(self._low[kept], self._high[kept])

    def covariance(
        self, influences: Float[np.ndarray, "runs pairs"]
    ) -> Float[np.ndarray, "runs _"]:
        """Sum of ψᵢψⱼ over all ordered i, j that share a sentence (i = j included), by two runs.

        Σₛ(Σ_{i∋s} ψᵢ)² − Σ_{s<t}(Σ_{i={s,t}} ψᵢ)² over sentences s and sets {s, t} of two counts
        every i, j once: two pairs of the same two sentences would be counted for each of them. A
        pair of a sentence with itself is counted for one only.

        Args:
            influences: ψ of every pair, by run.

        Returns:
            Covariances, shape (runs, runs). Not necessarily positive definite.

        Raises:
            ValueError: The influences are not over these pairs.

        Source: Fafchamps & Gubert (2007), (2); Aronow, Samii & Assenova (2015), "Cluster-robust
        variance estimation for dyadic data", for the sums over nodes.
        """
        sentences, twos = self._sums(influences)
        return np.asarray(sentences.T @ sentences - twos.T @ twos)

    def squares(self, influences: Float[np.ndarray, "runs pairs"]) -> Float[np.ndarray, " runs"]:
        """The diagonal of ``covariance``: the variance of each run.

        Args:
            influences: ψ of every pair, by run.

        Raises:
            ValueError: The influences are not over these pairs.
        """
        sentences, twos = self._sums(influences)
        return np.square(sentences).sum(axis=0) - np.square(twos).sum(axis=0)

    def _sums(self, influences: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Sums over the pairs of each sentence, and of each set of two sentences, by run."""
        if influences.ndim != 2 or influences.shape[1] != self.pairs:
            raise ValueError(
                f"influences {influences.shape} are not over the {self.pairs} pairs of this graph"
            )
        return self._of_sentence @ influences.T, self._of_two @ influences.T


class PairsCovariance(NamedTuple):
    """Covariances of runs from drawing new pairs, shape (runs, runs)."""

    sharing: Float[np.ndarray, "runs runs"]
    """Of pairs that share sentences."""
    independent: Float[np.ndarray, "runs runs"]
    """As if all pairs were independent."""

    def of_mean(self) -> tuple[float, float]:
        """Variance of the mean over the runs: at least that of independent pairs, and the
        latter.
        """
        return _floored(float(self.sharing.mean()), float(self.independent.mean()))

    def between(self) -> tuple[float, float]:
        """Mean covariance of two different runs, floored as in ``of_mean``, and of independent
        pairs."""
        return _floored(_off_diagonal(self.sharing), _off_diagonal(self.independent))


def _floored(sharing: float, independent: float) -> tuple[float, float]:
    # Of few sentences the dyadic sum can come out too small, or negative.
    independent = max(0.0, independent)
    return max(sharing, independent), independent


def _off_diagonal(matrix: np.ndarray) -> float:
    runs = len(matrix)
    return float((matrix.sum() - np.trace(matrix)) / (runs * (runs - 1)))


def pairs_covariance(
    influences: Float[np.ndarray, "runs pairs"], shared: SharedSentences | None
) -> PairsCovariance:
    """Covariances of runs from drawing new pairs.

    Args:
        influences: ψ of every pair, by run.
        shared: Which pairs share sentences; None takes all pairs as independent.

    Raises:
        ValueError: The influences are not over the pairs of ``shared``.

    Source: ``SharedSentences.covariance``; for independent pairs the sum of ψᵢ², the infinitesimal
    jackknife of Jaeckel (1972).
    """
    independent = influences @ influences.T
    return PairsCovariance(
        independent if shared is None else shared.covariance(influences), independent
    )
