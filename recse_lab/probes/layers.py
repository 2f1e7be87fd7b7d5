"""Layers: profiles over the hidden layers of encoders, and linear CKA between all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from recse_lab.errors import LabError
from recse_lab.figures import style
from recse_lab.figures.labels import note_below
from recse_lab.probes.geometry.compute import (
    INTERVALS,
    cosine_measures,
    norm_measures,
    spectral_measures,
    unit_vectors,
)
from recse_lab.probes.geometry.figures import LABELS
from recse_lab.probes.probe import Probe, ProbeInputs
from recse_lab.probes.result import ProbeResult, tabulate
from recse_lab.probes.similarity import (
    centred,
    hsic,
    ratio,
    refuse_unmeasurable,
)

SENTENCES = 2000
"""Every layer of every one of them is held in memory."""
PROFILE = ("mean_cosine", "participation_ratio", "effective_rank_centred", "norm_mean")
"""What ``layers`` follows from layer to layer."""


def layers(
    hidden: Mapping[str, Sequence[Float[np.ndarray, "sentences _dim"]]],
    *,
    debiased: bool = False,
    seed: int = 0,
) -> ProbeResult:
    """Profiles over the layers of each encoder, and linear CKA between all layers of all encoders.

    ``hidden`` holds one pooled embedding per sentence and layer, the embedding layer first. Curves:
    ``layers`` (encoder, layer, measure, value, low, high, note) with the measures ``PROFILE``, and
    ``cka`` (encoder, layer, other, other_layer, cka), both halves of the symmetric map. The table
    names a measure ``mean_cosine@0``.

    Raises:
        LabError: As ``geometry``; with ``debiased``, fewer than four sentences.
    """
    states = {(name, layer): x for name, stack in hidden.items() for layer, x in enumerate(stack)}
    count = refuse_unmeasurable(
        {f"{name}, layer {layer}": x for (name, layer), x in states.items()}
    )
    if debiased and count < 4:
        raise LabError(
            f"layers: debiased CKA needs four sentences, there are {count}; give more or take the "
            "plain one."
        )
    measures, rows = [], []
    for (name, layer), x in states.items():
        vectors, why = unit_vectors(x)
        found = [
            *cosine_measures(name, vectors, why, count),
            *spectral_measures(name, x, seed)[0],
            *norm_measures(name, x),
        ]
        for measure in (m for m in found if m.measure in PROFILE):
            measures.append(measure._replace(measure=f"{measure.measure}@{layer}"))
            rows.append((name, layer, *measure[1:5], measure.note))
    profile = pd.DataFrame(
        rows, columns=pd.Index(["encoder", "layer", "measure", "value", "low", "high", "note"])
    )
    curves = {"layers": profile, "cka": cka_table(states, debiased=debiased)}
    about = {"sentences": count, "cka": "debiased" if debiased else "plain", "intervals": INTERVALS}
    return ProbeResult("layers", tabulate(measures), curves, about)


def cka_table(
    states: Mapping[tuple[str, int], Float[np.ndarray, "sentences _dim"]], *, debiased: bool = False
) -> pd.DataFrame:
    """Linear CKA of every (encoder, layer) with every other: encoder, layer, other, other_layer,
    cka."""
    keys = list(states)
    own = {key: _self_hsic(states[key], debiased) for key in keys}
    rows = []
    for i, one in enumerate(keys):
        x = centred(states[one])
        for other in keys[i:]:
            # One with itself is 1 exactly, and undefined where it does not vary.
            between = (
                own[one] if other == one else hsic(x, centred(states[other]), debiased=debiased)
            )
            value = ratio(between, own[one], own[other])
            rows.append((*one, *other, value))
            if other != one:
                rows.append((*other, *one, value))
    return pd.DataFrame(rows, columns=pd.Index(["encoder", "layer", "other", "other_layer", "cka"]))


def _self_hsic(x: Float[np.ndarray, "sentences dim"], debiased: bool) -> float:
    rows = centred(x)
    return hsic(rows, rows, debiased=debiased)


def profiles(result: ProbeResult) -> Any:
    """One panel per measure, one line per encoder over its layers, with its interval as a band."""
    plt = style.use()
    profile: Any = result.curves["layers"]
    measures = list(dict.fromkeys(profile["measure"]))
    figure, grid = plt.subplots(
        2, -(-len(measures) // 2), figsize=(style.WIDTH, 4.4), sharex=True, squeeze=False
    )
    for axes, measure in zip(grid.flat, measures, strict=False):
        for i, (name, part) in enumerate(
            profile[profile["measure"] == measure].groupby("encoder", sort=False)
        ):
            colour = style.COLOURS[i % len(style.COLOURS)]
            axes.fill_between(
                part["layer"], part["low"], part["high"], color=colour, alpha=0.2, linewidth=0
            )
            axes.plot(
                part["layer"],
                part["value"],
                color=colour,
                marker=style.MARKERS[i % len(style.MARKERS)],
                markersize=5,
                linewidth=1.6,
                label=str(name),
            )
        axes.set_title(
            {"effective_rank_centred": "effective rank, centred"}.get(
                measure, LABELS.get(measure, measure)
            )
        )
        axes.set_xticks(range(int(profile["layer"].max()) + 1))
    for axes in grid[-1]:
        axes.set_xlabel("layer (0: embeddings)")
    figure.tight_layout()
    handles, labels = grid[0, 0].get_legend_handles_labels()
    figure.legend(
        handles,
        labels,
        loc="lower left",
        bbox_to_anchor=(0.02, 1.0),
        ncols=min(len(labels), 3),
        fontsize=8,
    )
    note_below(
        figure,
        f"{result.about['sentences']:,} sentences. Bands: 95 % jackknife, often narrower than the "
        "line.",
    )
    return figure


def heat_map(result: ProbeResult) -> Any:
    """Linear CKA of every layer of every encoder with every other, encoders parted by white
    lines."""
    plt = style.use()
    table = result.curves["cka"]
    states = list(dict.fromkeys(zip(table["encoder"], table["layer"], strict=True)))
    place = {state: i for i, state in enumerate(states)}
    values = np.full((len(states), len(states)), np.nan)
    for row in table.to_dict("records"):
        values[place[row["encoder"], row["layer"]], place[row["other"], row["other_layer"]]] = row[
            "cka"
        ]
    side = min(style.WIDTH - 0.6, 1.6 + 0.36 * len(states))
    figure, axes = plt.subplots(figsize=(side + 0.8, side))
    palette = plt.get_cmap("cividis").with_extremes(bad="#dddddd")
    image = axes.imshow(values, vmin=0, vmax=1, cmap=palette, origin="lower")
    if len(states) <= 14:
        for (y, x), value in np.ndenumerate(values):
            axes.text(
                x,
                y,
                f"{value:.2f}" if np.isfinite(value) else "–",
                ha="center",
                va="center",
                fontsize=6.5,
                color="white" if not value > 0.55 else "#111111",
            )
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    layers = [str(layer) for _, layer in states]
    axes.set_xticks(range(len(states)), layers, fontsize=7)
    axes.set_yticks(range(len(states)), layers, fontsize=7)
    axes.tick_params(length=0)
    names = [name for name, _ in states]
    for name in dict.fromkeys(names):
        inside = [i for i, other in enumerate(names) if other == name]
        middle = (inside[0] + inside[-1]) / 2
        axes.annotate(
            name,
            (middle, 0),
            xycoords=("data", "axes fraction"),
            xytext=(0, -20),
            textcoords="offset points",
            ha="center",
            va="top",
            fontsize=8,
        )
        axes.annotate(
            name,
            (0, middle),
            xycoords=("axes fraction", "data"),
            xytext=(-20, 0),
            textcoords="offset points",
            ha="right",
            va="center",
            fontsize=8,
            rotation=90,
        )
        if inside[-1] + 1 < len(states):
            for line in (axes.axvline, axes.axhline):
                line(inside[-1] + 0.5, color="white", linewidth=3)
    bar = figure.colorbar(image, ax=axes, pad=0.02, fraction=0.045)
    bar.set_label(f"linear CKA{', debiased' if result.about['cka'] == 'debiased' else ''}")
    bar.outline.set_visible(False)
    return figure


def summary(result: ProbeResult) -> str:
    """What the numbers say, in Markdown."""
    profile: Any = result.curves["layers"]
    parts = []
    last = profile.groupby("encoder", sort=False)["layer"].max()
    table: Any = result.curves["cka"].dropna(subset=["cka"])
    crossed = table[
        (table["encoder"] != table["other"])
        & (table["layer"] == table["encoder"].map(last))
        & (table["other_layer"] == table["other"].map(last))
    ]
    crossed = crossed[
        crossed["encoder"].map(list(last.index).index)
        < crossed["other"].map(list(last.index).index)
    ]
    if len(crossed):
        pairs = [
            f"{row['encoder']} and {row['other']} {row['cka']:.2f}" for _, row in crossed.iterrows()
        ]
        parts.append(f"CKA ({result.about['cka']}) of the last layers: {'; '.join(pairs)}.")
    for name, part in profile.groupby("encoder", sort=False):
        told = []
        for measure, label, form in (
            ("mean_cosine", "mean cosine", ".3f"),
            ("participation_ratio", "participation ratio", ".1f"),
        ):
            line = part[part["measure"] == measure].dropna(subset=["value"])
            if len(line):
                ends = " to ".join(f"{value:{form}}" for value in line["value"].iloc[[0, -1]])
                top = line.loc[line["value"].idxmax()]
                told.append(
                    f"{label} from {ends}, highest in layer {top['layer']} ({top['value']:{form}})"
                )
        parts.append(
            f"{name}, layer {part['layer'].min()} to {part['layer'].max()}: "
            f"{'; '.join(told) or 'undefined'}."
        )
    return " ".join([*parts, f"{result.about['sentences']:,} sentences."])


def _compute(inputs: ProbeInputs, **options: Any) -> ProbeResult:
    from recse_lab.probes.networks import layer_means

    sentences = inputs.sentences[:SENTENCES]
    stacks = {name: layer_means(encoder, sentences) for name, encoder in inputs.networks()}
    return layers(stacks, **options)


def _figures(result: ProbeResult) -> dict[str, Any]:
    return {"layers": profiles(result), "cka": heat_map(result)}


LAYERS = Probe(
    name="layers",
    question="In which layer does the space change, and how alike are the encoders there?",
    needs=("sentences", "networks"),
    measure=layers,
    compute=_compute,
    summary=summary,
    figures=_figures,
    help={
        "debiased": "take the unbiased estimate of HSIC in CKA",
        "seed": "of the groups of the jackknife",
    },
)
