"""Gradients: how strongly a contrast pulls a pair together and pushes others away, as a function of
their angles, and where the pairs of an encoder stand on that map.

Sources: Li et al. (2024), "Towards Better Understanding of Contrastive Sentence Representation
Learning: A Unified Paradigm for Gradient", arXiv:2402.18281, for dissipation, weight and ratio; Li
& Li (2023), "AnglE-optimized Text Embeddings", arXiv:2309.12871, for the flat zones of the cosine,
whose slope in the angle is −sin θ. Here all of it comes from the objectives by autograd.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from recse_lab.errors import LabError
from recse_lab.figures import style
from recse_lab.figures.encoders import encoder_colour, encoder_marker
from recse_lab.figures.labels import note_below
from recse_lab.figures.panels import draw_lines
from recse_lab.probes.paired import Draws, paired_measures, percentile, weighted_means
from recse_lab.probes.probe import Probe, ProbeInputs
from recse_lab.probes.resampling import with_sample
from recse_lab.probes.result import ProbeResult, tabulate
from recse_lab.probes.similarity import refuse_unmeasurable, unit
from recse_lab.probes.wording import differences, lines_by_measure, percent, undefined_notes
from recse_lab.statistics import resample_counts

if TYPE_CHECKING:
    from recse_lab.objectives.contrast import Contrast

SENTENCES = 256
BATCH = 64
"""Sentences compared with one another, as in training."""
FLAT = 0.2
"""sin θ below which a pair counts as in a flat zone: within 11.5° of 0° or of 180°."""
TEMPERATURES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
STEPS = 46
"""Angles of the map, from 1° to 179°."""


def mechanics(
    slopes: Float[np.ndarray, "anchors candidates"],
    cosines: Float[np.ndarray, "anchors candidates"],
    temperature: float,
) -> dict[str, Float[np.ndarray, " anchors"]]:
    """What the derivatives by the cosines do to each anchor.

    Returns:
        ``dissipation``: τ · |∂L/∂cos⁺|, for InfoNCE 1 − p⁺: 1 while a pair is to be learnt, 0 once
        it is. ``ratio``: the push on all negatives over the pull on the positive, for InfoNCE 1.
        ``felt pull``: dissipation · sin θ⁺, what is left of the pull on the angle.
        ``effective negatives``: exp of the entropy of the negatives' weights. ``flat positives``
        and ``flat negatives``: the share of them in the flat zones.
    """
    pull, push = -slopes[:, 0], slopes[:, 1:]
    sine = np.sqrt(np.maximum(1 - cosines**2, 0))
    total = push.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        weight = np.maximum(push, 0) / np.maximum(push, 0).sum(axis=1, keepdims=True)
        entropy = -np.where(weight > 0, weight * np.log(weight), 0).sum(axis=1)
        return {
            "dissipation": temperature * pull,
            "ratio": np.where(pull > 1e-9, total / pull, np.nan),
            "felt pull": temperature * pull * sine[:, 0],
            "effective negatives": np.where(total > 1e-12, np.exp(entropy), np.nan),
            "flat positives": (sine[:, 0] < FLAT).astype(np.float64),
            "flat negatives": (sine[:, 1:] < FLAT).mean(axis=1),
            "positive angle": np.degrees(np.arccos(np.clip(cosines[:, 0], -1, 1))),
            "negative angle": np.degrees(np.arccos(np.clip(cosines[:, 1:], -1, 1))).mean(axis=1),
        }


def gradients(
    views: Mapping[str, Float[np.ndarray, "2 sentences dim"]],
    contrasts: Mapping[str, Contrast],
    *,
    batch: int = BATCH,
    against: str | None = None,
    resamples: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> ProbeResult:
    """Where the pairs of each encoder stand on the map of its contrast's gradient.

    Measures, means over sentences: those of ``mechanics`` under the encoder's own contrast. Curves:
    ``pairs`` (one row per sentence: angle to its positive, and the angle of negatives all alike
    that would have the same denominator), ``map`` (dissipation of every contrast by the two
    angles) and ``temperature`` (dissipation and effective negatives of the same pairs under
    InfoNCE at other temperatures). Percentile intervals over sentences, the same resamples for
    every encoder.

    Args:
        views: Two dropout views of the same sentences, by encoder.
        contrasts: The loss that each encoder is or would be trained with.
        batch: Sentences that are compared with one another.
        against: The encoder that the others are compared with.
        resamples: Bootstrap resamples.
        seed: Of the resamples.
        level: Of the intervals.

    Raises:
        LabError: As ``geometry``, for either view; zero embeddings; fewer than three sentences.
    """
    from recse_lab.objectives.info_nce import InfoNCE
    from recse_lab.probes.contrast_gradients import batch_gradients

    for side in (0, 1):
        count = refuse_unmeasurable({name: both[side] for name, both in views.items()})
    if count < 3:
        raise LabError(f"{count} sentences: a sentence needs two others as negatives.")
    counts = with_sample(resample_counts(count, resamples, np.random.default_rng(seed)))
    found: dict[str, dict[str, Draws]] = {}
    pairs, temperatures = [], []
    for name, both in views.items():
        if not both.any(axis=2).all():
            raise LabError(f"{name}: some embeddings are zero vectors and have no direction.")
        first, second = (unit(view).astype(np.float64) for view in both)
        contrast = contrasts[name]
        slopes, cosines = batch_gradients(contrast, first, second, batch)
        values = mechanics(slopes, cosines, contrast.temperature)
        found[name] = {key: _mean(v, counts) for key, v in values.items()}
        pairs.append(_pair_frame(name, cosines, contrast.temperature))
        for tau in TEMPERATURES:
            slopes, cosines = batch_gradients(InfoNCE(temperature=tau), first, second, batch)
            values = mechanics(slopes, cosines, tau)
            for key in ("dissipation", "effective negatives"):
                draws = _mean(values[key], counts).values
                bounds = percentile(level)(draws)
                temperatures.append((name, key, tau, draws[0], *bounds))
    columns = pd.Index(["encoder", "measure", "temperature", "value", "low", "high"])
    curves = {
        "pairs": pd.concat(pairs, ignore_index=True),
        "map": gradient_map(contrasts, min(batch, count) - 1),
        "temperature": pd.DataFrame(temperatures, columns=columns),
    }
    about = {
        "sentences": count,
        "negatives": min(batch, count) - 1,
        "contrasts": {name: named(contrast) for name, contrast in contrasts.items()},
        "against": against,
        "intervals": f"{level:.0%} over resampled sentences",
    }
    table = tabulate(paired_measures(found, against=against, interval=percentile(level)))
    return ProbeResult("gradients", table, curves, about)


def named(contrast: Contrast) -> str:
    """A contrast by its class and its temperature."""
    return f"{type(contrast).__name__}, τ = {contrast.temperature:g}"


def gradient_map(contrasts: Mapping[str, Contrast], negatives: int) -> pd.DataFrame:
    """Dissipation and ratio of each distinct contrast, for one positive at θ⁺ and ``negatives``
    negatives that are all at θ⁻ and orthogonal otherwise."""
    from recse_lab.probes.contrast_gradients import cosine_gradients, star

    angles = np.radians(np.linspace(1, 179, STEPS))
    rows = []
    for label, contrast in {named(c): c for c in contrasts.values()}.items():
        for positive in angles:
            for negative in angles:
                anchor, candidates = star(positive, negative, negatives)
                cosines, slopes = cosine_gradients(contrast, anchor, candidates)
                found = mechanics(slopes.numpy()[None], cosines.numpy()[None], contrast.temperature)
                rows.append(
                    (
                        label,
                        np.degrees(positive),
                        np.degrees(negative),
                        found["dissipation"][0],
                        found["ratio"][0],
                    )
                )
    columns = pd.Index(["contrast", "positive", "negative", "dissipation", "ratio"])
    return pd.DataFrame(rows, columns=columns)


def _mean(values: Float[np.ndarray, " sentences"], counts: np.ndarray) -> Draws:
    defined = int(np.isfinite(values).sum())
    if not defined:
        return Draws(np.full(len(counts), np.nan), 0, "the two views coincide, or nothing pushes")
    return Draws(weighted_means(values, counts), defined)


def _pair_frame(
    name: str, cosines: Float[np.ndarray, "sentences candidates"], temperature: float
) -> pd.DataFrame:
    exponents = cosines[:, 1:] / temperature
    top = exponents.max(axis=1, keepdims=True)
    alike = temperature * (top[:, 0] + np.log(np.exp(exponents - top).mean(axis=1)))
    return pd.DataFrame(
        {
            "encoder": name,
            "positive": np.degrees(np.arccos(np.clip(cosines[:, 0], -1, 1))),
            "negative": np.degrees(np.arccos(np.clip(alike, -1, 1))),
        }
    )


def figures(result: ProbeResult) -> dict[str, Any]:
    """``map``: the dissipation of each contrast with the encoders' pairs; and ``temperature``."""
    return {"map": _map_figure(result), "temperature": _temperature_figure(result)}


