"""What follows from the numbers of a study, in sentences that are computed from them."""

from __future__ import annotations

import numpy as np

from recse_lab.reports.study.numbers import (
    LEVEL,
    BestControl,
    Compared,
    Detectable,
    StudyNumbers,
)
from recse_lab.runs.collection import Arm, Missing, short_name
from recse_lab.statistics.budget import expected_best

MOST_TOLD = 3
"""Arms over several encoders that a summary tells one by one."""


def summarise(numbers: StudyNumbers) -> str:
    """Which arms differ from the reference, what could have been detected, and the best control."""
    sentences = [over_encoders(numbers)] if numbers.across else []
    sentences.append(significance(numbers))
    if numbers.detectable:
        sentences.append(detectable_difference(numbers.detectable))
    if numbers.best_control:
        sentences.append(against_best_control(numbers, numbers.best_control))
    if expected := against_budget(numbers):
        sentences.append(expected)
    if numbers.study.missing:
        sentences.append(missing_cells(numbers))
    return " ".join(sentences)


def over_encoders(numbers: StudyNumbers) -> str:
    """On how many encoders each arm has the same sign, and whether its effect differs."""
    total = max(len(across.parts) for across in numbers.across)
    agreed = [across for across in numbers.across if across.over.agree == across.over.encoders]
    found = [across for across in agreed if across.p is not None and across.p < LEVEL]
    unlike = [
        across
        for across in numbers.across
        if across.interaction_p is not None and across.interaction_p < LEVEL
    ]
    sentences = [
        f"Over {total} encoders: for {len(agreed)} of {len(numbers.across)} arms all encoders "
        f"agree on the sign of the difference from {compared_with(numbers)}, and for {len(found)} "
        "its mean over encoders is significant after Holm's correction."
    ]
    if len(numbers.across) <= MOST_TOLD:
        sentences = [
            f"{across.label}: {across.over.agree} of {across.over.encoders} encoders agree, mean "
            f"{100 * across.over.mean:+.2f} [{100 * across.over.low:+.2f}, "
            f"{100 * across.over.high:+.2f}] points."
            for across in numbers.across
        ]
    names = ", ".join(across.label for across in unlike)
    if unlike:
        sentences.append(f"The effect differs between encoders for {names}.")
    return " ".join(sentences)


def against_budget(numbers: StudyNumbers) -> str:
    """What the best of so many levels is expected to score; empty with fewer than four levels."""
    if numbers.several_encoders:
        return ""
    values = [numbers.mean(c.arm) for c in numbers.levels_in_question]
    known = [value for value in values if value is not None]
    if len(known) < 4:
        return ""
    budgets = [n for n in (1, 2, 4, 8, 16, 32) if n <= len(known)]
    best = expected_best(np.array(known), budgets)
    text = ", ".join(f"{n}: {100 * value:.2f}" for n, value in zip(budgets, best, strict=True))
    return f"Expected best of so many of the {len(known)} levels, drawn at random: {text}."


def compared_with(numbers: StudyNumbers) -> str:
    """What arms are compared with."""
    against_level = numbers.report.against_level
    if not against_level:
        return numbers.against
    levels = ", ".join(f"{short_name(name)} {level}" for name, level in against_level.items())
    return f"the same arm with {levels}"


def significance(numbers: StudyNumbers) -> str:
    """How many levels differ significantly from the reference, and which, whatever the sign."""
    levels = numbers.levels_in_question
    tested = [c for c in levels if c.p is not None]
    if not tested:
        why = "; ".join(sorted({c.comparison.why for c in levels})) or "nothing to compare"
        return f"No difference was tested ({why})."
    significant = [c for c in tested if c.significant]
    test = "at the 5 % level after Holm's correction"
    if not significant:
        none = f"None of the {len(tested)} levels is" if len(tested) > 1 else "The level is not"
        return f"{none} significantly different from {compared_with(numbers)} {test}."
    differences = ", ".join(_difference(numbers, c) for c in significant)
    verb = "is" if len(significant) == 1 else "are"
    return (
        f"{len(significant)} of {len(tested)} levels {verb} significantly different from "
        f"{compared_with(numbers)} {test}: {differences}."
    )


def _difference(numbers: StudyNumbers, compared: Compared) -> str:
    delta = 100 * compared.comparison.delta
    return f"{numbers.label(compared.arm)} ({delta:+.2f}, {p_value(compared.p)})"


def detectable_difference(found: Detectable) -> str:
    """What the median comparison could detect."""
    return (
        f"With {found.seeds} seeds one unadjusted comparison finds a true difference of "
        f"{100 * found.difference:.2f} points in 80 % of cases (the median comparison); "
        f"{100 * found.pairs_share:.0f} % of its variance comes from the pairs, which more seeds "
        "do not reduce."
    )


def against_best_control(numbers: StudyNumbers, found: BestControl) -> str:
    """The best level against the best control."""
    if found.p is None:
        test = found.comparison.why
    else:
        test = (
            f"{p_value(found.p)} after Bonferroni's correction over the {found.picked_from} "
            "levels it was picked from"
        )
    best, control = (_with_mean(numbers, arm) for arm in (found.arm, found.control))
    return (
        f"The best level, {best[0]} ({best[1]}), differs by {100 * found.comparison.delta:+.2f} "
        f"from the best control, {control[0]} ({control[1]}; {test})."
    )


def _with_mean(numbers: StudyNumbers, arm: Arm) -> tuple[str, str]:
    value = numbers.mean(arm)
    return numbers.label(arm), "undefined" if value is None else f"{100 * value:.2f}"


def missing_cells(numbers: StudyNumbers, *, detailed: bool = False) -> str:
    """How many cells have no result; ``detailed``: which, and their states."""
    missing, planned = numbers.study.missing, len(numbers.study.record.cells)
    which = f": {'; '.join(_missing(each) for each in missing)}" if detailed else ""
    return f"{len(missing)} of {planned} cells have no result{which}."


def _missing(missing: Missing) -> str:
    cell, status = missing
    levels = "".join(f", {factor} {level}" for factor, level in cell.factors.items())
    message = f": {status.message}" if status.message else ""
    return f"{cell.arm}{levels.replace(',', '', 1)}, seed {cell.seed} ({status.state}{message})"


def p_value(p: float | None) -> str:
    """A p-value in a sentence."""
    if p is None:
        return "no test"
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"
