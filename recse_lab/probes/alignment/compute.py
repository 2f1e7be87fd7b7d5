"""Alignment and uniformity of embeddings: are paraphrases close, and is the space used evenly?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
from jaxtyping import Float, Int

from recse_lab.errors import LabError
from recse_lab.evaluation.sts import cosine
from recse_lab.probes.result import Measure, ProbeResult, tabulate
from recse_lab.probes.similarity import refuse_unmeasurable, unit
from recse_lab.statistics import resample_counts, spearman_bootstrap
from recse_lab.statistics.correlation import correlation, why_undefined
from recse_lab.statistics.jackknife import jackknife_interval

LEGACY_BATCH = 128
INTERVALS = "95 %: alignment and spearman bootstrap over pairs, uniformity jackknife over sentences"


def alignment(
    embeddings: Mapping[str, Float[np.ndarray, "sentences dim"]],
    first: Int[np.ndarray, " pairs"],
    second: Int[np.ndarray, " pairs"],
    gold: Float[np.ndarray, " pairs"],
    *,
    above: float = 4.0,
    resamples: int = 1000,
    seed: int = 0,
    protocol: Literal["whole", "legacy-batch"] = "whole",
    lengths: Int[np.ndarray, " sentences"] | None = None,
) -> ProbeResult:
    """Alignment of the pairs with gold > ``above``, uniformity of all sentences, and Spearman's ρ, one row an encoder.

    ``embeddings`` are of the distinct sentences, ``first`` and ``second`` index them. Everything is of unit vectors,
    exact, in blocks: memory does not grow with the square of the sentences. Alignment and Spearman have percentile
    bootstrap intervals over the pairs, the same resamples for every encoder. Uniformity is the logarithm of a
    U-statistic, for which resampled sentences would pair with themselves; its interval is the jackknife, whose
    left-out values follow exactly from the row sums of the one blockwise pass.

    ``protocol="legacy-batch"`` computes what circulates in this literature (see ``legacy_batch``), without intervals,
    only to compare with old tables; it needs ``lengths``, the number of words of every sentence.

    Raises:
        LabError: An embedding is not finite, or the encoders hold different numbers of sentences, or fewer than two.
        ValueError: Indices, gold and embeddings do not fit together; legacy-batch without lengths.

    Source: Wang & Isola (2020), arXiv:2005.10242; on STS-B dev as in Gao et al. (2021), arXiv:2104.08821, section 6.
    """
    count = refuse_unmeasurable(embeddings)
    _refuse_misfits(first, second, gold, count)
    if protocol == "legacy-batch" and (lengths is None or len(lengths) != count):
        raise ValueError("legacy-batch sorts by length: give the number of words of every sentence")
    close = gold > above
    rng = np.random.default_rng(seed)
    close_counts = resample_counts(int(close.sum()), resamples, rng) if close.any() else None
    scores = np.stack([cosine(x[first], x[second]) for x in embeddings.values()])
    spearmans = _spearman(gold, scores, resamples, rng)

    measures: list[Measure] = []
    for (name, x), spearman in zip(embeddings.items(), spearmans, strict=True):
        zero = int((~x.any(axis=1)).sum())
        why = f"{zero} of {count} embeddings are zero vectors: no direction" if zero else ""
        if why:
            undefined = float("nan")
            measures += [
                Measure(name, "alignment", undefined, n=int(close.sum()), note=why),
                Measure(name, "uniformity", undefined, n=count, note=why),
            ]
        elif protocol == "whole":
            vectors = unit(x)
            measures += [
                _alignment(name, vectors[first[close]], vectors[second[close]], close_counts, above)
            ]
            measures += [_uniformity(name, vectors)]
        else:
            assert lengths is not None
            aligned, uniform = legacy_batch(unit(x), first, second, gold, lengths, above=above)
            old = (
                f"per batch of {LEGACY_BATCH}: biased, only to compare with old tables; no interval"
            )
            measures += [
                Measure(name, "alignment", aligned, n=int(close.sum()), note=old),
                Measure(name, "uniformity", uniform, n=count, note=old),
            ]
        measures.append(spearman._replace(encoder=name))
    about = {
        "sentences": count,
        "pairs": len(gold),
        "aligned pairs": int(close.sum()),
        "above": above,
        "protocol": protocol,
        "intervals": INTERVALS,
    }
    return ProbeResult("alignment", tabulate(measures), about=about)


def _refuse_misfits(
    first: Int[np.ndarray, " pairs"],
    second: Int[np.ndarray, " pairs"],
    gold: Float[np.ndarray, " pairs"],
    count: int,
) -> None:
    if not len(first) == len(second) == len(gold):
        raise ValueError(
            f"{len(first)} first and {len(second)} second sentences with {len(gold)} gold scores"
        )
    if len(gold) == 0:
        raise LabError("alignment: there is no pair to measure; give a gold-scored set.")
    for index in (first, second):
        if index.min() < 0 or index.max() >= count:
            raise ValueError(f"pairs index sentences {index.min()} to {index.max()} of {count}")
    if not np.isfinite(gold).all():
        raise LabError(
            f"alignment: {int((~np.isfinite(gold)).sum())} gold scores are not finite; drop those pairs."
        )


def _alignment(
    name: str,
    first: Float[np.ndarray, "pairs dim"],
    second: Float[np.ndarray, "pairs dim"],
    counts: Int[np.ndarray, "resamples pairs"] | None,
    above: float,
) -> Measure:
    if counts is None:
        return Measure(name, "alignment", float("nan"), note=f"no pair with gold above {above:g}")
    import torch

    from recse_lab.evaluation.space import pair_distances

    distances = (
        pair_distances(torch.from_numpy(first), torch.from_numpy(second)).numpy().astype(np.float64)
    )
    low, high = np.quantile(counts @ distances / len(distances), [0.025, 0.975])
    return Measure(
        name, "alignment", float(distances.mean()), float(low), float(high), len(distances)
    )


def _uniformity(name: str, vectors: Float[np.ndarray, "sentences dim"]) -> Measure:
    import torch

    from recse_lab.evaluation.space import log_potentials

    logs = log_potentials(torch.from_numpy(vectors)).numpy()
    count = len(logs)
    total = float(np.logaddexp.reduce(logs))  # over ordered pairs
    value = total - np.log(count * (count - 1))
    if count < 3:
        return Measure(
            name, "uniformity", value, n=count, note="no interval: two sentences are one pair"
        )
    # Leaving sentence i out takes its potentials from the rows and from the columns.
    with np.errstate(divide="ignore"):
        left_out = (
            total
            + np.log1p(-np.minimum(2 * np.exp(logs - total), 1))
            - np.log((count - 1) * (count - 2))
        )
    low, high = jackknife_interval(value, left_out)
    note = "" if np.isfinite(low) else "no interval: one pair carries the whole potential"
    return Measure(name, "uniformity", value, low, high, count, note)


def _spearman(
    gold: Float[np.ndarray, " pairs"],
    scores: Float[np.ndarray, "encoders pairs"],
    resamples: int,
    rng: np.random.Generator,
) -> list[Measure]:
    """One measure an encoder, not yet named."""
    reasons = [why_undefined(gold, row) for row in scores]
    usable = np.where(np.array([why is not None for why in reasons])[:, None], np.nan, scores)
    boot = spearman_bootstrap(gold, usable, resample_counts(len(gold), resamples, rng))
    measures = []
    for row, why, drawn in zip(scores, reasons, boot.T, strict=True):
        drawn = drawn[np.isfinite(drawn)]  # a resample of one value has no correlation
        low, high = (
            np.quantile(drawn, [0.025, 0.975]) if len(drawn) else (float("nan"), float("nan"))
        )
        value = correlation("spearman", gold, row)
        measures.append(
            Measure("", "spearman", value, float(low), float(high), len(gold), why or "")
        )
    return measures


def legacy_batch(
    vectors: Float[np.ndarray, "sentences dim"],
    first: Int[np.ndarray, " pairs"],
    second: Int[np.ndarray, " pairs"],
    gold: Float[np.ndarray, " pairs"],
    lengths: Int[np.ndarray, " sentences"],
    *,
    above: float = 4.0,
    batch: int = LEGACY_BATCH,
) -> tuple[float, float]:
    """Alignment and uniformity as copies of SentEval in this literature compute them: per batch, then averaged.

    Pairs are sorted by the lengths of their sentences and then by gold, as SentEval sorts them against padding. All
    batches weigh the same however few positives they hold, and one without any counts as alignment 0. Uniformity sees
    the pairs of a batch alone, hence sentences of one length: it misses what is far apart, gives positive pairs and
    repeated sentences more weight, and averages logarithms. For comparison with old tables only.
    """
    import torch

    from recse_lab.evaluation.space import alignment, uniformity

    order = np.lexsort((gold, lengths[second], lengths[first]))
    aligned, uniform = [], []
    for start in range(0, len(order), batch):
        rows = order[start : start + batch]
        a, b = (torch.from_numpy(vectors[index[rows]]) for index in (first, second))
        close = torch.from_numpy(gold[rows] > above)
        aligned.append(float(alignment(a[close], b[close])) if close.any() else 0.0)
        uniform.append(float(uniformity(torch.cat([a, b]))))
    return float(np.mean(aligned)), float(np.mean(uniform))
