"""Dimensions: which of them carry the mean cosine, how many STS needs, and the intrinsic dimension.

Sources: Timkey & van Schijndel (2021), "All bark and no bite: rogue dimensions in transformer
language models obscure representational quality", arXiv:2109.04404, for shares of the mean cosine;
Takeshita et al. (2025), arXiv:2508.17744, and Tsukagoshi & Sasano (2025), arXiv:2504.08489, for
embeddings cut to some of their dimensions; Facco et al. (2017), "Estimating the intrinsic dimension
of datasets by a minimal neighborhood information", Scientific Reports 7:12140, for TwoNN.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from recse_lab.errors import LabError
from recse_lab.figures.labels import note_below
from recse_lab.figures.panels import draw_lines, grid_of_panels, legend_above
from recse_lab.probes.correlations import checked
from recse_lab.probes.paired import (
    Draws,
    jackknife,
    jackknife_groups,
    paired_measures,
    percentile,
    weighted_means,
)
from recse_lab.probes.probe import Probe, ProbeInputs
from recse_lab.probes.resampling import percentiles, with_sample
from recse_lab.probes.result import Measure, ProbeResult, tabulate
from recse_lab.probes.similarity import NUMBERS, refuse_unmeasurable, unit
from recse_lab.probes.wording import differences, lines_by_measure, percent, undefined_notes
from recse_lab.statistics import resample_counts, spearman_bootstrap
from recse_lab.statistics.shared_bootstrap import SharedBootstrap
from recse_lab.statistics.sharing import SharedSentences

ORDERS = ("first", "random", "principal")
"""Which dimensions are kept: the first k, a random k, or the first k principal axes."""
TWICE = 1e-12
"""A squared distance below this is of one sentence twice, up to the rounding of float32."""


def cosine_shares(vectors: Float[np.ndarray, "sentences dim"]) -> Float[np.ndarray, " dim"]:
    """Contribution of each dimension to the mean cosine of distinct pairs of unit vectors.

    They add up to the mean cosine.

    Source: Timkey & van Schijndel (2021), equation 4, over all pairs instead of sampled ones.
    """
    return _shares(*_sums(vectors))


def _sums(vectors: Float[np.ndarray, "sentences dim"]) -> Float[np.ndarray, "3 dim"]:
    """By dimension: the sum, the sum of squares, and the number of sentences."""
    total = vectors.sum(0, dtype=np.float64)
    squares = np.square(vectors, dtype=np.float64).sum(0)
    return np.stack([total, squares, np.full_like(total, len(vectors))])


def _shares(
    total: Float[np.ndarray, " dim"],
    squares: Float[np.ndarray, " dim"],
    count: Float[np.ndarray, " dim"],
) -> Float[np.ndarray, " dim"]:
    return (total**2 - squares) / (count * (count - 1))


def largest_share(contributions: Float[np.ndarray, " dim"]) -> float:
    """Largest contribution over their sum; NaN where the mean cosine is 0 within 1e-3."""
    total = contributions.sum()
    return float(contributions.max() / total) if total > 1e-3 else float("nan")


def neighbour_ratios(
    vectors: Float[np.ndarray, "sentences dim"],
) -> Float[np.ndarray, " sentences"]:
    """log(r₂ / r₁) of each unit vector's two nearest neighbours; NaN where the nearest coincides,
    and where there are fewer than three vectors.

    Exact, in blocks.
    """
    import torch

    count = len(vectors)
    if count < 3:
        return np.full(count, np.nan)
    out = np.empty(count)
    step = max(1, NUMBERS // count)
    rows = torch.from_numpy(np.ascontiguousarray(vectors))
    for start in range(0, count, step):
        cosines = rows[start : start + step] @ rows.T
        at = torch.arange(len(cosines))
        cosines[at, at + start] = -torch.inf
        near = torch.topk(cosines, 2).indices.numpy()
        # Cosines find the neighbours; their distances are differences, which do not cancel.
        own = vectors[start : start + step, None].astype(np.float64)
        squared = np.sort(np.square(own - vectors[near]).sum(axis=2), axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            logs = 0.5 * np.log(squared[:, 1] / squared[:, 0])
        out[start : start + step] = np.where(squared[:, 0] < TWICE, np.nan, logs)
    return out


def dimensions(
    embeddings: Mapping[str, Float[np.ndarray, "sentences _dim"]],
    first: Int[np.ndarray, " pairs"],
    second: Int[np.ndarray, " pairs"],
    gold: Float[np.ndarray, " pairs"],
    shared: SharedSentences | None = None,
    *,
    against: str | None = None,
    resamples: int = 500,
    seed: int = 0,
    level: float = 0.95,
) -> ProbeResult:
    """How embeddings use their dimensions.

    Measures: ``largest share`` of one dimension in the mean cosine; ``spearman`` with all
    dimensions; ``spearman without largest`` (without the dimension of the largest share); ``largest
    leave-one-out change`` of Spearman over all dimensions; ``spearman, KIND half`` with half of the
    dimensions; ``intrinsic dimension`` (TwoNN, maximum likelihood, of the unit vectors of first
    sentences, since the nearest neighbour of a sentence would be its own pair). Curves: ``kept``
    (order, kept, value, low, high) and ``shares`` (dimension, share). Shares have jackknife
    intervals over sentences, the others percentile intervals over pairs or sentences. Rotation
    changes all but the intrinsic dimension and the principal axes.

    Args:
        embeddings: Of the distinct sentences, by encoder.
        first: Index of each pair's first sentence.
        second: Index of each pair's second sentence.
        gold: Gold score of each pair.
        shared: Which pairs share sentences; None takes them as independent.
        against: The encoder that the others are compared with.
        resamples: Bootstrap resamples.
        seed: Of resamples, of jackknife groups and of random dimensions.
        level: Of the bootstrap intervals.

    Raises:
        LabError: Embeddings that are not finite, zero or of different numbers of sentences; gold
            without order; ``against`` unknown.
    """
    count = refuse_unmeasurable(embeddings)
    checked({name: np.zeros(len(gold)) for name in embeddings}, gold)
    rng = np.random.default_rng(seed)
    pair_counts = with_sample(resample_counts(len(gold), resamples, rng))
    alone = np.unique(first)
    counts = with_sample(resample_counts(len(alone), resamples, rng))
    groups = jackknife_groups(count, seed)
    sharing = SharedBootstrap(pair_counts[1:], shared)
    shares: dict[str, dict[str, Draws]] = {}
    scores: dict[str, dict[str, Draws]] = {}
    intrinsic: dict[str, dict[str, Draws]] = {}
    kept, contributions = [], []
    for name, x in embeddings.items():
        if not x.any(axis=1).all():
            zero = int((~x.any(axis=1)).sum())
            raise LabError(f"{name}: {zero} embeddings are zero vectors and have no direction.")
        pairs = _Pairs(x, first, second, gold, pair_counts)
        vectors = unit(x)
        parts = cosine_shares(vectors)
        shares[name] = _share_draws(vectors, groups)
        curve = _kept(pairs, seed)
        kept.append(curve.assign(encoder=name))
        scores[name] = _score_draws(pairs, int(parts.argmax()), curve)
        ratios = neighbour_ratios(vectors[alone])
        intrinsic[name] = {"intrinsic dimension": _intrinsic(ratios, counts)}
        order = np.argsort(-parts)
        share = parts[order] / parts.sum() if parts.sum() > 1e-3 else np.full(len(parts), np.nan)
        contributions.append(
            pd.DataFrame({"encoder": name, "rank": np.arange(1, len(order) + 1), "share": share})
        )
    curve = pd.concat(kept, ignore_index=True)

    def over_pairs(draws: Float[np.ndarray, " draws"]) -> tuple[float, float]:
        return percentiles(draws[1:], sharing.level(level, draws[1:]))

    curve["low"], curve["high"] = zip(*map(over_pairs, curve.pop("draws")), strict=True)
    measures = [
        *paired_measures(shares, against=against, interval=jackknife),
        *paired_measures(scores, against=against, interval=over_pairs),
        *paired_measures(intrinsic, against=against, interval=percentile(level)),
    ]
    about = {
        "sentences": count,
        "pairs": len(gold),
        "against": against,
        "dim": {name: x.shape[1] for name, x in embeddings.items()},
        "intervals": f"{100 * level:g} % bootstrap over pairs or sentences; shares: 95 % jackknife",
    }
    curves = {"kept": curve, "shares": pd.concat(contributions, ignore_index=True)}
    return ProbeResult("dimensions", tabulate(_grouped(measures)), curves, about)


def _grouped(measures: list[Measure]) -> list[Measure]:
    """Rows of one encoder below one another, in the order of the encoders."""
    names = list(dict.fromkeys(m.encoder for m in measures))
    return sorted(measures, key=lambda m: names.index(m.encoder))


class _Pairs:
    """Embeddings of pairs, and Spearman of their cosine over some of the dimensions."""

    def __init__(
        self,
        x: Float[np.ndarray, "sentences dim"],
        first: Int[np.ndarray, " pairs"],
        second: Int[np.ndarray, " pairs"],
        gold: Float[np.ndarray, " pairs"],
        counts: Int[np.ndarray, "draws pairs"],
    ) -> None:
        self.x, self.first, self.second = x.astype(np.float64), first, second
        self.gold, self.counts = gold, counts

    def cosines(self, x: Float[np.ndarray, "sentences kept"]) -> Float[np.ndarray, " pairs"]:
        """Cosine of every pair; NaN where an embedding has no length left."""
        a, b = x[self.first], x[self.second]
        products = np.einsum("ij,ij->i", a, b)
        squares = np.einsum("ij,ij->i", a, a) * np.einsum("ij,ij->i", b, b)
        with np.errstate(invalid="ignore", divide="ignore"):
            return products / np.sqrt(np.maximum(squares, 0))

    def leave_one_out(self) -> Float[np.ndarray, "dim pairs"]:
        """Cosine of every pair without each dimension in turn, from one pass over the pairs."""
        a, b = self.x[self.first], self.x[self.second]
        product = np.einsum("ij,ij->i", a, b)
        norms = [np.einsum("ij,ij->i", y, y) for y in (a, b)]
        out = np.empty((a.shape[1], len(a)))
        for k, (left, right) in enumerate(zip(a.T, b.T, strict=True)):
            squares = (norms[0] - left**2) * (norms[1] - right**2)
            with np.errstate(invalid="ignore", divide="ignore"):
                out[k] = (product - left * right) / np.sqrt(np.maximum(squares, 0))
        return out

    def spearman(self, rows: Float[np.ndarray, "runs pairs"]) -> Float[np.ndarray, "draws runs"]:
        """Spearman with gold on the sample and on every resample."""
        return spearman_bootstrap(self.gold, rows, self.counts)


def _kept(pairs: _Pairs, seed: int) -> pd.DataFrame:
    """Spearman against the number of dimensions kept, in each order."""
    dim = pairs.x.shape[1]
    sizes = sorted({*(2**k for k in range(dim.bit_length()) if 2**k < dim), dim // 2, dim} - {0})
    random = np.random.default_rng(seed).permutation(dim)
    centred = pairs.x - pairs.x.mean(0)
    axes = np.linalg.eigh(centred.T @ centred)[1][:, ::-1]
    turned = {"first": pairs.x, "random": pairs.x[:, random], "principal": pairs.x @ axes}
    labels = [(order, size) for order in ORDERS for size in sizes]
    rows = np.stack([pairs.cosines(turned[order][:, :size]) for order, size in labels])
    draws = pairs.spearman(rows)
    return pd.DataFrame(
        {
            "order": [order for order, _ in labels],
            "kept": [size for _, size in labels],
            "value": draws[0],
            "draws": list(draws.T),
        }
    )


def _score_draws(pairs: _Pairs, largest: int, curve: pd.DataFrame) -> dict[str, Draws]:
    n, dim = len(pairs.gold), pairs.x.shape[1]
    whole = pairs.cosines(pairs.x)
    dropped = pairs.leave_one_out() if dim > 1 else np.empty((0, n))
    once = spearman_bootstrap(pairs.gold, np.vstack([whole, dropped]), pairs.counts[:1])[0]
    found = {"spearman": Draws(pairs.spearman(whole[None])[:, 0], n)}
    if len(dropped) and np.isfinite(once).all():
        change = int(np.nanargmax(np.abs(once[1:] - once[0])))
        draws = pairs.spearman(np.stack([whole, dropped[largest], dropped[change]]))
        found["spearman without largest"] = Draws(draws[:, 1], n)
        note = f"dimension {change}, the largest of {dim}: chosen on these pairs"
        found["largest leave-one-out change"] = Draws(draws[:, 2] - draws[:, 0], n, note)
        half = curve[curve["kept"] == dim // 2].set_index("order")["draws"]
        found |= {f"spearman, {order} half": Draws(np.asarray(half[order]), n) for order in ORDERS}
    return found


def _share_draws(
    vectors: Float[np.ndarray, "sentences dim"], groups: list[np.ndarray]
) -> dict[str, Draws]:
    parts = [_sums(vectors)]
    parts += [parts[0] - _sums(vectors[group]) for group in groups]
    values = [largest_share(_shares(*part)) for part in parts]
    note = "" if np.isfinite(values[0]) else "the mean cosine is 0: no share of it"
    return {"largest share": Draws(np.array(values), len(vectors), note)}


def _intrinsic(
    ratios: Float[np.ndarray, " sentences"], counts: Int[np.ndarray, "draws sentences"]
) -> Draws:
    """Maximum likelihood of TwoNN, (n − 1) / Σ log(r₂/r₁): ratios follow Pareto's law."""
    defined = int(np.isfinite(ratios).sum())
    if defined < 3:
        few = f"{len(ratios)} distinct first sentences, 3 are needed"
        why = few if len(ratios) < 3 else "the embeddings coincide"
        return Draws(np.full(len(counts), np.nan), defined, why)
    means = weighted_means(ratios, counts)
    with np.errstate(divide="ignore"):
        values = (1 - 1 / defined) / means
    left = len(ratios) - defined
    return Draws(values, defined, f"{left} sentences coincide with another" if left else "")


