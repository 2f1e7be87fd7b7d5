"""Graded pairs and the scores of arms and seeds on them, with the population's rank correlation in closed form."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy import special, stats

GRADES = 26  # 0, 0.2, … 5, as STS-B is graded
CUTS = stats.norm.ppf(np.arange(1, GRADES) / GRADES)


class Study(NamedTuple):
    """Two arms, several seeds each. Standard deviations of what makes a score, beside a gold of 1.

    The score of arm a, seed s, pair i is slope_as · gold_i + shared_i + own_ai + noise_asi: pairs are hard for both arms
    (shared), for one arm whatever the seed (own), or for one run (noise), and models differ in slope.
    """

    name: str
    slope: float
    own: float
    shared: float = 0.5
    noise: float = 0.2
    pairs: int = 500
    behind: float = 0.0
    """How much smaller the mean slope of the second arm is."""


# Equally good arms for other seeds and other pairs. They differ in what chance is made of.
BOTH = (
    Study("seeds differ most", slope=0.10, own=0.10),
    Study("seeds and pairs alike", slope=0.05, own=0.18),
    Study("pairs differ most", slope=0.01, own=0.45),
)
FEW = BOTH[1]._replace(name="seeds and pairs alike, 100 pairs", pairs=100)
TWICE = Study(
    "one procedure twice", slope=0.05, own=0.0
)  # equal for other seeds on these very pairs too
MODELS = Study(
    "equally good models", slope=0.0, own=0.3
)  # equal for these very models on other pairs
BEHIND = Study("one arm worse", slope=0.05, own=0.18, behind=0.2)


def slopes(study: Study, seeds: int, rng: np.random.Generator) -> Float[np.ndarray, "2 seeds"]:
    """How well every model of two arms follows the gold."""
    luck = rng.normal(size=(2, seeds)) + rng.normal(
        size=(1, seeds)
    )  # half of it is the seed's in both arms
    return np.array([[1.0], [1.0 - study.behind]]) + study.slope * luck / np.sqrt(2)


def gold_and_shared(
    study: Study, rng: np.random.Generator
) -> tuple[Float[np.ndarray, " pairs"], Float[np.ndarray, "2 pairs"]]:
    """Latent gold, and what no seed changes in the scores of the two arms."""
    latent = rng.normal(size=study.pairs)
    fixed = study.shared * rng.normal(size=study.pairs) + study.own * rng.normal(
        size=(2, study.pairs)
    )
    return latent, fixed


def scores(
    study: Study, latent: np.ndarray, fixed: np.ndarray, slope: np.ndarray, rng: np.random.Generator
) -> Float[np.ndarray, "2 seeds pairs"]:
    """Scores of both arms, every seed."""
    noise = study.noise * rng.normal(size=(*slope.shape, len(latent)))
    return slope[..., None] * latent + fixed[:, None] + noise


def graded(latent: np.ndarray) -> np.ndarray:
    """Gold in GRADES equally frequent grades."""
    return np.searchsorted(CUTS, latent).astype(np.float64)


def spearman(study: Study, slope: np.ndarray) -> np.ndarray:
    """Spearman's rho of the grades and the scores of models with these slopes, over all pairs."""
    rest = study.shared**2 + study.own**2 + study.noise**2
    return graded_spearman(slope / np.sqrt(slope**2 + rest), CUTS)


def difference(study: Study) -> float:
    """δ: the difference of the arms over all seeds and all pairs."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(40)
    rho = spearman(study, np.array([[1.0], [1.0 - study.behind]]) + study.slope * nodes)
    return float((rho[0] - rho[1]) @ weights / weights.sum())


def graded_spearman(rho: np.ndarray | float, cuts: np.ndarray) -> np.ndarray:
    """Spearman's rho of a normal score with a normal gold of correlation ``rho``, cut into grades.

    The score's rank is Φ(score), whose mean given the gold z is Φ(ρz / √(2 − ρ²)); a grade's rank is the middle of its
    interval. The integral over z is taken grade by grade.
    """
    edges = np.concatenate([[0.0], special.ndtr(cuts), [1.0]])
    middle, share = (edges[1:] + edges[:-1]) / 2, np.diff(edges)
    nodes, weights = special.roots_legendre(40 if len(share) > 4 else 400)
    u = edges[:-1, None] + share[:, None] * (nodes + 1) / 2
    r = np.asarray(rho, dtype=float)[..., None, None]
    rank = special.ndtr(r * special.ndtri(u) / np.sqrt(2 - r**2)) @ (weights / 2)
    covariance = (rank * share * (middle - 0.5)).sum(axis=-1)
    return covariance / np.sqrt((share * (middle - 0.5) ** 2).sum() / 12)
