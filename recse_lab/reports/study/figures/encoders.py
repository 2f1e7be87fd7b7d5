"""An effect on each encoder and over all of them, as a forest plot."""

from __future__ import annotations

from typing import Any

from recse_lab.figures.forest import ForestRow, forest
from recse_lab.reports.study.numbers import StudyNumbers
from recse_lab.runs.collection import ENCODER


def encoders_figure(numbers: StudyNumbers) -> Any:
    """Draw one group per arm: its difference on each encoder, and their mean as a diamond."""
    rows = []
    for across in numbers.across:
        for part in across.parts:
            found = part.comparison
            rows.append(
                ForestRow(
                    str(part.arm.factors[ENCODER]),
                    found.delta,
                    found.low,
                    found.high,
                    text=_text(found.delta, found.low, found.high),
                    group=across.label,
                    filled=part.significant,
                )
            )
        over = across.over
        rows.append(
            ForestRow(
                f"mean of {over.encoders} encoders",
                over.mean,
                over.low,
                over.high,
                text=_text(over.mean, over.low, over.high),
                group=across.label,
                total=True,
                filled=across.p is not None and across.p < 0.05,
            )
        )
    return forest(
        rows,
        x_label=f"difference of the {numbers.metric}, points",
        zero_label=numbers.against,
        note="95 % for new seeds and new pairs, of the mean for new encoders too, unadjusted. "
        "Filled: significant after Holm's correction.",
    )


def _text(delta: float, low: float | None, high: float | None) -> str:
    text = f"{100 * delta:+.2f}"
    if low is not None and high is not None:
        text += f" [{100 * low:+.2f}, {100 * high:+.2f}]"
    return text.replace("-", "−")