def figures(result: ProbeResult) -> dict[str, Any]:
    """``kept``: STS against the dimensions kept; and shares of the mean cosine."""
    curve, shares = result.curves["kept"], result.curves["shares"]
    names = list(dict.fromkeys(curve["encoder"]))
    figure, panels = grid_of_panels(4, 2)
    for axes, order in zip(panels, ORDERS, strict=False):
        draw_lines(axes, curve.loc[curve["order"] == order], "kept", names)
        axes.set_title(f"Spearman, {order} dimensions")
        axes.set_xlabel("dimensions kept")
        axes.set_xscale("log", base=2)
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    for axes in panels[1:3]:
        axes.sharey(panels[0])
    draw_lines(panels[3], shares.rename(columns={"share": "value"}), "rank", names)
    for line in panels[3].lines:
        line.set_marker("")
    panels[3].set_title("Share of the mean cosine")
    panels[3].set_xlabel("dimensions, the largest first")
    panels[3].set_xscale("log", base=2)
    panels[3].xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    figure.tight_layout()
    legend_above(figure, panels[0])
    note_below(figure, f"{result.about['pairs']:,} pairs. Bands: {result.about['intervals']}.")
    return {"kept": figure}


def summary(result: ProbeResult) -> str:
    """What the numbers say, in Markdown."""
    lines, parts = lines_by_measure(result), []
    for name, dim in result.about["dim"].items():
        share, whole, half, principal, change, intrinsic = (
            lines.get((name, key), {"value": np.nan, "low": np.nan, "high": np.nan})
            for key in (
                "largest share",
                "spearman",
                "spearman, first half",
                "spearman, principal half",
                "largest leave-one-out change",
                "intrinsic dimension",
            )
        )
        said = [f"{name} ({dim} dimensions): "]
        if np.isfinite(share["value"]):
            said.append(f"one dimension carries {percent(share['value'])} of the mean cosine; ")
        said.append(
            f"Spearman {100 * whole['value']:.1f} with all dimensions, {100 * half['value']:.1f} "
            f"with the first half, {100 * principal['value']:.1f} with the first half of the "
            f"principal axes; no single dimension changes it by more than "
            f"{100 * abs(change['value']):.1f}; intrinsic dimension {intrinsic['value']:.1f} "
            f"[{intrinsic['low']:.1f}, {intrinsic['high']:.1f}]."
        )
        parts.append("- " + "".join(said))
    paired = differences(
        result, {key: key for key in ("largest share", "spearman", "intrinsic dimension")}, places=3
    )
    return "\n\n".join(["\n".join(parts), *paired, *undefined_notes(result)])


def _compute(inputs: ProbeInputs, **options: Any) -> ProbeResult:
    index = {sentence: i for i, sentence in enumerate(inputs.sentences)}
    first, second = (
        np.array([index[s] for s in side]) for side in (inputs.pairs.first, inputs.pairs.second)
    )
    return dimensions(
        inputs.embeddings(), first, second, inputs.pairs.gold, inputs.pairs.shared, **options
    )


DIMENSIONS = Probe(
    name="dimensions",
    question="Do a few dimensions dominate similarity, and how many does STS need?",
    needs=("pairs", "sentences", "embeddings"),
    measure=dimensions,
    compute=_compute,
    summary=summary,
    figures=figures,
    help={
        "against": "the encoder that the others are compared with",
        "resamples": "bootstrap resamples",
        "seed": "of resamples, jackknife groups and random dimensions",
        "level": "of the bootstrap intervals",
    },
    rotation_invariant=False,
)
