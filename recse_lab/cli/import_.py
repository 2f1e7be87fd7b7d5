"""recse-lab import"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from recse_lab.cli.options import RunsDir, plain_console, root


def import_(
    files: Annotated[
        list[Path],
        typer.Argument(help="Result files, or a folder of MTEB's: those of one model together."),
    ],
    name: Annotated[
        str | None,
        typer.Option(help="What the encoder is called. Default: as the file or its folder tells."),
    ] = None,
    runs: RunsDir = None,
) -> None:
    """Keep results of other programs as runs: SimCSE's log, trainer_state.json, MTEB's JSON,
    sentence-transformers' similarity_evaluation CSV.

    Example: recse-lab import trainer_state.json mteb-result.json
    """
    from recse_lab.jobs.importers import import_files
    from recse_lab.reports.encoder_table import results_table
    from recse_lab.reports.tables import rich_table

    console = plain_console()
    found = import_files([Path(file) for file in files], root(runs), name=name)
    for each in found.left_out:
        console.print(f"left out: {each}", highlight=False, soft_wrap=True)
    for run in found.runs:
        record = run.record
        results, encoder, source = record.results, record.config.encoder, record.config.imported
        assert encoder is not None  # an import states both
        assert source is not None
        if record.sts.tasks or record.transfer.tasks:
            console.print(rich_table(results_table(results, encoder), console.width))
        dev = results.dev
        if dev.spearman is not None:
            console.print(
                f"{dev.task}: {100 * dev.spearman:.2f} at step {dev.step} "
                f"({dev.selection} of {dev.checks} dev evaluations)",
                highlight=False,
            )
        files_read = ", ".join(file["name"] for file in source.files)
        console.print(
            f"run {run.id} in {run.folder}: {source.format}, {files_read}",
            highlight=False,
            soft_wrap=True,
        )
