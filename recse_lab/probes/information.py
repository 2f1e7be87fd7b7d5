"""Information: whether the words that move an embedding most are those that say most.

Source: Kurita et al. (2023), "Contrastive Learning-based Sentence Encoders Implicitly Weight
Informative Words", arXiv:2310.15921: the weight of a word rises with its information gain KL(p(· |
w) ‖ p(·)) and its self-information −log p(w), and both rise with contrastive training. The paper
measures weights by Integrated Gradients and SHAP; here they are the influence of leaving a word
out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from recse_lab.errors import LabError
from recse_lab.figures import style
from recse_lab.figures.labels import note_below
from recse_lab.figures.panels import draw_lines
from recse_lab.probes.influence.compute import Influence, token_influence
from recse_lab.probes.influence.words import normal, words
from recse_lab.probes.paired import Draws, paired_measures, percentile
from recse_lab.probes.probe import Probe, ProbeInputs
from recse_lab.probes.resampling import with_sample
from recse_lab.probes.result import ProbeResult, tabulate
from recse_lab.probes.wording import differences, lines_by_measure, signed, undefined_notes
from recse_lab.statistics import resample_counts

SENTENCES = 300
CORPUS = 100_000
"""Sentences of the corpus, from its beginning, in which words are counted together."""
FEWEST = 10
"""Sentences that must hold a word for its information gain to be estimated."""
QUANTITIES = ("information gain", "self-information")


class Information(NamedTuple):
    """What a corpus says of words, in nats."""

    gain: dict[str, float]
    """KL(p(· | w) ‖ p(·)) over the words of the sentences that hold w."""
    surprise: dict[str, float]
    """−log p(w)."""


def word_information(corpus: Iterable[str], wanted: Iterable[str]) -> Information:
    """Information gain and self-information of words.

    p(· | w) is the distribution of the other words of the sentences that hold w, p(·) that of all
    words. A word of fewer than ``FEWEST`` sentences has none: its estimate would be that of a few
    sentences and far too large.

    Args:
        corpus: Sentences.
        wanted: Words in their normal form.

    Raises:
        LabError: The corpus holds no word.

    Source: Kurita et al. (2023), section 2, with co-occurrence within a sentence.
    """
    from scipy import sparse

    index: dict[str, int] = {}
    rows, columns = [], []
    number = -1
    for number, sentence in enumerate(corpus):
        found = words(sentence)
        rows += [number] * len(found)
        columns += [index.setdefault(word, len(index)) for word in found]
    if not index:
        raise LabError("information: the corpus holds no word; give a corpus of sentences.")
    values = np.ones(len(rows))
    table = sparse.csr_matrix((values, (rows, columns)), shape=(number + 1, len(index)))
    totals = np.asarray(table.sum(0)).ravel()
    base = totals / totals.sum()
    held = sparse.csr_matrix(table > 0, dtype=np.float64).tocsc()
    gain, surprise = {}, {}
    for word in dict.fromkeys(wanted):
        at = index.get(word)
        if at is None or held.indptr[at + 1] - held.indptr[at] < FEWEST:
            continue
        beside = np.asarray(table[held[:, at].indices].sum(0)).ravel()
        beside[at] = 0
        if not beside.sum():
            continue
        share = beside / beside.sum()
        there = share > 0
        gain[word] = float((share[there] * np.log(share[there] / base[there])).sum())
        surprise[word] = float(-np.log(base[at]))
    return Information(gain, surprise)


def information(
    found: Mapping[str, Influence],
    of_words: Information,
    *,
    bins: int = 8,
    against: str | None = None,
    resamples: int = 500,
    seed: int = 0,
    level: float = 0.95,
) -> ProbeResult:
    """Regression of a word's relative influence on what it says.

    Measures, for information gain and for self-information: ``slope`` (of the relative influence,
    which is 1 on average within a sentence, per nat) and ``r2`` of the linear regression over all
    occurrences of words whose information is known. The curve ``bins`` holds means of equally many
    occurrences. Percentile intervals over sentences, the same resamples for every encoder.

    Args:
        found: ``token_influence`` by encoder, of the same sentences.
        of_words: ``word_information`` of their words.
        bins: Of the curve.
        against: The encoder that the others are compared with.
        resamples: Bootstrap resamples of the sentences.
        seed: Of the resamples.
        level: Of the intervals.

    Raises:
        LabError: No encoder; no word whose information is known.
    """
    if not found:
        raise LabError("there is no encoder to measure; name at least one.")
    reference = next(iter(found.values())).words
    names = [normal(word) for word in reference["word"]]
    known = np.array([name in of_words.gain for name in names])
    if known.sum() < 3:
        raise LabError(
            f"information: {int(known.sum())} words of the sentences occur in {FEWEST} sentences "
            "of the corpus or more; give a larger corpus."
        )
    sentence = reference["sentence"].to_numpy()
    size = int(sentence.max()) + 1
    counts = with_sample(resample_counts(size, resamples, np.random.default_rng(seed)))
    quantities = {
        "information gain": np.array([of_words.gain.get(name, np.nan) for name in names]),
        "self-information": np.array([of_words.surprise.get(name, np.nan) for name in names]),
    }
    draws: dict[str, dict[str, Draws]] = {}
    curves = []
    for name, one in found.items():
        draws[name] = {}
        relative = one.words["relative"].to_numpy()
        for quantity, x in quantities.items():
            used = known & np.isfinite(relative)
            slope, r2 = regression(x[used], relative[used], sentence[used], counts)
            n = int(used.sum())
            why = "" if np.isfinite(r2[0]) else "no word moves the embedding"
            draws[name][f"slope, {quantity}"] = Draws(slope, n, why)
            draws[name][f"r2, {quantity}"] = Draws(r2, n, why)
            curves.append(
                _binned(x[used], relative[used], bins).assign(encoder=name, quantity=quantity)
            )
    about = {
        "sentences": size,
        "words": int(known.sum()),
        "left out": int((~known).sum()),
        "against": against,
        "intervals": f"{level:.0%} over resampled sentences",
    }
    table = tabulate(paired_measures(draws, against=against, interval=percentile(level)))
    return ProbeResult("information", table, {"bins": pd.concat(curves, ignore_index=True)}, about)


def regression(
    x: Float[np.ndarray, " words"],
    y: Float[np.ndarray, " words"],
    sentence: Int[np.ndarray, " words"],
    counts: Int[np.ndarray, "draws sentences"],
) -> tuple[Float[np.ndarray, " draws"], Float[np.ndarray, " draws"]]:
    """Slope and R² of the least-squares line in each draw of sentences."""
    width = counts.shape[1]
    terms = (np.ones_like(x), x, y, x * x, x * y, y * y)
    sums = np.stack([np.bincount(sentence, term, minlength=width) for term in terms])
    n, sx, sy, sxx, sxy, syy = (counts.astype(np.float64) @ sums.T).T
    with np.errstate(invalid="ignore", divide="ignore"):
        xx, xy, yy = sxx - sx**2 / n, sxy - sx * sy / n, syy - sy**2 / n
        slope, r2 = xy / xx, xy**2 / (xx * yy)
    flat = (xx <= 1e-12) | (yy <= 1e-12)
    return np.where(flat, np.nan, slope), np.where(flat, np.nan, r2)


def _binned(
    x: Float[np.ndarray, " words"], y: Float[np.ndarray, " words"], bins: int
) -> pd.DataFrame:
    order = np.array_split(np.argsort(x, kind="stable"), min(bins, max(len(x), 1)))
    rows = [(x[part].mean(), y[part].mean(), len(part)) for part in order if len(part)]
    return pd.DataFrame(rows, columns=pd.Index(["nats", "value", "n"]))


def figures(result: ProbeResult) -> dict[str, Any]:
    """``information``: relative influence against information gain and self-information."""
    plt = style.use()
    curve = result.curves["bins"]
    names = list(dict.fromkeys(curve["encoder"]))
    figure, panels = plt.subplots(1, 2, figsize=(style.WIDTH, 3.1), sharey=True)
    for axes, quantity in zip(panels, QUANTITIES, strict=True):
        draw_lines(axes, curve.loc[curve["quantity"] == quantity], "nats", names)
        axes.axhline(1, color=style.REFERENCE, linewidth=0.8, linestyle=":")
        axes.set_xlabel(f"{quantity}, nats")
    panels[0].set_ylabel("relative influence")
    panels[0].legend(fontsize=7)
    figure.tight_layout()
    note_below(
        figure,
        f"{result.about['words']:,} words of {result.about['sentences']} sentences, in groups of "
        "equally many. Dotted: a word that moves the embedding as much as its sentence's average.",
    )
    return {"information": figure}


def summary(result: ProbeResult) -> str:
    """What the numbers say, in Markdown."""
    lines, parts = lines_by_measure(result), []
    names = dict.fromkeys(result.table["encoder"])
    for name in names:
        said = []
        for quantity in QUANTITIES:
            slope, r2 = (lines[name, f"{key}, {quantity}"] for key in ("slope", "r2"))
            if np.isfinite(slope["value"]):
                said.append(
                    f"slope {signed(slope['value'], 3)} [{signed(slope['low'], 3)}, "
                    f"{signed(slope['high'], 3)}] per nat of {quantity}, "
                    f"R² {r2['value']:.3f} [{r2['low']:.3f}, {r2['high']:.3f}]"
                )
        if said:
            parts.append(f"- {name}: {'; '.join(said)}.")
    paired = differences(
        result,
        {f"{key}, {q}": f"{key}, {q}" for key in ("slope", "r2") for q in QUANTITIES},
        places=3,
    )
    return "\n\n".join(["\n".join(parts), *paired, *undefined_notes(result)])


def _compute(inputs: ProbeInputs, **options: Any) -> ProbeResult:
    step = max(1, len(inputs.sentences) // SENTENCES)
    sentences = inputs.sentences[::step][:SENTENCES]
    found = {name: token_influence(encode, sentences) for name, encode in inputs.encoders().items()}
    wanted = [normal(word) for word in next(iter(found.values())).words["word"]] if found else []
    corpus = (text for _, text in zip(range(CORPUS), inputs.corpus(), strict=False))
    return information(found, word_information(corpus, wanted), **options)


INFORMATION = Probe(
    name="information",
    question="Do informative words move the embedding most?",
    needs=("sentences", "encoders", "corpus"),
    measure=information,
    compute=_compute,
    summary=summary,
    figures=figures,
    help={
        "bins": "groups of words in the figure",
        "against": "the encoder that the others are compared with",
        "resamples": "bootstrap resamples of the sentences",
        "seed": "of the resamples",
        "level": "of the intervals",
    },
)
