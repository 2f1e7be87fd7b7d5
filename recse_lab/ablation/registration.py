"""Register the plan of a sequential study before its first run, and run it look by look."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from recse_lab.ablation.plan import Cell
from recse_lab.ablation.runner import Outcome
from recse_lab.ablation.study import Study
from recse_lab.config.claims import ClaimSpec, check_looks
from recse_lab.errors import LabError
from recse_lab.files import now
from recse_lab.runs.plans import RegisteredPlan
from recse_lab.runs.provenance import commit
from recse_lab.runs.store import Run
from recse_lab.statistics.equivalence import Levels
from recse_lab.statistics.sequential import FUTILE, default_looks

SPENDING = "Lan-DeMets, O'Brien-Fleming type"


def make_plan(
    study: Study, claims: Sequence[ClaimSpec], *, looks: Sequence[int] = ()
) -> RegisteredPlan:
    """The plan of a study that has the largest number of seeds; nothing is written.

    Args:
        study: The study with all of its seeds.
        claims: What it is asked to show.
        looks: Numbers of seeds at which the claims are judged; 5, 8, 12 … by default.

    Raises:
        LabError: There is no claim, fewer than two seeds, or the looks do not fit the seeds.
    """
    name, seeds = study.spec.name, study.spec.seed_list
    if not claims:
        raise LabError(
            f"experiment {name} has no claims, so nothing can be decided; list them under "
            "`claims:` in its file."
        )
    if len(seeds) < 2:
        raise LabError(f"experiment {name}: one seed decides nothing; give --max-seeds 2 or more.")
    try:
        check_looks(looks, len(seeds))
    except ValueError as error:
        raise LabError(f"experiment {name}: {error}.") from None
    chosen = list(looks) or default_looks(len(seeds))
    if chosen[-1] < len(seeds):
        chosen.append(len(seeds))
    first = [cell for cell in study.cells if cell.seed == seeds[0]]
    plan = RegisteredPlan(
        study=study.folder.name,
        claims=[claim.model_dump(mode="json", exclude_defaults=True) for claim in claims],
        looks=chosen,
        seeds=seeds,
        levels=list(Levels()),
        spending=SPENDING,
        futility=FUTILE,
        cells=[[cell.arm, cell.factors, cell.id] for cell in first],
    )
    return plan.model_copy(update={"hash": plan.digest()})


def register(study: Study, plan: RegisteredPlan) -> RegisteredPlan:
    """Write a plan before the first run; return the one that counts.

    Args:
        study: The study.
        plan: From ``make_plan``.

    Raises:
        LabError: Another plan is registered and its runs have begun, or the file was edited.
    """
    before = RegisteredPlan.find(study.folder)
    if before is not None:
        if before.digest() != before.hash:
            raise LabError(
                f"{study.folder / before.FILE}: edited after it was registered (its hash is "
                f"{before.digest()}, not {before.hash}); restore it."
            )
        if before.hash == plan.hash:
            return before
        if _begun(study.folder, study.cells, before):
            changed = [
                name for name, value in plan.fields().items() if value != before.fields()[name]
            ]
            raise LabError(
                f"{study.folder}: plan {before.hash} was registered on {before.registered[:10]} "
                f"and its runs have begun, so it cannot be changed ({', '.join(changed)} differ). "
                "To register another plan, copy the study's file and give it another `name`; "
                "finished runs are found again, and counted as known before that plan."
            )
    registered = plan.model_copy(
        update={
            "registered": now(),
            "commit": commit(),
            "finished_before": _finished(study.folder.parent, study.cells),
        }
    )
    study.folder.mkdir(parents=True, exist_ok=True)
    registered.write(study.folder)
    return registered


def _begun(folder: Path, cells: Sequence[Cell], plan: RegisteredPlan) -> bool:
    ids = {cell.id for cell in cells} | {str(run) for _, _, run in plan.cells}
    return any(Run(folder / run).state != "planned" for run in ids)


def _finished(root: Path, cells: Sequence[Cell]) -> int:
    """Number of planned runs that some study of the store has finished."""
    folders = [path for path in root.glob("*") if path.is_dir()]
    ids = {cell.id for cell in cells}
    return sum(any(Run(folder / run).state == "done" for folder in folders) for run in ids)


def first_seeds(study: Study, seeds: Sequence[int]) -> Study:
    """A study on some of its seeds."""
    spec = study.spec.model_copy(update={"seeds": list(seeds)}).with_origin(study.spec.origin)
    cells = [cell for cell in study.cells if cell.seed in seeds]
    return replace(study, spec=spec, cells=cells)


def run_until(
    study: Study,
    plan: RegisteredPlan,
    *,
    run: Callable[[Study], Outcome],
    stopped: Callable[[int], bool],
) -> Outcome:
    """Run a registered study look by look, until all of its claims are stopped.

    Args:
        study: The study with all of its seeds.
        plan: Its registered plan.
        run: Computes what the store lacks of a study.
        stopped: Whether no claim asks for more seeds, given the number of seeds that have run.

    Returns:
        What the store held after the last look; a cell that failed or was cut short ends it.
    """
    outcome = Outcome(0, {}, True)
    for seeds in plan.looks:
        outcome = run(first_seeds(study, plan.seeds[:seeds]))
        if outcome.failed or not outcome.complete or stopped(seeds):
            break
    return outcome
