"""Bias: does similarity follow length, shared words or word frequency where gold does not, and does
STS hide it?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int
from scipy import stats

from recse_lab.errors import LabError
from recse_lab.probes.correlations import checked, partial_correlation, rank_correlations
from recse_lab.probes.influence import words
from recse_lab.probes.resampling import resampled, with_sample
from recse_lab.probes.result import Measure, ProbeResult, tabulate
from recse_lab.statistics import resample_counts, spearman_bootstrap
from recse_lab.statistics.correlation import why_undefined
from recse_lab.statistics.shared_bootstrap import SharedBootstrap
from recse_lab.statistics.sharing import SharedSentences

STRATA = ("low", "middle", "high")
LEAST = 10  # pairs below which no correlation is reported
GOLD, ALL = "gold", "gold and other covariates"
"""What a partial correlation holds fixed."""
Rows = list[dict[str, object]]


def covariates(
    first: Sequence[str], second: Sequence[str], counts: Mapping[str, int] | None = None
) -> pd.DataFrame:
    """One row a pair, over its lower-cased words and numbers (punctuation left out).

    ``length difference`` |n₁ − n₂| and ``mean length`` (n₁ + n₂) / 2 in words; ``word overlap``,
    Jaccard's index of the sets of words; with ``counts`` of a corpus (``influence.word_counts``)
    ``mean log frequency``, the mean over the words of both of log₁₀ (count + 1) / (words of the
    corpus + kinds of words). NaN where there is no word.

    Raises:
        ValueError: Not as many second sentences as first.
    """
    pairs = [(words(a), words(b)) for a, b in zip(first, second, strict=True)]
    lengths = np.array([(len(a), len(b)) for a, b in pairs], np.float64).reshape(-1, 2)
    table = pd.DataFrame(
        {
            "length difference": np.abs(lengths[:, 0] - lengths[:, 1]),
            "mean length": lengths.mean(axis=1),
            "word overlap": [
                len({*a} & {*b}) / len({*a, *b}) if a or b else np.nan for a, b in pairs
            ],
        }
    )
    if counts is not None:
        total = sum(counts.values()) + len(counts)
        logs = [[np.log10((counts.get(word, 0) + 1) / total) for word in a + b] for a, b in pairs]
        table["mean log frequency"] = [float(np.mean(found)) if found else np.nan for found in logs]
    return table


def strata(values: Float[np.ndarray, " pairs"], parts: int = 3) -> Int[np.ndarray, " pairs"]:
    """Thirds of the pairs, 0 (low) upwards, by mid-rank: equal values share a stratum, so ties may
    leave one empty."""
    return (parts * (stats.rankdata(values) - 0.5) // len(values)).astype(int)


def bias(
    scores: Mapping[str, Float[np.ndarray, " pairs"]],
    gold: Float[np.ndarray, " pairs"],
    covariates: pd.DataFrame,
    shared: SharedSentences | None = None,
    *,
    against: str | None = None,
    resamples: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> ProbeResult:
    """What similarity follows besides gold, one row per encoder: partial rank correlations, and STS
    within strata.

    ``covariates`` has one numeric column per covariate and one row per pair (see ``covariates``).
    Measures, for each covariate: ``partial`` holds gold and the other covariates fixed, ``at fixed
    gold`` gold alone; ``spearman`` is STS within the low, middle and high third of the covariate,
    ``spearman gap`` that of the high third less that of the low one. With ``against``, each
    encoder's ``partial`` less that encoder's. Curves: ``partial``, ``against``, ``strata`` (with
    the bounds of each and gold's spread in it), ``gap``, and ``gold`` (how gold itself goes with
    each covariate). Intervals are percentiles over resampled pairs, the same for every encoder;
    strata are those of the whole sample. A pair with a covariate that is NaN is left out
    everywhere, and ``about`` counts them.

    Two cautions. Gold is measured with error, so similarity that follows the true meaning keeps
    part of gold's own correlation with a covariate: compare encoders with each other rather than
    with 0. And Spearman's ρ is lower where gold varies less, so compare the gaps of encoders, not
    strata alone.

    Raises:
        LabError: As ``checked``; or no covariate, or covariates over another number of pairs.
    """
    gold = np.asarray(gold)
    checked(scores, gold)
    if against is not None and against not in scores:
        raise LabError(
            f"{against!r} is none of the encoders ({', '.join(scores)}); name one of them."
        )
    if covariates.shape[1] == 0 or len(covariates) != len(gold):
        raise LabError(
            f"covariates: {covariates.shape[1]} columns over {len(covariates)} pairs with "
            f"{len(gold)} gold scores."
        )
    values = covariates.to_numpy(np.float64)
    whole = np.isfinite(values).all(axis=1)
    if not whole.any():
        raise LabError(
            "every pair lacks a covariate (NaN or infinite); drop the column that has no value."
        )
    gold, values = gold[whole].astype(np.float64), values[whole].T
    kept = {name: np.asarray(row, np.float64)[whole] for name, row in scores.items()}
    reasons = checked(kept, gold)
    usable = np.stack(
        [np.full(len(gold), np.nan) if name in reasons else row for name, row in kept.items()]
    )

    counts = resample_counts(len(gold), resamples, np.random.default_rng(seed))
    sample = _Sample(
        list(kept),
        reasons,
        gold,
        usable,
        list(covariates.columns),
        values,
        counts,
        level,
        SharedBootstrap(counts, None if shared is None else shared.subset(np.asarray(whole))),
    )
    partial, partial_curves = _partials(sample, against)
    within, strata_curves = _within(sample)
    own = rank_correlations(np.stack([gold, *values]), np.ones((1, len(gold)), np.int16))[0, 0, 1:]
    about = {
        "pairs": len(gold),
        "pairs left out": int((~whole).sum()),
        "covariates": sample.covariates,
        "against": against,
        "intervals": f"{level:.0%} over resampled pairs",
    }
    curves = {
        name: pd.DataFrame(rows) for name, rows in (partial_curves | strata_curves).items() if rows
    }
    curves["gold"] = pd.DataFrame({"encoder": "gold", "covariate": sample.covariates, "value": own})
    measures = sorted(
        [*partial, *within], key=lambda measure: sample.encoders.index(measure.encoder)
    )
    return ProbeResult("bias", tabulate(measures), curves, about)


class _Sample(NamedTuple):
    encoders: list[str]
    reasons: dict[str, str]
    gold: Float[np.ndarray, " pairs"]
    scores: Float[np.ndarray, "encoders pairs"]
    """NaN for an encoder in ``reasons``."""
    covariates: list[str]
    values: Float[np.ndarray, "covariates pairs"]
    counts: Int[np.ndarray, "resamples pairs"]
    level: float
    sharing: SharedBootstrap

    def measure(self, encoder: str, name: str, values: np.ndarray, n: int, why: str) -> Measure:
        """A measure from its value on the sample and on every resample."""
        return resampled(
            encoder, name, values, level=self.level, n=n, why=why, sharing=self.sharing
        )


def _row(measure: Measure, **more: object) -> dict[str, object]:
    """A point of a curve: a measure without its name, and where it lies."""
    return {key: value for key, value in measure._asdict().items() if key != "measure"} | more


def _partials(sample: _Sample, against: str | None) -> tuple[list[Measure], dict[str, Rows]]:
    n, k = len(sample.gold), len(sample.covariates)
    varies = np.ptp(sample.values, axis=1) > 0
    variables = np.stack([sample.gold, *sample.values, *sample.scores])
    matrices = rank_correlations(variables, with_sample(sample.counts))
    measures: list[Measure] = []
    curves: dict[str, Rows] = {"partial": [], "against": []}
    found: dict[tuple[str, str, int], np.ndarray] = {}
    for e, encoder in enumerate(sample.encoders):
        for c, covariate in enumerate(sample.covariates):
            others = [1 + other for other in range(k) if other != c and varies[other]]
            for label, held, given in (
                ("partial", ALL, [0, *others]),
                ("at fixed gold", GOLD, [0]),
            ):
                values = partial_correlation(matrices, 1 + k + e, 1 + c, given)
                why = sample.reasons.get(encoder, "")
                if not why and n < LEAST + len(given):
                    why = f"{n} pairs are too few: {LEAST + len(given)} are wanted"
                    values = np.full_like(values, np.nan)
                elif not why and not varies[c]:
                    why = f"{covariate} is the same for all pairs"
                elif not why and np.isnan(values[0]):
                    why = f"{held} leave nothing of the similarity or of {covariate}"
                name = f"{label}: {covariate}"
                measures.append(sample.measure(encoder, name, values, n, why))
                curves["partial"].append(_row(measures[-1], covariate=covariate, given=held))
                found[label, encoder, c] = values
    if against is not None:
        for (label, encoder, c), values in found.items():
            if label == "partial" and encoder != against:
                less = values - found[label, against, c]
                why = "" if np.isfinite(less[0]) else f"undefined for {encoder} or for {against}"
                covariate = sample.covariates[c]
                name = f"partial: {covariate}, less that of {against}"
                measures.append(sample.measure(encoder, name, less, n, why))
                curves["against"].append(_row(measures[-1], covariate=covariate))
    return measures, curves


def _within(sample: _Sample) -> tuple[list[Measure], dict[str, Rows]]:
    measures: list[Measure] = []
    curves: dict[str, Rows] = {"strata": [], "gap": []}
    for covariate, values in zip(sample.covariates, sample.values, strict=True):
        stratum = strata(values)
        thirds = [
            _spearmans(sample, stratum == s, f"{label} third of {covariate}")
            for s, label in enumerate(STRATA)
        ]
        for e, encoder in enumerate(sample.encoders):
            for s, label in enumerate(STRATA):
                inside, (rho, why) = stratum == s, thirds[s][e]
                name, n = f"spearman: {covariate}, {label}", int(inside.sum())
                measures.append(sample.measure(encoder, name, rho, n, why))
                curves["strata"].append(
                    _row(
                        measures[-1],
                        covariate=covariate,
                        stratum=label,
                        gold_spread=sample.gold[inside].std() if n else np.nan,
                        **{
                            "from": values[inside].min() if n else np.nan,
                            "to": values[inside].max() if n else np.nan,
                        },
                    )
                )
            (low, low_why), _, (high, high_why) = (third[e] for third in thirds)
            name, n = f"spearman gap: {covariate}", int((stratum != 1).sum())
            measures.append(sample.measure(encoder, name, high - low, n, low_why or high_why))
            curves["gap"].append(_row(measures[-1], covariate=covariate))
    return measures, curves


def _spearmans(
    sample: _Sample, inside: Bool[np.ndarray, " pairs"], name: str
) -> list[tuple[Float[np.ndarray, " draws"], str]]:
    """Spearman's ρ of every encoder on some of the pairs and on the resamples, and why it is
    undefined."""
    n = int(inside.sum())
    if n < LEAST:
        nothing, why = (
            np.full(1 + len(sample.counts), np.nan),
            f"{n} pairs in the {name}: {LEAST} are wanted",
        )
        return [(nothing, sample.reasons.get(encoder, why)) for encoder in sample.encoders]
    gold, scores = sample.gold[inside], sample.scores[:, inside]
    found = []
    for encoder, row in zip(sample.encoders, scores, strict=True):
        here = why_undefined(gold, row)
        found.append(sample.reasons.get(encoder) or (f"{name}: {here}" if here else ""))
    usable = np.where(np.array([bool(why) for why in found])[:, None], np.nan, scores)
    rho = spearman_bootstrap(gold, usable, with_sample(sample.counts[:, inside]))
    return list(zip(rho.T, found, strict=True))
