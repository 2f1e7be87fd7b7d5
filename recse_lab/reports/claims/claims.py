"""Estimates of claims: from what a claim compares to the difference that stored runs show."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from recse_lab.config.claims import ArmChoice, ClaimSpec
from recse_lab.config.reading import explain
from recse_lab.config.yaml import read_yaml
from recse_lab.errors import LabError
from recse_lab.probes.distributions import OWN
from recse_lab.reports.claims.evidence import (
    LEVEL,
    Estimate,
    Evidence,
    NotMeasured,
    NotRun,
    difference,
)
from recse_lab.reports.study.summary import p_value
from recse_lab.runs.collection import Arm
from recse_lab.runs.samples import Sample
from recse_lab.runs.store import Run
from recse_lab.statistics import holm, t_interval
from recse_lab.statistics.comparison import Comparison
from recse_lab.statistics.spread import Spread

PAPER = Path(__file__).with_name("paper.yaml")


def read_claims(path: Path = PAPER) -> list[ClaimSpec]:
    """Read a file of claims: a list under ``claims``, each with its study.

    Raises:
        LabError: The file is no such list, or a claim of it is not valid (file and line).
    """
    tree, lines = read_yaml(path)
    claims = []
    for i, each in enumerate(tree.get("claims") or []):
        place = f"claims.{i}."
        inside = {key.removeprefix(place): n for key, n in lines.items() if key.startswith(place)}
        try:
            claims.append(ClaimSpec.model_validate(each))
        except ValidationError as error:
            message = explain(error, ClaimSpec, where=str(path), lines=inside)
            raise LabError(message) from None
    if not claims:
        raise LabError(f"{path}: there is no claim; list them under `claims:`.")
    return claims


@cache
def paper_claims() -> tuple[ClaimSpec, ...]:
    """The claims of reCSE, in the order of ``paper.yaml``."""
    return tuple(read_claims())


def estimate_claim(claim: ClaimSpec, evidence: Evidence) -> Estimate:
    """The difference that a claim is about.

    Raises:
        NotRun: Runs that it needs are not in the store, or did not measure it.
    """
    if claim.first is None or claim.second is None:
        return _memory(evidence)
    number = NUMBERS[claim.number](evidence)
    candidates = choose(evidence, claim.first, number)
    others = choose(evidence, claim.second, number)
    first, picked_from = _picked(claim.first, candidates, number)
    second, _ = _picked(claim.second, others, number)
    if [arm.label for arm in first] == [arm.label for arm in second]:
        raise NotRun(f"{evidence.study} has a single finished arm to compare: {first[0].label}")
    found = difference(first, second, number, picked_from=picked_from)
    details = [
        _what_was_picked(claim.first, candidates, first, "The best"),
        _what_was_picked(claim.second, others, second, "It is compared with the best"),
        _one_by_one(candidates if picked_from > 1 else first, second, number),
        _own_range(evidence, first, second) if claim.number == "extreme scores" else "",
    ]
    return found._replace(details=" ".join(filter(None, details)))


Numbering = Callable[[Evidence], Callable[[Run], Sample]]

NUMBERS: dict[str, Numbering] = {
    "sts average": lambda evidence: evidence.sts,
    "extreme scores": lambda evidence: evidence.extreme,
}
"""The number of one run, by the claim's name of it."""


# ---- arms --------------------------------------------------------------------------------------


def choose(evidence: Evidence, choice: ArmChoice, number: Callable[[Run], Sample]) -> list[Arm]:
    """The finished arms that a claim names; one of them where it names the largest or smallest.

    Raises:
        NotRun: There is none, or a level that is named has none.
    """
    named = [arm for arm in evidence.arms if arm.name in choice.names and arm.runs]
    kept = [arm for arm in named if choice.keeps(dict(arm.factors))]
    wanted = ", ".join(f"{factor} {_printed(levels)}" for factor, levels in choice.at.items())
    for name in choice.names:
        if not any(arm.name == name for arm in kept):
            at = f" at {wanted}" if wanted else ""
            raise NotRun(f"{evidence.study} has no finished run of {name}{at}")
    for factor, levels in choice.at.items():
        for level in levels if isinstance(levels, list) else []:
            if not any(str(arm.factors.get(factor)) == str(level) for arm in kept):
                raise NotRun(
                    f"{evidence.study} has no finished run of {kept[0].name} at {factor} {level}"
                )
    if choice.pick in ("largest", "smallest"):
        return [_extreme_level(evidence, choice, kept)]
    return kept


def _printed(levels: object) -> str:
    return " or ".join(map(str, levels)) if isinstance(levels, list) else str(levels)


def _extreme_level(evidence: Evidence, choice: ArmChoice, arms: Sequence[Arm]) -> Arm:
    factors = {factor for arm in arms for factor in arm.factors}
    varied = [f for f in factors if len({str(arm.factors.get(f)) for arm in arms}) > 1]
    if len(varied) != 1:
        raise NotRun(
            f"{evidence.study} has no {choice.pick} level of {arms[0].name}: "
            f"{'several factors differ' if varied else 'a single level is finished'}"
        )
    pick = max if choice.pick == "largest" else min
    return pick(arms, key=lambda arm: arm.factors[varied[0]])


