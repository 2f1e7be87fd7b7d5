"""Options of recse-lab ablate, and which exclude each other."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Study = Annotated[
    str, typer.Argument(help="An experiment (recse-lab list experiments), or a YAML file.")
]
Encoders = Annotated[
    list[str] | None,
    typer.Option(
        "--encoder",
        help="Folder, hub id, or recse-lab/tiny. Repeated: every arm on each of them, and its "
        "effect over all.",
    ),
]
Seeds = Annotated[int | None, typer.Option(min=1, help="Number of seeds.")]
Until = Annotated[
    str | None,
    typer.Option(
        help="decided: add seeds until the study's claims are decided, by a registered plan."
    ),
]
MaxSeeds = Annotated[
    int | None, typer.Option(min=2, help="Largest number of seeds with --until decided.")
]
Quick = Annotated[bool, typer.Option("--quick", help="Few levels, one seed, few steps: minutes.")]
Full = Annotated[bool, typer.Option("--full", help="All levels and seeds: for a GPU.")]
Workers = Annotated[
    int | None,
    typer.Option(
        min=1, help="Processes that share the cores. Default: one a core on CPU, one on a GPU."
    ),
]
Rerun = Annotated[str, typer.Option(help="missing, failed, all or never.")]
KeepModels = Annotated[
    bool, typer.Option("--keep-models", help="Keep the trained encoders of all cells.")
]
Join = Annotated[
    bool,
    typer.Option(
        "--join",
        help="Help to compute a study, from any number of shells and hosts on one store; "
        "no report is written.",
    ),
]
Executor = Annotated[
    str,
    typer.Option(
        help="local, or slurm: print an array job that joins the study, and submit it "
        "where sbatch is."
    ),
]
DryRun = Annotated[
    bool,
    typer.Option("--dry-run", help="Print the plan and its expected cost; compute nothing."),
]
Out = Annotated[Path, typer.Option(help="Where the report goes.")]


def refuse_contradictions(
    *,
    rerun: str,
    executor: str,
    join: bool,
    quick: bool,
    full: bool,
    until: str | None,
    seeds: int | None,
    max_seeds: int | None,
) -> None:
    """Refuse values that are none, and options that exclude each other.

    Raises:
        LabError: There is such a value or pair of options.
    """
    from recse_lab.errors import LabError

    if rerun not in ("missing", "failed", "all", "never"):
        raise LabError(f"--rerun {rerun!r}: expected missing, failed, all or never.")
    if executor not in ("local", "slurm"):
        raise LabError(f"--executor {executor!r}: expected local or slurm.")
    if join and rerun in ("all", "never"):
        raise LabError(
            f"--join --rerun {rerun}: a study is joined for what it lacks; leave it out."
        )
    if quick and full:
        raise LabError("--quick and --full exclude each other.")
    if until not in (None, "decided"):
        raise LabError(f"--until {until!r}: expected decided.")
    if until and seeds is not None:
        raise LabError("--seeds and --until decided exclude each other; give --max-seeds.")
    if until and (join or executor != "local"):
        raise LabError(
            "--until decided looks at the seeds before it adds more, so one process leads it; "
            "leave out --join and --executor."
        )
    if max_seeds is not None and not until:
        raise LabError("--max-seeds is about --until decided; give both, or --seeds.")
