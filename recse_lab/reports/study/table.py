"""The tables of a study: one row per arm and level, and the effects of a factorial."""

from __future__ import annotations

import numpy as np

from recse_lab.data.sts_sets import LABELS
from recse_lab.reports.dev_choice import dev_choices
from recse_lab.reports.provenance import provenance
from recse_lab.reports.study.measures import MEASURES, MEASURES_NOTE
from recse_lab.reports.study.numbers import LEVEL, Compared, StudyNumbers, mean, standard_deviation
from recse_lab.reports.study.summary import compared_with, missing_cells
from recse_lab.reports.tables import Cell, Column, Row, Table
from recse_lab.runs.collection import ENCODER, Arm, short_name
from recse_lab.statistics.encoders import AcrossEncoders
from recse_lab.statistics.seeds import SeedVariance

NOT_SIGNIFICANT = "†"


def study_table(numbers: StudyNumbers) -> Table:
    """One row per arm and level."""
    compared = {id(c.arm): c for c in numbers.comparisons}
    rows = [
        Row(
            _cells(numbers, arm, compared.get(id(arm))),
            kind="own" if arm.role == "arm" else "reference",
        )
        for arm in numbers.study.arms
    ]
    return Table(
        f"{numbers.study.name}: {numbers.metric}, Spearman ×100",
        _columns(numbers),
        rows,
        notes(numbers),
        [provenance(numbers.study.runs, aggregation="all")],
    )


def _columns(numbers: StudyNumbers) -> list[Column]:
    report = numbers.report
    columns = [Column("arm", "arm", "text")]
    for factor in numbers.study.factors:
        label = report.x_label if factor == report.x and report.x_label else short_name(factor)
        columns.append(Column(factor, label, "text"))
    columns.append(Column("seeds", "seeds", "text"))
    if numbers.seven:
        columns += [Column(task, LABELS[task], detail=True) for task in numbers.tasks]
    delta = "Δ" if report.against_level else f"Δ {numbers.against}"
    columns += [
        Column("avg", "avg." if numbers.seven else numbers.metric, best=True),
        Column("delta", delta, "difference"),
        Column("p", "p (Holm)", "p"),
    ]
    if numbers.letters:
        columns.append(Column("letters", "group", "text"))
    if _has_dev(numbers):
        columns.append(Column("dev", "dev"))
    return columns + [Column(name, name, detail=True) for name in _measures(numbers)]


def _measures(numbers: StudyNumbers) -> list[str]:
    return [measure for name in numbers.report.measures for measure in MEASURES[name]]


def _has_dev(numbers: StudyNumbers) -> bool:
    return numbers.tasks != ["stsb-dev"] and any(
        run.record.results.dev.spearman is not None for run in numbers.study.runs
    )


def _cells(numbers: StudyNumbers, arm: Arm, compared: Compared | None) -> dict[str, Cell]:
    cells = {"arm": Cell(arm.name), "seeds": Cell(arm.seeds)}
    for factor in numbers.study.factors:
        level = arm.factors.get(factor)
        cells[factor] = Cell(None if level is None else str(level))
    if not arm.runs:
        return cells
    runs = list(arm.runs.values())
    if numbers.seven:
        for task in numbers.tasks:
            cells[task] = Cell(mean([numbers.score(run, task) for run in runs]))
    interval = numbers.interval(arm)
    cells["avg"] = Cell(
        numbers.mean(arm),
        sd=standard_deviation([numbers.primary(run) for run in runs]),
        low=interval.low if interval else None,
        high=interval.high if interval else None,
    )
    cells["letters"] = Cell(numbers.letters.get(arm.label))
    for name in _measures(numbers):
        values = [numbers.measures[run.id][name] for run in runs]
        cells[name] = Cell(mean(values), sd=standard_deviation(values))
    dev = [run.record.results.dev.spearman for run in runs]
    cells["dev"] = Cell(mean([value for value in dev if value is not None]))
    if compared is not None:
        test, p = compared.comparison, compared.p
        delta = None if np.isnan(test.delta) else test.delta
        cells["delta"] = Cell(delta, low=test.low, high=test.high)
        mark = NOT_SIGNIFICANT if p is not None and p >= LEVEL else ""
        cells["p"] = Cell(p, mark=mark)
    return cells


