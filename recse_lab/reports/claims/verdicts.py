"""Verdicts on claims, computed from estimates and intervals over stored runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from recse_lab.config.claims import TITLES, ClaimSpec
from recse_lab.errors import LabError
from recse_lab.files import atomic_path
from recse_lab.reports.claims.claims import estimate_claim, paper_claims
from recse_lab.reports.claims.evidence import Estimate, Evidence, NotRun
from recse_lab.reports.page.card import Card, write_card
from recse_lab.reports.paper import run_names, write_files
from recse_lab.reports.provenance import provenance
from recse_lab.reports.stale_marks import mark_stale
from recse_lab.reports.tables import Cell, Column, Row, Table, markdown
from recse_lab.runs.collection import Arm, read_store, read_study
from recse_lab.runs.plans import RegisteredPlan
from recse_lab.runs.records import StudyRecord
from recse_lab.runs.store import Run
from recse_lab.statistics.equivalence import (
    Decision,
    Levels,
    chance_to_decide,
    decide,
    margin_of_the_pairs,
    pairs_to_decide,
)
from recse_lab.statistics.power import fewest_seeds
from recse_lab.statistics.seeds import new_seed
from recse_lab.statistics.sequential import Look, look

POWER = 0.8
VERDICTS = ("supported", "contradicted", "negligible", "undecided", "not run", "not measured")

RULE = (
    "Each claim is about one number, a difference, and names the values that it claims (above 0, "
    "say) and the smallest difference that would matter. **Negligible**: the 90 % interval lies "
    "within that margin of where the claimed values begin (two one-sided tests at 5 %), so that "
    "the difference, whatever its sign, is too small to matter. **Supported**: the 95 % interval, "
    "for new seeds and new pairs, lies within the claimed values. **Contradicted**: it lies "
    "outside them. **Undecided**: none of these; then the table says how many seeds, or how many "
    "more pairs, would decide in 80 % of studies, were the estimate the truth. Where several hold, "
    "negligible comes first; the direction is given beside it. Where the compared level is the "
    "best of k by this very score, the intervals are at 1 − 5 %/k and 1 − 10 %/k. A study with a "
    "registered plan is judged at its looks, with the levels that the plan spends there. "
    "**Not run**, **not measured**: the runs are not in the store, or they do not hold what the "
    "claim is about."
)
PAPER_RULE = (
    "The claims are the paper's in the words of this page; it gives no numbers for reshape "
    "dimension and temperatures, and those marked as implied say what would have to hold."
)


@dataclass(frozen=True)
class Verdict:
    """A claim with its estimate and what follows from it."""

    claim: ClaimSpec
    study: str
    verdict: str
    estimate: Estimate | None = None
    decision: Decision | None = None
    why_not: str = ""
    look: Look | None = None
    """The look that stopped it, or the last one; None without a registered plan."""
    plan: RegisteredPlan | None = None
    remark: str = ""
    """What weakens it: seeds that were added without a plan."""

    @property
    def name(self) -> str:
        """The claim's name."""
        return self.claim.name

    @property
    def stopped(self) -> bool:
        """Whether its plan adds no more seeds for it."""
        at = self.look
        if at is None or self.plan is None:
            return False
        return at.decision.decided or at.futile or at.seeds >= self.plan.most

    @property
    def needed(self) -> str:
        """Number of seeds, or of more pairs, that would decide an undecided claim."""
        if self.verdict != "undecided" or self.estimate is None:
            return ""
        if not np.isfinite(self.estimate.compared.delta):
            return ""
        if self.estimate.compared.seeds < 2:
            return "2 seeds or more"
        found = seeds_to_decide(self.estimate, self.claim)
        return f"{found} seeds" if found else more_pairs(self.estimate, self.claim)


def _levels(estimate: Estimate) -> Levels:
    return Levels().over(estimate.picked_from)


