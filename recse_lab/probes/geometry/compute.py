"""The shape of an embedding space: how alike embeddings are, how many directions they use, and how
hubs form."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from jaxtyping import Float

from recse_lab.probes.paired import refuse_unknown_reference
from recse_lab.probes.result import Measure, ProbeResult, tabulate
from recse_lab.probes.similarity import (
    lengths,
    mean_cosine,
    occurrences,
    refuse_unmeasurable,
    skewness,
    unit,
)
from recse_lab.probes.spectra import (
    Spectrum,
    effective_rank,
    isoscore,
    moments,
    participation_ratio,
    partition_isotropy,
    rankme,
    spectrum,
)
from recse_lab.statistics.jackknife import jackknife_interval

GROUPS = 20  # of the grouped jackknife
NAN = float("nan")
INTERVALS = (
    f"95 %, jackknife: over sentences for cosines and norms, over {GROUPS} random groups of "
    "sentences for the spectrum; "
    "none for partition isotropy (a minimum over eigenvectors) and hubness (every sentence moves "
    "every neighbour list)"
)
# Of the embeddings as they are: effective_rank, rankme. Of their covariance: the others.
SPECTRAL = {
    "isoscore": lambda s: isoscore(s.variances),
    "participation_ratio": lambda s: participation_ratio(s.variances),
    "top_share": lambda s: float(s.variances[0] / s.variances.sum()) if s.variances[0] > 0 else NAN,
    "effective_rank": lambda s: effective_rank(s.singular),
    "effective_rank_centred": lambda s: effective_rank(np.sqrt(s.variances)),
    "rankme": lambda s: rankme(s.singular),
}


def geometry(
    embeddings: Mapping[str, Float[np.ndarray, "sentences _dim"]],
    *,
    neighbours: int = 10,
    against: str | None = None,
    seed: int = 0,
) -> ProbeResult:
    """Isotropy, rank, hubness and norms of each encoder's embeddings of the same sentences; exact,
    in blocks.

    | measure | what | unchanged by |
    | --- | --- | --- |
    | mean_cosine | over distinct pairs; unbiased | R S O |
    | mean_cosine_with_self | with self pairs too, ‖mean of unit vectors‖² | R S O D |
    | partition_isotropy | Mu & Viswanath's, of the embeddings as they are | R O D |
    | partition_isotropy_unit | the same of unit vectors | R S O D |
    | isoscore | IsoScore, which is IsoScore* without shrinkage | R S O D |
    | participation_ratio | equal directions that variance would fill | R S O D |
    | top_share | variance along the first principal axis | R S O D |
    | effective_rank, rankme | entropy of the singular values, not centred | R S O D |
    | effective_rank_centred | the same without the common direction | R S O D |
    | hubness_skew | skewness of N_k, k = ``neighbours`` | R S O |
    | antihubs | share of sentences that are nobody's neighbour | R S O |
    | norm_mean | mean length | R O D |
    | norm_cv | standard deviation of the length over its mean | R S O D |

    R is rotation, S scale, O order, D doubling (every sentence twice). Measures of the spectrum
    come out too low with fewer sentences than a few times the dimension. ``seed`` draws the groups
    of the jackknife. The curve ``spectrum`` holds for every component its singular value (divided
    by √sentences), its standard deviation after centring, and its share of the variance. With
    ``against``, measures with an interval get a row ``MEASURE minus ENCODER``, whose interval
    leaves the same sentences out of both.

    Raises:
        LabError: An embedding is not finite, fewer than two sentences, or encoders over different
            sentences.
        ValueError: ``neighbours`` below 1.
    """
    count = refuse_unmeasurable(embeddings)
    if neighbours < 1:
        raise ValueError(f"neighbours {neighbours} must be at least 1")
    refuse_unknown_reference(against, embeddings)
    measures: list[Measure] = []
    curves = []
    left_out: dict[str, LeftOut] = {name: {} for name in embeddings}
    for name, x in embeddings.items():
        spectral, whole = spectral_measures(name, x, seed, left_out[name])
        vectors, why = unit_vectors(x)
        measures += cosine_measures(name, vectors, why, count, left_out[name])
        measures += _partition(name, x, vectors, why)
        measures += spectral
        measures += _hubness(name, vectors, why, count, neighbours)
        measures += norm_measures(name, x, left_out[name])
        curves.append(_spectrum_frame(name, whole, count))
    if against is not None:
        measures += _differences(left_out, against, count)
    about = {
        "sentences": count,
        "neighbours": neighbours,
        "against": against,
        "intervals": INTERVALS,
        "dim": {name: x.shape[1] for name, x in embeddings.items()},
    }
    return ProbeResult(
        "geometry", tabulate(measures), {"spectrum": pd.concat(curves, ignore_index=True)}, about
    )


LeftOut = dict[str, tuple[float, Float[np.ndarray, " folds"]]]
"""By measure: its value, and its values with one sentence or group left out at a time."""


def _differences(left_out: Mapping[str, LeftOut], against: str, count: int) -> list[Measure]:
    """Measures of every encoder minus those of ``against``, jackknifed together."""
    rows = []
    for name, own in left_out.items():
        for measure, (value, without) in own.items():
            if name == against or measure not in left_out[against]:
                continue
            other, other_without = left_out[against][measure]
            bounds = jackknife_interval(value - other, without - other_without)
            rows.append(Measure(name, f"{measure} minus {against}", value - other, *bounds, count))
    return rows


def unit_vectors(
    x: Float[np.ndarray, "sentences dim"],
) -> tuple[Float[np.ndarray, "sentences dim"] | None, str]:
    """Unit vectors, or why there are none."""
    zero = int((~x.any(axis=1)).sum())
    return (
        (None, f"{zero} of {len(x)} embeddings are zero vectors: no direction")
        if zero
        else (unit(x), "")
    )


def cosine_measures(
    name: str,
    vectors: Float[np.ndarray, "sentences dim"] | None,
    why: str,
    count: int,
    kept: LeftOut | None = None,
) -> list[Measure]:
    """``mean_cosine`` and ``mean_cosine_with_self`` with intervals; undefined with ``why``.

    ``kept`` takes up the values behind the intervals.
    """
    measures = []
    for measure, self_pairs in (("mean_cosine", False), ("mean_cosine_with_self", True)):
        if vectors is None:
            measures.append(Measure(name, measure, NAN, n=count, note=why))
            continue
        value, left_out = mean_cosine(vectors, self_pairs=self_pairs)
        low, high = jackknife_interval(value, left_out) if count > 2 else (NAN, NAN)
        note = "" if count > 2 else "no interval: two sentences are one pair"
        measures.append(Measure(name, measure, value, low, high, count, note))
        if kept is not None and count > 2:
            kept[measure] = value, left_out
    return measures


def _partition(
    name: str,
    x: Float[np.ndarray, "sentences dim"],
    vectors: Float[np.ndarray, "sentences dim"] | None,
    why: str,
) -> list[Measure]:
    none = "no interval: a minimum over eigenvectors"
    of_unit = Measure(name, "partition_isotropy_unit", NAN, n=len(x), note=why)
    if vectors is not None:
        of_unit = of_unit._replace(value=partition_isotropy(vectors), note=none)
    plain = Measure(name, "partition_isotropy", NAN, n=len(x), note="all embeddings are zero")
    if x.any():  # without any length every direction is alike, and the formula says 1
        plain = plain._replace(value=partition_isotropy(x), note=none)
    return [plain, of_unit]


def spectral_measures(
    name: str, x: Float[np.ndarray, "sentences dim"], seed: int, kept: LeftOut | None = None
) -> tuple[list[Measure], Spectrum]:
    """Measures of ``SPECTRAL`` with jackknife intervals over groups, and the whole spectrum.

    ``kept`` takes up the values behind the intervals.
    """
    count, dim = x.shape
    origin = x.mean(0, dtype=np.float64)
    grouped = count >= 2 * GROUPS
    order = np.random.default_rng(seed).permutation(count)
    parts = [moments(x[rows], origin) for rows in np.array_split(order, GROUPS if grouped else 1)]
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    whole = spectrum(total, origin)
    without = [spectrum(total - part, origin) for part in parts] if grouped else []
    measures = []
    for measure, formula in SPECTRAL.items():
        value = formula(whole)
        left_out = np.array([formula(s) for s in without])
        low, high = jackknife_interval(value, left_out)
        if np.isnan(value):
            note = (
                "one dimension" if dim == 1 and whole.variances.any() else "all embeddings coincide"
            )
            low = high = NAN
        else:
            notes = [f"{count} sentences in {dim} dimensions: too low"] if count <= dim else []
            notes += [f"no interval: fewer than {2 * GROUPS} sentences"] if not grouped else []
            note = "; ".join(notes)
            if kept is not None and grouped:
                kept[measure] = value, left_out
        measures.append(Measure(name, measure, value, low, high, count, note))
    return measures, whole


def _hubness(
    name: str,
    vectors: Float[np.ndarray, "sentences dim"] | None,
    why: str,
    count: int,
    neighbours: int,
) -> list[Measure]:
    skew, alone = NAN, NAN
    skew_note = note = why
    if vectors is not None and count <= neighbours:
        skew_note = note = f"{count} sentences have no {neighbours} neighbours each"
    elif vectors is not None:
        found = occurrences(vectors, neighbours)
        skew, alone = skewness(found), float((found < 1e-9).mean())
        skew_note = note = "no interval: every sentence moves every neighbour list"
        if np.isnan(skew):
            skew_note = "every sentence is a neighbour equally often"
    return [
        Measure(name, "hubness_skew", skew, n=count, note=skew_note),
        Measure(name, "antihubs", alone, n=count, note=note),
    ]


def norm_measures(
    name: str, x: Float[np.ndarray, "sentences dim"], kept: LeftOut | None = None
) -> list[Measure]:
    """``norm_mean`` and ``norm_cv`` with jackknife intervals over sentences.

    ``kept`` takes up the values behind the intervals.
    """
    norms = lengths(x)
    count, total, squares = len(norms), norms.sum(), np.square(norms).sum()
    mean = total / count
    measures = [
        Measure(
            name, "norm_mean", mean, *jackknife_interval(mean, (total - norms) / (count - 1)), count
        )
    ]
    if mean == 0:
        return [*measures, Measure(name, "norm_cv", NAN, n=count, note="all embeddings are zero")]
    others = (total - norms) / (count - 1)
    spread = np.sqrt(np.maximum((squares - norms**2) / (count - 1) - others**2, 0))
    low, high = (
        jackknife_interval(float(norms.std() / mean), spread / others) if count > 2 else (NAN, NAN)
    )
    if kept is not None and count > 2:
        kept["norm_mean"] = mean, others
        kept["norm_cv"] = float(norms.std() / mean), spread / others
    note = "" if count > 2 else "no interval: two sentences"
    return [*measures, Measure(name, "norm_cv", float(norms.std() / mean), low, high, count, note)]


def _spectrum_frame(name: str, whole: Spectrum, count: int) -> pd.DataFrame:
    dim = len(whole.variances)
    total = whole.variances.sum()
    share = whole.variances / total if total > 0 else np.full(dim, NAN)
    singular = np.full(dim, NAN)
    singular[: len(whole.singular)] = whole.singular / np.sqrt(count)
    return pd.DataFrame(
        {
            "encoder": name,
            "component": np.arange(1, dim + 1),
            "singular": singular,
            "singular_centred": np.sqrt(whole.variances),
            "share": share,
            "cumulative": np.cumsum(share),
        }
    )
