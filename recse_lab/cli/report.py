"""recse-lab report"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from recse_lab.cli.options import RunsDir, root


def report(
    study: Annotated[
        str,
        typer.Argument(
            help="Name of a study in the run store, as `runs ls` shows it; or `all`, and one page of all reports."
        ),
    ],
    out: Annotated[Path, typer.Option(help="Where the report goes.")] = Path("reports"),
    runs: RunsDir = None,
) -> None:
    """Rebuild a study's table, figure and summary from stored scores, or everyone's and the page of all; no model is touched."""
    import difflib

    from rich.console import Console

    from recse_lab.errors import LabError

    if study == "all":
        write_all(root(runs), out, Console())
        return
    folder = root(runs) / study
    if not (folder / "study.json").is_file():
        known = sorted(path.parent.name for path in root(runs).glob("*/study.json"))
        near = difflib.get_close_matches(study, known, n=1, cutoff=0.4)
        hint = (
            f"did you mean {near[0]}?"
            if near
            else f"known: {', '.join(known)}."
            if known
            else "there is none yet; `recse-lab ablate` makes one."
        )
        raise LabError(f"no study {study!r} in {root(runs)}; {hint}")
    write_and_show(folder, out / study, Console())


def write_all(runs: Path, out: Path, console) -> None:
    """Write the report of every study again, then index.html of all that lie in ``out``."""
    from recse_lab.reporting.index import rebuild, write_index

    with console.status("reports") as status:
        failed = rebuild(runs, out, notify=lambda name: status.update(name))
    for name, why in failed.items():
        console.print(f"no report of {name}: {why}", style="red", highlight=False, markup=False, soft_wrap=True)
    console.print(str(write_index(out, runs)), highlight=False, markup=False, soft_wrap=True)


def write_and_show(folder: Path, out: Path, console) -> None:
    """Write the report of a study and print its table, its summary and where everything lies."""
    from recse_lab.reporting.ablation import AblationReport
    from recse_lab.reporting.tables import rich_table

    made = AblationReport(folder)
    paths = made.write(out)
    console.print(rich_table(made.table, console.width))
    console.print()
    console.print(made.summary, highlight=False)
    console.print()
    for path in paths:
        console.print(str(path), highlight=False, markup=False, soft_wrap=True)
