"""recse-lab ablate --until decided: print the registered plan, its power, and each look."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path


def most_seeds(name: str, asked: int | None) -> int | list[int]:
    """The seeds of a sequential study: those asked for, or as many as its file allows.

    Raises:
        LabError: The file lists fewer seeds than asked for.
    """
    from recse_lab.ablation.experiments import load_spec
    from recse_lab.errors import LabError

    spec = load_spec(name)
    most = asked or spec.sequential.max_seeds
    if isinstance(spec.seeds, int):
        return most
    if len(spec.seeds) < most:
        raise LabError(
            f"experiment {spec.name} lists {len(spec.seeds)} seeds, fewer than --max-seeds "
            f"{most}; list more, or say how many."
        )
    return spec.seeds[:most]


def study_claims(study) -> list:
    """The claims of a study's file and those of the paper that are about it."""
    from recse_lab.reports.claims.claims import paper_claims

    own = list(study.spec.claims)
    names = {claim.name for claim in own}
    return own + [c for c in paper_claims() if c.study == study.spec.name and c.name not in names]


def sequential_plan(study):
    """The plan of a study, not yet registered."""
    from recse_lab.ablation.registration import make_plan

    looks = [n for n in study.spec.sequential.looks if n <= len(study.spec.seed_list)]
    return make_plan(study, study_claims(study), looks=looks)


def print_plan(console, plan) -> None:
    """Claims, looks and levels."""
    direction, size = plan.levels
    looks = ", ".join(map(str, plan.looks))
    console.print(
        f"Plan {plan.hash}: looks at {looks} seeds; {100 * direction:.4g} % for the direction and "
        f"{100 * size / 2:.4g} % on either side for the size, spent by {plan.spending}; given up "
        f"below a chance of {100 * plan.futility:.0f} %.",
        highlight=False,
    )
    for claim in plan.specs:
        console.print(
            f"  {claim.name}: {claim.claimed}, a difference below {claim.margin:.4g} does not "
            f"matter ({claim.reason})",
            highlight=False,
        )


def run_plan(console, study, plan, compute: Callable):
    """Register the plan, and run it look by look."""
    from recse_lab.ablation.registration import register, run_until
    from recse_lab.reports.claims.verdicts import judge_study

    plan = register(study, plan)
    when = f"registered {plan.registered}"
    late = plan.finished_before
    if late:
        when += f", after {late} of its runs had finished"
    console.print(f"Plan {plan.hash}, {when}: {study.folder / plan.FILE}", highlight=False)

    def stopped(seeds: int) -> bool:
        judged = judge_study(study.folder)
        console.print(f"After {seeds} seeds:", highlight=False)
        for each in judged:
            console.print(f"  {_state(each)}", highlight=False)
        return all(each.stopped for each in judged)

    return run_until(study, plan, run=compute, stopped=stopped)


def _state(judged) -> str:
    at, estimate = judged.look, judged.estimate
    if at is None or estimate is None:
        return f"{judged.name}: {judged.why_not or judged.verdict}"
    decision = at.decision
    bounds = f"{100 * decision.low:+.2f} … {100 * decision.high:+.2f}"
    text = f"{judged.name}: {100 * estimate.compared.delta:+.2f} [{bounds}], {judged.verdict}"
    need = f"; it needs {judged.needed}" if judged.needed else ""
    if at.seeds >= judged.plan.most and not decision.decided:
        return f"{text}, all seeds are spent{need}"
    if at.futile:
        return f"{text}, futile{need}"
    if judged.stopped:
        return f"{text}, stopped at {at.seeds} seeds"
    return f"{text}, a chance of {100 * at.chance:.0f} % to be decided with {judged.plan.most}"


def print_power(console, study, root: Path) -> None:
    """The smallest effect that each claim's comparison finds in 80 % of studies.

    The variances come from finished runs: of the study, or of the studies behind the paper's
    claims where it has none.
    """
    from recse_lab.reports.claims.verdicts import judge

    claims = [c.model_copy(update={"study": study.folder.name}) for c in study_claims(study)]
    own = [j for j in judge(root, claims) if _measured(j)]
    n = len(study.spec.seed_list)
    for judged in own:
        console.print(f"  {judged.name}: {_power([judged], n)}", highlight=False)
    if own:
        return
    others = [j for j in judge(root) if _measured(j) and j.claim.number == "sts average"]
    if not others:
        console.print(
            "Power: unknown, as the store has no finished runs with two seeds to take the "
            "variances from.",
            highlight=False,
        )
        return
    studies = ", ".join(dict.fromkeys(j.study for j in others))
    console.print(
        f"A comparison of two arms: {_power(others, n)} (variances from {studies})", highlight=False
    )


def _measured(judged) -> bool:
    return judged.estimate is not None and judged.estimate.spread.n > 1


def _power(judged: Sequence, n: int) -> str:
    """In words, with the median of several spreads."""
    from recse_lab.statistics.equivalence import Levels, chance_to_decide

    spreads = [j.estimate.spread for j in judged]
    at = [replaced._replace(seeds=replaced.seeds * replaced.n / n, n=n) for replaced in spreads]
    spread = sorted(at, key=lambda each: each.total)[len(at) // 2]
    picked, margin = judged[0].estimate.picked_from, judged[0].claim.margin
    levels = Levels().over(picked)
    found = spread.detectable(alpha=levels.direction)
    small = chance_to_decide(0.0, spread, margin=margin / 100, levels=levels)
    share = 100 * spread.pairs / spread.total if spread.total else 0.0
    return (
        f"{n} seeds find a difference of {100 * found:.2f} in 80 % of studies, and show one of 0 "
        f"to be below {margin:.4g} in {100 * small:.0f} %; {share:.0f} % of the variance is the "
        "pairs'"
    )
