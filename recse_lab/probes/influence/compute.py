"""Token influence: how far an embedding moves when one word of its sentence is removed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, cast

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int

from recse_lab.errors import LabError
from recse_lab.probes.influence.words import BANDS, KINDS, band, kind, spans, without
from recse_lab.probes.result import Measure, ProbeResult, tabulate
from recse_lab.probes.similarity import lengths, mean_cosine, unit
from recse_lab.statistics import resample_counts

EVERY = "every word"
STILL = 1e-9  # a total 1 − cos below this is float32 noise, squared
CLOSE = 1e-6  # a mean 1 − cos below this is float32 noise
DEFINED = 0.95  # least share of resamples in which a mean must exist to have an interval
COLUMNS = ("sentence", "word", "kind", "band", "place", "influence", "share", "relative")
Mean = tuple[float, float, float, int]
"""Value, low, high, n."""
Encode = Callable[[list[str]], Float[np.ndarray, "sentences dim"]]


class Influence(NamedTuple):
    """What removing words does to the embeddings of one encoder."""

    words: pd.DataFrame
    """One row per word: sentence (its index), word, kind, band (missing without counts and for
    punctuation), place (0 first … 1 last among what is no punctuation; NaN for punctuation and in a
    sentence with one such word), influence (1 − cos), share (influence over its sum in the
    sentence), relative (share × number of words: 1 where all move the embedding alike)."""
    apart: float
    """Mean 1 − cos of two different sentences: what influence can be measured by."""
    passed_over: int
    """Sentences with too few or too many words."""


def evenness(shares: Float[np.ndarray, " words"]) -> float:
    """Entropy of shares that sum to 1, over its maximum log n: 1 where all are alike, 0 where one
    is all.

    Source: Pielou (1966), "The measurement of diversity in different types of biological
    collections", J′ = H′/H′max.
    """
    positive = shares[shares > 0]
    return float(-(positive * np.log(positive)).sum() / np.log(len(shares)))


def gini(shares: Float[np.ndarray, " words"]) -> float:
    """Gini's coefficient, times n / (n − 1): 0 where all shares are alike, 1 where one is all,
    whatever the length.

    Source: Deltas (2003), "The small-sample bias of the Gini coefficient", for the factor n / (n −
    1).
    """
    n = len(shares)
    ordered = np.sort(shares)
    return float((2 * np.arange(1, n + 1) - n - 1) @ ordered / (ordered.sum() * (n - 1)))


def distance(
    first: Float[np.ndarray, "pairs dim"], second: Float[np.ndarray, "pairs dim"]
) -> Float[np.ndarray, " pairs"]:
    """1 − cos as ‖u − v‖²/2 of unit vectors in float64, which is never negative; NaN where a vector
    is zero."""
    with np.errstate(invalid="ignore"):
        u, v = (
            x.astype(np.float64) / np.where(norm := lengths(x), norm, np.nan)[:, None]
            for x in (first, second)
        )
    return np.square(u - v).sum(axis=1) / 2


def shares(influences: Float[np.ndarray, " words"]) -> Float[np.ndarray, " words"]:
    """Influences over their sum; all NaN where one of them is, or where nothing moves the
    embedding."""
    total = influences.sum()
    return influences / total if total > STILL else np.full(len(influences), np.nan)


def places(spoken: Bool[np.ndarray, " words"]) -> Float[np.ndarray, " words"]:
    """0 for the first spoken word … 1 for the last; NaN for punctuation and for the only word of a
    sentence."""
    order, last = np.cumsum(spoken) - 1, spoken.sum() - 1
    return np.where(spoken, order / last, np.nan) if last > 0 else np.full(len(spoken), np.nan)


def token_influence(
    encode: Encode,
    sentences: Sequence[str],
    *,
    counts: Mapping[str, int] | None = None,
    shortest: int = 3,
    longest: int = 24,
) -> Influence:
    """Influence of every word of every sentence: 1 − cos between the embeddings with it and without
    it.

    All sentences and all variants go through ``encode`` in one call, each distinct text once.
    Sentences of fewer than ``shortest`` or more than ``longest`` words, numbers and marks are
    passed over: what lies beyond the length that an encoder cuts at would seem to have no
    influence, and 24 words are about 32 word pieces. ``counts`` of a corpus (``word_counts``) sort
    words into bands of frequency. The rows of a sentence whose embeddings have no direction are
    NaN, and so are the shares where nothing moves it.

    Raises:
        LabError: No sentence of that length, fewer than two different ones, or an embedding that is
            not finite.
        ValueError: ``shortest`` below 2: a sentence of one word has no variant.
    """
    if shortest < 2:
        raise ValueError(f"shortest {shortest}: a sentence without its only word is empty")
    cut = {text: spans(text) for text in sentences}
    kept = [text for text in sentences if shortest <= len(cut[text]) <= longest]
    if len(set(kept)) < 2:
        raise LabError(
            f"token influence: {len(set(kept))} different sentences of {shortest} to {longest} "
            "words among "
            f"{len(sentences)}; give at least two."
        )
    index: dict[str, int] = {}
    whole = [index.setdefault(text, len(index)) for text in kept for _ in cut[text]]
    variant = [
        index.setdefault(without(text, *span), len(index)) for text in kept for span in cut[text]
    ]
    embeddings = encode(list(index))
    bad = np.flatnonzero(~np.isfinite(embeddings).all(axis=1))
    if len(bad):
        raise LabError(
            f"token influence: {len(bad)} of {len(index)} embeddings are not finite, the first "
            "that of "
            f"{list(index)[bad[0]]!r}; look at the encoder's weights."
        )
    moved = distance(embeddings[whole], embeddings[variant])

    total = sum(counts.values()) if counts is not None else 0
    columns: dict[str, list[Any]] = {name: [] for name in COLUMNS}
    for i, text in enumerate(kept):
        found = [text[start:end] for start, end in cut[text]]
        kinds = [kind(word) for word in found]
        spoken = np.array(kinds) != "punctuation"
        done = len(columns["word"])
        share = shares(moved[done : done + len(found)])
        columns["sentence"] += [i] * len(found)
        columns["word"] += found
        columns["kind"] += kinds
        columns["band"] += [
            band(w, counts, total) if counts is not None and s else None
            for w, s in zip(found, spoken, strict=True)
        ]
        columns["place"] += places(spoken).tolist()
        columns["share"] += share.tolist()
        columns["relative"] += (share * len(found)).tolist()
    columns["influence"] = moved.tolist()

    distinct = embeddings[np.unique(whole)]
    directed = distinct[lengths(distinct) > 0]
    apart = 1 - mean_cosine(unit(directed))[0] if len(directed) > 1 else float("nan")
    return Influence(pd.DataFrame(columns), apart, len(sentences) - len(kept))


def influence(
    found: Mapping[str, Influence],
    *,
    bins: int = 5,
    resamples: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> ProbeResult:
    """How far embeddings move when a word is removed, and over how many of its words that is
    spread.

    Measures: ``influence`` (mean 1 − cos over words), ``influence / apart`` (over the mean 1 − cos
    of two different sentences, taken as fixed; without it a narrow space looks insensitive),
    ``evenness`` and ``gini`` of the shares (means over sentences), and ``relative influence`` of
    each kind of word (1: moves the embedding as much as the sentence's words do on average).
    Curves: ``kind``; ``band`` where words were counted; ``place``, the relative influence by place
    in the sentence, punctuation left out, for every word, content words and function words apart,
    since English sentences begin with function words. Intervals are percentiles over resampled
    sentences, the same for every encoder.

    Even influence is no merit in itself: a plain mean of word vectors has it.

    Raises:
        LabError: No encoder, or encoders over different sentences.
    """
    if not found:
        raise LabError("there is no encoder to measure; name at least one.")
    reference = next(iter(found.values())).words
    for name, one in found.items():
        if not one.words[["sentence", "word"]].equals(reference[["sentence", "word"]]):
            raise LabError(
                f"{name}: its influence was measured on other sentences; use the same ones for "
                "every encoder."
            )
    sentence = reference["sentence"].to_numpy()
    size = int(sentence.max()) + 1
    counts = resample_counts(size, resamples, np.random.default_rng(seed))

    measures: list[Measure] = []
    curves: dict[str, list[dict[str, object]]] = {"kind": [], "band": [], "place": []}
    for name, one in found.items():
        mean = _Means(sentence, counts, level)
        share = one.words["share"].to_numpy()
        undefined = size - one.words.loc[np.isfinite(share), "sentence"].nunique()
        note = (
            f"{undefined} of {size} sentences have no direction or do not move" if undefined else ""
        )
        measures += _moved(name, one, mean, note)
        for measure, formula in (("evenness", evenness), ("gini", gini)):
            parts = (share[sentence == i] for i in range(size))
            values = np.array(
                [formula(part) if np.isfinite(part).all() else np.nan for part in parts]
            )
            of_sentences = _Means(np.arange(size), counts, level)
            measures.append(Measure(name, measure, *of_sentences(values), note=note))
        curves["kind"] += _by_label(name, one.words, "kind", KINDS, mean)
        for point in curves["kind"][-len(KINDS) :]:
            value = (point["value"], point["low"], point["high"], point["n"])
            why = note if point["words"] else f"no {point['kind']} in these sentences"
            named = f"relative influence ({point['kind']})"
            measures.append(Measure(name, named, *cast("Mean", value), note=why))
        if np.array(one.words["band"].notna()).any():
            curves["band"] += _by_label(name, one.words, "band", BANDS, mean)
        curves["place"] += _by_place(name, one.words, bins, mean)
    about = {
        "sentences": size,
        "words": len(reference),
        "passed over": next(iter(found.values())).passed_over,
        "intervals": f"{level:.0%} over resampled sentences",
    }
    frames = {name: pd.DataFrame(rows) for name, rows in curves.items() if rows}
    return ProbeResult("influence", tabulate(measures), frames, about)


def _moved(name: str, one: Influence, mean: _Means, note: str) -> list[Measure]:
    """How far embeddings move, plainly and by the distance of different sentences."""
    moved = mean(one.words["influence"].to_numpy())
    by_apart = [x / one.apart if one.apart > CLOSE else np.nan for x in moved[:3]]
    why = note if one.apart > CLOSE else "all sentences have the same embedding"
    return [
        Measure(name, "influence", *moved, note=note),
        Measure(name, "influence / apart", *by_apart, n=moved[3], note=why),
    ]


def _by_label(
    name: str, table: pd.DataFrame, column: str, labels: Sequence[str], mean: _Means
) -> list[dict[str, object]]:
    """Relative influence of the words of each label, and their share of all words."""
    relative, points = table["relative"].to_numpy(), []
    for label in labels:
        chosen = (table[column] == label).to_numpy()
        value = mean(np.where(chosen, relative, np.nan))
        points.append(_point(name, value, **{column: label, "words": chosen.mean()}))
    return points


def _by_place(name: str, table: pd.DataFrame, bins: int, mean: _Means) -> list[dict[str, object]]:
    """Relative influence by place in the sentence: of every word, content and function words."""
    relative, place, points = table["relative"].to_numpy(), table["place"].to_numpy(), []
    where = np.minimum(np.nan_to_num(place, nan=-1) * bins, bins - 1).astype(int)
    for label in (EVERY, *KINDS[:2]):
        chosen = np.isfinite(place) & ((label == EVERY) | (table["kind"] == label).to_numpy())
        for i in range(bins):
            value = mean(np.where(chosen & (where == i), relative, np.nan))
            points.append(_point(name, value, kind=label, place=(i + 0.5) / bins))
    return points


class _Means:
    """Mean of the defined values with its interval over resampled sentences, and how many there
    are."""

    def __init__(
        self,
        sentence: Int[np.ndarray, " words"],
        counts: Int[np.ndarray, "resamples sentences"],
        level: float,
    ):
        self.sentence, self.counts, self.level = sentence, counts, level

    def __call__(self, values: Float[np.ndarray, " words"]) -> Mean:
        defined = np.isfinite(values)
        n = int(defined.sum())
        if not n:
            return float("nan"), float("nan"), float("nan"), 0
        width = self.counts.shape[1]
        sums = np.bincount(self.sentence[defined], values[defined], minlength=width)
        sizes = np.bincount(self.sentence[defined], minlength=width)
        with np.errstate(invalid="ignore", divide="ignore"):
            boot = (self.counts @ sums) / (self.counts @ sizes)
        boot = boot[np.isfinite(boot)]
        low = high = float("nan")
        if len(boot) >= DEFINED * len(self.counts):
            low, high = np.quantile(boot, [(1 - self.level) / 2, (1 + self.level) / 2])
        return float(sums.sum() / n), float(low), float(high), n


def _point(name: str, value: Mean, **where: object) -> dict[str, object]:
    return {
        "encoder": name,
        **where,
        **dict(zip(("value", "low", "high", "n"), value, strict=True)),
    }
