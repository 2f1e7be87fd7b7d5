"""recse-lab explain"""

from __future__ import annotations

from typing import Annotated

import typer

from recse_lab.cli.options import RunsDir, plain_console, root


def explain(
    run: Annotated[str, typer.Argument(help="A run: id, last, NAME@SEED.")],
    published: Annotated[str, typer.Option(help="A published row: simcse or simcse@bert-base.")],
    runs: RunsDir = None,
) -> None:
    """Why a run does not score what was published, step by step, and what is left unexplained.

    Example: recse-lab explain last --published simcse@bert-base
    """
    from recse_lab.reports import explain as steps
    from recse_lab.reports.tables import rich_table
    from recse_lab.runs.references import refer

    row, others = steps.published_row(published)
    console = plain_console()
    console.print(rich_table(steps.explain(refer(root(runs), run), row, root(runs))))
    if others:
        console.print(f"Other rows of that name: {'; '.join(others)}.", highlight=False)
