"""Tolerance: how close sentences of one class stay while the space gets uniform.

Source: Wang & Liu (2021), "Understanding the Behaviour of Contrastive Loss", arXiv:2012.09740,
section 4: a low temperature buys uniformity at the cost of tolerance to sentences alike. Their
tolerance is the mean cosine within a class; so it is here, beside that between classes, without
which a space that is narrow as a whole would seem tolerant.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from recse_lab.errors import LabError
from recse_lab.figures import style
from recse_lab.figures.encoders import encoder_colour, encoder_legend, encoder_marker
from recse_lab.figures.labels import note_below
from recse_lab.figures.panels import grid_of_panels
from recse_lab.probes.paired import Draws, jackknife, jackknife_groups, paired_measures
from recse_lab.probes.probe import Labelled, Probe, ProbeInputs
from recse_lab.probes.result import ProbeResult, tabulate
from recse_lab.probes.similarity import refuse_unmeasurable, unit
from recse_lab.probes.wording import differences, lines_by_measure, signed, undefined_notes

SENTENCES = 1000
"""Of each set, evenly spaced."""
BLOCK = 4096
"""Sentences of a block: its cosines take 64 MiB."""
MEASURES = ("tolerance", "between classes", "separation", "uniformity")


class Within(NamedTuple):
    """Mean cosines of distinct pairs of one class, and of two."""

    same: float
    different: float


def class_cosines(
    vectors: Float[np.ndarray, "sentences dim"], labels: Int[np.ndarray, " sentences"]
) -> Within:
    """Mean cosine within and between classes, in closed form from the sums of the classes.

    NaN where no two sentences share a class, or where there is one class.

    Source: Wang & Liu (2021), equation 8, over distinct pairs.
    """
    squares = np.square(vectors, dtype=np.float64).sum(axis=1)
    same = pairs = 0.0
    for label in np.unique(labels):
        rows = labels == label
        total, count = vectors[rows].sum(0, dtype=np.float64), int(rows.sum())
        same += total @ total - squares[rows].sum()
        pairs += count * (count - 1)
    total, count = vectors.sum(0, dtype=np.float64), len(vectors)
    every = total @ total - squares.sum()
    others = count * (count - 1) - pairs
    return Within(
        float(same / pairs) if pairs else float("nan"),
        float((every - same) / others) if others else float("nan"),
    )


def tolerance(
    sets: Mapping[str, Labelled],
    embeddings: Mapping[str, Mapping[str, Float[np.ndarray, "sentences _dim"]]],
    temperatures: Mapping[str, float | None],
    *,
    against: str | None = None,
    seed: int = 0,
) -> ProbeResult:
    """Tolerance and uniformity of every encoder on sets of labelled sentences.

    Measures, as ``SET: MEASURE``: ``tolerance`` (mean cosine of two sentences of one class),
    ``between classes`` (of two classes), ``separation`` (their difference over 1 − the mean between
    classes) and ``uniformity`` (Wang & Isola's, t = 2). 95 % jackknife over random groups of
    sentences, the same for every encoder.

    Args:
        sets: Labelled sentences by name.
        embeddings: By set and encoder.
        temperatures: τ that an encoder was trained with; None if it was not, or unknown.
        against: The encoder that the others are compared with.
        seed: Of the groups of the jackknife.

    Raises:
        LabError: No set; embeddings that are not finite or zero; ``against`` unknown.
    """
    if not sets:
        raise LabError("tolerance: there is no labelled set; give the folder of the transfer sets.")
    found: dict[str, dict[str, Draws]] = {name: {} for name in next(iter(embeddings.values()))}
    for task, labelled in sets.items():
        count = refuse_unmeasurable(embeddings[task])
        groups = jackknife_groups(count, seed)
        keep = [np.arange(count), *(np.setdiff1d(np.arange(count), g) for g in groups)]
        for name, x in embeddings[task].items():
            zero = int((~x.any(axis=1)).sum())
            if zero:
                raise LabError(f"{name}, {task}: {zero} embeddings are zero vectors.")
            vectors = unit(x)
            even = uniformities(vectors, groups)
            values = [
                _measures(vectors[rows], labelled.label[rows], one)
                for rows, one in zip(keep, even, strict=True)
            ]
            for k, measure in enumerate(MEASURES):
                draws = np.array([row[k] for row in values])
                why = "" if np.isfinite(draws[0]) else "one class, or none twice, or no spread"
                found[name][f"{task}: {measure}"] = Draws(draws, count, why)
    curve = pd.DataFrame(
        [
            (
                name,
                task,
                temperatures.get(name),
                *(found[name][f"{task}: {m}"].values[0] for m in MEASURES),
            )
            for name in found
            for task in sets
        ],
        columns=pd.Index(["encoder", "set", "temperature", *MEASURES]),
    )
    about = {
        "sets": {task: len(labelled.label) for task, labelled in sets.items()},
        "temperatures": dict(temperatures),
        "against": against,
    }
    table = tabulate(paired_measures(found, against=against, interval=jackknife))
    return ProbeResult("tolerance", table, {"plane": curve}, about)


def uniformities(
    vectors: Float[np.ndarray, "sentences dim"], groups: Sequence[Int[np.ndarray, " group"]]
) -> list[float]:
    """Uniformity (t = 2) of all unit vectors, and without each group in turn, in one pass.

    The potentials exp(−2‖x − y‖²) of unit vectors lie between e^−8 and 1, so that sums over groups
    can be subtracted. Exact, in blocks.

    Args:
        vectors: Unit vectors.
        groups: Row numbers; together all rows, or no group.
    """
    import torch

    count = len(vectors)
    member = np.zeros((count, max(len(groups), 1)), np.float32)
    for g, rows in enumerate(groups):
        member[rows, g] = 1
    if not groups:
        member[:] = 1
    rows, of_group = torch.from_numpy(np.ascontiguousarray(vectors)), torch.from_numpy(member)
    sums = np.zeros((member.shape[1],) * 2)
    for i in range(0, count, BLOCK):
        for j in range(i, count, BLOCK):
            cosines = (rows[i : i + BLOCK] @ rows[j : j + BLOCK].T).clamp_(max=1)
            potentials = cosines.sub_(1).mul_(4).exp_()  # ‖x − y‖² = 2 − 2 cos
            if i == j:
                potentials.fill_diagonal_(0)
            found = of_group[i : i + BLOCK].T @ (potentials @ of_group[j : j + BLOCK])
            sums += found.double().numpy()
            if j > i:  # it stands for its mirror image too
                sums += found.T.double().numpy()
    sizes, total = member.sum(0, dtype=np.float64), sums.sum()
    left = [(total - 2 * sums[g].sum() + sums[g, g], count - sizes[g]) for g in range(len(groups))]
    with np.errstate(divide="ignore", invalid="ignore"):
        return [float(np.log(kept / (n * (n - 1)))) for kept, n in [(total, count), *left]]


def _measures(
    vectors: Float[np.ndarray, "sentences dim"],
    labels: Int[np.ndarray, " sentences"],
    even: float,
) -> tuple[float, float, float, float]:
    same, different = class_cosines(vectors, labels)
    apart = 1 - different
    separation = (same - different) / apart if apart > 1e-6 else float("nan")
    return same, different, separation, even


def figures(result: ProbeResult) -> dict[str, Any]:
    """``plane``: tolerance against uniformity, one panel per set."""
    curve = result.curves["plane"]
    names = list(dict.fromkeys(curve["encoder"]))
    tasks = list(dict.fromkeys(curve["set"]))
    figure, panels = grid_of_panels(len(tasks), min(3, len(tasks)), height=2.4)
    figure.set_layout_engine("constrained")
    for axes, task in zip(panels, tasks, strict=True):
        part = curve.loc[curve["set"] == task].set_index("encoder")
        for e, name in enumerate(names):
            at = part.loc[name]
            look = {"color": encoder_colour(e), "markersize": 7}
            axes.plot(at["uniformity"], at["tolerance"], encoder_marker(e), **look)
            axes.plot(
                at["uniformity"], at["between classes"], encoder_marker(e), fillstyle="none", **look
            )
        if len(set(curve["temperature"].dropna())) > 1:
            _label_temperatures(axes, part)
        axes.set_title(task.upper())
        axes.set_xlabel("uniformity")
        axes.axhline(0, color=style.REFERENCE, linewidth=0.6)
    panels[0].set_ylabel("mean cosine")
    encoder_legend(figure, names, above=True)
    note_below(figure, "Filled: within a class (tolerance). Hollow: between classes.")
    return {"plane": figure}


def _label_temperatures(axes: Any, part: pd.DataFrame) -> None:
    """Write τ beside the tolerance of each encoder that was trained with one."""
    for _, row in part.dropna(subset=["temperature"]).iterrows():
        axes.annotate(
            f"τ {row['temperature']:g}",
            (row["uniformity"], row["tolerance"]),
            xytext=(5, 4),
            textcoords="offset points",
            fontsize=6.5,
        )


def summary(result: ProbeResult) -> str:
    """What the numbers say, in Markdown."""
    lines, parts = lines_by_measure(result), []
    for name in dict.fromkeys(result.table["encoder"]):
        tau = result.about["temperatures"].get(name)
        said = []
        for task in result.about["sets"]:
            within, between, _, even = (lines[name, f"{task}: {m}"] for m in MEASURES)
            said.append(
                f"{task.upper()} tolerance {_with_interval(within)}, between classes "
                f"{between['value']:.3f}, uniformity {signed(even['value'])}"
            )
        trained = "" if tau is None else f" (trained with τ = {tau:g})"
        parts.append(f"- {name}{trained}: {'; '.join(said)}.")
    paired = differences(
        result,
        {f"{task}: {m}": f"{task.upper()} {m}" for task in result.about["sets"] for m in _COMPARED},
        places=3,
    )
    return "\n\n".join(["\n".join(parts), *paired, *undefined_notes(result)])


_COMPARED = ("tolerance", "separation")


def _with_interval(row: Any) -> str:
    if not np.isfinite(row["value"]):
        return "undefined"
    if not np.isfinite(row["low"]):
        return f"{row['value']:.3f}"
    return f"{row['value']:.3f} [{row['low']:.3f}, {row['high']:.3f}]"


def _compute(inputs: ProbeInputs, **options: Any) -> ProbeResult:
    sets = inputs.labelled(SENTENCES)
    embeddings = {
        task: {name: encode(labelled.sentences) for name, encode in inputs.encoders().items()}
        for task, labelled in sets.items()
    }
    return tolerance(sets, embeddings, inputs.temperatures(), **options)


TOLERANCE = Probe(
    name="tolerance",
    question="What does a uniform space cost in closeness of sentences of one class?",
    needs=("labelled", "encoders", "temperatures"),
    measure=tolerance,
    compute=_compute,
    summary=summary,
    figures=figures,
    help={
        "against": "the encoder that the others are compared with",
        "seed": "of the groups of the jackknife",
    },
)
