"""Effects of the factors of an ablation: what each changes, and how one changes what another does."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, product
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float
from scipy import stats

from recse_lab.errors import LabError
from recse_lab.statistics.seeds import holm, paired_test

COLUMNS = ("effect", "estimate", "low", "high", "p", "p_holm", "df", "method", "reason")
ESTIMABLE = 1e-8  # what may be left of a contrast outside the rows of the design


class Contrast(NamedTuple):
    """A difference of marginal means, as a combination of the coefficients of the design."""

    effect: str
    factors: tuple[str, ...]
    weights: Float[np.ndarray, " coefficients"]


def effects_coding(levels: int) -> Float[np.ndarray, "levels columns"]:
    """Sum-to-zero coding: the identity, and −1 throughout for the last level."""
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
    """Main effects and two-way interactions of a factorial design, one row a run, seeds as blocks.

    A main effect is a level's marginal mean minus that of the factor's first level, over all levels of the other factors
    alike. An interaction is how much that difference changes from the other factor's first level to another of its.
    Levels are sorted. ``error`` is what an effect is measured against: ``seeds`` estimates it in every seed that holds
    all cells and takes a t over those seeds, which allows every effect its own spread; ``pooled`` fits one linear model
    with additive seeds, has more degrees of freedom, and is wrong where seeds differ in the effect itself. With fewer
    than two complete seeds it falls back on ``pooled``, and ``method`` says so. The population is other seeds, these pairs.
    ``run`` names the column that says which run a cell's number is of. Where cells share one, ``pooled`` has no interval:
    copies would count as independent observations.

    An effect that the cells cannot tell (an impossible or missing cell) is NaN, and ``reason`` names the missing levels;
    so is an interval without degrees of freedom. Undefined responses are left out and counted in ``reason``. ``p_holm``
    adjusts over all rows that have a p.

    Raises:
        LabError: A missing column, two runs of one cell and seed, a factor of one level, or no defined response.
    Source: least squares with effects coding, estimability as in Searle (1971), Linear Models, section 5.4.
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
    by_seed = error == "seeds" and len(complete) > 1
    if by_seed:
        estimate = effects_by_seed(
            design, data[response].to_numpy(float), cells, seeds, complete, level
        )
        short = len(pd.unique(seeds)) - len(complete)
        method = f"t over {len(complete)} seeds" + (
            f" ({short} incomplete left out)" if short else ""
        )
    else:
        estimate = effects_pooled(design, data[response].to_numpy(float), seeds, level, shared)
        method = "least squares, seeds as blocks"
        method += " (fewer than two seeds hold all cells)" if error == "seeds" else ""
    rows = []
    for contrast in contrasts:
        values = estimate(contrast.weights)
        if values is None:
            values = (
                np.nan,
                np.nan,
                np.nan,
                None,
                0,
                _why_not(data, levels, contrast, interactions),
            )
        value, low, high, p, df, reason = values
        reason = "; ".join(filter(None, [reason, lost]))
        rows.append((contrast.effect, value, low, high, p, df, method, reason))
    table = pd.DataFrame(rows, columns=pd.Index([c for c in COLUMNS if c != "p_holm"]))
    table["p_holm"] = [
        np.nan if p is None else p
        for p in holm([None if pd.isna(p) else float(p) for p in table["p"]])
    ]
    table["p"] = table["p"].astype(float)
    return table.reindex(columns=list(COLUMNS))


Values = tuple[float, float, float, float | None, int, str | None]


def _runs(
    frame: pd.DataFrame, response: str, factors: list[str], block: str
) -> tuple[pd.DataFrame, str]:
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
            f"two runs of {_told(frame.loc[twice, [*factors, block]].iloc[0])}; keep one a cell and seed."
        )
    defined = np.isfinite(frame[response].to_numpy(float))
    if not defined.any():
        raise LabError(
            f"{response} is undefined for all {len(frame)} runs, so there are no effects."
        )
    lost = int((~defined).sum())
    return frame.loc[defined, columns].reset_index(
        drop=True
    ), f"{lost} run{'s' if lost > 1 else ''} undefined and left out" if lost else ""


def _rank(level: Any) -> tuple[int, Any]:
    """Numbers in their order, before names in theirs."""
    return (0, level) if isinstance(level, (int, float, np.number)) else (1, str(level))


