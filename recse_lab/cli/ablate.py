"""recse-lab ablate"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from recse_lab.cli.options import (
    Corpus,
    DataDir,
    Encoder,
    RunsDir,
    Set,
    overrides,
    plain_console,
    root,
)


def ablate(
    name: Annotated[
        str, typer.Argument(help="An experiment (recse-lab list experiments), or a YAML file.")
    ],
    encoder: Encoder = None,
    corpus: Corpus = None,
    data_dir: DataDir = None,
    set_: Set = None,
    seeds: Annotated[int | None, typer.Option(min=1, help="Number of seeds.")] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Few levels, one seed, few steps: minutes.")
    ] = False,
    full: Annotated[bool, typer.Option("--full", help="All levels and seeds: for a GPU.")] = False,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1, help="Processes that share the cores. Default: one a core on CPU, one on a GPU."
        ),
    ] = None,
    rerun: Annotated[str, typer.Option(help="missing, failed, all or never.")] = "missing",
    keep_models: Annotated[
        bool, typer.Option("--keep-models", help="Keep the trained encoders of all cells.")
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Print the plan and its expected cost; compute nothing."),
    ] = False,
    out: Annotated[Path, typer.Option(help="Where the report goes.")] = Path("reports"),
    runs: RunsDir = None,
) -> None:
    """Vary one thing at a time: plan cells, run those the store lacks, and write the report."""
    from recse_lab.errors import LabError

    if rerun not in ("missing", "failed", "all", "never"):
        raise LabError(f"--rerun {rerun!r}: expected missing, failed, all or never.")
    if quick and full:
        raise LabError("--quick and --full exclude each other.")
    from recse_lab.ablation.runner import expected_seconds, to_run
    from recse_lab.ablation.study import ablate as run_ablate
    from recse_lab.ablation.study import default_workers, plan_study

    console = plain_console()
    study = plan_study(
        name,
        root(runs),
        quick=quick,
        full=full,
        seeds=seeds,
        overrides=overrides(set_, encoder=encoder, corpus=corpus, evaluation__data_dir=data_dir),
    )
    number = workers or default_workers()
    chosen = to_run(study.folder, study.cells, rerun)
    _print_plan(
        console,
        study,
        chosen,
        number,
        expected_seconds(study.folder, chosen, workers=number) if chosen else None,
    )
    if dry_run:
        return
    outcome = run_ablate(
        study, rerun=rerun, workers=number, keep_models=keep_models, console=console
    )  # type: ignore[arg-type]
    for label, message in outcome.failed.items():
        console.print(f"failed: {label}: {message}", style="red", highlight=False)
    if outcome.failed:
        console.print("`--rerun failed` computes them again.")
    if not outcome.complete:
        less = "" if rerun == "missing" else f" without --rerun {rerun}"
        console.print(f"Stopped; the same command{less} continues where it stopped.")
        raise typer.Exit(130)
    if outcome.done == 0:
        raise LabError(f"no cell of {study.spec.name} has a result, so there is nothing to report.")
    from recse_lab.cli.report import write_and_show

    write_and_show(study.folder, out / study.folder.name, console)
    if outcome.failed:
        raise typer.Exit(1)


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
        f"{len(state)} distinct runs, {done} in the store, {len(chosen)} to compute with {workers} workers; {cost}",
        highlight=False,
    )
