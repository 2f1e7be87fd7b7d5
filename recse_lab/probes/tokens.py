"""Tokens: how alike the states of one token are across sentences, and those of one sentence among
themselves, layer by layer.

Sources: Ethayarajh (2019), "How Contextual are Contextualized Word Representations?",
arXiv:1909.00512, for self-similarity, intra-sentence similarity and the baseline of random tokens
that is subtracted; Xiao, Long & Al Moubayed (2023), "On Isotropy, Contextualization and Learning
Dynamics of Contrastive-based Sentence Representation Learning", arXiv:2212.09170, for what contrast
does to them: tokens of one sentence converge, and content words keep more of themselves across
contexts (less spurious contextualisation) while function words keep less.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from recse_lab.errors import LabError
from recse_lab.figures.labels import note_below
from recse_lab.figures.panels import draw_lines, grid_of_panels, legend_above
from recse_lab.probes.influence.words import KINDS, kind
from recse_lab.probes.paired import Draws, jackknife, jackknife_groups, paired_measures
from recse_lab.probes.probe import Probe, ProbeInputs
from recse_lab.probes.result import ProbeResult, tabulate
from recse_lab.probes.similarity import unit
from recse_lab.probes.wording import differences, lines_by_measure, undefined_notes

SENTENCES = 300
CONTENT, FUNCTION = KINDS[:2]
MEASURES = {
    "random tokens": "cosine of tokens of two sentences",
    "intra-sentence": "intra-sentence similarity",
    f"self-similarity ({CONTENT})": "self-similarity, content words",
    f"self-similarity ({FUNCTION})": "self-similarity, function words",
}


class TokenStates(NamedTuple):
    """The tokens of some sentences, special ones left out."""

    layers: list[Float[np.ndarray, "tokens _dim"]]
    """States of every layer, the embedding layer first."""
    sentence: Int[np.ndarray, " tokens"]
    token: list[str]
    """What the tokenizer calls each of them."""


def cosines_of(
    vectors: Float[np.ndarray, "tokens dim"],
    sentence: Int[np.ndarray, " tokens"],
    token: Int[np.ndarray, " tokens"],
    kinds: Mapping[str, np.ndarray],
) -> dict[str, float]:
    """Mean cosines of pairs of tokens, exact, in closed form from sums of unit vectors.

    ``random tokens`` is the mean over pairs of different sentences. ``intra-sentence`` is the mean
    over the pairs of a sentence, averaged over sentences, minus ``random tokens``; the
    self-similarities are means over the pairs of one token type in different places, averaged over
    types of the kind, minus ``random tokens``. NaN where there is no pair.

    Source: Ethayarajh (2019), sections 3.2 and 3.3; intra-sentence similarity is over pairs of
    tokens here, and not over tokens and the sentence's mean, which grows with short sentences.
    """
    inside, pairs_inside = _pair_sums(vectors, sentence)
    every, pairs = _pair_sums(vectors, np.zeros_like(sentence))
    different = pairs.sum() - pairs_inside.sum()
    nan = float("nan")
    random = (every.sum() - inside.sum()) / different if different else nan
    found = {"random tokens": float(random)}
    there = pairs_inside > 0
    within = (inside[there] / pairs_inside[there]).mean() if there.any() else nan
    found["intra-sentence"] = float(within - random)
    for label, chosen in kinds.items():
        products, own = _pair_sums(vectors[chosen], token[chosen])
        several = own > 0
        mean = (products[several] / own[several]).mean() if several.any() else nan
        found[f"self-similarity ({label})"] = float(mean - random)
    return found


def _pair_sums(
    vectors: Float[np.ndarray, "tokens dim"], group: Int[np.ndarray, " tokens"]
) -> tuple[Float[np.ndarray, " groups"], Float[np.ndarray, " groups"]]:
    """Sum of the cosines of the ordered pairs of each group, and how many there are."""
    _, group = np.unique(group, return_inverse=True)
    sizes = np.bincount(group)
    starts = np.cumsum(sizes) - sizes
    ordered = vectors[np.argsort(group, kind="stable")]
    sums = np.add.reduceat(ordered, starts, axis=0, dtype=np.float64)
    squares = np.square(vectors, dtype=np.float64).sum(axis=1)
    products = np.square(sums).sum(axis=1) - np.bincount(group, squares, minlength=len(sizes))
    return products, sizes * (sizes - 1.0)


def tokens(
    states: Mapping[str, TokenStates], *, against: str | None = None, seed: int = 0
) -> ProbeResult:
    """Self-similarity and intra-sentence similarity of every layer.

    Measures: those of ``cosines_of``, as ``MEASURE@LAYER``, and those of the last layer as
    ``MEASURE, last layer``, which encoders of different depth share. The curve ``layers`` holds
    them by layer. 95 % jackknife over random groups of sentences, the same for every encoder.

    Args:
        states: Of the same sentences, by encoder.
        against: The encoder that the others are compared with.
        seed: Of the groups of the jackknife.

    Raises:
        LabError: No encoder, states that are not finite, fewer than two sentences, encoders over
            different sentences, or ``against`` unknown.
    """
    if not states:
        raise LabError("there is no encoder to measure; name at least one.")
    counts = {name: len(np.unique(each.sentence)) for name, each in states.items()}
    count = next(iter(counts.values()))
    if count < 2 or len(set(counts.values())) > 1:
        raise LabError(f"tokens: sentences by encoder are {counts}; give the same two or more.")
    groups = jackknife_groups(count, seed)
    found: dict[str, dict[str, Draws]] = {}
    rows = []
    for name, each in states.items():
        found[name] = {}
        numbers = np.unique(each.token, return_inverse=True)[1]
        said = np.array([kind(token) for token in each.token])
        kinds = {label: said == label for label in (CONTENT, FUNCTION)}
        place = np.unique(each.sentence, return_inverse=True)[1]
        keep = [np.full(len(place), True), *(~np.isin(place, group) for group in groups)]
        for layer, x in enumerate(each.layers):
            if not np.isfinite(x).all() or not x.any(axis=1).all():
                raise LabError(f"{name}, layer {layer}: states that are zero or not finite.")
            vectors = unit(x)
            draws = [
                cosines_of(
                    vectors[at], place[at], numbers[at], {k: v[at] for k, v in kinds.items()}
                )
                for at in keep
            ]
            for measure in MEASURES:
                values = np.array([draw[measure] for draw in draws])
                why = "" if np.isfinite(values[0]) else "no token occurs twice"
                found[name][f"{measure}@{layer}"] = Draws(values, len(place), why)
                rows.append((name, measure, layer, values[0], *jackknife(values)))
        for measure in MEASURES:
            last = found[name][f"{measure}@{len(each.layers) - 1}"]
            found[name][f"{measure}, last layer"] = last
    columns = pd.Index(["encoder", "measure", "layer", "value", "low", "high"])
    about = {"sentences": count, "against": against}
    table = tabulate(paired_measures(found, against=against, interval=jackknife))
    return ProbeResult("tokens", table, {"layers": pd.DataFrame(rows, columns=columns)}, about)


def figures(result: ProbeResult) -> dict[str, Any]:
    """``layers``: one panel per measure over the layers."""
    curve = result.curves["layers"]
    names = list(dict.fromkeys(curve["encoder"]))
    figure, panels = grid_of_panels(len(MEASURES), 2)
    for axes, (measure, title) in zip(panels, MEASURES.items(), strict=True):
        draw_lines(axes, curve.loc[curve["measure"] == measure], "layer", names)
        axes.set_title(title, fontsize=9)
        axes.set_xticks(range(int(curve["layer"].to_numpy().max()) + 1))
    for axes in panels[-2:]:
        axes.set_xlabel("layer (0: embeddings)")
    figure.tight_layout()
    legend_above(figure, panels[0])
    note_below(
        figure,
        f"{result.about['sentences']} sentences. All but the first panel: minus the cosine of "
        "tokens of two sentences. Bands: 95 % jackknife.",
    )
    return {"layers": figure}


def summary(result: ProbeResult) -> str:
    """What the numbers say, in Markdown."""
    lines, parts = lines_by_measure(result), []
    for name in dict.fromkeys(result.table["encoder"]):
        said = []
        for measure, title in MEASURES.items():
            row = lines[name, f"{measure}, last layer"]
            if np.isfinite(row["value"]):
                said.append(f"{title} {row['value']:.3f} [{row['low']:.3f}, {row['high']:.3f}]")
        parts.append(f"- {name}, last layer: {'; '.join(said)}.")
    paired = differences(
        result, {f"{key}, last layer": title for key, title in MEASURES.items()}, places=3
    )
    return "\n\n".join(["\n".join(parts), *paired, *undefined_notes(result)])


def _states(encoder: Any, sentences: Sequence[str]) -> TokenStates:
    from recse_lab.probes.networks import token_states

    layers, sentence, ids = token_states(encoder, sentences)
    names = encoder.tokenizer.convert_ids_to_tokens(ids.tolist())
    return TokenStates(layers, sentence, [name.lstrip("Ġ▁") for name in names])


def _compute(inputs: ProbeInputs, **options: Any) -> ProbeResult:
    step = max(1, len(inputs.sentences) // SENTENCES)
    sentences = inputs.sentences[::step][:SENTENCES]
    return tokens(
        {name: _states(encoder, sentences) for name, encoder in inputs.networks()}, **options
    )


TOKENS = Probe(
    name="tokens",
    question="Do the tokens of a sentence converge, and do words keep their identity?",
    needs=("sentences", "networks"),
    measure=tokens,
    compute=_compute,
    summary=summary,
    figures=figures,
    help={
        "against": "the encoder that the others are compared with",
        "seed": "of the groups of the jackknife",
    },
)