def sharing_note(numbers: StudyNumbers) -> str:
    """What it costs that pairs share sentences, in standard errors of the median comparison."""
    pairs = next(iter(numbers.samples.values())).pairs
    if pairs.shared is None:
        return (
            "The sentences behind the scores are not at hand, so pairs count as independent; "
            "those of the STS sets share sentences, and intervals are too narrow."
        )
    if not pairs.shared.sharing:
        return f"No two of the {pairs.shared.pairs:,} pairs share a sentence."
    ratios = [c.comparison.sharing_ratio for c in numbers.comparisons]
    known = sorted(ratio for ratio in ratios if ratio is not None)
    cost = f" ({known[len(known) // 2]:.2f} times in the median comparison)" if known else ""
    return (
        f"{pairs.shared.sharing:,} of {pairs.shared.pairs:,} pairs share a sentence with another, "
        f"within a task or across tasks; standard errors over pairs allow for it{cost}."
    )


def notes(numbers: StudyNumbers) -> list[str]:
    """What the numbers of the table mean, and what is missing from it."""
    comparisons, report = numbers.comparisons, numbers.report
    found = [
        "± is the standard deviation over seeds; brackets: 95 % intervals for new seeds and new "
        "pairs, which add the variance over seeds (Student's t) and over pairs; with one seed, for "
        "new pairs alone.",
        sharing_note(numbers),
        _note_on_tests(numbers),
    ]
    if report.against_level:
        level = _levels(report.against_level)
        found.append(
            f"Δ of a row at {level} is from {numbers.against}; of any other row, from "
            f"{compared_with(numbers)}."
        )
    if numbers.letters:
        found.append(
            "Group: arms that share a letter are not significantly different at the 5 % level, "
            "all compared with each other and adjusted by Holm's method; a marks those that cannot "
            "be separated from the best."
        )
    if alone := [numbers.label(c.arm) for c in comparisons if c.reference is None]:
        found.append(
            f"Without Δ, because {numbers.against} was not run at their level: {'; '.join(alone)}."
        )
    if report.measures:
        found.append(MEASURES_NOTE)
    found += dev_choices([run.record.results.dev for run in numbers.study.runs])
    if numbers.study.missing:
        found.append(missing_cells(numbers, detailed=True))
    return found


def _note_on_tests(numbers: StudyNumbers) -> str:
    comparisons = numbers.comparisons
    if all(c.comparison.p is None for c in comparisons):
        return f"Δ has no test: {'; '.join(sorted({c.comparison.why for c in comparisons}))}."
    note = (
        "Δ is paired by seed and by pair; p is adjusted by Holm's method over all rows. "
        f"{NOT_SIGNIFICANT} not significantly different from {compared_with(numbers)} at the "
        "5 % level."
    )
    if len({c.hypothesis for c in comparisons}) < len(comparisons):
        note += " Rows of the same runs are one hypothesis: they share one p and count once."
    return note


def _levels(levels: dict[str, object]) -> str:
    return ", ".join(f"{short_name(factor)} {level}" for factor, level in levels.items())


def effects_table(numbers: StudyNumbers) -> Table | None:
    """Main effects and two-way interactions; None where the study is not a factorial."""
    effects = numbers.effects
    if effects is None:
        return None
    columns = [
        Column("effect", "effect", "text"),
        Column("delta", "estimate", "difference"),
        Column("p", "p (Holm)", "p"),
        Column("why", "", "text"),
    ]
    rows = []
    for effect in effects.to_dict("records"):
        bounded = np.isfinite(effect["low"])
        estimate = Cell(
            effect["estimate"] if np.isfinite(effect["estimate"]) else None,
            low=effect["low"] if bounded else None,
            high=effect["high"] if bounded else None,
        )
        cells = {
            "effect": Cell(effect["effect"]),
            "delta": estimate,
            "p": Cell(effect["p_holm"] if np.isfinite(effect["p_holm"]) else None),
            "why": Cell(effect["reason"] or None),
        }
        rows.append(Row(cells))
    methods = ", ".join(sorted(set(effects["method"])))
    note = (
        f"Differences of marginal means, 95 % interval, {methods}; p is adjusted by Holm's method "
        "over this table."
    )
    title = f"{numbers.study.name}: effects on the {numbers.metric}, Spearman ×100"
    return Table(title, columns, rows, [note])


