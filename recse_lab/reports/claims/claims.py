"""The paper's claims (reCSE, arXiv 2408.04975), each as a difference that stored runs can show."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from recse_lab.probes.distributions import OWN
from recse_lab.reports.claims.evidence import (
    LEVEL,
    Estimate,
    Evidence,
    NotMeasured,
    NotRun,
    best,
    difference,
)
from recse_lab.reports.study.summary import p_value
from recse_lab.runs.collection import Arm
from recse_lab.runs.store import Run
from recse_lab.statistics import holm, t_interval
from recse_lab.statistics.comparison import Comparison

INFINITY = float("inf")
MORE, LESS = (0.0, INFINITY), (-INFINITY, 0.0)


@dataclass(frozen=True)
class Claim:
    """A claim as a difference of arms and the values it should have.

    ``estimate`` computes the difference that ``number`` describes; ``claimed`` is the interval of
    values that the claim implies, raw.
    """

    says: str
    question: str
    study: str
    number: str
    estimate: Callable[[Evidence], Estimate]
    claimed: tuple[float, float] = MORE
    made_by: str = ""
    """The command that makes its runs, if not `recse-lab ablate STUDY`."""

    @property
    def command(self) -> str:
        return self.made_by or f"recse-lab ablate {self.study} --corpus CORPUS --data-dir SENTEVAL"


def _sts_quality(e: Evidence) -> Estimate:
    cell = {"dropout": "0.1", "mask": "independent", "dropout_term": "on"}
    return difference(
        [e.arm("trained", **cell, reshape_term="on")],
        [e.arm("trained", **cell, reshape_term="off")],
        e.sts,
    )


def _sts_quality_poolings(e: Evidence) -> Estimate:
    both = {
        p: (e.arm("reCSE", model_pooling=p), e.arm("SimCSE", model_pooling=p))
        for p in ("mean", "cls")
    }
    return _mean_difference(e, both)


TEXT_VIEWS = (
    "word-deletion",
    "crop",
    "word-repetition",
    "token-shuffle",
    "span-masking",
    "mlm-substitution",
)


def _text_views(e: Evidence) -> dict[str, Arm]:
    return {family: e.arm("view", view_family=family, view_strength=0.1) for family in TEXT_VIEWS}


def _no_augmentation(e: Evidence) -> Estimate:
    reshape, views = e.arm("reshape target"), _text_views(e)
    details = _one_by_one(
        {family: difference([reshape], [view], e.sts) for family, view in views.items()}
    )
    return difference([reshape], list(views.values()), e.sts)._replace(details=details)


def _dropout_polarises(e: Evidence) -> Estimate:
    return _extremes(e, [e.arm("dropout alone")], [e.arm("untrained")])


def _no_polarity(e: Evidence) -> Estimate:
    return _extremes(e, [e.arm("reshape target")], [e.arm("dropout alone")])


def _no_polarity_of_views(e: Evidence) -> Estimate:
    return _extremes(e, [e.arm("reshape target")], list(_text_views(e).values()))


def _extremes(e: Evidence, first: Sequence[Arm], second: Sequence[Arm]) -> Estimate:
    """Shares of scores at the ends of −1 to 1.

    The details give the same at the ends of the own range, which measures shape and not location.
    """
    own = difference(first, second, partial(e.extreme, scaling=OWN)).compared
    bounds = (
        f" [{100 * own.low:+.2f} … {100 * own.high:+.2f}]"
        if own.low is not None and own.high is not None
        else ""
    )
    details = f"At the ends of the range that an arm itself uses: {100 * own.delta:+.2f}{bounds}."
    return difference(first, second, e.extreme)._replace(details=details)


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
    ratios = [
        float(np.mean([np.log(_step_peak(run) / _step_peak(plain)) for run in reshaped]))
        for plain, reshaped in pairs
    ]
    found = t_interval(ratios)
    low, high = (found.low, found.high) if len(ratios) > 1 else (None, None)
    compared = Comparison(
        found.estimate, low, high, None, found.level, found.n, "seeds", found.method, "other seeds"
    )
    sd = float(np.std(ratios, ddof=1)) if len(ratios) > 1 else float("nan")
    return Estimate(
        compared,
        sd,
        0.0,
        tuple(run for plain, reshaped in pairs for run in (plain, *reshaped)),
        len(pairs),
    )


def _portability(e: Evidence) -> Estimate:
    names = [
        str(arm.factors["framework"])
        for arm in e.levels("trained")
        if arm.factors["reshape"] == "with"
    ]
    others = [name for name in names if name != "SimCSE"]
    if not others:
        raise NotRun(
            f"{e.study} has no finished run of a framework other than SimCSE with a reshape"
        )
    arms = {
        name: tuple(
            e.arm("trained", framework=name, reshape=level) for level in ("with", "without")
        )
        for name in others
    }
    return _mean_difference(e, arms)


def _larger_dimension(e: Evidence) -> Estimate:
    levels = sorted(e.levels("channel-gram"), key=lambda arm: arm.factors["reshape.dim"])
    if len(levels) < 2:
        raise NotRun(f"{e.study} has fewer than two finished reshape dimensions of channel-gram")
    details = (
        f"p = {levels[-1].factors['reshape.dim']} against p = {levels[0].factors['reshape.dim']}."
    )
    return difference([levels[-1]], [levels[0]], e.sts)._replace(details=details)


def _best_dimension(e: Evidence) -> Estimate:
    return _best_against(e, [*e.levels("channel-gram"), *e.levels("token-gram")], e.arm("SimCSE"))


def _beyond_first_order(e: Evidence) -> Estimate:
    return _best_against(
        e, [*e.levels("channel-gram"), *e.levels("token-gram")], e.arm("control mean")
    )


def _beyond_first_order_operators(e: Evidence) -> Estimate:
    levels = [
        e.arm("target", reshape_operator=name)
        for name in ("token-gram", "channel-gram", "mean+channel-gram")
    ]
    return _best_against(e, levels, e.arm("target (control)", reshape_operator="mean"))


def _own_temperature(e: Evidence) -> Estimate:
    levels = {
        arm.factors["reshape.temperature"]: arm
        for arm in e.levels("reCSE")
        if arm.factors["contrast.temperature"] == 0.05
    }
    if 0.05 not in levels or len(levels) < 2:
        raise NotRun(f"{e.study} has not both τ′ = τ = 0.05 and another τ′ at τ = 0.05")
    shared = levels.pop(0.05)
    return _best_against(e, list(levels.values()), shared)


def _tuned_temperatures(e: Evidence) -> Estimate:
    theirs = e.levels("SimCSE")
    found = _best_against(e, e.levels("reCSE"), best(theirs))
    return found._replace(
        details=f"{found.details} Compared with the best of {len(theirs)} of SimCSE, {best(theirs).label}."
    )


def _mean_difference(e: Evidence, both: Mapping[str, Sequence[Arm]]) -> Estimate:
    """Mean over several pairs of arms of first minus second; the details give each pair."""
    details = _one_by_one(
        {name: difference([one], [other], e.sts) for name, (one, other) in both.items()}
    )
    return difference(
        [one for one, _ in both.values()], [other for _, other in both.values()], e.sts
    )._replace(details=details)


def _best_against(e: Evidence, levels: Sequence[Arm], reference: Arm) -> Estimate:
    """The best of several levels minus a reference; the details name it and give each level."""
    first = best(levels)
    details = f"The best of {len(levels)} is {first.label}. {_one_by_one({arm.label: difference([arm], [reference], e.sts) for arm in levels})}"
    return difference([first], [reference], e.sts, picked_from=len(levels))._replace(
        details=details
    )


def _one_by_one(estimates: Mapping[str, Estimate]) -> str:
    """Which of several differences are significant after Holm's correction, and of how many."""
    adjusted = holm([estimate.compared.p for estimate in estimates.values()])
    significant = [
        f"{name} {100 * estimate.compared.delta:+.2f} ({p_value(p)})"
        for (name, estimate), p in zip(estimates.items(), adjusted, strict=True)
        if p is not None and p < LEVEL
    ]
    which = f": {', '.join(significant)}" if significant else ""
    return (
        f"One by one, {len(significant)} of {len(estimates)} are significantly different from 0 "
        f"at the 5 % level after Holm's correction{which}."
    )


