"""Attribution: which pairs of words carry the similarity of two sentences, and how that differs
between encoders.

Source: Moeller, Nikolaev & Padó (2023), "An Attribution Method for Siamese Encoders",
arXiv:2310.05703, whose integrated Jacobians give the contribution of every pair of tokens. Here the
interaction of two words is the second difference of the cosine when both are deleted, which needs
no gradient and is the same for every encoder.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float

from recse_lab.errors import LabError
from recse_lab.figures import style
from recse_lab.figures.labels import note_below
from recse_lab.probes.correlations import checked
from recse_lab.probes.errors.compute import places
from recse_lab.probes.influence.words import spans, without
from recse_lab.probes.paired import Draws, paired_measures, percentile, weighted_means
from recse_lab.probes.probe import Encode, Listing, Pairs, Probe, ProbeInputs
from recse_lab.probes.resampling import with_sample
from recse_lab.probes.result import ProbeResult, tabulate
from recse_lab.probes.wording import differences, lines_by_measure, undefined_notes
from recse_lab.statistics import resample_counts

MEASURES = ("cosine", "same-word share", "concentration", "total interaction")
LONGEST = 14
"""Words of a sentence above which a pair is passed over: its map could not be read."""


class Interactions(NamedTuple):
    """What the words of a pair of sentences do to its cosine, by encoder."""

    first: list[str]
    second: list[str]
    values: Float[np.ndarray, "first second"]
    """cos(a, b) − cos(a∖i, b) − cos(a, b∖j) + cos(a∖i, b∖j): above 0 the two words support each
    other."""
    cosine: float


def interactions(encode: Encode, first: str, second: str) -> Interactions:
    """Interactions of every word of one sentence with every word of the other.

    All variants are encoded in one call. A word whose removal leaves an embedding without direction
    has NaN.

    Args:
        encode: Sentences to embeddings.
        first: A sentence of two words or more.
        second: Another one.

    Raises:
        LabError: A sentence of one word: without it nothing is left.
    """
    cut = [spans(first), spans(second)]
    if min(map(len, cut)) < 2:
        raise LabError(f"attribution: {first!r} and {second!r} need two words each.")
    variants = [
        [text, *(without(text, *span) for span in found)]
        for text, found in zip((first, second), cut, strict=True)
    ]
    embedded = encode([*variants[0], *variants[1]]).astype(np.float64)
    with np.errstate(invalid="ignore"):
        embedded = embedded / np.linalg.norm(embedded, axis=1, keepdims=True)
    cosines = embedded[: len(variants[0])] @ embedded[len(variants[0]) :].T
    values = cosines[0, 0] - cosines[1:, :1] - cosines[:1, 1:] + cosines[1:, 1:]
    words = [
        [text[start:end] for start, end in found]
        for text, found in zip((first, second), cut, strict=True)
    ]
    return Interactions(words[0], words[1], values, float(cosines[0, 0]))


def concentration(values: Float[np.ndarray, "first second"]) -> float:
    """Share of the positive interactions that the largest one has; NaN where none is positive."""
    positive = np.maximum(values, 0)
    total = positive.sum()
    return float(positive.max() / total) if total > 1e-9 else float("nan")


def same_word_share(found: Interactions) -> float:
    """Share of the positive interactions between equal words; NaN where none is positive."""
    positive = np.maximum(found.values, 0)
    same = np.array([[a.lower() == b.lower() for b in found.second] for a in found.first])
    total = positive.sum()
    return float(positive[same].sum() / total) if total > 1e-9 else float("nan")


def moved_pairs(
    scores: Mapping[str, Float[np.ndarray, " pairs"]],
    gold: Float[np.ndarray, " pairs"],
    readable: Sequence[bool],
    against: str,
    count: int,
) -> list[int]:
    """The readable pairs whose rank moved furthest between ``against`` and any other encoder."""
    ranks = {name: places(np.asarray(row, np.float64)) for name, row in scores.items()}
    own = ranks.pop(against)
    compared = list(ranks.values()) or [places(gold)]
    moves = np.max([np.abs(rank - own) for rank in compared], axis=0)
    moves = np.where(np.asarray(readable), moves, -1)
    return [int(i) for i in np.argsort(-moves, kind="stable")[:count] if moves[i] >= 0]


def attribution(
    encoders: Mapping[str, Encode],
    scores: Mapping[str, Float[np.ndarray, " pairs"]],
    pairs: Pairs,
    *,
    against: str | None = None,
    top: int = 40,
    resamples: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> ProbeResult:
    """Why pairs moved: interactions of their words, by encoder.

    The pairs are those of up to ``LONGEST`` words a sentence whose ranks differ most between
    ``against`` (by default the first encoder) and any other; with one encoder, those furthest from
    gold's rank. Measures, means over these pairs: ``cosine``; ``same-word share`` of the positive
    interactions; ``concentration`` on the largest one; ``total interaction``. Since the pairs are
    chosen for how far they moved, the numbers say nothing of pairs in general. The curve ``words``
    holds every interaction. Percentile intervals over the pairs, the same resamples for every
    encoder.

    Args:
        encoders: Functions that embed sentences, by encoder.
        scores: Cosines of all pairs, by encoder.
        pairs: The graded pairs.
        against: The encoder that the others are compared with.
        top: Number of pairs.
        resamples: Bootstrap resamples.
        seed: Of the resamples.
        level: Of the intervals.

    Raises:
        LabError: As ``errors``; no pair short enough; ``against`` unknown.
        ValueError: ``top`` below 1.
    """
    if top < 1:
        raise ValueError(f"top {top} must be at least 1")
    reasons = checked(scores, pairs.gold)
    if reasons:
        name, why = next(iter(reasons.items()))
        raise LabError(f"attribution: {name}: {why}; leave it out.")
    reference = against or next(iter(encoders))
    if reference not in encoders:
        raise LabError(f"{against!r} is none of the encoders ({', '.join(encoders)}); name one.")
    readable = [
        min(sizes) >= 2 and max(sizes) <= LONGEST
        for sizes in ((len(spans(a)), len(spans(b))) for a, b in zip(*pairs[:2], strict=True))
    ]
    chosen = moved_pairs(scores, pairs.gold, readable, reference, top)
    if not chosen:
        raise LabError(f"attribution: no pair has 2 to {LONGEST} words in both sentences.")
    counts = with_sample(resample_counts(len(chosen), resamples, np.random.default_rng(seed)))
    found: dict[str, dict[str, Draws]] = {}
    rows = []
    for name, encode in encoders.items():
        texts = [(pairs.first[i], pairs.second[i]) for i in chosen]
        told = [interactions(encode, *pair) for pair in texts]
        found[name] = _draws(told, counts)
        for pair, one in zip(chosen, told, strict=True):
            for i, a in enumerate(one.first):
                for j, b in enumerate(one.second):
                    rows.append((name, pair, i, a, j, b, one.values[i, j], one.cosine))
    columns = ["encoder", "pair", "i", "first", "j", "second", "interaction", "cosine"]
    about = {
        "pairs": len(chosen),
        "against": reference,
        "gold": {str(i): float(pairs.gold[i]) for i in chosen},
        "texts": {str(i): [pairs.first[i], pairs.second[i]] for i in chosen},
        "intervals": f"{level:.0%} over resampled pairs of the {len(chosen)} chosen",
    }
    table = tabulate(paired_measures(found, against=against, interval=percentile(level)))
    return ProbeResult(
        "attribution", table, {"words": pd.DataFrame(rows, columns=pd.Index(columns))}, about
    )


def _draws(told: list[Interactions], counts: np.ndarray) -> dict[str, Draws]:
    measures = {
        "cosine": [one.cosine for one in told],
        "same-word share": [same_word_share(one) for one in told],
        "concentration": [concentration(one.values) for one in told],
        "total interaction": [float(one.values.sum()) for one in told],
    }
    found = {}
    for name, values in measures.items():
        defined = int(np.isfinite(values).sum())
        why = "" if defined else "no positive interaction"
        found[name] = Draws(weighted_means(np.array(values), counts), defined, why)
    return found


def figures(result: ProbeResult) -> dict[str, Any]:
    """``words``: interactions of the words of the pair that moved most, by encoder."""
    import seaborn as sns

    plt = style.use()
    curve = result.curves["words"]
    names = list(dict.fromkeys(curve["encoder"]))
    pair = curve["pair"].iloc[0]
    part = curve.loc[curve["pair"] == pair]
    bound = float(np.nanmax(np.abs(part["interaction"]))) or 1.0
    columns = 2 if len(names) in (2, 4) else min(3, len(names))
    rows = -(-len(names) // columns)
    figure, grid = plt.subplots(
        rows,
        columns,
        figsize=(style.WIDTH + 1, 2.5 * rows + 0.4),
        squeeze=False,
        sharex=True,
        sharey=True,
    )
    for axes in grid.flat[len(names) :]:
        axes.set_visible(False)
    for axes, name in zip(grid.flat, names, strict=False):
        own = part.loc[part["encoder"] == name]
        table = own.pivot(index="i", columns="j", values="interaction")
        first = own.drop_duplicates("i").sort_values("i")["first"]
        second = own.drop_duplicates("j").sort_values("j")["second"]
        sns.heatmap(
            table,
            ax=axes,
            vmin=-bound,
            vmax=bound,
            cmap="RdBu_r",
            cbar=False,
            xticklabels=list(second),
            yticklabels=list(first),
            linewidths=0.4,
        )
        axes.set_title(f"{name}: cosine {own['cosine'].iloc[0]:.2f}", fontsize=8.5)
        axes.tick_params(labelsize=7, length=0)
        axes.set(xlabel="", ylabel="")
        axes.grid(False)
    figure.tight_layout()
    gold = result.about["gold"][str(pair)]
    note_below(
        figure,
        f"The pair whose rank moved most from {result.about['against']}, gold {gold:.1f}. "
        f"Red: two words raise the cosine together, blue: they lower it; "
        f"from −{bound:.2f} to {bound:.2f}.",
    )
    return {"words": figure}


def listings(result: ProbeResult) -> list[Listing]:
    """Per chosen pair and encoder, the cosine and the two words that support it most."""
    curve = result.curves["words"]
    names = list(dict.fromkeys(curve["encoder"]))
    best = curve.loc[curve.groupby(["pair", "encoder"], sort=False)["interaction"].idxmax()]
    best = best.set_index(["pair", "encoder"])
    rows = []
    for pair, gold in list(result.about["gold"].items())[:15]:
        told = [best.loc[(int(pair), name)] for name in names]
        cells = [f"{line['cosine']:.2f} ({line['first']}–{line['second']})" for line in told]
        rows.append([f"{gold:.1f}", *cells, *result.about["texts"][pair]])
    columns = ["gold", *names, "first", "second"]
    return [Listing("Pairs that moved most, with the words that support them most", columns, rows)]


def summary(result: ProbeResult) -> str:
    """What the numbers say, in Markdown."""
    lines, parts = lines_by_measure(result), []
    for name in dict.fromkeys(result.table["encoder"]):
        share, focus = (lines[name, key] for key in ("same-word share", "concentration"))
        if np.isfinite(share["value"]):
            parts.append(
                f"- {name}: equal words have {100 * share['value']:.0f} % "
                f"[{100 * share['low']:.0f}, {100 * share['high']:.0f}] of the positive "
                f"interactions, the largest one {100 * focus['value']:.0f} % "
                f"[{100 * focus['low']:.0f}, {100 * focus['high']:.0f}]."
            )
    about = result.about
    chosen = f"{about['pairs']} pairs, those whose ranks moved most from {about['against']}."
    paired = differences(result, {key: key for key in MEASURES}, places=3)
    return "\n\n".join([chosen, "\n".join(parts), *paired, *undefined_notes(result)])


def _compute(inputs: ProbeInputs, **options: Any) -> ProbeResult:
    return attribution(inputs.encoders(), inputs.scores(), inputs.pairs, **options)


ATTRIBUTION = Probe(
    name="attribution",
    question="Why did these pairs move: which of their words carry the similarity?",
    needs=("pairs", "scores", "encoders"),
    measure=attribution,
    compute=_compute,
    summary=summary,
    figures=figures,
    help={
        "against": "the encoder that the others are compared with",
        "top": "number of pairs, those that moved most",
        "resamples": "bootstrap resamples",
        "seed": "of the resamples",
        "level": "of the intervals",
    },
    listings=listings,
)
