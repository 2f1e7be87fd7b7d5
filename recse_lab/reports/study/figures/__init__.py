"""Figures of studies, each drawn from a frame that can be printed."""

from __future__ import annotations

from typing import Any

from recse_lab.reports.study.figures.differences import differences_figure
from recse_lab.reports.study.figures.encoders import encoders_figure
from recse_lab.reports.study.figures.heat_map import heat_map
from recse_lab.reports.study.figures.interaction import interaction_figure
from recse_lab.reports.study.figures.levels import levels_figure
from recse_lab.reports.study.figures.paired import paired_figure
from recse_lab.reports.study.numbers import StudyNumbers
from recse_lab.runs.collection import short_name

__all__ = [
    "differences_figure",
    "draw_study",
    "encoders_figure",
    "heat_map",
    "interaction_figure",
    "levels_figure",
    "paired_figure",
]


def draw_study(numbers: StudyNumbers) -> Any:
    """Draw the figure that the study's report names, from its frames."""
    report = numbers.report
    score = "STS average" if numbers.seven else numbers.metric
    score_label = f"{score}, Spearman ×100"
    x_label = report.x_label or short_name(report.x or "")
    y_label = report.y_label or short_name(report.y or "")
    seeds = _seeds(numbers)
    plural = "" if seeds == "1" else "s"
    if report.figure == "interaction":
        note = f"{seeds} seeds; bars: 95 %, t over seeds."
        return interaction_figure(
            numbers.seed_frame, report.effects, y_label=score_label, note=note
        )
    if report.figure == "heat-map":
        note = f"{seeds} seed{plural} per cell."
        return heat_map(
            numbers.frame, x_label=x_label, y_label=y_label, title=score_label, note=note
        )
    population = "pairs and seeds" if plural else "pairs"
    note = f"{seeds} seed{plural} per point; 95 % intervals over {population}."
    if report.figure == "paired":
        return paired_figure(numbers.frame, x_label=score_label, y_label=y_label, note=note)
    return levels_figure(
        numbers.frame,
        x_label=x_label,
        y_label=score_label,
        x_scale="log" if report.x_scale == "log" else "category",
        note=note,
    )


def _seeds(numbers: StudyNumbers) -> str:
    """Number of seeds per point, or its range."""
    counts = {
        len(arm.runs)
        for arm in numbers.study.arms
        if arm.runs and not arm.seedless and (arm.factors or arm.name == numbers.against)
    } or {1}
    return "–".join(str(count) for count in dict.fromkeys((min(counts), max(counts))))