def _map_figure(result: ProbeResult) -> Any:
    import seaborn as sns

    plt = style.use()
    curve, pairs = result.curves["map"], result.curves["pairs"]
    contrasts = list(dict.fromkeys(curve["contrast"]))
    names = list(dict.fromkeys(pairs["encoder"]))
    columns = min(2, len(contrasts))
    rows = -(-len(contrasts) // columns)
    width = style.WIDTH if columns > 1 else 0.75 * style.WIDTH
    figure, grid = plt.subplots(rows, columns, figsize=(width, 3.4 * rows + 0.4), squeeze=False)
    end = max(120.0, float(pairs[["positive", "negative"]].to_numpy().max()))
    for axes in grid.flat[len(contrasts) :]:
        axes.set_visible(False)
    for axes, contrast in zip(grid.flat, contrasts, strict=False):
        part = curve.loc[curve["contrast"] == contrast]
        table = part.pivot(index="negative", columns="positive", values="dissipation")
        image = axes.pcolormesh(
            table.columns, table.index, table, cmap="Greys", vmin=0, vmax=1, shading="nearest"
        )
        for e, name in enumerate(names):
            if result.about["contrasts"][name] != contrast:
                continue
            own = pairs.loc[pairs["encoder"] == name]
            colour = encoder_colour(e)
            axes.scatter(own["positive"], own["negative"], s=2, color=colour, alpha=0.25)
            sns.kdeplot(
                data=own,
                x="positive",
                y="negative",
                ax=axes,
                levels=[0.1, 0.5],
                color=colour,
                warn_singular=False,
            )
            axes.plot(
                own["positive"].mean(),
                own["negative"].mean(),
                encoder_marker(e),
                color=colour,
                markeredgecolor="white",
                markersize=8,
                label=name,
            )
        axes.set(xlim=(0, end), ylim=(0, end), aspect="equal", title=contrast)
        axes.set_xlabel("angle to the positive, °")
        axes.set_ylabel("angle of negatives, °")
        axes.grid(False)
        axes.legend(fontsize=7, loc="lower right", frameon=True)
        figure.colorbar(image, ax=axes, fraction=0.045, pad=0.02, label="dissipation")
    figure.tight_layout()
    note_below(
        figure,
        "Dissipation: the share of the pull on the positive that is left (black: all of it). Dots: "
        "sentences; the negatives of each are replaced by alike ones with the same sum of "
        "exponentials. Contours hold half and nine tenths of an encoder's sentences.",
    )
    return figure


def _temperature_figure(result: ProbeResult) -> Any:
    plt = style.use()
    curve = result.curves["temperature"]
    names = list(dict.fromkeys(curve["encoder"]))
    figure, panels = plt.subplots(1, 2, figsize=(style.WIDTH, 2.9))
    for axes, key in zip(panels, ("dissipation", "effective negatives"), strict=True):
        draw_lines(axes, curve.loc[curve["measure"] == key], "temperature", names)
        axes.set_xscale("log")
        axes.set_xticks(TEMPERATURES, [f"{tau:g}" for tau in TEMPERATURES])
        axes.minorticks_off()
        axes.set_xlabel("temperature τ")
        axes.set_title(key)
    panels[0].legend(fontsize=7)
    figure.tight_layout()
    note_below(
        figure, f"InfoNCE over {result.about['negatives']} negatives. Bands: 95 % over sentences."
    )
    return figure


def summary(result: ProbeResult) -> str:
    """What the numbers say, in Markdown."""
    lines, parts = lines_by_measure(result), []
    for name, contrast in result.about["contrasts"].items():
        row = {key: lines[name, key] for key in _SAID}
        if not np.isfinite(row["dissipation"]["value"]):
            continue
        angle, other, left, felt, active, flat, far = (row[key]["value"] for key in _SAID)
        parts.append(
            f"- {name} ({contrast}): positives at {angle:.0f}°, negatives at {other:.0f}°; "
            f"{percent(left)} of the pull is left, {felt:.3f} of it is felt by the angle; "
            f"{active:.1f} of {result.about['negatives']} negatives carry the push; "
            f"{percent(flat)} of the positives and {percent(far)} of the negatives are in flat "
            "zones of the cosine."
        )
    paired = differences(result, {key: key for key in _SAID[2:6]}, places=3)
    return "\n\n".join(["\n".join(parts), *paired, *undefined_notes(result)])


_SAID = (
    "positive angle",
    "negative angle",
    "dissipation",
    "felt pull",
    "effective negatives",
    "flat positives",
    "flat negatives",
)


def _compute(inputs: ProbeInputs, **options: Any) -> ProbeResult:
    import torch

    from recse_lab.probes.networks import dropout_on, pooled

    step = max(1, len(inputs.sentences) // SENTENCES)
    sentences = inputs.sentences[::step][:SENTENCES]
    views = {}
    for name, encoder in inputs.networks():
        torch.manual_seed(0)
        with dropout_on(encoder):
            views[name] = np.stack([pooled(encoder, sentences) for _ in range(2)])
    return gradients(views, inputs.contrasts(), **options)


GRADIENTS = Probe(
    name="gradients",
    question="How strongly does the contrast still pull and push the pairs of an encoder?",
    needs=("sentences", "networks", "contrasts"),
    measure=gradients,
    compute=_compute,
    summary=summary,
    figures=figures,
    help={
        "batch": "sentences that are compared with one another",
        "against": "the encoder that the others are compared with",
        "resamples": "bootstrap resamples",
        "seed": "of the resamples",
        "level": "of the intervals",
    },
)
