"""Effects of an ablation's factors: main effects and two-way interactions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations, product
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float, Shaped
from scipy import stats

from recse_lab.errors import LabError
from recse_lab.statistics.seeds import ROUNDING, holm, paired_test

COLUMNS = ("effect", "estimate", "low", "high", "p", "p_holm", "df", "method", "reason")
ESTIMABLE = 1e-8  # largest part of a contrast outside the row space of the design


class Contrast(NamedTuple):
    """A difference of marginal means, as a combination of the coefficients of the design."""

    effect: str
    factors: tuple[str, ...]
    weights: Float[np.ndarray, " coefficients"]


def effects_coding(levels: int) -> Float[np.ndarray, "levels columns"]:
    """Sum-to-zero coding: the identity, with a last row of −1.

    Source: Searle (1971), Linear Models.
    """
    return np.vstack([np.eye(levels - 1), -np.ones(levels - 1)])


def factorial_effects(
    frame: pd.DataFrame,
    response: str,
    factors: Sequence[str],
    *,
    block: str = "seed",
    run: str | None = None,
    interactions: bool = True,
    error: Literal["seeds", "pooled"] = "seeds",
    level: float = 0.95,
) -> pd.DataFrame:
    """Main effects and two-way interactions of a factorial design, with seeds as blocks.

    A main effect is a level's marginal mean minus that of the factor's first level, with equal
    weights for all levels of the other factors. An interaction is how much that difference changes
    from the other factor's first level to another of its levels. The population is new seeds, with
    these pairs.

    Args:
        frame: One row per run.
        response: Column of the numbers to explain.
        factors: Columns of the factors; levels are sorted.
        block: Column of the seeds.
        run: Column that identifies the run of a row. If cells share a run, ``pooled`` has no
            interval: copies would count as independent observations.
        interactions: Whether two-way interactions are estimated.
        error: What an effect is measured against. ``seeds`` estimates the effect in every seed that
            has all cells and takes a t over those seeds, so each effect has its own variance.
            ``pooled`` fits one linear model with additive seeds: it has more degrees of freedom,
            and is wrong where seeds differ in the effect itself. With fewer than two complete seeds
            ``seeds`` falls back on ``pooled``, and ``method`` says so.
        level: Confidence level.

    Returns:
        One row per effect, with the columns ``COLUMNS``. An effect that the cells cannot identify
        (an impossible or missing cell) is NaN, and ``reason`` names the missing levels; so is an
        interval without degrees of freedom. Undefined responses are left out and counted in
        ``reason``. ``p_holm`` adjusts over all rows that have a p.

    Raises:
        LabError: A missing column, two runs of one cell and seed, a factor with a single level, or
            no defined response.

    Source: least squares with effects coding, estimability as in Searle (1971), Linear Models,
    section 5.4.
    """
    data, lost = _runs(frame, response, list(factors), block)
    shared = run is not None and bool(frame[run].duplicated().any())
    levels = {f: sorted(data[f].unique(), key=_rank) for f in factors}
    if single := [f for f in factors if len(levels[f]) < 2]:
        raise LabError(f"factor {single[0]} has one level only, so it has no effect; leave it out.")
    design, contrasts = design_of(data, levels, interactions)
    cells = data.groupby(list(factors), sort=False).ngroup().to_numpy()
    seeds = data[block].to_numpy()
    complete = [s for s in pd.unique(seeds) if (seeds == s).sum() == cells.max() + 1]
    y = data[response].to_numpy(float)
    if error == "seeds" and len(complete) > 1:
        estimate = effects_by_seed(design, y, cells, seeds, complete, level)
        short = len(pd.unique(seeds)) - len(complete)
        method = f"t over {len(complete)} seeds"
        method += f" ({short} incomplete left out)" if short else ""
    else:
        estimate = effects_pooled(design, y, seeds, level, shared)
        method = "least squares, seeds as blocks"
        method += " (fewer than two seeds hold all cells)" if error == "seeds" else ""
    rows = []
    for contrast in contrasts:
        found = estimate(contrast.weights)
        if found is None:
            reason = _why_not_estimable(data, levels, contrast, interactions)
            found = Effect(np.nan, np.nan, np.nan, None, 0, reason)
        reason = "; ".join(filter(None, [found.reason, lost]))
        rows.append((contrast.effect, *found[:-1], method, reason))
    table = pd.DataFrame(rows, columns=pd.Index([c for c in COLUMNS if c != "p_holm"]))
    p_values = [None if pd.isna(p) else float(p) for p in table["p"]]
    table["p_holm"] = [np.nan if p is None else p for p in holm(p_values)]
    table["p"] = table["p"].astype(float)
    return table.reindex(columns=list(COLUMNS))


class Effect(NamedTuple):
    """The estimate of one contrast; without a test ``p`` is None and ``reason`` says why."""

    estimate: float
    low: float
    high: float
    p: float | None
    df: int
    reason: str | None


Estimator = Callable[[Float[np.ndarray, " coefficients"]], Effect | None]
"""From the weights of a contrast to its estimate; None where the design cannot identify it."""


def _runs(
    frame: pd.DataFrame, response: str, factors: list[str], block: str
) -> tuple[pd.DataFrame, str]:
    """The rows with a defined response, and a remark on the others."""
    columns = [*factors, block, response]
    if missing := [c for c in columns if c not in frame.columns]:
        raise LabError(
            f"the runs have no column {missing[0]}; there are {', '.join(map(str, frame.columns))}."
        )
    for column in (*factors, block):
        if absent := int(np.count_nonzero(pd.isna(frame[column]))):
            raise LabError(
                f"{column} is missing for {absent} of {len(frame)} runs; name its level."
            )
    twice = frame.duplicated([*factors, block])
    if twice.any():
        raise LabError(
            f"two runs of {_levels(frame.loc[twice, [*factors, block]].iloc[0])}; "
            "keep one per cell and seed."
        )
    defined = np.isfinite(frame[response].to_numpy(float))
    if not defined.any():
        raise LabError(
            f"{response} is undefined for all {len(frame)} runs, so there are no effects."
        )
    lost = int((~defined).sum())
    remark = f"{lost} run{'s' if lost > 1 else ''} undefined and left out" if lost else ""
    return frame.loc[defined, columns].reset_index(drop=True), remark


def _rank(level: Any) -> tuple[int, Any]:
    """Sort key: numbers in their order, then names in theirs."""
    return (0, level) if isinstance(level, (int, float, np.number)) else (1, str(level))


def design_of(
    data: pd.DataFrame, levels: dict[str, list[Any]], interactions: bool
) -> tuple[Float[np.ndarray, "runs coefficients"], list[Contrast]]:
    """The design matrix and the contrasts of interest.

    Columns are the mean, the main effects, and the products of every two factors' columns.

    Source: effects coding as in Searle (1971), Linear Models.
    """
    coding = {f: effects_coding(len(found)) for f, found in levels.items()}
    own = {f: coding[f][pd.Categorical(data[f], categories=levels[f]).codes] for f in levels}
    pairs = list(combinations(levels, 2)) if interactions else []
    blocks = [np.ones((len(data), 1)), *own.values()]
    blocks += [np.einsum("ri,rj->rij", own[f], own[g]).reshape(len(data), -1) for f, g in pairs]
    ends = np.cumsum([b.shape[1] for b in blocks])
    contrasts = []

    def add(effect: str, term: int, among: tuple[str, ...], part: np.ndarray) -> None:
        weights = np.zeros(ends[-1])
        weights[ends[term - 1] : ends[term]] = part
        contrasts.append(Contrast(effect, among, weights))

    steps = {f: coding[f][1:] - coding[f][0] for f in levels}  # each level minus the first
    for term, f in enumerate(levels, 1):
        for name, step in zip(levels[f][1:], steps[f], strict=True):
            add(f"{f}: {name} − {levels[f][0]}", term, (f,), step)
    for term, (f, g) in enumerate(pairs, 1 + len(levels)):
        for (i, a), (j, b) in product(enumerate(steps[f], 1), enumerate(steps[g], 1)):
            step = f"({levels[f][i]} − {levels[f][0]}) at {levels[g][j]} − at {levels[g][0]}"
            add(f"{f} × {g}: {step}", term, (f, g), np.outer(a, b).ravel())
    return np.hstack(blocks), contrasts


def _estimable(design: np.ndarray, inverse: np.ndarray, weights: np.ndarray) -> bool:
    """Whether a contrast lies in the row space of the design.

    Then every least-squares solution gives it the same value.
    """
    return bool(np.abs(weights - inverse @ (design @ weights)).max() < ESTIMABLE)


def effects_by_seed(
    design: Float[np.ndarray, "runs coefficients"],
    y: Float[np.ndarray, " runs"],
    cells: Shaped[np.ndarray, " runs"],
    seeds: Shaped[np.ndarray, " runs"],
    complete: list[Any],
    level: float,
) -> Estimator:
    """Estimate a contrast in every complete seed, and take a t over the seeds.

    Source: the within-block contrast of Searle (1971), Linear Models; Student's t over blocks.
    """
    order = [np.flatnonzero(seeds == s) for s in complete]
    order = [rows[np.argsort(cells[rows])] for rows in order]
    one = design[order[0]]  # the same cells in every seed
    inverse = np.linalg.pinv(one)

    def estimate(weights: np.ndarray) -> Effect | None:
        if not _estimable(one, inverse, weights):
            return None
        runs = weights @ inverse
        parts = (np.clip(runs, 0, None), np.clip(-runs, 0, None))
        more, less = ([float(part @ y[rows]) for rows in order] for part in parts)
        test = paired_test(more, less, level=level)
        low, high = (np.nan if bound is None else bound for bound in (test.low, test.high))
        return Effect(test.delta, low, high, test.p, len(order) - 1, test.reason)

    return estimate


def effects_pooled(
    design: Float[np.ndarray, "runs coefficients"],
    y: Float[np.ndarray, " runs"],
    seeds: Shaped[np.ndarray, " runs"],
    level: float,
    shared: bool = False,
) -> Estimator:
    """Estimate a contrast from one least-squares fit with additive seeds, against the residual.

    ``shared`` says that rows share runs, so that the residual does not measure the error.

    Source: Searle (1971), Linear Models, section 5.4.
    """
    dummies = (seeds[:, None] == pd.unique(seeds)[None, 1:]).astype(float)
    full = np.hstack([design, dummies])
    inverse = np.linalg.pinv(full)
    residual = y - full @ (inverse @ y)
    df = len(y) - int(np.linalg.matrix_rank(full))
    variance = float(residual @ residual) / df if df > 0 else np.nan
    why = None
    if shared:
        why = "cells share runs: no error to measure against"
    elif df < 1:
        why = "as many coefficients as runs: no error to measure against"
    elif variance <= (ROUNDING * np.abs(y).max()) ** 2:
        why = "the model fits every run exactly"

    def estimate(weights: np.ndarray) -> Effect | None:
        weights = np.r_[weights, np.zeros(dummies.shape[1])]
        if not _estimable(full, inverse, weights):
            return None
        combination = weights @ inverse
        value = float(combination @ y)
        if why:
            return Effect(value, np.nan, np.nan, None, df, why)
        spread = float(np.sqrt(variance * (combination @ combination)))
        half = float(stats.t.ppf((1 + level) / 2, df)) * spread
        p = float(2 * stats.t.sf(abs(value) / spread, df))
        return Effect(value, value - half, value + half, p, df, None)

    return estimate


def _why_not_estimable(
    data: pd.DataFrame, levels: dict[str, list[Any]], contrast: Contrast, interactions: bool
) -> str:
    """Name the levels without a common run, among the pairs of factors that the effect involves."""
    missing = []
    pairs = combinations(levels, 2) if interactions else ()
    for f, g in (pair for pair in pairs if set(contrast.factors) & set(pair)):
        seen = set(zip(data[f], data[g], strict=True))
        unseen = [pair for pair in product(levels[f], levels[g]) if pair not in seen]
        missing += [f"{f} {a} with {g} {b}" for a, b in unseen]
    if missing:
        return f"not estimable: no run has {' or '.join(missing)}"
    return "not estimable: aliased with other effects"


def _levels(row: pd.Series) -> str:
    return ", ".join(f"{name} {value}" for name, value in row.items())