def seeds_to_decide(estimate: Estimate, claim: ClaimSpec) -> int | None:
    """Fewest seeds that would decide in 80 % of studies, if the estimate is the true difference.

    None with one seed, and where the variance over pairs, which more seeds do not reduce, is too
    large.
    """
    n, spread = estimate.spread.n, estimate.spread
    if n < 2 or not np.isfinite(estimate.compared.delta):
        return None
    distance = estimate.compared.delta - claim.boundary

    def enough(seeds: int) -> bool:
        more = spread._replace(seeds=spread.seeds * n / seeds, n=seeds)
        found = chance_to_decide(distance, more, margin=claim.raw_margin, levels=_levels(estimate))
        return found >= POWER

    return fewest_seeds(enough)


def more_pairs(estimate: Estimate, claim: ClaimSpec) -> str:
    """How many more sentence pairs would decide with as many seeds, to two digits."""
    distance = estimate.compared.delta - claim.boundary
    times = pairs_to_decide(
        distance, estimate.spread, margin=claim.raw_margin, levels=_levels(estimate), chance=POWER
    )
    if times is None or not estimate.pairs:
        return "more seeds and more pairs"
    extra = max(1.0, (times - 1) * estimate.pairs)
    digits = 10 ** max(0, int(np.log10(extra)) - 1)
    return f"{int(np.ceil(extra / digits)) * digits:,} more pairs"


# ---- judging -----------------------------------------------------------------------------------


def judge(root: Path, claims: Sequence[ClaimSpec] | None = None) -> list[Verdict]:
    """Judge claims by the runs of a store.

    The full edition of a study, if it was run, precedes the ordinary one.

    Args:
        root: The run store.
        claims: Each with its study; the paper's by default.
    """
    return [_judge_claim(claim, root) for claim in (paper_claims() if claims is None else claims)]


def _judge_claim(claim: ClaimSpec, root: Path) -> Verdict:
    for study in (f"{claim.study}-full", claim.study):
        try:
            arms = read_store(root, [study]).arms
        except LabError:
            arms = []  # the store has nothing of it
        try:
            return judge_arms(claim, Evidence(study, arms), root / study)
        except NotRun as reason:
            judged = Verdict(claim, study, reason.verdict, why_not=str(reason))
    return judged


def judge_study(folder: Path) -> list[Verdict]:
    """Judge what a study was asked to show: the claims of its plan, or of its file.

    Raises:
        LabError: No study is in the folder, or a file of it is damaged.
    """
    study, plan = read_study(folder), RegisteredPlan.find(folder)
    claims = (
        plan.specs
        if plan
        else [ClaimSpec.model_validate(claim) for claim in study.record.spec.claims]
    )
    judged = []
    for claim in claims:
        evidence = Evidence(folder.name, study.arms)
        try:
            judged.append(judge_arms(claim, evidence, folder))
        except NotRun as reason:
            judged.append(Verdict(claim, folder.name, reason.verdict, why_not=str(reason)))
    return judged


def judge_arms(claim: ClaimSpec, evidence: Evidence, folder: Path) -> Verdict:
    """Judge a claim by the finished arms of its study, by its registered plan if it has one.

    Args:
        claim: The claim.
        evidence: The finished arms.
        folder: The study's folder, which may hold a plan.

    Raises:
        NotRun: Runs that the claim needs are missing.
    """
    plan = RegisteredPlan.find(folder)
    if plan is not None and claim.name in [spec.name for spec in plan.specs]:
        return follow(claim, evidence, plan)
    found = estimate_claim(claim, evidence)
    decision = None
    # The interval of one seed is about its models alone, and the claim is about a method.
    if found.compared.low is not None and found.compared.seeds > 1:
        decision = decide(
            found.compared.delta,
            found.spread,
            boundary=claim.boundary,
            above=claim.is_above,
            margin=claim.raw_margin,
            levels=_levels(found),
        )
    word = decision.word if decision else "undecided"
    return Verdict(
        claim, evidence.study, word, found, decision, remark=_seeds_without_a_plan(folder)
    )


