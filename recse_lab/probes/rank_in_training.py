"""Rank in training: how many directions the space uses at each dev evaluation, and what goes with
STS before and after the rank peaks.

Source: Jung et al. (2024), "Unveiling Key Aspects of Fine-Tuning in Sentence Embeddings: A
Representation Rank Analysis", arXiv:2405.11297: phases 1 and 2 are before and after the peak of
the rank.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from recse_lab.errors import LabError
from recse_lab.figures.encoders import encoder_colour
from recse_lab.figures.labels import note_below
from recse_lab.figures.panels import draw_lines, grid_of_panels, legend_above
from recse_lab.probes.probe import Probe, ProbeInputs
from recse_lab.probes.result import Measure, ProbeResult, tabulate
from recse_lab.probes.wording import lines_by_measure, signed, undefined_notes
from recse_lab.statistics import t_interval
from recse_lab.statistics.correlation import correlation

RANK = "effective_rank"
SPACE = (RANK, "top_share", "mean_cosine", "alignment", "uniformity")
"""Of a dev evaluation; each is correlated with Spearman on the dev set."""
TITLES = {
    RANK: "effective rank",
    "top_share": "largest singular share",
    "mean_cosine": "mean cosine",
    "spearman": "Spearman on the dev set",
}
NAMES = {**TITLES, "alignment": "alignment", "uniformity": "uniformity"}
EVERY = "all runs"
FEWEST = 4
"""Evaluations of a phase below which a correlation says nothing."""


def rank_in_training(metrics: Mapping[str, Sequence[Mapping[str, Any]]]) -> ProbeResult:
    """Rank of the dev embeddings over training, and what goes with STS in each phase.

    Measures of a run: ``effective_rank`` at the first evaluation, at its peak and at the last;
    ``peak step``; and for each phase (1: up to the peak, 2: from it on) ``phase P: X with STS``,
    Spearman's ρ over the evaluations of the phase between X and the dev score. Evaluations of one
    run depend on one another, so that a ρ of one run has no interval; the rows of ``all runs`` are
    means over runs with Student's interval.

    Args:
        metrics: Lines of metrics.jsonl by run.

    Raises:
        LabError: A run has no dev evaluation, or no run recorded its rank.
    """
    frames = {name: _evaluations(name, lines) for name, lines in metrics.items()}
    if not any(np.isfinite(frame[RANK]).any() for frame in frames.values()):
        raise LabError(
            "no run recorded dev_effective_rank; runs of earlier editions lack it, train again."
        )
    measures: list[Measure] = []
    together: dict[str, list[float]] = {}
    for name, frame in frames.items():
        found = _run_measures(name, frame)
        measures += found
        for row in found:
            if row.measure.startswith("phase"):
                together.setdefault(row.measure, []).append(row.value)
    for measure, values in together.items():
        measures.append(_over_runs(measure, np.array(values)))
    curve = pd.concat([f.assign(encoder=name) for name, f in frames.items()], ignore_index=True)
    about = {"evaluations": {name: len(frame) for name, frame in frames.items()}}
    return ProbeResult("rank-in-training", tabulate(measures), {"evaluations": curve}, about)


def _evaluations(name: str, lines: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    found = [line for line in lines if "dev_spearman" in line]
    if not found:
        raise LabError(f"{name}: no line of its metrics holds dev measures; train with a dev set.")
    columns = {
        key: np.array([line.get(f"dev_{key}") for line in found], np.float64)
        for key in (*SPACE, "spearman")
    }
    frame = pd.DataFrame({"step": [int(line["step"]) for line in found], **columns})
    return frame.sort_values("step", ignore_index=True)


def _run_measures(name: str, frame: pd.DataFrame) -> list[Measure]:
    ranks = frame[RANK].to_numpy()
    if not np.isfinite(ranks).any():
        why = "this run did not record its rank"
        keys = [f"{RANK} ({when})" for when in ("first", "peak", "last")]
        return [Measure(name, key, float("nan"), note=why) for key in (*keys, "peak step")]
    peak = int(np.nanargmax(ranks))
    values = {"first": ranks[0], "peak": ranks[peak], "last": ranks[-1]}
    rows = [Measure(name, f"{RANK} ({w})", float(v), n=len(frame)) for w, v in values.items()]
    rows.append(Measure(name, "peak step", float(frame["step"].to_numpy()[peak]), n=len(frame)))
    for phase, part in ((1, frame.iloc[: peak + 1]), (2, frame.iloc[peak:])):
        for key in SPACE:
            rows.append(_with_sts(name, f"phase {phase}: {key} with STS", part, key))
    return rows


def _with_sts(name: str, measure: str, part: pd.DataFrame, key: str) -> Measure:
    part = part.dropna(subset=[key, "spearman"])
    if len(part) < FEWEST:
        evaluations = "1 evaluation" if len(part) == 1 else f"{len(part)} evaluations"
        why = f"{evaluations} in this phase, {FEWEST} are needed"
        return Measure(name, measure, float("nan"), n=len(part), note=why)
    value = correlation("spearman", part[key].to_numpy(), part["spearman"].to_numpy())
    why = "" if np.isfinite(value) else "one of the two does not vary"
    return Measure(name, measure, value, n=len(part), note=why)


def _over_runs(measure: str, values: np.ndarray) -> Measure:
    values = values[np.isfinite(values)]
    if len(values) == 0:
        return Measure(EVERY, measure, float("nan"), note="undefined in every run")
    if len(values) == 1:
        return Measure(EVERY, measure, float(values[0]), n=1, note="one run: no interval")
    found = t_interval(values)
    low, high = max(found.low, -1.0), min(found.high, 1.0)  # a correlation lies between
    return Measure(EVERY, measure, found.estimate, low, high, len(values))


def figures(result: ProbeResult) -> dict[str, Any]:
    """``evaluations``: rank, largest share, mean cosine and Spearman over the steps."""
    curve: Any = result.curves["evaluations"]
    names = list(dict.fromkeys(curve["encoder"]))
    figure, panels = grid_of_panels(len(TITLES), 2)
    for axes, (key, title) in zip(panels, TITLES.items(), strict=True):
        frame = curve.assign(value=curve[key])
        draw_lines(axes, frame, "step", names)
        axes.set_xscale("symlog", base=2, linthresh=1)
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.set_title(title)
        for e, name in enumerate(names):
            part = frame[frame["encoder"] == name]
            if part[RANK].notna().any():
                axes.axvline(
                    part.loc[part[RANK].idxmax(), "step"],
                    color=encoder_colour(e),
                    linewidth=0.7,
                    linestyle=":",
                )
    for axes in panels[-2:]:
        axes.set_xlabel("step")
    figure.tight_layout()
    legend_above(figure, panels[0])
    note_below(figure, "Dotted: the step at which a run's effective rank peaks.")
    return {"evaluations": figure}


def summary(result: ProbeResult) -> str:
    """What the numbers say, in Markdown."""
    lines, parts = lines_by_measure(result), []
    for name in result.about["evaluations"]:
        first, peak, last, step = (
            lines[name, key]["value"]
            for key in (*(f"{RANK} ({w})" for w in ("first", "peak", "last")), "peak step")
        )
        if np.isfinite(peak):
            parts.append(
                f"- {name}: effective rank {first:.1f} at first, {peak:.1f} at its peak (step "
                f"{step:.0f}), {last:.1f} at the last evaluation."
            )
    told = []
    for phase in (1, 2):
        for key in SPACE:
            row = lines.get((EVERY, f"phase {phase}: {key} with STS"))
            if row is not None and np.isfinite(row["value"]):
                many = row["n"] > 1
                span = f" [{signed(row['low'])}, {signed(row['high'])}]" if many else ""
                runs = f"{row['n']} runs" if many else "1 run"
                told.append(f"- phase {phase}, {NAMES[key]}: {signed(row['value'])}{span} ({runs})")
    if told:
        told = ["Correlation with the dev score, mean over runs:\n\n" + "\n".join(told)]
    return "\n\n".join(["\n".join(parts), *told, *undefined_notes(result)])


def _compute(inputs: ProbeInputs) -> ProbeResult:
    return rank_in_training(inputs.metrics())


RANK_IN_TRAINING = Probe(
    name="rank-in-training",
    question="How does the rank of the space move in training, and what goes with STS?",
    needs=("metrics",),
    measure=rank_in_training,
    compute=_compute,
    summary=summary,
    figures=figures,
)