def design_of(
    data: pd.DataFrame, levels: dict[str, list[Any]], interactions: bool
) -> tuple[Float[np.ndarray, "runs coefficients"], list[Contrast]]:
    """Columns: the mean, then the main effects, then the products of every two factors' columns."""
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
            effect = f"{f} × {g}: ({levels[f][i]} − {levels[f][0]}) at {levels[g][j]} − at {levels[g][0]}"
            add(effect, term, (f, g), np.outer(a, b).ravel())
    return np.hstack(blocks), contrasts


def _estimable(design: np.ndarray, inverse: np.ndarray, weights: np.ndarray) -> bool:
    """Whether a contrast lies in the rows of the design: then every least-squares solution gives it the same value."""
    return bool(np.abs(weights - inverse @ (design @ weights)).max() < ESTIMABLE)


def effects_by_seed(
    design: np.ndarray,
    y: np.ndarray,
    cells: np.ndarray,
    seeds: np.ndarray,
    complete: list[Any],
    level: float,
):
    """A contrast in every complete seed, and a t over them."""
    order = [np.flatnonzero(seeds == s) for s in complete]
    order = [rows[np.argsort(cells[rows])] for rows in order]
    one = design[order[0]]  # the same cells in every seed
    inverse = np.linalg.pinv(one)

    def estimate(weights: np.ndarray) -> Values | None:
        if not _estimable(one, inverse, weights):
            return None
        runs = weights @ inverse
        more, less = (
            [float(part @ y[rows]) for rows in order]
            for part in (np.clip(runs, 0, None), np.clip(-runs, 0, None))
        )
        test = paired_test(more, less, level=level)
        low, high = (
            (np.nan, np.nan) if test.low is None or test.high is None else (test.low, test.high)
        )
        return test.delta, low, high, test.p, len(order) - 1, test.reason

    return estimate


def effects_pooled(
    design: np.ndarray, y: np.ndarray, seeds: np.ndarray, level: float, shared: bool = False
):
    """A contrast of one least-squares fit with a column for every seed but the first, against the residual.

    ``shared``: rows are not all of different runs, so that the residual is no measure of chance.
    """
    dummies = (seeds[:, None] == pd.unique(seeds)[None, 1:]).astype(float)
    full = np.hstack([design, dummies])
    inverse = np.linalg.pinv(full)
    residual = y - full @ (inverse @ y)
    df = len(y) - int(np.linalg.matrix_rank(full))
    variance = float(residual @ residual) / df if df > 0 else np.nan
    exact = df > 0 and variance <= (1e-12 * np.abs(y).max()) ** 2

    def estimate(weights: np.ndarray) -> Values | None:
        weights = np.r_[weights, np.zeros(dummies.shape[1])]
        if not _estimable(full, inverse, weights):
            return None
        combination = weights @ inverse
        value = float(combination @ y)
        if shared:
            return value, np.nan, np.nan, None, df, "cells share runs: no error to measure against"
        if df < 1 or exact:
            reason = (
                "the model fits every run exactly"
                if exact
                else "as many coefficients as runs: no error to measure against"
            )
            return value, np.nan, np.nan, None, df, reason
        spread = float(np.sqrt(variance * (combination @ combination)))
        half = float(stats.t.ppf((1 + level) / 2, df)) * spread
        return (
            value,
            value - half,
            value + half,
            float(2 * stats.t.sf(abs(value) / spread, df)),
            df,
            None,
        )

    return estimate


def _why_not(
    data: pd.DataFrame, levels: dict[str, list[Any]], contrast: Contrast, interactions: bool
) -> str:
    """Levels that were never run together, among the pairs of factors that the effect averages over."""
    missing = []
    if interactions:
        for f, g in combinations(levels, 2):
            if set(contrast.factors) & {f, g}:
                seen = set(zip(data[f], data[g], strict=True))
                missing += [
                    f"{f} {a} with {g} {b}"
                    for a, b in product(levels[f], levels[g])
                    if (a, b) not in seen
                ]
    return (
        f"not estimable: no run has {' or '.join(missing)}"
        if missing
        else "not estimable: aliased with other effects"
    )


def _told(row: pd.Series) -> str:
    return ", ".join(f"{name} {value}" for name, value in row.items())
