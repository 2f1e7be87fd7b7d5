"""Polarity: how an encoder's similarity scores are spread, beside gold scores of the same pairs or
without any.

Two scalings to [0, 1] answer two questions. ``nominal`` maps the whole range that a similarity can
take (−1…1 for cosines) and the whole range of the gold scale: where do scores lie? ``own range``
maps the 5th and the 95th percentile of each, gold's too, to 0 and 1 and what lies beyond to the
nearer of them: which shape do they have, whatever part of the nominal range they use? An encoder
whose cosines all lie above 0.9 is extreme in the first sense and may be even in the second.

Measures of :func:`polarity`, raw:

- ``spearman``: rank correlation with gold.
- ``extreme mass (nominal | own range)``: share of scores in the outer 5 % at either end of the
  scaled range, minus gold's own share; ``low end`` and ``high end`` apart too, since too few at
  one end hide too many at the other. In the own range a continuous distribution has at least 10
  % there, gold likewise.
- ``sarle``, ``dip``, ``dip p``: bimodality (:func:`~recse_lab.probes.distributions.sarle`,
  :func:`~recse_lab.probes.dip.dip_test`).
- ``wasserstein (…)``: Wasserstein-1 distance between the distributions of scaled scores and
  scaled gold, 0 to 1.
- ``calibration error (…)``: mean distance, over pairs, between the scaled score and the scaled
  isotonic fit of gold on it: 0 where a score can be read as the gold it stands for. Measured on
  the pairs that it is fitted to.
- ``isotonic r2``: share of gold's variance that the isotonic fit explains, the most that
  calibration can make of the scores; on the pairs that it is fitted to, too, so that a fit of
  500 pairs may be too high by 0.02. A constant may be well calibrated, and explains 0.
- ``used low``, ``used high``, ``used range``: 5th and 95th percentile of the scores, and their
  distance.
- ``monotonicity`` of the bin means (:func:`~recse_lab.probes.distributions.monotonicity`); of
  each gold bin the ``mean …`` and ``spread …`` (standard deviation) of its scores; of
  neighbouring bins the ``overlap … | …`` (:class:`~recse_lab.probes.distributions.Overlap`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
import pandas as pd
from jaxtyping import Float, Int
from scipy.optimize import isotonic_regression

from recse_lab.probes.distributions import (
    NOMINAL,
    OWN,
    Boot,
    Counts,
    Range,
    counted,
    extreme,
    monotonicity,
    overlaps,
    shape,
    sums,
    unit,
    used_range,
)
from recse_lab.probes.paired import refuse_unknown_reference
from recse_lab.probes.polarity.checks import (
    COSINE,
    beyond_note,
    checked_scores,
    measurable,
    reason,
    refuse_gold,
    refuse_options,
)
from recse_lab.probes.polarity.curves import (
    GRID,
    bin_frame,
    cumulative_curves,
    densities,
    overlap_names,
    score_map,
)
from recse_lab.probes.polarity.rows import bin_rows, dip_rows, full_table, table_row
from recse_lab.probes.result import Measure, ProbeResult
from recse_lab.statistics import spearman_bootstrap
from recse_lab.statistics.shared_bootstrap import SharedBootstrap
from recse_lab.statistics.sharing import SharedSentences


def _against_gold(
    scores: Float[np.ndarray, " n"],
    gold: Float[np.ndarray, " n"],
    counts: Counts,
    spans: tuple[Range | None, Range],
    grid: Float[np.ndarray, " points"],
) -> tuple[Boot, Float[np.ndarray, "resamples points"]]:
    """Distance to gold's distribution and to calibration; and the isotonic fit of gold on the grid
    of scores."""
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
    """Mean and spread of the scores in each gold bin, overlap of neighbouring bins, monotonicity of
    the means."""
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
    for k, name in enumerate(overlap_names(labels)):
        here = (place == k) | (place == k + 1)
        out[name] = np.full(len(counts), np.nan)
        if here.any():
            out[name] = overlaps(scores[here], place[here] == k + 1, counts[:, here])
    return out


def _whole(
    values: Float[np.ndarray, " n"],
    gold: Float[np.ndarray, " n"],
    counts: Counts,
    spans: tuple[Range | None, Range],
    gold_shape: Boot,
    level: float,
) -> tuple[Boot, pd.DataFrame]:
    """Measures over all pairs on every resample, and the calibration curve with its interval."""
    grid = np.linspace(values.min(), values.max(), GRID)
    alone = shape(values, counts, spans[0])
    for key in (*extreme(NOMINAL), *extreme(OWN)):
        alone[key] = alone[key] - gold_shape[key]
    del alone["mean"], alone["spread"]
    beside, fits = _against_gold(values, gold, counts, spans, grid)
    low, high = np.quantile(fits[1:], [(1 - level) / 2, (1 + level) / 2], axis=0)
    curve = pd.DataFrame({"encoder": "", "score": grid, "gold": fits[0], "low": low, "high": high})
    return {**alone, **beside}, curve


def _rows(
    name: str,
    boots: Boot,
    values: Float[np.ndarray, " n"],
    gold: Float[np.ndarray, " n"],
    score_range: Range | None,
    level: float,
    sharing: SharedBootstrap,
) -> list[Measure]:
    """Rows of the measures over all pairs."""
    beyond = beyond_note(values, score_range)
    rows = []
    for key, boot in boots.items():
        note, why = beyond if NOMINAL in key else "", reason(key, values, gold)
        rows.append(table_row(name, key, boot, level, len(gold), note, why, sharing))
    return rows


def _differences(
    name: str,
    whole: Mapping[str, Boot],
    against: str,
    level: float,
    n: int,
    sharing: SharedBootstrap,
) -> list[Measure]:
    """Rows of an encoder's measures minus those of ``against``, resample by resample."""
    rows = []
    for key, boot in whole[name].items():
        less = boot - whole[against][key]
        why = f"undefined for {name} or {against}"
        rows.append(table_row(name, f"{key} minus {against}", less, level, n, "", why, sharing))
    return rows