def follow(claim: ClaimSpec, evidence: Evidence, plan: RegisteredPlan) -> Verdict:
    """Judge a claim at the looks of its plan, up to the one that stops it.

    Each look sees the first so many seeds and nothing else, so that the verdict does not depend on
    how many seeds the store holds by now.

    Raises:
        NotRun: Runs that the claim needs are missing.
    """
    estimates, judged = [], None
    for n in plan.looks:
        part = Evidence(evidence.study, [_first_seeds(a, plan.seeds[:n]) for a in evidence.arms])
        found = estimate_claim(claim, part)
        if found.compared.seeds < n or found.compared.low is None:
            break  # not all of its seeds have finished
        estimates.append((found.compared.delta, found.spread))
        at = look(
            estimates,
            plan.most,
            boundary=claim.boundary,
            above=claim.is_above,
            margin=claim.raw_margin,
            levels=Levels(*plan.levels).over(found.picked_from),
        )
        shown = found._replace(planned=plan.most)
        judged = Verdict(
            claim, evidence.study, at.decision.word, shown, at.decision, look=at, plan=plan
        )
        if judged.stopped:
            return judged
    if judged is None:
        found = estimate_claim(claim, evidence)
        return Verdict(claim, evidence.study, "undecided", found, plan=plan)
    return judged


def _first_seeds(arm: Arm, seeds: Sequence[int]) -> Arm:
    if arm.seedless:
        return arm
    return replace(arm, runs={seed: run for seed, run in arm.runs.items() if seed in seeds})


def _seeds_without_a_plan(folder: Path) -> str:
    """A remark where a study ran on more seeds than it first had, without a registered plan."""
    if not (folder / StudyRecord.FILE).is_file():
        return ""
    counts = [len(seeds) for seeds in StudyRecord.read(folder).seed_history]
    if len(counts) < 2 or max(counts) <= counts[0]:
        return ""
    return (
        f"Seeds were added without a registered plan ({', then '.join(map(str, counts))}): the "
        "error rates are those of a single look, and hold only if the results did not decide it."
    )


# ---- table and page ----------------------------------------------------------------------------


def claims_table(
    judged: Sequence[Verdict], title: str = "Claims of the paper and what the runs say"
) -> Table:
    """One row per claim; claims without runs are left blank."""
    columns = [
        Column("claim", "claim", "text"),
        Column("question", "question", "text"),
        Column("study", "study", "text"),
        Column("runs", "runs", "text"),
        Column("seeds", "seeds", "text"),
        Column("estimate", "estimate", "difference"),
        Column("verdict", "verdict", "text"),
        Column("direction", "direction", "text"),
        Column("size", "size", "text"),
        Column("needed", "to decide", "text"),
    ]
    rows = []
    for j in judged:
        cells = {
            "claim": Cell(j.name),
            "question": Cell(j.claim.question),
            "study": Cell(j.study),
            "verdict": Cell(j.verdict),
            "needed": Cell(j.needed or None),
        }
        if j.estimate is not None:
            value = _finite(j.estimate.compared.delta)
            low, high = _bounds(j)
            cells |= {"runs": Cell(str(len(j.estimate.runs))), "seeds": Cell(_seeds(j.estimate))}
            cells |= {"estimate": Cell(value, low=low, high=high)}
        if j.decision is not None:
            cells |= {
                "direction": Cell(_direction(j.claim, j.decision)),
                "size": Cell(_size(j.claim, j.decision)),
            }
        rows.append(Row(cells, runs=j.estimate.runs if j.estimate else ()))
    notes = [
        "Estimates and their 95 % intervals (1 − 5 %/k where the best of k levels is compared; at "
        "the level of its look under a registered plan) ×100. Size: the difference against the "
        "smallest that matters, from where the claimed values begin."
    ]
    return Table(title, columns, rows, notes)


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None


def _bounds(j: Verdict) -> tuple[float | None, float | None]:
    """The interval that decides the direction; that of the comparison where nothing is decided."""
    if j.decision is not None:
        return j.decision.low, j.decision.high
    assert j.estimate is not None
    return j.estimate.compared.low, j.estimate.compared.high


