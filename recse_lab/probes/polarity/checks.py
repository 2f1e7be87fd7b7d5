"""What the polarity probes refuse, and why a measure has no value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np
from jaxtyping import Float

from recse_lab.errors import LabError
from recse_lab.probes.distributions import (
    NOMINAL,
    OWN,
    Range,
    used_range,
)

COSINE = (-1.0, 1.0)
ROUNDING = 1e-4  # a cosine of float16 vectors may pass 1 by this much
CONSTANT = 1e-6  # the spread of float32 noise around one value
T = TypeVar("T")


def refuse_options(ranges: Sequence[Range | None], resamples: int) -> None:
    """Refuse options without meaning.

    Raises:
        LabError: A range has no width.
        ValueError: Fewer than two resamples.
    """
    if resamples < 2:
        raise ValueError(f"{resamples} resamples give no interval; at least two are needed")
    for span in ranges:
        if span is not None and not span[0] < span[1]:
            raise LabError(
                f"a range from {span[0]:g} to {span[1]:g} has no width; give its lower end first."
            )


def refuse_gold(gold: Float[np.ndarray, " pairs"], bins: int, gold_range: Range) -> None:
    """Refuse gold scores that cannot be binned.

    Raises:
        LabError: Fewer pairs than bins; gold that is not finite, of one value, or beyond its range.
        ValueError: Fewer than two bins.
    """
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
            f"{int((~np.isfinite(gold)).sum())} of {len(gold)} gold scores are not finite; drop "
            "those pairs."
        )
    if np.ptp(gold) == 0:
        raise LabError(
            f"every gold score is {gold[0]:g}: polarity needs graded pairs; see "
            "unlabelled_polarity."
        )
    slack = ROUNDING * (gold_range[1] - gold_range[0])
    if gold.min() < gold_range[0] - slack or gold.max() > gold_range[1] + slack:
        raise LabError(
            f"gold runs from {gold.min():g} to {gold.max():g}, beyond the gold range "
            f"{gold_range[0]:g} to "
            f"{gold_range[1]:g}; give gold_range the ends of its scale."
        )


def checked_scores(
    name: str, scores: Float[np.ndarray, " pairs"], pairs: int, nominal: Range | None
) -> tuple[Float[np.ndarray, " pairs"], str | None]:
    """Scores in float64, and why they have no measure. Float32 noise
    around one value is replaced by that value.

    Raises:
        LabError: Another number of scores than pairs, or scores beyond their range.
    """
    scores = np.asarray(scores, np.float64)
    if scores.shape != (pairs,):
        raise LabError(
            f"{name!r} has scores of shape {scores.shape} for {pairs} pairs; compare on the same "
            "pairs."
        )
    if not np.isfinite(scores).all():
        return scores, f"{int((~np.isfinite(scores)).sum())} of {pairs} scores are not finite"
    bounds = score_bounds(nominal)
    if bounds is not None and (
        scores.min() < bounds[0] - ROUNDING or scores.max() > bounds[1] + ROUNDING
    ):
        raise LabError(
            f"scores of {name!r} run from {scores.min():.4g} to {scores.max():.4g}, beyond "
            f"{bounds[0]:g} to "
            f"{bounds[1]:g}; give score_range the range of your similarity, or None if it has no "
            "bounds."
        )
    return np.full(pairs, np.median(scores)) if np.ptp(scores) <= CONSTANT else scores, None


def score_bounds(nominal: Range | None) -> Range | None:
    """Where scores may lie: in the nominal range or, where that is a part of the cosine's, in the
    cosine's."""
    return None if nominal is None else (min(nominal[0], COSINE[0]), max(nominal[1], COSINE[1]))


def beyond_note(scores: Float[np.ndarray, " pairs"], nominal: Range | None) -> str:
    """What to say beside a nominal measure whose range does not hold every score."""
    low, high = nominal or (-np.inf, np.inf)
    count = int(((scores < low - ROUNDING) | (scores > high + ROUNDING)).sum())
    return (
        f"{count} of {len(scores)} scores lie beyond {low:g} to {high:g} and count as at its ends"
        if count
        else ""
    )


def reason(
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


def measurable(checked: Mapping[str, tuple[T, str | None]]) -> dict[str, T]:
    """What can be measured, by encoder.

    Raises:
        LabError: Nothing can be measured.
    """
    sound = {name: found for name, (found, why) in checked.items() if why is None}
    if not sound:
        reasons = (
            "; ".join(f"{name!r}: {why}" for name, (_, why) in checked.items())
            or "no encoder was given"
        )
        raise LabError(
            f"there is nothing to measure ({reasons}); give at least one encoder with finite "
            "scores."
        )
    return sound