def _gold_bin(
    gold: Float[np.ndarray, " n"], edges: Float[np.ndarray, " edges"]
) -> Int[np.ndarray, " n"]:
    """Index of the bin of each gold score."""
    # Gold comes in tenths and fifths in float32: 3.6 must not fall below an edge at 3.6.
    above = np.floor((gold - edges[0]) / (edges[1] - edges[0]) + 1e-5).astype(int)
    return np.clip(above, 0, len(edges) - 2)


def _members(
    values: Float[np.ndarray, " n"], place: Int[np.ndarray, " n"], labels: Sequence[str]
) -> dict[str, Float[np.ndarray, " some"]]:
    """Scores of all pairs, and of each gold bin."""
    return {"all": values, **{label: values[place == k] for k, label in enumerate(labels)}}


def polarity(
    scores: Mapping[str, Float[np.ndarray, " pairs"]],
    gold: Float[np.ndarray, " pairs"],
    shared: SharedSentences | None = None,
    *,
    against: str | None = None,
    bins: int = 5,
    gold_range: Range = (0.0, 5.0),
    score_range: Range | None = COSINE,
    resamples: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> ProbeResult:
    """How each encoder's scores are spread against gold scores of the same pairs, with intervals
    over pairs.

    Every encoder meets the same resamples. The measures are listed at the top of this module.
    What is undefined for a constant, or a bin without pairs, is NaN with the reason in ``note``.

    Curves, each with a column ``encoder``: ``density`` (bin, score, density; bin ``all`` holds
    every pair), ``map`` (gold_low, gold_high, score_low, score_high, pairs, share of the pairs of
    that gold), ``calibration`` (score, gold, low, high), ``cumulative`` (scaling, x, scores, gold:
    shares up to x), ``bins`` (one row per bin, its numbers in columns).

    Args:
        scores: Scores of each encoder.
        gold: Gold scores of the same pairs.
        shared: which pairs share sentences; None takes them as independent.
        against: The encoder that the others are compared with: every measure over all pairs gets a
            row ``MEASURE minus ENCODER``, over the same resamples.
        bins: of equal gold width over ``gold_range``; a grade on an edge belongs to the bin above
            it.
        score_range: what the similarity can be, for the nominal scaling. (0, 1) is allowed for
            cosines: those below 0 then count as 0, and the notes say how many. None for a
            similarity without bounds, whose nominal measures are undefined.

    Raises:
        LabError: No encoder, or none with finite scores; scores and gold of different length; fewer
            pairs than bins; gold that is not finite, of one value, or beyond its range; scores
            beyond their range.
        ValueError: Fewer than two bins or resamples.

    Source: the isotonic fit as the calibrated score: Gneiting & Resin (2023), "Regression
    diagnostics meets forecast evaluation", Electronic Journal of Statistics 17(2); the others at
    the functions named.
    """
    gold = np.asarray(gold, np.float64)
    refuse_options((score_range, gold_range), resamples)
    refuse_gold(gold, bins, gold_range)
    refuse_unknown_reference(against, scores)
    checked = {n: checked_scores(n, values, len(gold), score_range) for n, values in scores.items()}
    sound = measurable(checked)
    counts = counted(len(gold), resamples, np.random.default_rng(seed))
    sharing = SharedBootstrap(counts[1:], shared)
    edges = np.linspace(*gold_range, bins + 1)
    labels = [f"{a:.4g}–{b:.4g}" for a, b in pairwise(edges)]
    place = _gold_bin(gold, edges)
    pairs = dict(zip(labels, np.bincount(place, minlength=bins).tolist(), strict=True))

    gold_shape = shape(gold, counts, gold_range)
    correlations = spearman_bootstrap(gold, np.stack(list(sound.values())), counts)
    rows: dict[str, list[Measure]] = {}
    calibration, whole = [], {}
    for k, (name, values) in enumerate(sound.items()):
        boots, curve = _whole(values, gold, counts, (score_range, gold_range), gold_shape, level)
        whole[name] = boots = {"spearman": correlations[:, k], **boots}
        rows[name] = _rows(name, boots, values, gold, score_range, level, sharing)
        rows[name] += dip_rows(name, "", values)
        by_bin = _by_bin(values, place, labels, counts)
        rows[name] += bin_rows(name, by_bin, pairs, level, sharing)
        calibration.append(curve.assign(encoder=name))

    for name in sound:
        if against in sound and name != against:
            rows[name] += _differences(name, whole, against, level, len(gold), sharing)
    table = full_table(rows, checked)
    binned = {name: _members(values, place, labels) for name, values in sound.items()}
    curves = {
        "density": densities(binned, "bin", score_range),
        "map": score_map(sound, gold, np.linspace(*gold_range, 2 * bins + 1)),
        "calibration": pd.concat(calibration, ignore_index=True),
        "cumulative": cumulative_curves(sound, gold, score_range, gold_range),
        "bins": bin_frame(table, labels, edges, list(sound)),
    }
    about = {
        "pairs": len(gold),
        "bins": labels,
        "gold_range": list(gold_range),
        "score_range": list(score_range or ()) or None,
        "against": against,
        **{"resamples": resamples, "seed": seed, "level": level},
        "gold": {key: float(boot[0]) for key, boot in gold_shape.items()},
    }
    return ProbeResult("polarity", table, curves, about)
