"""Alignment and uniformity of embeddings: are paraphrases close, and is the space used evenly?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Float, Int

from recse_lab.errors import LabError
from recse_lab.evaluation.sts import cosine
from recse_lab.probes.paired import refuse_unknown_reference
from recse_lab.probes.resampling import percentiles
from recse_lab.probes.result import Measure, ProbeResult, tabulate
from recse_lab.probes.similarity import refuse_unmeasurable, unit
from recse_lab.statistics import resample_counts, spearman_bootstrap
from recse_lab.statistics.correlation import correlation, why_undefined
from recse_lab.statistics.jackknife import jackknife_interval
from recse_lab.statistics.shared_bootstrap import SharedBootstrap
from recse_lab.statistics.sharing import SharedSentences

LEGACY_BATCH = 128
INTERVALS = "95 %: alignment and spearman bootstrap over pairs, uniformity jackknife over sentences"


def alignment(
    embeddings: Mapping[str, Float[np.ndarray, "sentences _dim"]],
    first: Int[np.ndarray, " pairs"],
    second: Int[np.ndarray, " pairs"],
    gold: Float[np.ndarray, " pairs"],
    shared: SharedSentences | None = None,
    *,
    above: float = 4.0,
    against: str | None = None,
    resamples: int = 1000,
    seed: int = 0,
    protocol: Literal["whole", "legacy-batch"] = "whole",
    batches: Sequence[Int[np.ndarray, " _rows"]] | None = None,
) -> ProbeResult:
    """Alignment of the pairs with gold > ``above``, uniformity of all sentences, and Spearman's ρ,
    one row an encoder.

    ``embeddings`` are of the distinct sentences, ``first`` and ``second`` index them. Everything is
    of unit vectors, exact, in blocks: memory does not grow with the square of the sentences.
    Alignment and Spearman have percentile bootstrap intervals over the pairs, the same resamples
    for every encoder. Uniformity is the logarithm of a U-statistic, for which resampled sentences
    would pair with themselves; its interval is the jackknife, whose left-out values follow exactly
    from the row sums of the one blockwise pass. With ``against``, every measure gets a row
    ``MEASURE minus ENCODER`` over the same resamples or left-out sentences.

    ``protocol="legacy-batch"`` computes what circulates in this literature (see ``legacy_batch``),
    without intervals, only to compare with old tables: pairs with gold ≥ ``above``, in the
    ``batches`` of ``senteval_batches``; by default 128 pairs at a time in the order given.

    Raises:
        LabError: An embedding is not finite, or the encoders hold different numbers of sentences,
            or fewer than two.
        ValueError: Indices, gold and embeddings do not fit together.

    Source: Wang & Isola (2020), arXiv:2005.10242; on STS-B dev as in Gao et al. (2021),
    arXiv:2104.08821, section 6.
    """
    count = refuse_unmeasurable(embeddings)
    _refuse_misfits(first, second, gold, count)
    refuse_unknown_reference(against, embeddings)
    close = gold > above if protocol == "whole" else gold >= above
    rng = np.random.default_rng(seed)
    close_counts = resample_counts(int(close.sum()), resamples, rng) if close.any() else None
    near = None
    if close_counts is not None:
        near = SharedBootstrap(close_counts, None if shared is None else shared.subset(close))
    scores = np.stack([cosine(x[first], x[second]) for x in embeddings.values()])
    spearmans = _spearman(gold, scores, shared, resamples, rng)

    measures: list[Measure] = []
    found: dict[str, list[Sampled]] = {}
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
            aligned = _alignment(name, vectors[first[close]], vectors[second[close]], near, above)
            found[name] = [aligned, _uniformity(name, vectors), spearman]
            measures += [each.row for each in found[name][:2]]
        else:
            old_aligned, old_uniform = legacy_batch(
                unit(x), first, second, gold, batches=batches, at_least=above
            )
            old = (
                f"per batch of {LEGACY_BATCH}: biased, only to compare with old tables; no interval"
            )
            measures += [
                Measure(name, "alignment", old_aligned, n=int(close.sum()), note=old),
                Measure(name, "uniformity", old_uniform, n=count, note=old),
            ]
        measures.append(spearman.row._replace(encoder=name))
    measures += [
        own.minus(other, name, against)
        for name, mine in found.items()
        if against in found and name != against
        for own, other in zip(mine, found[against], strict=True)
    ]
    about = {
        "sentences": count,
        "pairs": len(gold),
        "aligned pairs": int(close.sum()),
        "above": above,
        "against": against,
        "protocol": protocol,
        "intervals": INTERVALS,
    }
    return ProbeResult("alignment", tabulate(measures), about=about)


class Sampled(NamedTuple):
    """A measure with its values on resamples, or with sentences left out."""

    row: Measure
    values: Float[np.ndarray, " draws"]
    interval: Callable[[float, Float[np.ndarray, " draws"]], tuple[float, float]]
    """From the value and those of ``values`` to bounds."""

    def minus(self, other: Sampled, name: str, against: str) -> Measure:
        """The difference of two encoders, whose draws are the same."""
        label, value = f"{self.row.measure} minus {against}", self.row.value - other.row.value
        why = self.row.note or other.row.note
        if not np.isfinite(value) or not len(self.values) or not len(other.values):
            return Measure(name, label, value, n=self.row.n, note=why)
        bounds = self.interval(value, self.values - other.values)
        return Measure(name, label, value, *bounds, self.row.n, why)


NO_DRAWS = np.empty(0)


def _bootstrapped(
    bootstrap: SharedBootstrap,
) -> Callable[[float, Float[np.ndarray, " draws"]], tuple[float, float]]:
    """Percentile intervals at the level that pairs with shared sentences need."""
    return lambda value, drawn: percentiles(drawn, bootstrap.level(0.95, drawn))


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
            f"alignment: {int((~np.isfinite(gold)).sum())} gold scores are not finite; drop those "
            "pairs."
        )


def _alignment(
    name: str,
    first: Float[np.ndarray, "pairs dim"],
    second: Float[np.ndarray, "pairs dim"],
    bootstrap: SharedBootstrap | None,
    above: float,
) -> Sampled:
    if bootstrap is None:
        why = f"no pair with gold above {above:g}"
        return Sampled(
            Measure(name, "alignment", float("nan"), note=why), NO_DRAWS, jackknife_interval
        )
    import torch

    from recse_lab.evaluation.space import pair_distances

    distances = (
        pair_distances(torch.from_numpy(first), torch.from_numpy(second)).numpy().astype(np.float64)
    )
    drawn = bootstrap.counts @ distances / len(distances)
    interval, value = _bootstrapped(bootstrap), float(distances.mean())
    row = Measure(name, "alignment", value, *interval(value, drawn), len(distances))
    return Sampled(row, drawn, interval)


def _uniformity(name: str, vectors: Float[np.ndarray, "sentences dim"]) -> Sampled:
    import torch

    from recse_lab.evaluation.space import log_potentials

    logs = log_potentials(torch.from_numpy(vectors)).numpy()
    count = len(logs)
    total = float(np.logaddexp.reduce(logs))  # over ordered pairs
    value = total - np.log(count * (count - 1))
    if count < 3:
        why = "no interval: two sentences are one pair"
        row = Measure(name, "uniformity", value, n=count, note=why)
        return Sampled(row, NO_DRAWS, jackknife_interval)
    # Leaving sentence i out takes its potentials from the rows and from the columns.
    with np.errstate(divide="ignore"):
        left_out = (
            total
            + np.log1p(-np.minimum(2 * np.exp(logs - total), 1))
            - np.log((count - 1) * (count - 2))
        )
    low, high = jackknife_interval(value, left_out)
    note = "" if np.isfinite(low) else "no interval: one pair carries the whole potential"
    row = Measure(name, "uniformity", value, low, high, count, note)
    return Sampled(row, left_out, jackknife_interval)


def _spearman(
    gold: Float[np.ndarray, " pairs"],
    scores: Float[np.ndarray, "encoders pairs"],
    shared: SharedSentences | None,
    resamples: int,
    rng: np.random.Generator,
) -> list[Sampled]:
    """One measure an encoder, not yet named."""
    reasons = [why_undefined(gold, row) for row in scores]
    usable = np.where(np.array([why is not None for why in reasons])[:, None], np.nan, scores)
    bootstrap = SharedBootstrap(resample_counts(len(gold), resamples, rng), shared)
    boot = spearman_bootstrap(gold, usable, bootstrap.counts)
    measures = []
    for row, why, drawn in zip(scores, reasons, boot.T, strict=True):
        interval, value = _bootstrapped(bootstrap), correlation("spearman", gold, row)
        line = Measure("", "spearman", value, *interval(value, drawn), len(gold), why or "")
        measures.append(Sampled(line, drawn, interval))
    return measures


def senteval_batches(
    sizes: Sequence[int],
    first_words: Int[np.ndarray, " pairs"],
    second_words: Int[np.ndarray, " pairs"],
    gold: Float[np.ndarray, " pairs"],
    *,
    batch: int = LEGACY_BATCH,
) -> list[Int[np.ndarray, " _rows"]]:
    """Rows of a task's pairs in the batches in which SentEval encodes them.

    Batches never cross subsets. A task of several subsets (STS12 to STS16) is sorted within each,
    by the words of the first sentence, of the second, and by gold; a task of one (STS-B, SICK-R) is
    read in the order of its file.

    Args:
        sizes: Pairs of each subset, in their order.
        first_words: Words of the first sentence of each pair.
        second_words: Words of the second sentence of each pair.
        gold: Gold score of each pair.
        batch: Pairs encoded at once.

    Source: SentEval (Conneau & Kiela 2018), senteval/sts.py: ``STSEval.loadFile`` sorts, and the
    ``loadFile`` of ``STSBenchmarkEval`` and ``SICKRelatednessEval``, which override it, do not.
    """
    batches, start = [], 0
    for size in sizes:
        rows = np.arange(start, start + size)
        if len(sizes) > 1:
            rows = rows[np.lexsort((gold[rows], second_words[rows], first_words[rows]))]
        batches += [rows[i : i + batch] for i in range(0, size, batch)]
        start += size
    return batches


def legacy_batch(
    vectors: Float[np.ndarray, "sentences dim"],
    first: Int[np.ndarray, " pairs"],
    second: Int[np.ndarray, " pairs"],
    gold: Float[np.ndarray, " pairs"],
    *,
    batches: Sequence[Int[np.ndarray, " _rows"]] | None = None,
    at_least: float = 4.0,
) -> tuple[float, float]:
    """Alignment and uniformity as reCSE's release and others compute them: per batch, then
    averaged.

    Positives are the pairs with gold ≥ ``at_least``. All batches weigh the same however few
    positives they hold, and one without any counts as alignment 0. Uniformity sees the pairs of a
    batch alone, both sentences of each, and logarithms are averaged. For comparison with old tables
    only.

    Args:
        vectors: Unit vectors of the distinct sentences.
        first: Index of each pair's first sentence.
        second: Index of each pair's second sentence.
        gold: Gold score of each pair.
        batches: From ``senteval_batches``; 128 pairs at a time, in their order, when absent.
        at_least: Smallest gold score of a positive pair.

    Returns:
        Alignment and uniformity.

    Source: github.com/heavenhellchen/reCSE at 8b2fae4, SentEval/senteval/sts.py, ``STSEval.run``,
    results "all": a mean over the batches of all subsets.
    """
    import torch

    from recse_lab.evaluation.space import alignment, uniformity

    if batches is None:
        batches = senteval_batches((len(gold),), first, second, gold)
    aligned, uniform = [], []
    for rows in batches:
        a, b = (torch.from_numpy(vectors[index[rows]]) for index in (first, second))
        close = torch.from_numpy(gold[rows] >= at_least)
        aligned.append(float(alignment(a[close], b[close])) if close.any() else 0.0)
        uniform.append(float(uniformity(torch.cat([a, b]))))
    return float(np.mean(aligned)), float(np.mean(uniform))
