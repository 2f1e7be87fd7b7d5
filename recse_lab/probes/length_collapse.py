"""Length collapse: whether embeddings of long sentences lie closer together than those of short
ones.

Source: Zhou et al. (2025), "Length-Induced Embedding Collapse in PLM-based Models",
arXiv:2410.24200, who compare mean cosines within intervals of length.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from recse_lab.errors import LabError
from recse_lab.figures.labels import note_below
from recse_lab.figures.panels import draw_lines, grid_of_panels, legend_above
from recse_lab.probes.paired import Draws, jackknife, jackknife_groups, paired_measures
from recse_lab.probes.probe import Probe, ProbeInputs
from recse_lab.probes.result import ProbeResult, tabulate
from recse_lab.probes.similarity import mean_cosine, refuse_unmeasurable, unit
from recse_lab.probes.wording import differences, lines_by_measure, signed, undefined_notes

SMALLEST = 10
"""Sentences of a bin below which its mean cosine is undefined."""


def length_bins(lengths: Int[np.ndarray, " sentences"], bins: int) -> list[np.ndarray]:
    """Row numbers of up to ``bins`` groups of sentences of similar length; equal lengths share a
    group."""
    edges = np.unique(np.quantile(lengths, np.linspace(0, 1, bins + 1)[1:-1]))
    place = np.searchsorted(edges, lengths, side="right")
    return [np.flatnonzero(place == k) for k in np.unique(place)]


def length_collapse(
    embeddings: Mapping[str, Float[np.ndarray, "sentences _dim"]],
    lengths: Int[np.ndarray, " sentences"] | Sequence[int],
    *,
    bins: int = 5,
    against: str | None = None,
    seed: int = 0,
) -> ProbeResult:
    """Mean cosine of two different sentences of similar length, from short to long.

    Measures: ``mean cosine, A–B words`` of each bin, ``collapse`` (that of the longest bin minus
    that of the shortest; above 0 the long ones lie closer together), and ``relative collapse``, the
    same over 1 − the mean cosine of all sentences. The curve ``length`` holds the bins. Intervals:
    95 % jackknife over random groups of sentences, the same for every encoder.

    Args:
        embeddings: Of the same sentences, by encoder.
        lengths: Number of words of each sentence.
        bins: Groups of about as many sentences each.
        against: The encoder that the others are compared with.
        seed: Of the groups of the jackknife.

    Raises:
        LabError: As ``geometry``; all sentences of one length; ``against`` unknown.
        ValueError: Not one length per sentence, or fewer than two bins.
    """
    count = refuse_unmeasurable(embeddings)
    if len(lengths) != count or bins < 2:
        raise ValueError(f"{len(lengths)} lengths for {count} sentences, {bins} bins")
    words = np.asarray(lengths)
    members = length_bins(words, bins)
    if len(members) < 2:
        raise LabError(f"all {count} sentences have {words[0]} words; give sentences that differ.")
    labels = [f"{words[m].min()}–{words[m].max()} words" for m in members]
    groups = jackknife_groups(count, seed)
    keep = [np.arange(count), *(np.setdiff1d(np.arange(count), g) for g in groups)]
    found: dict[str, dict[str, Draws]] = {}
    curves = []
    for name, x in embeddings.items():
        found[name] = _draws(x, members, labels, keep)
        for label, rows in zip(labels, members, strict=True):
            draws = found[name][f"mean cosine, {label}"].values
            low, high = jackknife(draws)
            curves.append((name, float(words[rows].mean()), draws[0], low, high))
    columns = pd.Index(["encoder", "words", "value", "low", "high"])
    about = {"sentences": count, "bins": labels, "against": against}
    measures = paired_measures(found, against=against, interval=jackknife)
    curve = pd.DataFrame(curves, columns=columns)
    return ProbeResult("length-collapse", tabulate(measures), {"length": curve}, about)


def _draws(
    x: Float[np.ndarray, "sentences dim"],
    members: list[np.ndarray],
    labels: list[str],
    keep: list[np.ndarray],
) -> dict[str, Draws]:
    zero = int((~x.any(axis=1)).sum())
    if zero:
        why = f"{zero} embeddings are zero vectors: no direction"
        keys = [*(f"mean cosine, {label}" for label in labels), "collapse", "relative collapse"]
        return {key: Draws(np.full(len(keep), np.nan), len(x), why) for key in keys}
    vectors = unit(x)
    found: dict[str, Draws] = {}
    for label, rows in zip(labels, members, strict=True):
        parts = [np.intersect1d(rows, kept, assume_unique=True) for kept in keep]
        values = [mean_cosine(vectors[p])[0] if len(p) >= SMALLEST else np.nan for p in parts]
        why = "" if len(rows) >= SMALLEST else f"{len(rows)} sentences, {SMALLEST} are needed"
        found[f"mean cosine, {label}"] = Draws(np.array(values), len(rows), why)
    short, long = (found[f"mean cosine, {labels[end]}"].values for end in (0, -1))
    apart = np.array([1 - mean_cosine(vectors[kept])[0] for kept in keep])
    relative = np.full(len(keep), np.nan)
    if apart[0] > 1e-6:
        relative = (long - short) / apart
    found["collapse"] = Draws(long - short, len(x))
    why = "" if np.isfinite(relative[0]) else "all embeddings coincide"
    found["relative collapse"] = Draws(relative, len(x), why)
    return found


def figures(result: ProbeResult) -> dict[str, Any]:
    """``length``: mean cosine within each bin of length."""
    curve = result.curves["length"]
    names = list(dict.fromkeys(curve["encoder"]))
    figure, (axes,) = grid_of_panels(1, 1, height=3.2)
    draw_lines(axes, curve, "words", names)
    axes.set_xlabel("mean length of the bin, words")
    axes.set_ylabel("mean cosine of two sentences of the bin")
    figure.tight_layout()
    legend_above(figure, axes)
    note_below(figure, f"{result.about['sentences']:,} sentences. Bands: 95 % jackknife.")
    return {"length": figure}


def summary(result: ProbeResult) -> str:
    """What the numbers say, in Markdown."""
    lines, parts = lines_by_measure(result), []
    labels = result.about["bins"]
    for name in dict.fromkeys(result.table["encoder"]):
        short, long = (lines[name, f"mean cosine, {labels[end]}"] for end in (0, -1))
        change = lines[name, "collapse"]
        if not np.isfinite(change["value"]):
            continue
        verdict = (
            "long sentences lie closer together"
            if change["low"] > 0
            else "long sentences lie further apart"
            if change["high"] < 0
            else "no significant difference"
        )
        parts.append(
            f"- {name}: mean cosine {short['value']:.3f} ({labels[0]}) to {long['value']:.3f} "
            f"({labels[-1]}), a difference of {signed(change['value'], 3)} "
            f"[{signed(change['low'], 3)}, {signed(change['high'], 3)}]: {verdict}."
        )
    paired = differences(
        result,
        {"collapse": "the difference", "relative collapse": "relative to 1 − cosine"},
        places=3,
    )
    return "\n\n".join(["\n".join(parts), *paired, *undefined_notes(result)])


def _compute(inputs: ProbeInputs, **options: Any) -> ProbeResult:
    from recse_lab.probes.influence.words import words

    lengths = [len(words(sentence)) for sentence in inputs.sentences]
    return length_collapse(inputs.embeddings(), lengths, **options)


LENGTH_COLLAPSE = Probe(
    name="length-collapse",
    question="Do embeddings of long sentences lie closer together than those of short ones?",
    needs=("sentences", "embeddings"),
    measure=length_collapse,
    compute=_compute,
    summary=summary,
    figures=figures,
    help={
        "bins": "groups of sentences by length",
        "against": "the encoder that the others are compared with",
        "seed": "of the groups of the jackknife",
    },
)
