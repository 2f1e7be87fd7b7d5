"""The differences that a study tests, as a forest plot: what its p-values are about."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

from recse_lab.figures.forest import ForestRow, forest
from recse_lab.reports.study.numbers import Compared, StudyNumbers
from recse_lab.runs.collection import Arm, short_name


def differences_figure(numbers: StudyNumbers) -> Any:
    """Draw every arm minus its reference, seed by seed, with the interval of the difference.

    Intervals of two arms may overlap although their difference is significant: the arms share seeds
    and sentence pairs. Here a bar that does not reach the line at 0 is a difference that is
    significant on its own; a filled marker is one that is significant after Holm's correction.
    """
    compared = _distinct([c for c in numbers.comparisons if c.comparison.seeds])
    own = [c for c in compared if c.reference and c.reference.name == c.arm.name]
    others = [c for c in compared if c not in own]
    rows = [_row(c, _other_levels(c, numbers), _own_group(c, numbers)) for c in own]
    names = list(dict.fromkeys(c.arm.name for c in others))
    counts = Counter(c.arm.name for c in others)
    grouped = not own and len(names) > 1 and max(counts.values()) > 1
    for c in sorted(others, key=lambda c: counts[c.arm.name] == 1) if grouped else others:
        single = counts[c.arm.name] == 1
        group = f"minus {numbers.against}" if own else ""
        if grouped:
            group = "others" if single else c.arm.name
        levels = c.arm.levels if grouped or len(names) == 1 else ""
        if len(names) == 1 and not own and len(c.arm.factors) > MOST_FACTORS:
            group, levels = _halves(c.arm)
        rows.append(_row(c, levels if levels and not single else numbers.label(c.arm), group))
    zero = "no difference" if own else numbers.against
    return forest(
        rows,
        x_label=f"difference of the {numbers.metric}, points",
        zero_label=zero,
        note="Paired by seed and sentence pair; 95 % for new seeds and new pairs, unadjusted. "
        "Filled: significant after Holm's correction. Levels that are the same runs are drawn "
        "once.",
    )


MOST_FACTORS = 2
"""Factors that a row's label names; with more, the first of them head a group of rows."""


def _distinct(compared: list[Compared]) -> list[Compared]:
    """Comparisons of different runs, each once: an arm that is its reference has no difference."""
    first: dict[object, Compared] = {}
    for each in compared:
        if len(set(each.hypothesis)) > 1:
            first.setdefault(each.hypothesis, each)
    return list(first.values())


def _halves(arm: Arm) -> tuple[str, str]:
    """The first factors of an arm and the last two, in words."""
    factors = list(arm.factors.items())
    head, rest = dict(factors[:-MOST_FACTORS]), dict(factors[-MOST_FACTORS:])
    return replace(arm, factors=head).levels, replace(arm, factors=rest).levels


def _other_levels(compared: Compared, numbers: StudyNumbers) -> str:
    """Levels of the factors that an arm and its reference have in common."""
    varied = numbers.report.against_level
    same = {name: level for name, level in compared.arm.factors.items() if name not in varied}
    return replace(compared.arm, factors=same).levels or numbers.label(compared.arm)


def _own_group(compared: Compared, numbers: StudyNumbers) -> str:
    """What differs between an arm and itself at the level that it is compared with."""
    return ", ".join(
        f"{short_name(name)} {compared.arm.factors[name]} minus {level}"
        for name, level in numbers.report.against_level.items()
    )


def _row(compared: Compared, label: str, group: str) -> ForestRow:
    found = compared.comparison
    text = f"{100 * found.delta:+.2f}"
    if found.low is not None and found.high is not None:
        text += f" [{100 * found.low:+.2f}, {100 * found.high:+.2f}]"
    return ForestRow(
        label,
        found.delta,
        found.low,
        found.high,
        text=text.replace("-", "−"),
        group=group,
        filled=compared.significant,
    )
