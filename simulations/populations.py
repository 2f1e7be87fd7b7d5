"""Graded pairs, with the population's rank correlation in closed form."""

from __future__ import annotations

import numpy as np
from scipy import special, stats

GRADES = 26  # 0, 0.2, … 5, as STS-B is graded
CUTS = stats.norm.ppf(np.arange(1, GRADES) / GRADES)


def graded(latent: np.ndarray) -> np.ndarray:
    """Gold in GRADES equally frequent grades."""
    return np.searchsorted(CUTS, latent).astype(np.float64)


def graded_spearman(rho: np.ndarray | float, cuts: np.ndarray) -> np.ndarray:
    """Spearman's rho of a normal score with a normal gold of correlation ``rho``, cut into grades.

    The score's rank is Φ(score), whose mean given the gold z is Φ(ρz / √(2 − ρ²)); a grade's rank
    is the middle of its interval. The integral over z is taken grade by grade.
    """
    edges = np.concatenate([[0.0], special.ndtr(cuts), [1.0]])
    middle, share = (edges[1:] + edges[:-1]) / 2, np.diff(edges)
    nodes, weights = special.roots_legendre(40 if len(share) > 4 else 400)
    u = edges[:-1, None] + share[:, None] * (nodes + 1) / 2
    r = np.asarray(rho, dtype=float)[..., None, None]
    rank = special.ndtr(r * special.ndtri(u) / np.sqrt(2 - r**2)) @ (weights / 2)
    covariance = (rank * share * (middle - 0.5)).sum(axis=-1)
    return covariance / np.sqrt((share * (middle - 0.5) ** 2).sum() / 12)
