"""recse-lab compare"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from recse_lab.cli.options import Corpus, DataDir, Json, RunsDir, plain_console, progress, root

SIDE = "Runs, arms (STUDY/ARM: all its seeds) and encoders between commas"


def compare(
    first: Annotated[str, typer.Argument(metavar="A", help=f"{SIDE}; LABEL=… names the side.")],
    second: Annotated[str, typer.Argument(metavar="B", help="The same.")],
    data_dir: DataDir = None,
    corpus: Corpus = None,
    out: Annotated[
        Path | None, typer.Option(help="Also write table and forest plot into this folder.")
    ] = None,
    new_tasks: Annotated[
        bool, typer.Option("--new-tasks", help="Also for new tasks: these are a sample of them.")
    ] = False,
    json_: Json = None,
    runs: RunsDir = None,
) -> None:
    """Is A better than B? The difference by task and on average, with interval, p and verdict.

    Examples: `recse-lab compare last recse-lab/tiny`; `recse-lab compare arms/reCSE arms/SimCSE`;
    `recse-lab compare mine=runA,runB simcse=runC,runD`. Runs are paired by seed where they can be.
    Encoders are measured first, on the data that the runs were tested on.
    """
    from recse_lab.jobs.sides import find_sides
    from recse_lab.reports.comparison import ComparedSides, write_comparison
    from recse_lab.reports.tables import rich_table

    console = plain_console()
    with progress() as notify:
        sides = find_sides(
            first, second, root(runs), data_dir=data_dir, corpus=corpus, notify=notify
        )
    compared = ComparedSides(*sides)
    console.print(rich_table(compared.table(), console.width))
    console.print()
    console.print(compared.summary(), highlight=False)
    if new_tasks:
        console.print(compared.tasks_summary(), highlight=False)
    if json_:
        from recse_lab.files import write_json

        write_json(json_, compared.document())
    if out:
        for path in write_comparison(compared, out):
            console.print(str(path), highlight=False, soft_wrap=True)
