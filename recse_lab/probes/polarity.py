"""Polarity: how an encoder's similarity scores are spread, beside gold scores of the same pairs or without any.

Two scalings to [0, 1] answer two questions. ``nominal`` maps the whole range that a similarity can take (−1…1 for
cosines) and the whole range of the gold scale: where do scores lie? ``own range`` maps the 5th and the 95th percentile
of each, gold's too, to 0 and 1 and what lies beyond to the nearer of them: which shape do they have, whatever part of
the nominal range they use? An encoder whose cosines all lie above 0.9 is extreme in the first sense and may be even in
the second.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from jaxtyping import Float, Int
from scipy.optimize import isotonic_regression

from recse_lab.errors import LabError
from recse_lab.probes.dip import DRAWS, dip_test
from recse_lab.probes.distributions import (
    DEFINED,
    NOMINAL,
    OWN,
    Boot,
    Counts,
    Range,
    counted,
    density,
    extreme,
    interval,
    monotonicity,
    overlaps,
    shape,
    sums,
    unit,
    used_range,
)
from recse_lab.probes.result import Measure, ProbeResult, tabulate
from recse_lab.statistics import spearman_bootstrap

COSINE = (-1.0, 1.0)
ROUNDING = 1e-4  # a cosine of float16 vectors may pass 1 by this much
CONSTANT = 1e-6  # the spread of float32 noise around one value
GRID, CELLS = 201, 24  # points of a curve; cells of the map along the scores

# ---- scores beside gold ------------------------------------------------------------------------------------------


def _against_gold(
    scores: Float[np.ndarray, " n"],
    gold: Float[np.ndarray, " n"],
    counts: Counts,
    spans: tuple[Range | None, Range],
    grid: Float[np.ndarray, " points"],
) -> tuple[Boot, Float[np.ndarray, "resamples points"]]:
    """Distance to gold's distribution and to calibration; and the isotonic fit of gold on the grid of scores."""
    n = len(scores)
    order, gold_order = np.argsort(scores, kind="stable"), np.argsort(gold, kind="stable")
    ordered, gold_ordered, gold_along = scores[order], gold[gold_order], gold[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    distinct = ordered[starts]
    names = [
        f"{what} ({scaling})"
        for scaling in (NOMINAL, OWN)
        for what in ("wasserstein", "calibration error")
    ]
    out = {name: np.empty(len(counts)) for name in (*names, "isotonic r2")}
    curves = np.empty((len(counts), len(grid)))
    for r, times in enumerate(counts):
        along = times[order]
        drawn, gold_drawn = np.repeat(ordered, along), np.repeat(gold_ordered, times[gold_order])
        weights = np.add.reduceat(along, starts, dtype=np.float64)
        there = weights > 0
        weights, totals = weights[there], np.add.reduceat(along * gold_along, starts)[there]
        fit = isotonic_regression(totals / weights, weights=weights).x
        own = (used_range(drawn), used_range(gold_drawn))
        for scaling, (span, gold_span) in {NOMINAL: spans, OWN: own}.items():
            apart = np.abs(unit(drawn, span) - unit(gold_drawn, gold_span))
            off = np.abs(unit(distinct[there], span) - unit(fit, gold_span))
            out[f"wasserstein ({scaling})"][r] = apart.mean()
            out[f"calibration error ({scaling})"][r] = weights @ off / n
        explained, spread = weights @ (fit - gold_drawn.mean()) ** 2 / n, np.var(gold_drawn)
        out["isotonic r2"][r] = explained / spread if spread > 0 else np.nan
        curves[r] = np.interp(grid, distinct[there], fit)
    return out, curves


def _by_bin(
    scores: Float[np.ndarray, " n"],
    place: Int[np.ndarray, " n"],
    labels: Sequence[str],
    counts: Counts,
) -> Boot:
    """Mean and spread of the scores in each gold bin, overlap of neighbouring bins, monotonicity of the means."""
    one_hot = (place[:, None] == np.arange(len(labels))).astype(np.float64)
    middle = float(np.mean(scores))
    z = (scores - middle)[:, None]
    pairs, first, second = np.split(
        sums(np.concatenate([one_hot, one_hot * z, one_hot * z**2], axis=1), counts), 3, 1
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        means = first / pairs
        spreads = np.sqrt(
            np.maximum(second - pairs * means**2, 0) / np.where(pairs > 1, pairs - 1, np.nan)
        )
    out = {"monotonicity": monotonicity(means)}
    out |= {f"mean {label}": middle + means[:, k] for k, label in enumerate(labels)}
    out |= {f"spread {label}": spreads[:, k] for k, label in enumerate(labels)}
    for k, name in enumerate(_neighbours(labels)):
        here = (place == k) | (place == k + 1)
        out[name] = np.full(len(counts), np.nan)
        if here.any():
            out[name] = overlaps(scores[here], place[here] == k + 1, counts[:, here])
    return out


def _neighbours(labels: Sequence[str]) -> list[str]:
    return [f"overlap {a} | {b}" for a, b in pairwise(labels)]


# ---- what is refused, and why a measure has no value -------------------------------------------------------------


def _refuse_options(ranges: Sequence[Range | None], resamples: int) -> None:
    if resamples < 2:
        raise ValueError(f"{resamples} resamples give no interval; at least two are needed")
    for span in ranges:
        if span is not None and not span[0] < span[1]:
            raise LabError(
                f"a range from {span[0]:g} to {span[1]:g} has no width; give its lower end first."
            )


def _refuse_gold(gold: Float[np.ndarray, " pairs"], bins: int, gold_range: Range) -> None:
    if bins < 2:
        raise ValueError(
            f"bins is {bins}; neighbouring bins are compared, so at least two are needed"
        )
    if len(gold) < bins:
        raise LabError(
            f"{len(gold)} pairs cannot fill {bins} gold bins; give more pairs or fewer bins."
        )
    if not np.isfinite(gold).all():
        raise LabError(
            f"{int((~np.isfinite(gold)).sum())} of {len(gold)} gold scores are not finite; drop those pairs."
        )
    if np.ptp(gold) == 0:
        raise LabError(
            f"every gold score is {gold[0]:g}: polarity needs graded pairs; see unlabelled_polarity."
        )
    slack = ROUNDING * (gold_range[1] - gold_range[0])
    if gold.min() < gold_range[0] - slack or gold.max() > gold_range[1] + slack:
        raise LabError(
            f"gold runs from {gold.min():g} to {gold.max():g}, beyond the gold range {gold_range[0]:g} to "
            f"{gold_range[1]:g}; give gold_range the ends of its scale."
        )


def _checked(
    name: str, scores: Float[np.ndarray, " pairs"], pairs: int, nominal: Range | None
) -> tuple[Float[np.ndarray, " pairs"], str | None]:
    """Scores in float64, and why they have no measure. Float32 noise around one value is no spread: it is taken out."""
    scores = np.asarray(scores, np.float64)
    if scores.shape != (pairs,):
        raise LabError(
            f"{name!r} has scores of shape {scores.shape} for {pairs} pairs; compare on the same pairs."
        )
    if not np.isfinite(scores).all():
        return scores, f"{int((~np.isfinite(scores)).sum())} of {pairs} scores are not finite"
    bounds = _bounds(nominal)
    if bounds is not None and (
        scores.min() < bounds[0] - ROUNDING or scores.max() > bounds[1] + ROUNDING
    ):
        raise LabError(
            f"scores of {name!r} run from {scores.min():.4g} to {scores.max():.4g}, beyond {bounds[0]:g} to "
            f"{bounds[1]:g}; give score_range the range of your similarity, or None if it has no bounds."
        )
    return np.full(pairs, np.median(scores)) if np.ptp(scores) <= CONSTANT else scores, None


def _bounds(nominal: Range | None) -> Range | None:
    """Where scores may lie: in the nominal range or, where that is a part of the cosine's, in the cosine's."""
    return None if nominal is None else (min(nominal[0], COSINE[0]), max(nominal[1], COSINE[1]))


def _beyond(scores: Float[np.ndarray, " pairs"], nominal: Range | None) -> str:
    """What to say beside a nominal measure whose range does not hold every score."""
    low, high = nominal or (-np.inf, np.inf)
    count = int(((scores < low - ROUNDING) | (scores > high + ROUNDING)).sum())
    return (
        f"{count} of {len(scores)} scores lie beyond {low:g} to {high:g} and count as at its ends"
        if count
        else ""
    )


def _why(
    measure: str,
    scores: Float[np.ndarray, " pairs"],
    gold: Float[np.ndarray, " pairs"] | None = None,
) -> str:
    """Why a measure over all pairs has no value."""
    if NOMINAL in measure:
        return "the similarity has no nominal range (score_range is None)"
    if OWN in measure:
        flat = gold is not None and np.ptp(used_range(np.sort(gold))) == 0
        return f"the 5th and the 95th percentile of {'gold' if flat else 'the scores'} are the same"
    if len(scores) < 4:
        return "too few pairs"
    return "all scores are the same: the encoder is constant"


def _row(
    encoder: str,
    measure: str,
    boot: Float[np.ndarray, " resamples"],
    level: float,
    n: int,
    note: str,
    why: str,
) -> Measure:
    """A line of the table from the estimate and its resamples, with ``note`` or, where there is no value, ``why``."""
    point, resampled = float(boot[0]), boot[1:]
    if not np.isfinite(point):
        return Measure(encoder, measure, float("nan"), n=n, note=why)
    missing = int((~np.isfinite(resampled)).sum())
    if missing:
        lost = ": no interval" if missing > (1 - DEFINED) * len(resampled) else ""
        note = "; ".join(
            filter(None, (note, f"undefined in {missing} of {len(resampled)} resamples{lost}"))
        )
    return Measure(encoder, measure, point, *interval(point, resampled, level), n, note)


def _dip_rows(encoder: str, prefix: str, values: Float[np.ndarray, " n"]) -> list[Measure]:
    found = dip_test(values)
    why = "no interval: a resample repeats values, and repeated values dip further; its p stands beside it"
    p = f"share of {DRAWS} uniform samples that dip as far; a p has no interval"
    return [
        Measure(encoder, f"{prefix}dip", found.dip, n=found.n, note=why),
        Measure(encoder, f"{prefix}dip p", found.p, n=found.n, note=p),
    ]


# ---- the probes --------------------------------------------------------------------------------------------------


def polarity(
    scores: Mapping[str, Float[np.ndarray, " pairs"]],
    gold: Float[np.ndarray, " pairs"],
    *,
    bins: int = 5,
    gold_range: Range = (0.0, 5.0),
    score_range: Range | None = COSINE,
    resamples: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> ProbeResult:
    """How each encoder's scores are spread against gold scores of the same pairs, with intervals over pairs.

    Every encoder meets the same resamples. Measures, raw:

    - ``spearman``: rank correlation with gold.
    - ``extreme mass (nominal | own range)``: share of scores in the outer 5 % at either end of the scaled range, minus
      gold's own share; ``low end`` and ``high end`` apart too, since too few at one end hide too many at the other. In
      the own range a continuous distribution has at least 10 % there, gold likewise.
    - ``sarle``, ``dip``, ``dip p``: bimodality (:func:`~recse_lab.probes.distributions.sarle`,
      :func:`~recse_lab.probes.dip.dip_test`).
    - ``wasserstein (…)``: Wasserstein-1 distance between the distributions of scaled scores and scaled gold, 0 to 1.
    - ``calibration error (…)``: mean distance, over pairs, between the scaled score and the scaled isotonic fit of gold
      on it: 0 where a score can be read as the gold it stands for. Measured on the pairs that it is fitted to.
    - ``isotonic r2``: share of gold's variance that the isotonic fit explains, the most that calibration can make of
      the scores; on the pairs that it is fitted to, too, so that a fit of 500 pairs may be too high by 0.02. A constant
      may be well calibrated, and explains 0.
    - ``used low``, ``used high``, ``used range``: 5th and 95th percentile of the scores, and their distance.
    - ``monotonicity`` of the bin means (:func:`~recse_lab.probes.distributions.monotonicity`); of each gold bin the
      ``mean …`` and ``spread …`` (standard deviation) of its scores; of neighbouring bins the ``overlap … | …``
      (:class:`~recse_lab.probes.distributions.Overlap`).

    What a constant, or a bin without pairs, leaves undefined is NaN with the reason in ``note``; so is every measure of
    an encoder with a score that is not finite.

    Curves, each with a column ``encoder``: ``density`` (bin, score, density; bin ``all`` holds every pair), ``map``
    (gold_low, gold_high, score_low, score_high, pairs, share of the pairs of that gold), ``calibration`` (score, gold,
    low, high), ``cumulative`` (scaling, x, scores, gold: shares up to x), ``bins`` (a row a bin, its numbers in columns).

    Args:
        bins: of equal gold width over ``gold_range``; a grade on an edge belongs to the bin above it.
        score_range: what the similarity can be, for the nominal scaling. (0, 1) is allowed for cosines: those below 0
            then count as 0, and the notes say how many. None for a similarity without bounds, whose nominal measures
            are undefined.

    Raises:
        LabError: No encoder, or none with finite scores; scores and gold of different length; fewer pairs than bins;
            gold that is not finite, of one value, or beyond its range; scores beyond their range.
        ValueError: Fewer than two bins or resamples.

    Source: the isotonic fit as the calibrated score: Gneiting & Resin (2023), "Regression diagnostics meets forecast
    evaluation", Electronic Journal of Statistics 17(2); the others at the functions named.
    """
    gold = np.asarray(gold, np.float64)
    _refuse_options((score_range, gold_range), resamples)
    _refuse_gold(gold, bins, gold_range)
    checked = {
        name: _checked(name, values, len(gold), score_range) for name, values in scores.items()
    }
    sound = _sound(checked)
    counts = counted(len(gold), resamples, np.random.default_rng(seed))
    edges = np.linspace(*gold_range, bins + 1)
    labels = [f"{a:.4g}–{b:.4g}" for a, b in pairwise(edges)]
    # Gold comes in tenths and fifths in float32: 3.6 must not fall below an edge at 3.6.
    place = np.clip(
        np.floor((gold - edges[0]) / (edges[1] - edges[0]) + 1e-5).astype(int), 0, bins - 1
    )
    pairs = dict(zip(labels, np.bincount(place, minlength=bins).tolist(), strict=True))

    gold_shape = shape(gold, counts, gold_range)
    correlations = spearman_bootstrap(gold, np.stack(list(sound.values())), counts)
    rows: dict[str, list[Measure]] = {}
    calibration = []
    for k, (name, values) in enumerate(sound.items()):
        grid = np.linspace(values.min(), values.max(), GRID)
        alone = shape(values, counts, score_range)
        alone |= {
            key: alone[key] - gold_shape[key]
            for scaling in (NOMINAL, OWN)
            for key in extreme(scaling)
        }
        del alone["mean"], alone["spread"]
        beside, fits = _against_gold(values, gold, counts, (score_range, gold_range), grid)
        beyond = _beyond(values, score_range)
        whole = {"spearman": correlations[:, k], **alone, **beside}
        rows[name] = [
            _row(
                name,
                key,
                boot,
                level,
                len(gold),
                beyond if NOMINAL in key else "",
                _why(key, values, gold),
            )
            for key, boot in whole.items()
        ]
        rows[name] += _dip_rows(name, "", values)
        rows[name] += _bin_rows(name, _by_bin(values, place, labels, counts), pairs, level)
        low, high = np.quantile(fits[1:], [(1 - level) / 2, (1 + level) / 2], axis=0)
        calibration.append(
            pd.DataFrame(
                {"encoder": name, "score": grid, "gold": fits[0], "low": low, "high": high}
            )
        )

    table = _table(rows, checked)
    members = {
        "all": np.full(len(gold), True),
        **{label: place == k for k, label in enumerate(labels)},
    }
    binned = {
        name: {label: values[here] for label, here in members.items()}
        for name, values in sound.items()
    }
    curves = {
        "density": _densities(binned, "bin", score_range),
        "map": _map(sound, gold, np.linspace(*gold_range, 2 * bins + 1)),
        "calibration": pd.concat(calibration, ignore_index=True),
        "cumulative": _cumulative(sound, gold, score_range, gold_range),
        "bins": _bin_frame(table, labels, edges, list(sound)),
    }
    about = {
        "pairs": len(gold),
        "bins": labels,
        "gold_range": list(gold_range),
        "score_range": list(score_range or ()) or None,
        "resamples": resamples,
        "seed": seed,
        "level": level,
        "gold": {key: float(boot[0]) for key, boot in gold_shape.items()},
    }
    return ProbeResult("polarity", table, curves, about)


def unlabelled_polarity(
    groups: Mapping[str, Mapping[str, Float[np.ndarray, " pairs"]]],
    *,
    against: str = "random pairs",
    score_range: Range | None = COSINE,
    resamples: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> ProbeResult:
    """How scores are spread where there is no gold: encoder → group of pairs (random, dropout, reshape …) → scores.

    Measures of each group, as ``group: measure``: ``mean``, ``spread`` (standard deviation), ``used low``, ``used
    high``, ``used range``, ``extreme mass (…)`` as a plain share, ``sarle``, ``dip``, ``dip p``, all as in
    :func:`polarity`; and for every group but ``against`` the ``overlap with …`` it, 2 (1 − AUC)
    (:class:`~recse_lab.probes.distributions.Overlap`): 0 where every positive pair scores above every random one.
    Intervals are over the pairs of a group, the same resamples for every encoder, each group on its own.

    Curves, each with a column ``encoder``: ``density`` (group, score, density), ``cumulative`` (group, score, share).

    Raises:
        LabError: No encoder, or none with finite scores; encoders with different groups or numbers of pairs; an empty
            group; ``against`` is no group; scores beyond their range.
        ValueError: Fewer than two resamples.
    """
    _refuse_options((score_range,), resamples)
    sizes = {
        name: {group: len(values) for group, values in parts.items()}
        for name, parts in groups.items()
    }
    first = next(iter(sizes.values()), {})
    for name, found in sizes.items():
        if found != first:
            raise LabError(
                f"{name!r} has pairs {found} where others have {first}; score the same pairs by each encoder."
            )
    if against not in first or not all(first.values()):
        raise LabError(
            f"of the groups {first} none may be empty and one must be {against!r}, which others are held against."
        )
    checked = {
        name: {
            group: _checked(f"{name}, {group}", parts[group], n, score_range)
            for group, n in first.items()
        }
        for name, parts in groups.items()
    }
    whole = {
        name: (parts, next((f"{group}: {why}" for group, (_, why) in parts.items() if why), None))
        for name, parts in checked.items()
    }
    sound = {
        name: {group: values for group, (values, _) in parts.items()}
        for name, parts in _sound(whole).items()
    }
    rng = np.random.default_rng(seed)
    counts = {group: counted(n, resamples, rng) for group, n in first.items()}

    rows: dict[str, list[Measure]] = {}
    for name, parts in sound.items():
        rows[name] = []
        for group, values in parts.items():
            measures, beyond = (
                shape(values, counts[group], score_range),
                _beyond(values, score_range),
            )
            if group != against:
                both = np.concatenate([parts[against], values])
                upper = np.arange(len(both)) >= first[against]
                drawn = np.concatenate([counts[against], counts[group]], axis=1)
                measures[f"overlap with {against}"] = overlaps(both, upper, drawn)
            rows[name] += [
                _row(
                    name,
                    f"{group}: {key}",
                    boot,
                    level,
                    len(values),
                    beyond if NOMINAL in key else "",
                    _why(key, values),
                )
                for key, boot in measures.items()
            ]
            rows[name] += _dip_rows(name, f"{group}: ", values)

    x = _grid(sound, score_range)
    shares = [
        pd.DataFrame({"encoder": name, "group": group, "score": x, "share": _share(values, x)})
        for name, parts in sound.items()
        for group, values in parts.items()
    ]
    curves = {
        "density": _densities(sound, "group", score_range),
        "cumulative": pd.concat(shares, ignore_index=True),
    }
    about = {
        "pairs": first,
        "against": against,
        "score_range": list(score_range or ()) or None,
        "resamples": resamples,
        "seed": seed,
        "level": level,
    }
    return ProbeResult("unlabelled-polarity", _table(rows, whole), curves, about)


T = TypeVar("T")


def _sound(checked: Mapping[str, tuple[T, str | None]]) -> dict[str, T]:
    """What can be measured, by encoder."""
    sound = {name: found for name, (found, why) in checked.items() if why is None}
    if not sound:
        reasons = (
            "; ".join(f"{name!r}: {why}" for name, (_, why) in checked.items())
            or "no encoder was given"
        )
        raise LabError(
            f"there is nothing to measure ({reasons}); give at least one encoder with finite scores."
        )
    return sound


def _table(
    rows: Mapping[str, list[Measure]], checked: Mapping[str, tuple[Any, str | None]]
) -> pd.DataFrame:
    """All encoders in the order given, those that could not be measured with the reason in every line."""
    like = next(iter(rows.values()))
    lines = [
        line
        for name, (_, why) in checked.items()
        for line in (
            rows[name]
            if why is None
            else [Measure(name, m.measure, float("nan"), n=m.n, note=why) for m in like]
        )
    ]
    return tabulate(lines)


def _bin_rows(encoder: str, boots: Boot, pairs: Mapping[str, int], level: float) -> list[Measure]:
    """Lines of the measures by gold bin; n is the number of pairs in the bin, or in both neighbours."""
    rows = []
    for key, boot in boots.items():
        concerned = [label for label in pairs if label in key.split()] or list(pairs)
        empty = [label for label in concerned if not pairs[label]]
        why = f"no pair has gold {' or '.join(empty)}" if empty else "one pair has no spread"
        if key == "monotonicity" and not empty:
            why = "the bin means do not move"
        rows.append(
            _row(encoder, key, boot, level, sum(pairs[label] for label in concerned), "", why)
        )
    return rows


# ---- curves ------------------------------------------------------------------------------------------------------


def _grid(
    sound: Mapping[str, Mapping[str, Float[np.ndarray, " n"]]], nominal: Range | None
) -> Float[np.ndarray, " points"]:
    """Scores at which curves of all encoders are drawn: a little more than what occurs, no more than can."""
    every = np.concatenate([values for parts in sound.values() for values in parts.values()])
    low, high = _bounds(nominal) or (-np.inf, np.inf)
    margin = 0.04 * (np.ptp(every) or 1.0)
    return np.linspace(max(low, every.min() - margin), min(high, every.max() + margin), GRID)


def _share(
    values: Float[np.ndarray, " n"], x: Float[np.ndarray, " points"]
) -> Float[np.ndarray, " points"]:
    """Share of values up to x."""
    return np.searchsorted(np.sort(values), x, side="right") / len(values)


def _densities(
    sound: Mapping[str, Mapping[str, Float[np.ndarray, " n"]]], column: str, nominal: Range | None
) -> pd.DataFrame:
    grid = _grid(sound, nominal)
    parts = [
        pd.DataFrame(
            {
                "encoder": name,
                column: label,
                "score": grid,
                "density": density(values, grid, _bounds(nominal)),
            }
        )
        for name, by_label in sound.items()
        for label, values in by_label.items()
        if len(values)
    ]
    return pd.concat(parts, ignore_index=True)


def _map(
    sound: Mapping[str, Float[np.ndarray, " pairs"]],
    gold: Float[np.ndarray, " pairs"],
    edges: Float[np.ndarray, " edges"],
) -> pd.DataFrame:
    """How many pairs of each grade have which score; cells of one size for all encoders."""
    every = np.concatenate(list(sound.values()))
    margin = 0 if np.ptp(every) else 0.5
    score_edges = np.linspace(every.min() - margin, every.max() + margin, CELLS + 1)
    parts = []
    for name, values in sound.items():
        pairs = np.histogram2d(np.clip(gold, edges[0], edges[-1]), values, [edges, score_edges])[0]
        rows, columns = (index.ravel() for index in np.indices(pairs.shape))
        with np.errstate(invalid="ignore"):
            share = pairs / pairs.sum(axis=1, keepdims=True)
        parts.append(
            pd.DataFrame(
                {
                    "encoder": name,
                    "gold_low": edges[rows],
                    "gold_high": edges[rows + 1],
                    "score_low": score_edges[columns],
                    "score_high": score_edges[columns + 1],
                    "pairs": pairs.ravel().astype(int),
                    "share": share.ravel(),
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def _cumulative(
    sound: Mapping[str, Float[np.ndarray, " pairs"]],
    gold: Float[np.ndarray, " pairs"],
    nominal: Range | None,
    gold_range: Range,
) -> pd.DataFrame:
    """Shares of scores and of gold up to x, both scaled; the area between them is the Wasserstein distance."""
    x = np.linspace(0, 1, GRID)
    parts = []
    for name, values in sound.items():
        own = (used_range(np.sort(values)), used_range(np.sort(gold)))
        for scaling, (span, gold_span) in {NOMINAL: (nominal, gold_range), OWN: own}.items():
            scaled, gold_scaled = unit(values, span), unit(gold, gold_span)
            if np.isfinite(scaled).all() and np.isfinite(gold_scaled).all():
                parts.append(
                    pd.DataFrame(
                        {
                            "encoder": name,
                            "scaling": scaling,
                            "x": x,
                            "scores": _share(scaled, x),
                            "gold": _share(gold_scaled, x),
                        }
                    )
                )
    columns = ["encoder", "scaling", "x", "scores", "gold"]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)


def _bin_frame(
    table: pd.DataFrame,
    labels: Sequence[str],
    edges: Float[np.ndarray, " edges"],
    encoders: Sequence[str],
) -> pd.DataFrame:
    """A row an encoder and gold bin; ``overlap`` is that with the next bin."""
    lines = table.set_index(["encoder", "measure"])
    over = dict(zip(labels, _neighbours(labels), strict=False))
    rows = []
    for name in encoders:
        for k, label in enumerate(labels):
            row: dict[str, Any] = {
                "encoder": name,
                "bin": label,
                "gold_low": edges[k],
                "gold_high": edges[k + 1],
            }
            row["pairs"] = lines.loc[(name, f"mean {label}"), "n"]
            for what, key in (
                ("mean", f"mean {label}"),
                ("spread", f"spread {label}"),
                ("overlap", over.get(label)),
            ):
                for column, end in (("value", ""), ("low", "_low"), ("high", "_high")):
                    row[what + end] = lines.loc[(name, key), column] if key else np.nan
            rows.append(row)
    return pd.DataFrame(rows)
