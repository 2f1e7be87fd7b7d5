"""Verdicts on the paper's claims, computed from estimates and intervals over stored runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from recse_lab.errors import LabError
from recse_lab.files import atomic_path
from recse_lab.reports.claims.claims import CLAIMS, Claim
from recse_lab.reports.claims.evidence import Estimate, Evidence, NotRun
from recse_lab.reports.page.card import Card, write_card
from recse_lab.reports.paper import run_names, write_files
from recse_lab.reports.provenance import provenance
from recse_lab.reports.stale_marks import mark_stale
from recse_lab.reports.tables import Cell, Column, Row, Table, markdown, printed
from recse_lab.runs.collection import read_store
from recse_lab.runs.store import Run
from recse_lab.statistics.spread import Spread

POWER = 0.8
VERDICTS = ("supported", "contradicted", "undecided", "not run", "not measured")

RULE = (
    "Each claim is about one number, a difference, and names the values that it claims: above 0, say, or at most one point below it. "
    "**Supported**: the 95 % interval of the difference, for new seeds and new pairs, lies within those values. **Contradicted**: it lies "
    "outside them. **Undecided**: neither; then the table says with how many seeds the interval would decide in 80 % of studies, were the "
    "estimate the truth. Where the compared level is the best of k by this very score, the interval is at 1 − 5 %/k. "
    "**Not run**, **not measured**: the runs are not in the store, or they do not hold what the claim is about. The claims are the paper's in "
    "the words of this page; it gives no numbers for reshape dimension and temperatures, and those marked as implied say what would have to hold."
)


def decide(low: float | None, high: float | None, claimed: tuple[float, float]) -> str:
    """Decide by an interval: supported inside the claimed values, contradicted outside.

    Otherwise, and without an interval, the claim is undecided.
    """
    if low is None or high is None:
        return "undecided"
    if claimed[0] < low and high < claimed[1]:
        return "supported"
    return "contradicted" if high < claimed[0] or low > claimed[1] else "undecided"


def seeds_to_decide(estimate: Estimate, claimed: tuple[float, float]) -> int | None:
    """Fewest seeds that would decide in 80 % of studies, if the estimate is the true difference.

    Computed from the power of the test that decides. None with one seed, and where the variance
    over pairs, which more seeds do not reduce, is too large.
    """
    n = estimate.compared.seeds
    if n < 2 or not np.isfinite(estimate.compared.delta):
        return None
    distance = min(abs(estimate.compared.delta - end) for end in claimed if np.isfinite(end))
    spread = Spread(estimate.seeds_sd**2 / n, estimate.pairs_variance, n)
    return spread.seeds_to_find(distance, power=POWER, alpha=1 - estimate.compared.level)


@dataclass(frozen=True)
class Verdict:
    """A claim with its estimate and what follows from it."""

    name: str
    claim: Claim
    study: str
    verdict: str
    estimate: Estimate | None
    why_not: str = ""

    @property
    def needed(self) -> str:
        """Number of seeds that would decide an undecided claim."""
        if self.verdict != "undecided" or self.estimate is None:
            return ""
        if not np.isfinite(self.estimate.compared.delta):
            return ""
        if not np.isfinite(self.estimate.seeds_sd):
            return "2 or more"
        found = seeds_to_decide(self.estimate, self.claim.claimed)
        return str(found) if found else "none: more pairs"


def judge(root: Path) -> list[Verdict]:
    """Judge every claim; the full edition of a study, if it was run, precedes the ordinary one."""
    return [_judge_claim(name, claim, root) for name, claim in CLAIMS.items()]


def _judge_claim(name: str, claim: Claim, root: Path) -> Verdict:
    for study in (f"{claim.study}-full", claim.study):
        try:
            arms = read_store(root, [study]).arms
        except LabError:
            arms = []  # the store has nothing of it
        try:
            found = claim.estimate(Evidence(study, arms))
        except NotRun as reason:
            judged = Verdict(name, claim, study, reason.verdict, None, str(reason))
        else:
            # The interval of one seed is about its models alone, and the claim is about a method.
            low, high = (
                (found.compared.low, found.compared.high)
                if found.compared.seeds > 1
                else (None, None)
            )
            return Verdict(name, claim, study, decide(low, high, claim.claimed), found)
    return judged


def claims_table(judged: Sequence[Verdict]) -> Table:
    """One row per claim; claims without runs are left blank."""
    columns = [
        Column("claim", "claim", "text"),
        Column("question", "question", "text"),
        Column("study", "study", "text"),
        Column("runs", "runs", "text"),
        Column("seeds", "seeds", "text"),
        Column("estimate", "estimate", "difference"),
        Column("verdict", "verdict", "text"),
        Column("needed", "seeds to decide", "text"),
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
            found = j.estimate.compared
            value = found.delta if np.isfinite(found.delta) else None
            cells |= {"runs": Cell(str(len(j.estimate.runs))), "seeds": Cell(_seeds(j.estimate))}
            cells |= {"estimate": Cell(value, low=found.low, high=found.high)}
        rows.append(Row(cells, runs=j.estimate.runs if j.estimate else ()))
    notes = [
        "Estimates and their 95 % intervals (1 − 5 %/k where the best of k levels is compared) ×100; claims.md says of what, and by which rule."
    ]
    return Table("Claims of the paper and what the runs say", columns, rows, notes)


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
        f"Every verdict is about the scale of its runs: {encoders}{tiny}, {steps or 'an epoch of'} steps, batch {batches}. The paper trains "
        "BERT-base and RoBERTa-base on a million sentences, and nothing here says what happens there."
    )


def summary(judged: Sequence[Verdict]) -> str:
    """How many claims have each verdict, and which."""
    kinds = {kind: [j.name for j in judged if j.verdict == kind] for kind in VERDICTS}
    counts = [f"{len(names)} {kind} ({', '.join(names)})" for kind, names in kinds.items() if names]
    return f"Of {len(judged)} claims: {'; '.join(counts)}."


def claims_page(judged: Sequence[Verdict], table: Table, command: str) -> str:
    """claims.md: rule, table, and for each claim what it says, what was compared and what came out."""
    runs = [run for j in judged if j.estimate for run in j.estimate.runs]
    parts = [
        "# Claims",
        f"**{summary(judged)}**",
        *([_scale(runs)] if runs else []),
        RULE,
        markdown(table),
    ]
    for j in judged:
        parts += [
            f"## {j.name}: {j.verdict}",
            f"*{j.claim.says}* {j.claim.question}",
            _outcome(j),
            f"Made by `{j.claim.command}`.",
        ]
        if j.estimate:
            parts.append(
                f"Runs of {j.study}: {', '.join(f'`{run.id}`' for run in j.estimate.runs)}"
            )
    return "\n\n".join([*parts, f"This page: `{command}`"]) + "\n"


def _outcome(j: Verdict) -> str:
    if j.estimate is None:
        return f"{j.verdict.capitalize()}: {j.why_not}."
    found = j.estimate.compared
    parts = printed(
        Column("", "", "difference"),
        Cell(found.delta if np.isfinite(found.delta) else None, low=found.low, high=found.high),
    )
    level = (
        f"{100 * found.level:.4g} % interval {parts.interval}"
        if parts.interval
        else f"no interval: {found.why}"
    )
    low, high = (f"{100 * end:.4g}" if np.isfinite(end) else "" for end in j.claim.claimed)
    claimed = (
        f"between {low} and {high}" if low and high else f"above {low}" if low else f"below {high}"
    )
    text = f"{j.claim.number}: {parts.value or 'undefined'} ({level}; seeds: {_seeds(j.estimate)}; {found.method}). Claimed: {claimed}."
    needed = f" Seeds that would decide: {j.needed}." if j.needed else ""
    return text + needed + (f" {j.estimate.details}" if j.estimate.details else "")


def write_claims(root: Path, out: Path, command: str) -> tuple[Table, str, list[Path]]:
    """Write claims.md, and claims/table.md, .tex, .csv and card.json into ``out``; return the table, its summary and the paths."""
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
        summary=[said, *([_scale(runs)] if runs else []), RULE],
        tables=[table],
        provenance=[f"`{command}`", *sources],
        runs=run_names(runs),
    )
    return (
        table,
        said,
        [page, *write_files(table, out / "claims"), write_card(out / "claims", card)],
    )
