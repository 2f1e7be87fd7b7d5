"""recse-lab import"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from recse_lab.cli.options import RunsDir, plain_console, root


def import_(
    files: Annotated[
        list[Path],
        typer.Argument(help="Result files; of MTEB's, those of one model belong together."),
    ],
    name: Annotated[
        str | None,
        typer.Option(help="What the encoder is called. Default: as the file or its folder tells."),
    ] = None,
    runs: RunsDir = None,
) -> None:
    """Keep what another program measured as runs of `imported`: SimCSE's evaluation log, a trainer_state.json, MTEB's JSON."""
    from recse_lab.jobs.importers import import_files
    from recse_lab.reports.encoder_table import results_table
    from recse_lab.reports.tables import rich_table

    console = plain_console()
    for run in import_files([Path(file) for file in files], root(runs), name=name):
        results, config = run.results or {}, run.config or {}
        if results["tasks"]:
            console.print(rich_table(results_table(results, config["encoder"]), console.width))
        dev = results.get("dev")
        if dev:
            console.print(
                f"{dev['task']}: {100 * dev['spearman']:.2f} at step {dev['step']} ({dev['selection']} of {dev['checks']} looks)",
                highlight=False,
            )
        told = ", ".join(file["name"] for file in config["imported"]["files"])
        console.print(
            f"run {run.id} in {run.folder}: {config['imported']['format']}, {told}",
            highlight=False,
            soft_wrap=True,
        )