def _direction(claim: ClaimSpec, decision: Decision) -> str:
    if decision.direction == "undecided":
        return "undecided"
    above = claim.is_above == (decision.direction == "supported")
    return f"{'above' if above else 'below'} {100 * claim.boundary:.4g}"


def _size(claim: ClaimSpec, decision: Decision) -> str:
    if decision.size == "undecided":
        return "undecided"
    sign = "<" if decision.size == "negligible" else ">"
    return f"{sign} {claim.margin:.4g}"


def _seeds(estimate: Estimate) -> str:
    missing = estimate.planned > estimate.compared.seeds
    return f"{estimate.compared.seeds}" + (f" of {estimate.planned}" if missing else "")


def _scale(runs: Sequence[Run]) -> str:
    """Encoders, steps and batches that the verdicts are about."""
    configs = [run.record.config for run in runs]
    encoders = ", ".join(sorted({str(config.encoder) for config in configs}))
    training = [config.training for config in configs if config.training]
    steps, batches = (
        "/".join(map(str, sorted({getattr(t, key) for t in training if getattr(t, key)})))
        for key in ("steps", "batch_size")
    )
    tiny = " (the packaged BERT of 3 layers × 128)" if encoders == "recse-lab/tiny" else ""
    return (
        f"Every verdict is about the scale of its runs: {encoders}{tiny}, "
        f"{steps or 'an epoch of'} steps, batch {batches}. The paper trains BERT-base and "
        "RoBERTa-base on a million sentences, and nothing here says what happens there."
    )


def summary(judged: Sequence[Verdict]) -> str:
    """How many claims have each verdict, and which."""
    kinds = {kind: [j.name for j in judged if j.verdict == kind] for kind in VERDICTS}
    counts = [f"{len(names)} {kind} ({', '.join(names)})" for kind, names in kinds.items() if names]
    number = f"{len(judged)} claim{'s' if len(judged) > 1 else ''}"
    return f"Of {number}: {'; '.join(counts)}."


def claims_page(judged: Sequence[Verdict], table: Table, command: str) -> str:
    """claims.md: rule, table, and for each claim what it says, what was compared and the result."""
    runs = [run for j in judged if j.estimate for run in j.estimate.runs]
    parts = [
        "# Claims",
        f"**{summary(judged)}**",
        *([_scale(runs)] if runs else []),
        f"{RULE} {PAPER_RULE}",
        markdown(table),
    ]
    for j in judged:
        parts += [
            f"## {j.name}: {j.verdict}",
            f"*{j.claim.says}* {j.claim.question}",
            outcome(j),
            f"Made by `{j.claim.command}`.",
        ]
        if j.estimate:
            parts.append(
                f"Runs of {j.study}: {', '.join(f'`{run.id}`' for run in j.estimate.runs)}"
            )
    return "\n\n".join([*parts, f"This page: `{command}`"]) + "\n"


def outcome(j: Verdict) -> str:
    """What came out of a claim, in sentences that are computed from its numbers."""
    if j.estimate is None:
        return f"{j.verdict.capitalize()}: {j.why_not}."
    found, claim = j.estimate.compared, j.claim
    what = claim.describes or f"{_arms(claim, 'first')} minus {_arms(claim, 'second')}"
    value = "undefined" if _finite(found.delta) is None else f"{100 * found.delta:+.2f}"
    low, high = _bounds(j)
    if low is None or high is None:
        interval = f"no interval: {found.why}"
    else:
        level = 1 - (j.look.levels.direction if j.look else _levels(j.estimate).direction)
        interval = f"{100 * level:.4g} % interval [{100 * low:+.2f}, {100 * high:+.2f}]"
    text = [
        f"{TITLES[claim.number]}: {what}: {value} ({interval}; seeds: {_seeds(j.estimate)}; "
        f"{found.method}). Claimed: {claim.claimed}."
    ]
    if j.decision is not None:
        text.append(_about_size(j))
    if j.needed:
        text.append(f"To decide: {j.needed}.")
    if j.plan is not None:
        text.append(_about_plan(j))
    text += [_about_seeds(j.estimate), j.estimate.details, j.remark]
    return " ".join(filter(None, text))