STS = "STS average ×100"
EXTREME = "share of STS-B scores in the outer 5 % of −1 … 1, ×100"
QUALITY = "With the reshape contrast STS averages 78.68 where SimCSE has 76.25 (BERT-base)."

CLAIMS: dict[str, Claim] = {
    "sts-quality": Claim(
        QUALITY,
        "Does a reshape contrast beside the dropout contrast raise the STS average?",
        "dropout-vs-reshape",
        f"{STS}: reshape term on minus off, at dropout 0.1 with independent masks",
        _sts_quality,
    ),
    "sts-quality-poolings": Claim(
        QUALITY,
        "Does it with [CLS] as well as with mean pooling?",
        "arms",
        f"{STS}: reCSE minus SimCSE, mean of the two poolings",
        _sts_quality_poolings,
    ),
    "no-augmentation": Claim(
        "STS is competitive without discrete augmentation.",
        "Is a reshape target at most one point below discrete augmentation?",
        "augmentation-polarity",
        f"{STS}: reshape target minus the mean of six text views of strength 0.1",
        _no_augmentation,
        (-0.01, INFINITY),
    ),
    "dropout-polarises": Claim(
        "Dropout pushes scores to the extremes.",
        "Does training with dropout alone put more scores at the ends of the range than the untrained encoder has there?",
        "augmentation-polarity",
        f"{EXTREME}: dropout alone minus untrained",
        _dropout_polarises,
    ),
    "no-polarity": Claim(
        "Reshaping does not push scores to the extremes, as dropout does.",
        "Are fewer scores at the ends of the range with a reshape target than with dropout alone?",
        "augmentation-polarity",
        f"{EXTREME}: reshape target minus dropout alone",
        _no_polarity,
        LESS,
    ),
    "no-polarity-of-views": Claim(
        "Reshaping does not push scores to the extremes, as discrete augmentation does.",
        "Are fewer scores at the ends of the range with a reshape target than with discrete augmentation?",
        "augmentation-polarity",
        f"{EXTREME}: reshape target minus the mean of six text views of strength 0.1",
        _no_polarity_of_views,
        LESS,
    ),
    "flat-memory": Claim(
        "Time for space: GPU memory stays flat.",
        "Is the peak memory of training with a separated reshape within 10 % of that without?",
        "train",
        "logarithm of the ratio of the peak memory of a training step ×100 (about per cent): with a separated reshape over without, on an accelerator",
        _memory,
        (-INFINITY, float(np.log(1.1))),
        "recse-lab train --framework simcse --encoder ENCODER --corpus CORPUS --data-dir SENTEVAL, and the same with --framework recse, on an accelerator",
    ),
    "portability": Claim(
        "Added to other frameworks, the reshape improves them.",
        "Does a reshape raise the STS average of other frameworks?",
        "portability",
        f"{STS}: with a reshape minus without, mean over the frameworks other than SimCSE",
        _portability,
    ),
    "larger-dimension": Claim(
        "Implied: the reshape dimension matters, a larger square keeping more of the sentence.",
        "Does the largest p do better than the smallest?",
        "reshape-dim",
        f"{STS}: channel-gram at the largest p minus at the smallest",
        _larger_dimension,
    ),
    "best-dimension": Claim(
        "Implied: at the right reshape dimension the reshape contrast improves on SimCSE.",
        "Does the best p of either second-order operator beat SimCSE?",
        "reshape-dim",
        f"{STS}: best level minus SimCSE",
        _best_dimension,
    ),
    "beyond-first-order": Claim(
        "The off-diagonal entries, which relate every token to every other, bring in global information.",
        "Does the best second-order target beat a first-order one, the mean of the same features?",
        "reshape-dim",
        f"{STS}: best level minus the control mean",
        _beyond_first_order,
    ),
    "beyond-first-order-operators": Claim(
        "The off-diagonal entries, which relate every token to every other, bring in global information.",
        "Does the best second-order operator, mean+channel-gram among them, beat the mean as a target?",
        "reshape-operator",
        f"{STS}: best of three operators minus the control mean, role target",
        _beyond_first_order_operators,
    ),
    "own-temperature": Claim(
        "Implied: the reshape contrast wants a temperature τ′ of its own.",
        "At τ = 0.05, does another τ′ beat τ′ = 0.05?",
        "temperature",
        f"{STS}: reCSE at the best other τ′ minus at τ′ = 0.05",
        _own_temperature,
    ),
    "tuned-temperatures": Claim(
        "Implied: with its two temperatures tuned, reCSE improves on SimCSE.",
        "Does reCSE at its best τ and τ′ beat SimCSE at its best τ?",
        "temperature",
        f"{STS}: best reCSE minus best SimCSE",
        _tuned_temperatures,
    ),
}
"""By name: each claim is one entry here and one function above."""
