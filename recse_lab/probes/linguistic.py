"""Linguistic: which properties of a sentence a logistic regression reads off its embedding.

Source: Conneau et al. (2018), "What you can cram into a single vector", ACL P18-1198, for the ten
tasks. Their published accuracies are of an MLP on 100,000 training sentences; these are of a
logistic regression, so that they are compared with one another and not with the paper.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Float

from recse_lab.data.linguistic_sets import LINGUISTIC, reduced
from recse_lab.data.transfer_sets import TransferTask
from recse_lab.figures import style
from recse_lab.figures.encoders import draw_interval, encoder_legend, offset
from recse_lab.figures.labels import note_below
from recse_lab.probes.paired import (
    Draws,
    paired_measures,
    percentile,
    refuse_unknown_reference,
    weighted_means,
)
from recse_lab.probes.probe import Encode, Probe, ProbeInputs
from recse_lab.probes.resampling import with_sample
from recse_lab.probes.result import ProbeResult, tabulate
from recse_lab.probes.wording import joined, lines_by_measure, percent, undefined_notes
from recse_lab.statistics import resample_counts

AVERAGE = "average"


def linguistic(
    tasks: Mapping[str, TransferTask],
    encoders: Mapping[str, Encode],
    *,
    examples: int = 10_000,
    against: str | None = None,
    resamples: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> ProbeResult:
    """Test accuracy of a logistic regression on frozen embeddings, task by task.

    The regulariser is chosen on the dev split by SentEval's grid, all fits of a task in one batch.
    Measures: the accuracy on every task, by its name, 0 to 1, and ``average`` over the tasks.
    Percentile intervals over resampled test sentences, the same resamples for every encoder; the
    classifier is fitted once, so that they say nothing of other training sentences.

    Args:
        tasks: Sentences with classes, by task.
        encoders: Functions that embed sentences, by encoder.
        examples: Training sentences of a task, of the files' 100,000; equally many of each class.
        against: The encoder that the others are compared with.
        resamples: Bootstrap resamples of the test sentences.
        seed: Of the resamples.
        level: Of the intervals.

    Raises:
        LabError: ``against`` is none of the encoders.
    """
    refuse_unknown_reference(against, encoders)
    found: dict[str, dict[str, Draws]] = {name: {} for name in encoders}
    rng, majority, sizes = np.random.default_rng(seed), {}, {}
    for task_name, whole in tasks.items():
        task = reduced(whole, examples)
        labels = task.splits["test"].label
        counts = with_sample(resample_counts(len(labels), resamples, rng))
        majority[task_name] = float(np.bincount(labels).max() / len(labels))
        sizes[task_name] = {split: len(part.label) for split, part in task.splits.items()}
        for name, encode in encoders.items():
            right, why = _right(task, encode)
            draws = weighted_means(right, counts) if not why else np.full(len(counts), np.nan)
            found[name][task_name] = Draws(draws, len(labels), why)
    for measures in found.values():
        draws = np.mean([each.values for each in measures.values()], axis=0)
        why = next((each.note for each in measures.values() if each.note), "")
        measures[AVERAGE] = Draws(draws, len(tasks), why)
    about = {
        "tasks": sizes,
        "majority": majority,
        "classes": {name: len(task.classes) for name, task in tasks.items()},
        "against": against,
        "intervals": f"{level:.0%} over resampled test sentences",
    }
    table = tabulate(paired_measures(found, against=against, interval=percentile(level)))
    return ProbeResult("linguistic", table, about=about)


def _right(task: TransferTask, encode: Encode) -> tuple[Float[np.ndarray, " test"], str]:
    """1 where the class of a test sentence is predicted, else 0; or why nothing is predicted."""
    from recse_lab.evaluation.transfer import run_task

    outcome = run_task(task, encode)
    if outcome.undefined:
        return np.full(len(task.splits["test"].label), np.nan), outcome.undefined
    predictions = outcome.predictions.sort_values("row")
    return (predictions["label"] == predictions["predicted"]).to_numpy(np.float64), ""


def figures(result: ProbeResult) -> dict[str, Any]:
    """``tasks``: one row per task and one dot per encoder, with the share of the largest class."""
    plt = style.use()
    names = list(dict.fromkeys(result.table["encoder"]))
    tasks = list(result.about["tasks"])
    lines = lines_by_measure(result)
    figure, axes = plt.subplots(
        figsize=(style.WIDTH, 0.9 + len(tasks) * (0.22 + 0.07 * len(names))), layout="constrained"
    )
    for y, task in enumerate(tasks):
        share = 100 * result.about["majority"][task]
        axes.plot([share, share], [y - 0.4, y + 0.4], color=style.REFERENCE, linestyle=":")
        for e, name in enumerate(names):
            row = lines[name, task]
            if np.isfinite(row["value"]):
                at = y + offset(e, len(names), 0.6)
                draw_interval(axes, row, at, e, len(names), across=True, scale=100)
    axes.set_yticks(range(len(tasks)), [_label(task) for task in tasks], fontsize=8)
    axes.set_ylim(len(tasks) - 0.4, -0.6)
    axes.set_xlabel("test accuracy, %")
    axes.grid(axis="y", visible=False)
    encoder_legend(figure, names, above=True)
    note_below(figure, "Dotted: the share of the most frequent class. Bars: 95 % over sentences.")
    return {"tasks": figure}


def _label(task: str) -> str:
    known = LINGUISTIC.get(task)
    return task if known is None else f"{known.label} ({known.kind})"


def summary(result: ProbeResult) -> str:
    """What the numbers say, in Markdown."""
    lines, against = lines_by_measure(result), result.about["against"]
    tasks, parts = result.about["tasks"], []
    for name in dict.fromkeys(result.table["encoder"]):
        mean = lines[name, AVERAGE]
        if not np.isfinite(mean["value"]):
            continue
        said = f"- {name}: {percent(mean['value'])} of the test sentences on average"
        if against not in (None, name):
            changes = {task: lines[name, f"{task} minus {against}"] for task in tasks}
            up = [_label(task) for task, row in changes.items() if row["low"] > 0]
            down = [_label(task) for task, row in changes.items() if row["high"] < 0]
            said += (
                f"; beside {against} more is read of {joined(up) or 'nothing'}, less of "
                f"{joined(down) or 'nothing'}"
            )
        parts.append(f"{said}.")
    scope = (
        f"{len(tasks)} {'task' if len(tasks) == 1 else 'tasks'}; logistic regression on frozen "
        f"embeddings; {result.about['intervals'].replace('%', ' %')}, each task by itself."
    )
    return "\n\n".join(["\n".join(parts), scope, *undefined_notes(result)])


def _compute(inputs: ProbeInputs, **options: Any) -> ProbeResult:
    return linguistic(inputs.linguistic(), inputs.encoders(), **options)


LINGUISTIC_PROBE = Probe(
    name="linguistic",
    question="Which properties of a sentence can be read off its embedding?",
    needs=("linguistic", "encoders"),
    measure=linguistic,
    compute=_compute,
    summary=summary,
    figures=figures,
    help={
        "examples": "training sentences of a task, equally many of each class",
        "against": "the encoder that the others are compared with",
        "resamples": "bootstrap resamples of the test sentences",
        "seed": "of the resamples",
        "level": "of the intervals",
    },
)