def _arms(claim: ClaimSpec, side: str) -> str:
    choice = getattr(claim, side)
    if choice is None:
        return side
    levels = ", ".join(f"{factor} {level}" for factor, level in choice.at.items())
    names = " and ".join(choice.names) + (f" ({levels})" if levels else "")
    return names if choice.pick == "all" else f"the {choice.pick} of {names}"


def _about_size(j: Verdict) -> str:
    """The smallest difference of interest, and the smallest that these data and pairs can show."""
    claim, decision, estimate = j.claim, j.decision, j.estimate
    assert decision is not None
    assert estimate is not None
    levels = j.look.levels if j.look else _levels(estimate)
    shown = max(abs(end - claim.boundary) for end in (decision.inner_low, decision.inner_high))
    says = {
        "negligible": "is negligible",
        "relevant": "is larger than that",
        "undecided": "may be larger or smaller than that",
    }[decision.size]
    text = (
        f"Smallest difference that matters: {claim.margin:.4g} ({claim.reason}); the difference "
        f"{says}, its {100 * (1 - levels.size):.4g} % interval reaching {100 * shown:.2f} from "
        f"{100 * claim.boundary:.4g}."
    )
    reach = 100 * margin_of_the_pairs(estimate.spread.pairs, levels)
    if decision.size == "undecided" and reach >= claim.margin:
        text += (
            f" These pairs cannot show less than {reach:.2f} with any number of seeds: that is "
            "the smallest margin to ask for."
        )
    return text


def _about_plan(j: Verdict) -> str:
    plan, at = j.plan, j.look
    assert plan is not None
    text = f"Registered plan `{plan.hash}` of {plan.registered[:10]}: looks at "
    text += f"{', '.join(map(str, plan.looks))} seeds"
    if at is None:
        return f"{text}; the first has not been reached."
    if at.decision.decided:
        why = f"it stopped at {at.seeds} seeds: {at.decision.word}"
    elif at.seeds >= plan.most:
        why = f"all of its {at.seeds} seeds are spent"
    elif at.futile:
        why = (
            f"it stopped at {at.seeds} seeds as futile: with {plan.most} it would be decided with "
            f"a chance of {100 * at.chance:.0f} %"
        )
    else:
        why = f"{at.seeds} seeds so far, a chance of {100 * at.chance:.0f} % to be decided"
    late = plan.finished_before
    text += f"; {why}, with {100 * at.information:.0f} % of the information."
    if late:
        text += f" {late} of its runs had finished before the plan was registered."
    return text


def _about_seeds(estimate: Estimate) -> str:
    if estimate.compared.seeds < 2:
        return ""
    seeds = new_seed(estimate.differences)
    return (
        f"Over the seeds: median {100 * seeds.median:+.2f}, above 0 in {seeds.above} of {seeds.n}; "
        f"on a new seed it is above 0 with a probability of {100 * seeds.probability:.0f} %."
    )


def write_claims(root: Path, out: Path, command: str) -> tuple[Table, str, list[Path]]:
    """Write claims.md, and claims/table.md, .tex, .csv and card.json into ``out``; return the
    table, its summary and the paths.
    """
    judged = judge(root)
    table = mark_stale(claims_table(judged))
    runs = [run for j in judged if j.estimate for run in j.estimate.runs]
    sources = [provenance(list({run.folder: run for run in runs}.values()))] if runs else []
    table = replace(table, provenance=sources)
    page = out / "claims.md"
    with atomic_path(page) as beside:
        beside.write_text(claims_page(judged, table, command), encoding="utf-8")
    said = summary(judged)
    card = Card(
        name="claims",
        title=table.title,
        question="Which of the paper's claims hold at this scale?",
        summary=[said, *([_scale(runs)] if runs else []), f"{RULE} {PAPER_RULE}"],
        tables=[table],
        provenance=[f"`{command}`", *sources],
        runs=run_names(runs),
    )
    return (
        table,
        said,
        [page, *write_files(table, out / "claims"), write_card(out / "claims", card)],
    )
