"""Errors: the pairs on which two arms disagree most, and those that every arm gets wrong.

A pair's rank is its place among all pairs, from 0 to 1. Its **rank error** is how far that place
lies outside of the places which the pairs of its gold score fill: positive where the pair is held
too similar, 0 for any order that gold agrees with, however coarse gold is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float, Int, Real
from scipy import stats

from recse_lab.errors import LabError
from recse_lab.probes.correlations import checked, partial_correlation, rank_correlations
from recse_lab.probes.resampling import resampled, with_sample
from recse_lab.probes.result import Measure, ProbeResult, tabulate
from recse_lab.statistics import resample_counts
from recse_lab.statistics.shared_bootstrap import SharedBootstrap
from recse_lab.statistics.sharing import SharedSentences

EVERY = "every arm"
ALONE = ("spearman", "share wrong")
BETWEEN = ("rank agreement", "agreement at fixed gold", "share disagreeing")


def versus(a: str, b: str) -> str:
    """How two arms are named together."""
    return f"{a} vs {b}"


def places(values: Float[np.ndarray, " pairs"]) -> Float[np.ndarray, " pairs"]:
    """(mid-rank − ½) / n: where a value stands among all, strictly between 0 and 1."""
    return (stats.rankdata(values) - 0.5) / len(values)


def rank_errors(
    gold: Real[np.ndarray, " pairs"], scores: Float[np.ndarray, " pairs"]
) -> Float[np.ndarray, " pairs"]:
    """How far a score's place lies above (> 0) or below (< 0) the places that the pairs of its gold
    score fill.

    0 everywhere for scores that refine gold's order. No increasing transform of either changes it.
    """
    n, place = len(gold), places(scores)
    lowest = (stats.rankdata(gold, "min") - 0.5) / n
    highest = (stats.rankdata(gold, "max") - 0.5) / n
    return np.maximum(place - highest, 0) - np.maximum(lowest - place, 0)


def common_errors(errors: Float[np.ndarray, "encoders pairs"]) -> Float[np.ndarray, " pairs"]:
    """The error that all have at least: the smallest where all err the same way, 0 where they do
    not."""
    return np.maximum(errors.min(axis=0), 0) + np.minimum(errors.max(axis=0), 0)


def errors(
    scores: Mapping[str, Float[np.ndarray, " pairs"]],
    gold: Float[np.ndarray, " pairs"],
    first: Sequence[str],
    second: Sequence[str],
    shared: SharedSentences | None = None,
    *,
    top: int = 20,
    threshold: float = 0.25,
    against: str | None = None,
    resamples: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> ProbeResult:
    """Which pairs arms rank differently, and which all of them rank wrongly.

    Measures of an encoder: ``spearman`` and ``share wrong``, of the pairs whose rank error exceeds
    ``threshold`` (0.25: a quarter of the set away from where gold has it). Of two arms, named "a vs
    b": ``rank agreement`` (Spearman between them), ``agreement at fixed gold`` (the same with
    gold's ranks held fixed: do they err alike?) and ``share disagreeing`` (ranks more than
    ``threshold`` apart). Of all: ``share wrong in every arm``, in the same direction. All pairs of
    arms, or those with ``against`` alone. Two seeds of one arm are the yardstick for a
    disagreement.

    Curves: ``disagreements``, the ``top`` pairs by difference of ranks for every two arms;
    ``wrong``, the ``top`` pairs by common error, one row per encoder; ``ranks``, every pair and
    encoder. Intervals are percentiles over resampled pairs; those of shares take the ranks as they
    are in the whole sample. An encoder whose scores have no order is named in the table with the
    reason and left out of the lists.

    Raises:
        LabError: As ``correlations.checked``; sentences that are not as many as gold scores;
            ``against`` is none of the encoders.
        ValueError: ``top`` below 1, or ``threshold`` not between 0 and 1.
    """
    if top < 1 or not 0 < threshold < 1:
        raise ValueError(f"top {top} must be at least 1, threshold {threshold} between 0 and 1")
    reasons = checked(scores, gold)
    _refuse_misfits(len(first), len(second), len(gold), against, scores)
    gold = np.asarray(gold, np.float64)
    kept = {
        name: np.asarray(row, np.float64) for name, row in scores.items() if name not in reasons
    }
    counts = resample_counts(len(gold), resamples, np.random.default_rng(seed))
    arms = _Arms(
        scores=kept,
        places={name: places(row) for name, row in kept.items()},
        errors={name: rank_errors(gold, row) for name, row in kept.items()},
        reasons=reasons,
        pairs=_pair_frame(first, second, gold),
        counts=counts,
        correlations=rank_correlations(np.stack([gold, *kept.values()]), with_sample(counts)),
        threshold=threshold,
        level=level,
        sharing=SharedBootstrap(counts, shared),
    )
    compared = list(combinations(scores, 2))
    if against is not None:
        compared = [(against, name) for name in scores if name != against]
    common = common_errors(np.stack(list(arms.errors.values()))) if kept else np.zeros(len(gold))
    measures = [measure for name in scores for measure in _alone(arms, name)]
    measures += [measure for a, b in compared for measure in _between(arms, a, b)]
    if len(kept) > 1:
        measures.append(_share(arms, EVERY, "share wrong in every arm", common))
    curves = {
        "ranks": [_scored(arms, name, slice(None)) for name in kept],
        "wrong": [_wrong(arms, name, common, top) for name in kept],
        "disagreements": [
            _disagreements(arms, a, b, top) for a, b in compared if a in kept and b in kept
        ],
    }
    joined = {
        name: pd.concat(frames, ignore_index=True) for name, frames in curves.items() if frames
    }
    about = {
        "pairs": len(gold),
        "top": top,
        "threshold": threshold,
        "against": against,
        "intervals": f"{level:.0%} over resampled pairs",
    }
    return ProbeResult("errors", tabulate(measures), joined, about)


def _pair_frame(
    first: Sequence[str], second: Sequence[str], gold: Float[np.ndarray, " pairs"]
) -> pd.DataFrame:
    columns = {"pair": range(len(gold)), "first": list(first), "second": list(second)}
    return pd.DataFrame({**columns, "gold": gold, "gold_rank": places(gold)})


def _refuse_misfits(
    first: int, second: int, gold: int, against: str | None, names: Iterable[str]
) -> None:
    if not first == second == gold:
        raise LabError(
            f"{first} first and {second} second sentences with {gold} gold scores; "
            "give those of the same pairs."
        )
    if against is not None and against not in names:
        raise LabError(
            f"{against!r} is none of the encoders ({', '.join(names)}); name one of them."
        )


class _Arms(NamedTuple):
    """``scores``, ``places`` and ``errors`` of the encoders that have an order, the others in
    ``reasons``."""

    scores: dict[str, np.ndarray]
    places: dict[str, np.ndarray]
    errors: dict[str, np.ndarray]
    reasons: dict[str, str]
    pairs: pd.DataFrame
    counts: Int[np.ndarray, "resamples pairs"]
    correlations: Float[np.ndarray, "draws variables variables"]
    """Of gold and every encoder, first on the pairs themselves."""
    threshold: float
    level: float
    sharing: SharedBootstrap

    def variable(self, name: str) -> int:
        return 1 + list(self.scores).index(name)


def _measure(
    arms: _Arms, name: str, label: str, values: Float[np.ndarray, " draws"], why: str = ""
) -> Measure:
    n, sharing = len(arms.pairs), arms.sharing
    return resampled(name, label, values, level=arms.level, n=n, why=why, sharing=sharing)


def _share(arms: _Arms, name: str, label: str, of: Float[np.ndarray, " pairs"]) -> Measure:
    beyond = (np.abs(of) > arms.threshold).astype(np.float64)
    return _measure(
        arms, name, label, np.array([beyond.mean(), *(arms.counts @ beyond / len(beyond))])
    )


def _alone(arms: _Arms, name: str) -> list[Measure]:
    if why := arms.reasons.get(name):
        return [Measure(name, label, float("nan"), n=len(arms.pairs), note=why) for label in ALONE]
    return [
        _measure(arms, name, ALONE[0], arms.correlations[:, 0, arms.variable(name)]),
        _share(arms, name, ALONE[1], arms.errors[name]),
    ]


def _between(arms: _Arms, a: str, b: str) -> list[Measure]:
    both = versus(a, b)
    if why := "; ".join(f"{name}: {arms.reasons[name]}" for name in (a, b) if name in arms.reasons):
        return [
            Measure(both, label, float("nan"), n=len(arms.pairs), note=why) for label in BETWEEN
        ]
    i, j = arms.variable(a), arms.variable(b)
    partial = partial_correlation(arms.correlations, i, j, [0])
    why = "gold leaves nothing of one of them" if np.isnan(partial[0]) else ""
    return [
        _measure(arms, both, BETWEEN[0], arms.correlations[:, i, j]),
        _measure(arms, both, BETWEEN[1], partial, why),
        _share(arms, both, BETWEEN[2], arms.places[a] - arms.places[b]),
    ]


def _scored(arms: _Arms, name: str, rows: Any) -> pd.DataFrame:
    listed = arms.pairs.iloc[rows].reset_index(drop=True)
    listed.insert(0, "encoder", name)
    return listed.assign(
        score=arms.scores[name][rows], rank=arms.places[name][rows], error=arms.errors[name][rows]
    )


def _wrong(arms: _Arms, name: str, common: Float[np.ndarray, " pairs"], top: int) -> pd.DataFrame:
    chosen = np.argsort(-np.abs(common), kind="stable")[: min(top, np.count_nonzero(common))]
    return _scored(arms, name, chosen).assign(common=common[chosen])


def _disagreements(arms: _Arms, a: str, b: str, top: int) -> pd.DataFrame:
    apart = arms.places[a] - arms.places[b]
    chosen = np.argsort(-np.abs(apart), kind="stable")[: min(top, np.count_nonzero(apart))]
    listed = arms.pairs.iloc[chosen].reset_index(drop=True)
    listed.insert(0, "encoder", versus(a, b))
    for side, name in (("a", a), ("b", b)):
        listed[side] = name
        for column, values in (
            ("score", arms.scores),
            ("rank", arms.places),
            ("error", arms.errors),
        ):
            listed[f"{column}_{side}"] = values[name][chosen]
    return listed.assign(difference=apart[chosen])
