"""recse-lab ablate"""

from __future__ import annotations

from pathlib import Path

import typer

from recse_lab.cli.ablate_options import (
    DryRun,
    Encoders,
    Executor,
    Full,
    Join,
    KeepModels,
    MaxSeeds,
    Out,
    Quick,
    Rerun,
    Seeds,
    Study,
    Until,
    Workers,
    refuse_contradictions,
)
from recse_lab.cli.ablate_until import (
    most_seeds,
    print_plan,
    print_power,
    run_plan,
    sequential_plan,
)
from recse_lab.cli.options import (
    Corpus,
    DataDir,
    RunsDir,
    Set,
    overrides,
    plain_console,
    root,
)


def ablate(
    name: Study,
    encoder: Encoders = None,
    corpus: Corpus = None,
    data_dir: DataDir = None,
    set_: Set = None,
    seeds: Seeds = None,
    until: Until = None,
    max_seeds: MaxSeeds = None,
    quick: Quick = False,
    full: Full = False,
    workers: Workers = None,
    rerun: Rerun = "missing",
    keep_models: KeepModels = False,
    join: Join = False,
    executor: Executor = "local",
    dry_run: DryRun = False,
    out: Out = Path("reports"),
    runs: RunsDir = None,
) -> None:
    """Vary one thing at a time: plan cells, run those the store lacks, and write the report.

    Example: recse-lab ablate reshape-dim --quick
    """
    from recse_lab.ablation.runner import expected_seconds, to_run
    from recse_lab.ablation.study import ablate as run_ablate
    from recse_lab.ablation.study import default_workers, plan_study

    refuse_contradictions(
        rerun=rerun,
        executor=executor,
        join=join,
        quick=quick,
        full=full,
        until=until,
        seeds=seeds,
        max_seeds=max_seeds,
    )
    console = plain_console()
    study = plan_study(
        name,
        root(runs),
        quick=quick,
        full=full,
        seeds=most_seeds(name, max_seeds) if until else seeds,
        encoders=tuple(encoder or ()),
        overrides=overrides(set_, corpus=corpus, evaluation__data_dir=data_dir),
    )
    number = workers or default_workers()
    plan = sequential_plan(study) if until else None
    chosen = to_run(study.folder, study.cells, rerun)  # type: ignore[arg-type]
    if executor == "slurm":
        _array_job(console, study, workers or max(1, len(chosen)))
        return
    _print_plan(
        console,
        study,
        chosen,
        number,
        expected_seconds(study.folder, chosen, workers=number) if chosen else None,
    )
    if plan:
        print_plan(console, plan)
    if dry_run:
        print_power(console, study, root(runs))
        return

    def compute(part):
        return run_ablate(
            part,
            rerun=rerun,  # type: ignore[arg-type]
            workers=number,
            keep_models=keep_models,
            console=console,
            join=join,
        )

    outcome = run_plan(console, study, plan, compute) if plan else compute(study)
    _finish(console, study, outcome, rerun=rerun, join=join, out=out)


def _finish(console, study, outcome, *, rerun: str, join: bool, out: Path) -> None:
    """Say what failed, and write the report of a study that is complete.

    Raises:
        LabError: No cell has a result.
        Exit: A cell failed (1), or the study was cut short (130).
    """
    from recse_lab.errors import LabError

    for label, message in outcome.failed.items():
        console.print(f"failed: {label}: {message}", style="red", highlight=False)
    if outcome.failed:
        console.print("`--rerun failed` computes them again.")
    if not outcome.complete:
        less = "" if rerun == "missing" else f" without --rerun {rerun}"
        console.print(f"Stopped; the same command{less} continues where it stopped.")
        raise typer.Exit(130)
    if join:
        console.print(
            f"{outcome.done} cells of {study.folder.name} are done; "
            f"`recse-lab report {study.folder.name}` writes the report.",
            highlight=False,
            soft_wrap=True,
        )
        raise typer.Exit(1 if outcome.failed else 0)
    if outcome.done == 0:
        raise LabError(f"no cell of {study.spec.name} has a result, so there is nothing to report.")
    from recse_lab.cli.report import write_and_show

    write_and_show(study.folder, out / study.folder.name, console)
    if outcome.failed:
        raise typer.Exit(1)


def _array_job(console, study, tasks: int) -> None:
    import shutil

    from recse_lab.ablation.executors.slurm import array_job, submit, without
    from recse_lab.runs.provenance import command_line

    command = without(command_line(), "--executor", "--workers")
    script = array_job(study.folder.name, command, tasks)
    print(script, end="")
    if shutil.which("sbatch"):
        console.print(submit(script), highlight=False)


def _print_plan(console, study, chosen, workers: int, seconds: float | None) -> None:
    from rich.table import Table
    from rich.text import Text

    from recse_lab.ablation.board import duration
    from recse_lab.ablation.plan import states

    state = states(study.folder, study.cells)
    console.print(Text.assemble((study.spec.name, "bold"), f": {study.spec.question}"))
    table = Table(box=None, pad_edge=False)
    for column in ("arm", "role", "levels", "seeds", "done", "failed"):
        table.add_column(column)
    for arm in study.spec.arms:
        cells = [cell for cell in study.cells if cell.arm == arm.name]
        levels = "; ".join(
            f"{factor.rsplit('.', 1)[-1]} {', '.join(map(str, values))}"
            for factor, values in arm.sweep.items()
        )
        counts = [sum(state[cell.id] == what for cell in cells) for what in ("done", "failed")]
        table.add_row(
            arm.name,
            arm.role,
            levels or "–",
            ", ".join(sorted({str(c.seed) for c in cells})),
            f"{counts[0]}/{len(cells)}",
            str(counts[1] or ""),
        )
    console.print(table)
    done = sum(value == "done" for value in state.values())
    cost = (
        f"about {duration(seconds)}, from the {done} finished runs of this study"
        if seconds
        else f"cost as stated: {study.spec.cost}"
    )
    console.print(
        f"{len(state)} distinct runs, {done} in the store, "
        f"{len(chosen)} to compute with {workers} workers; {cost}",
        highlight=False,
    )
