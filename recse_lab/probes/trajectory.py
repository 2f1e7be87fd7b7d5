"""Trajectory: the path of a run through the plane of alignment and uniformity during training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from recse_lab.errors import LabError
from recse_lab.figures import style
from recse_lab.figures.labels import label_points, note_below
from recse_lab.probes.alignment.figures import frame_plane, spearman_colours, times_100
from recse_lab.probes.probe import Probe, ProbeInputs
from recse_lab.probes.result import Measure, ProbeResult, tabulate

TRAIL = ("alignment", "uniformity", "spearman")


def trajectory(metrics: Mapping[str, Sequence[Mapping[str, Any]]]) -> ProbeResult:
    """The way of each run through the alignment–uniformity plane, from the lines of its
    metrics.jsonl.

    Lines of dev evaluations hold step, dev_alignment, dev_uniformity and dev_spearman; others are
    passed over. The table holds the last dev evaluation and the change since the first; the curve
    ``trajectory`` holds them all.

    Raises:
        LabError: A run has no dev evaluation.
    """
    curves, measures = [], []
    for name, lines in metrics.items():
        evaluations = [line for line in lines if "dev_spearman" in line]
        if not evaluations:
            raise LabError(
                f"{name}: no line of its metrics holds dev measures; train it with a dev set."
            )
        frame = pd.DataFrame({"encoder": name, "step": [int(line["step"]) for line in evaluations]})
        for measure in TRAIL:
            frame[measure] = np.array(
                [line.get(f"dev_{measure}") for line in evaluations], dtype=np.float64
            )
        frame = frame.sort_values("step", ignore_index=True)
        curves.append(frame)
        start, end = frame.iloc[0], frame.iloc[-1]
        for measure in TRAIL:
            why = "" if np.isfinite(end[measure]) else f"undefined at step {end['step']}"
            measures.append(Measure(name, measure, float(end[measure]), note=why))
            change = float(end[measure] - start[measure])
            if len(frame) < 2:
                change, why = float("nan"), "one dev evaluation: no change"
            elif not np.isfinite(change):
                why = why or f"undefined at step {start['step']}"
            measures.append(Measure(name, f"{measure}_change", change, note=why))
    joined = pd.concat(curves, ignore_index=True)
    about = {
        "evaluations": {
            str(name): len(part) for name, part in joined.groupby("encoder", sort=False)
        }
    }
    return ProbeResult("trajectory", tabulate(measures), {"trajectory": joined}, about)


def figure(result: ProbeResult) -> Any:
    """One line per run over the steps, coloured by Spearman: an open ring where it starts, a filled
    mark where it ends."""
    from matplotlib.collections import LineCollection

    plt = style.use()
    figure, axes = plt.subplots(figsize=(style.WIDTH, 4.2))
    curve: Any = result.curves["trajectory"].dropna(subset=["alignment", "uniformity"])
    colour = spearman_colours(plt, figure, axes, curve["spearman"])
    ends, labels, paths = [], [], [np.empty((0, 2))]
    for i, (name, part) in enumerate(curve.groupby("encoder", sort=False)):
        at = part[["uniformity", "alignment"]].to_numpy()
        scores = part["spearman"].to_numpy()
        middles = [colour(value) for value in (scores[1:] + scores[:-1]) / 2]
        axes.add_collection(
            LineCollection(
                list(np.stack([at[:-1], at[1:]], axis=1)), colors=middles, linewidths=2, zorder=2
            )
        )
        axes.scatter(*at[1:-1].T, s=9, color=[colour(value) for value in scores[1:-1]], zorder=3)
        mark = {"marker": style.MARKERS[i % len(style.MARKERS)], "zorder": 4}
        axes.scatter(
            *at[:1].T, s=46, facecolor="white", edgecolor=[colour(scores[0])], linewidth=1.6, **mark
        )
        axes.scatter(
            *at[-1:].T, s=70, color=[colour(scores[-1])], edgecolor="#222222", linewidth=0.8, **mark
        )
        ends.append(at[-1])
        along = np.linspace(0, len(at) - 1, 12 * len(at))
        paths.append(
            np.stack([np.interp(along, range(len(at)), at[:, axis]) for axis in (0, 1)], axis=1)
        )
        labels.append(f"{name}, step {part['step'].iloc[-1]} ({times_100(scores[-1])})")
    axes.margins(0.08)
    axes.autoscale_view()
    frame_plane(axes)
    label_points(figure, axes, np.array(ends).reshape(-1, 2), labels, np.concatenate(paths))
    first = sorted(curve.groupby("encoder")["step"].min().unique())
    note_below(
        figure,
        f"Open: first dev evaluation (step {', '.join(map(str, first))}). Filled: the last. "
        "Dots: those between.",
    )
    return figure


def summary(result: ProbeResult) -> str:
    """What the numbers say, in Markdown."""
    parts = []
    curve: Any = result.curves["trajectory"]
    for name, part in curve.groupby("encoder", sort=False):
        start, end = part.iloc[0], part.iloc[-1]
        if len(part) < 2:
            parts.append(f"{name} has one dev evaluation, at step {end['step']}: {_place(end)}.")
            continue
        moves = [
            f"{measure} {'rises' if change > 0 else 'falls' if change < 0 else 'stays'} by "
            f"{abs(change):.3f}"
            for measure in ("alignment", "uniformity")
            if np.isfinite(change := end[measure] - start[measure])
        ]
        best = part.loc[part["spearman"].idxmax()] if part["spearman"].notna().any() else None
        peak = (
            ""
            if best is None
            else f"; the best Spearman of {len(part)} dev evaluations is "
            f"{times_100(best['spearman'])} at "
            f"step {best['step']}"
        )
        parts.append(
            f"{name} goes from {_place(start)} at step {start['step']} to {_place(end)} at step "
            f"{end['step']}"
            f"{': ' if moves else ''}{', '.join(moves)}{peak}."
        )
    return " ".join(parts)


def _place(row: Any) -> str:
    told = [
        f"{m} {row[m]:.3f}" if np.isfinite(row[m]) else f"{m} undefined"
        for m in ("alignment", "uniformity")
    ]
    return f"{', '.join(told)}, Spearman {times_100(row['spearman'])}"


def _compute(inputs: ProbeInputs) -> ProbeResult:
    return trajectory(inputs.metrics())


def _figures(result: ProbeResult) -> dict[str, Any]:
    return {"trajectory": figure(result)}


TRAJECTORY = Probe(
    name="trajectory",
    question="Which path through alignment and uniformity does training take?",
    needs=("metrics",),
    measure=trajectory,
    compute=_compute,
    summary=summary,
    figures=_figures,
)