def encoders_table(numbers: StudyNumbers) -> Table | None:
    """One row per arm: its effect on each encoder and over all; None with one encoder."""
    if not numbers.across:
        return None
    parts = [part for across in numbers.across for part in across.parts]
    names = list(dict.fromkeys(part.arm.factors[ENCODER] for part in parts))
    columns = [
        Column("arm", "arm", "text"),
        *(Column(f"on {name}", f"Δ {name}", "difference") for name in names),
        Column("mean", "mean Δ", "difference"),
        Column("p", "p (Holm)", "p"),
        Column("agree", "agree", "text"),
        Column("prediction", "new encoder", "text"),
        Column("interaction", "p, same effect (Holm)", "p"),
    ]
    rows = []
    for across in numbers.across:
        over = across.over
        cells = {
            f"on {part.arm.factors[ENCODER]}": Cell(
                part.comparison.delta, low=part.comparison.low, high=part.comparison.high
            )
            for part in across.parts
        }
        mark = NOT_SIGNIFICANT if across.p is not None and across.p >= LEVEL else ""
        cells |= {
            "arm": Cell(across.label),
            "mean": Cell(over.mean, low=over.low, high=over.high),
            "p": Cell(across.p, mark=mark),
            "agree": Cell(f"{over.agree} of {over.encoders}"),
            "prediction": Cell(predicted(over)),
            "interaction": Cell(across.interaction_p),
        }
        rows.append(Row(cells))
    few = max(len(across.parts) for across in numbers.across) < 3
    found = [
        "Δ on an encoder is from the reference arm on the same encoder, 95 % interval for new "
        "seeds and new pairs. Mean Δ gives every encoder the same weight; its interval is for new "
        "encoders, seeds and pairs (Hartung and Knapp's, with what the pairs have in common).",
        "Agree: encoders whose Δ has the sign of the mean. The last column tests that Δ is the "
        "same on all encoders; both columns of p are adjusted by Holm's method over the rows.",
        "New encoder: 95 % prediction interval for Δ on another encoder"
        + (", which takes three encoders." if few else "."),
    ]
    title = f"{numbers.study.name}: over encoders, {numbers.metric}, Spearman ×100"
    return Table(title, columns, rows, found, [provenance(numbers.study.runs, aggregation="all")])


def predicted(over: AcrossEncoders) -> str | None:
    """The prediction interval of a new encoder in points; None where there is none."""
    if over.prediction is None:
        return None
    low, high = (f"{100 * bound:+.2f}".replace("-", "−") for bound in over.prediction)
    return f"[{low}, {high}]"


def seeds_table(numbers: StudyNumbers) -> Table | None:
    """One row per part of the randomness; None where no arm fixes the others."""
    if not numbers.seed_parts:
        return None
    columns = [
        Column("part", "what the seed changes", "text"),
        Column("seeds", "seeds", "text"),
        Column("sd", "SD over seeds", "difference"),
        Column("share", "share of the variance, %", "number", digits=0),
    ]
    rows = [
        Row(
            {
                "part": Cell(part),
                "seeds": Cell(str(found.seeds)),
                "sd": _spread_cell(found),
                "share": Cell(100 * found.share if np.isfinite(found.share) else None),
            }
        )
        for part, found in numbers.seed_parts.items()
    ]
    note = (
        "SD of the score over seeds that change one part of the randomness alone, 95 % interval of "
        f"a normal sample's. Share: of the variance over the seeds of {numbers.against}, which "
        "change all parts; shares need not add up to 100."
    )
    title = f"{numbers.study.name}: where the spread over seeds comes from"
    return Table(title, columns, rows, [note], [provenance(numbers.study.runs, aggregation="all")])


def _spread_cell(found: SeedVariance) -> Cell:
    if not np.isfinite(found.sd):
        return Cell(None)
    return Cell(found.sd, low=found.low, high=found.high)