def _picked(
    choice: ArmChoice, arms: list[Arm], number: Callable[[Run], Sample]
) -> tuple[list[Arm], int]:
    """The arms that are compared, and of how many the best was picked."""
    if choice.pick != "best":
        return arms, 1
    return [max(arms, key=partial(_mean_of, number))], len(arms)


def _mean_of(number: Callable[[Run], Sample], arm: Arm) -> float:
    return float(np.mean([number(run).point for run in arm.runs.values()]))


def _what_was_picked(
    choice: ArmChoice, candidates: Sequence[Arm], picked: Sequence[Arm], begin: str
) -> str:
    if choice.pick == "best":
        return f"{begin} of {len(candidates)} is {picked[0].label}."
    return f"{begin.replace('best', choice.pick)} is {picked[0].label}." * (
        choice.pick in ("largest", "smallest")
    )


# ---- what else the numbers say -----------------------------------------------------------------


def _one_by_one(
    first: Sequence[Arm], second: Sequence[Arm], number: Callable[[Run], Sample]
) -> str:
    """Which single differences are significant after Holm's correction, and of how many."""
    if len(first) == len(second) == 1:
        return ""
    if len(first) != len(second) and min(len(first), len(second)) > 1:
        return ""
    size = max(len(first), len(second))
    a, b = (list(side) * (size // len(side)) for side in (first, second))
    named = _names(a if len(first) > 1 else b)
    found = [difference([x], [y], number).compared for x, y in zip(a, b, strict=True)]
    adjusted = holm([each.p for each in found])
    significant = [
        f"{name} {100 * each.delta:+.2f} ({p_value(p)})"
        for name, each, p in zip(named, found, adjusted, strict=True)
        if p is not None and p < LEVEL
    ]
    which = f": {', '.join(significant)}" if significant else ""
    return (
        f"One by one, {len(significant)} of {size} are significantly different from 0 "
        f"at the 5 % level after Holm's correction{which}."
    )


def _names(arms: Sequence[Arm]) -> list[str]:
    """What tells the arms of a group apart: their names, or the levels that differ."""
    factors = dict.fromkeys(factor for arm in arms for factor in arm.factors)
    varied = [f for f in factors if len({str(arm.factors.get(f)) for arm in arms}) > 1]
    several = len({arm.name for arm in arms}) > 1
    return [
        " ".join([arm.name] * several + [str(arm.factors[f]) for f in varied if f in arm.factors])
        for arm in arms
    ]


def _own_range(evidence: Evidence, first: Sequence[Arm], second: Sequence[Arm]) -> str:
    """The same at the ends of an arm's own range, which measures shape and not location."""
    own = difference(first, second, partial(evidence.extreme, scaling=OWN)).compared
    bounds = (
        f" [{100 * own.low:+.2f}, {100 * own.high:+.2f}]"
        if own.low is not None and own.high is not None
        else ""
    )
    return f"At the ends of the range that an arm itself uses: {100 * own.delta:+.2f}{bounds}."


# ---- memory ------------------------------------------------------------------------------------


def _step_peak(run: Run) -> int:
    found = run.record.cost.step_peak_bytes
    assert found is not None
    return found


def _memory(e: Evidence) -> Estimate:
    """Logarithm of the ratio of the peak memory of a training step, with reshape over without.

    Over runs of `train` on an accelerator that differ in the reshape alone; the mean of several.
    """
    sides: tuple[dict[str, list[Run]], dict[str, list[Run]]] = {}, {}
    for run in (run for arm in e.arms for run in arm.distinct):
        on_cpu = str(run.record.environment.device).startswith("cpu")
        if on_cpu or not run.record.cost.step_peak_bytes:
            continue
        reshape = run.record.config.reshape
        if reshape is None or (reshape.role, reshape.mode) == ("target", "separated"):
            options = run.record.config.tree() | {"reshape": None}
            alike = json.dumps(options, sort_keys=True)
            sides[reshape is not None].setdefault(alike, []).append(run)
    pairs = [
        (plain, sides[1][key])
        for key, runs in sides[0].items()
        for plain in runs
        if key in sides[1]
    ]
    if not pairs:
        raise NotMeasured(
            "no two runs of `train` on an accelerator differ in the reshape alone (the peak that a "
            "study stores is that of a process that computes several runs in turn, so it cannot be "
            "assigned to an arm)"
        )
    ratios = np.array(
        [
            np.mean([np.log(_step_peak(run) / _step_peak(plain)) for run in reshaped])
            for plain, reshaped in pairs
        ]
    )
    n = len(ratios)
    found = t_interval(ratios)
    low, high = (found.low, found.high) if n > 1 else (None, None)
    compared = Comparison(
        found.estimate, low, high, None, found.level, n, "seeds", found.method, "other seeds"
    )
    spread = Spread(float(ratios.var(ddof=1)) / n if n > 1 else 0.0, 0.0, n)
    runs = tuple(run for plain, reshaped in pairs for run in (plain, *reshaped))
    return Estimate(compared, spread, ratios, runs, n)
