"""How many directions a cloud of embeddings uses, and how evenly: formulas on its spectrum. NumPy
and SciPy alone.

All are unchanged by rotation, by the order of the sentences and by doubling every sentence, and all
but ``partition_isotropy`` by scaling.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy import linalg

ROUNDING = 1e-12  # a variance below this share of the mean square is float32 noise around one point
BLOCK = 4096  # rows in float64 at a time


class Spectrum(NamedTuple):
    """What the measures of rank and isotropy need of a cloud. Both descending, both of float64."""

    singular: Float[np.ndarray, " rank"]
    """Singular values of the embeddings as they are, min(sentences, dim) of them."""
    variances: Float[np.ndarray, " dim"]
    """Variances along the principal axes; all 0 where the sentences coincide up to rounding."""


@dataclass(frozen=True)
class Moments:
    """Sums over a group of sentences, taken from one origin, so that groups add up and leave again
    without cancellation."""

    count: int
    total: Float[np.ndarray, " dim"]
    scatter: Float[np.ndarray, "dim dim"]

    def __add__(self, other: Moments) -> Moments:
        return Moments(
            self.count + other.count, self.total + other.total, self.scatter + other.scatter
        )

    def __sub__(self, other: Moments) -> Moments:
        return Moments(
            self.count - other.count, self.total - other.total, self.scatter - other.scatter
        )


def moments(
    embeddings: Float[np.ndarray, "sentences dim"],
    origin: Float[np.ndarray, " dim"],
    *,
    block: int = BLOCK,
) -> Moments:
    """Count, Σ (x − origin) and Σ (x − origin)(x − origin)ᵀ in float64."""
    dim = embeddings.shape[1]
    total, scatter = np.zeros(dim), np.zeros((dim, dim))
    for rows in _float64(embeddings, block):
        rows = rows - origin
        total += rows.sum(0)
        scatter += rows.T @ rows
    return Moments(len(embeddings), total, scatter)


def spectrum(group: Moments, origin: Float[np.ndarray, " dim"]) -> Spectrum:
    """Singular values and variances of a cloud from its moments."""
    shift = group.total / group.count
    mean = origin + shift
    centred = group.scatter - group.count * np.outer(shift, shift)
    singular = np.sqrt(_eigenvalues(centred + group.count * np.outer(mean, mean)))
    variances = _eigenvalues(centred) / group.count
    if variances.sum() <= ROUNDING * np.square(singular).sum() / group.count:
        variances = np.zeros_like(variances)
    return Spectrum(singular[: group.count], variances)


def _eigenvalues(matrix: Float[np.ndarray, "dim dim"]) -> Float[np.ndarray, " dim"]:
    """Descending, and exactly 0 where rounding alone made them differ from it."""
    values = linalg.eigvalsh(matrix, driver="evr")[::-1]
    return np.where(values > len(values) * np.finfo(np.float64).eps * values[0], values, 0.0)


def _float64(
    embeddings: Float[np.ndarray, "sentences dim"], block: int
) -> Iterator[Float[np.ndarray, "rows dim"]]:
    for start in range(0, len(embeddings), block):
        yield embeddings[start : start + block].astype(np.float64)


def participation_ratio(variances: Float[np.ndarray, " dim"]) -> float:
    """(Σλ)² / Σλ²: the number of equal directions with the same concentration, from 1 to dim. NaN
    without variance.

    Source: Gao et al. (2017), "A theory of multineuronal dimensionality"; λ are the eigenvalues of
    the covariance.
    """
    squares = np.square(variances).sum()
    return float(variances.sum() ** 2 / squares) if squares > 0 else float("nan")


def isoscore(variances: Float[np.ndarray, " dim"]) -> float:
    """From 0, all variance in one direction, to 1, the same in all. NaN without variance or in one
    dimension.

    The seven steps of the paper (principal axes, variances scaled to norm √d, distance to the
    vector of ones, two rescalings) reduce to (PR − 1) / (d − 1) with the participation ratio PR: it
    tells what PR tells, per dimension.

    Source: Rudman et al. (2022), "IsoScore", arXiv:2108.07344, the algorithm.
    """
    dim = len(variances)
    return (participation_ratio(variances) - 1) / (dim - 1) if dim > 1 else float("nan")


def isoscore_star(
    covariance: Float[np.ndarray, "dim dim"],
    reference: Float[np.ndarray, "dim dim"] | None = None,
    *,
    zeta: float = 0.0,
) -> float:
    """IsoScore of the covariance shrunk towards ``reference``: (1 − ζ)·covariance + ζ·reference.

    The reference is the covariance of a larger sample, the identity where there is none. With ζ = 0
    it is IsoScore; ζ is for fewer sentences than a few times dim, where IsoScore comes out too low.
    Not unchanged by scaling unless the reference is scaled too.

    Raises:
        ValueError: ζ outside 0…1.

    Source: Rudman & Eickhoff (2024), "Stable Anisotropic Regularization", arXiv:2305.19358,
    definition of IsoScore*.
    """
    if not 0 <= zeta <= 1:
        raise ValueError(f"zeta {zeta} must lie between 0 and 1")
    target = np.eye(len(covariance)) if reference is None else reference
    return isoscore(_eigenvalues((1 - zeta) * covariance + zeta * target))


def effective_rank(singular: Float[np.ndarray, " rank"]) -> float:
    """exp of the entropy of p = σ / Σσ, from 1 to the rank. NaN where all are 0.

    Of singular values, not of their squares, which would give the entropy of the explained
    variance.

    Source: Roy & Vetterli (2007), "The effective rank: a measure of effective dimensionality",
    section 2.
    """
    total = singular.sum()
    if not total > 0:
        return float("nan")
    shares = singular[singular > 0] / total
    return float(np.exp(-(shares * np.log(shares)).sum()))


def rankme(singular: Float[np.ndarray, " rank"], *, epsilon: float = 1e-7) -> float:
    """The effective rank with p = σ / Σσ + ε, so that the p add up to slightly more than 1. NaN
    where all are 0.

    Of the embeddings as they are, not centred. With the authors' ε it is larger than
    ``effective_rank`` by some parts in 10⁴.

    Source: Garrido et al. (2023), "RankMe", arXiv:2210.02885, section 3.
    """
    total = singular.sum()
    if not total > 0:
        return float("nan")
    shares = singular / total + epsilon
    return float(np.exp(-(shares * np.log(shares)).sum()))


def partition_isotropy(
    embeddings: Float[np.ndarray, "sentences dim"], *, block: int = BLOCK
) -> float:
    """min Z(c) / max Z(c) with Z(c) = Σ exp(cᵀx), over the unit eigenvectors c of XᵀX; 1 is
    isotropic.

    An eigenvector has no sign, so c and −c are both looked at (with one of them the value depends
    on the linear algebra library). Sums are in float64 and in logarithms. X is neither centred nor
    scaled: the value falls with the norms, and can be compared across encoders on unit vectors
    only. Where eigenvalues coincide their eigenvectors, and so the value, are a choice of the
    library.

    Source: Mu & Viswanath (2018), "All-but-the-Top", arXiv:1702.01417, section 2, the isotropy
    measure I.
    """
    dim = embeddings.shape[1]
    gram = np.zeros((dim, dim))
    for rows in _float64(embeddings, block):
        gram += rows.T @ rows
    directions = linalg.eigh(gram, driver="evr")[1]
    logs = np.full((2, dim), -np.inf)
    for rows in _float64(embeddings, block):
        projected = rows @ directions
        for i, exponents in enumerate((projected, -projected)):
            largest = exponents.max(0)
            logs[i] = np.logaddexp(logs[i], largest + np.log(np.exp(exponents - largest).sum(0)))
    return float(np.exp(logs.min() - logs.max()))
