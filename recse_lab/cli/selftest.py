"""recse-lab selftest"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from recse_lab.cli.options import plain_console, progress, writable

app = typer.Typer(help="Try the package itself.", no_args_is_help=True)


@app.command("backbones")
def backbones(
    families: Annotated[
        list[str] | None,
        typer.Argument(help="Families of transformers. Default: all that are known."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(callback=writable, help="Write the table to this Markdown file.")
    ] = None,
) -> None:
    """Try every family of encoders, with random weights: right, or refused in one sentence."""
    from importlib.metadata import PackageNotFoundError, version

    from recse_lab.errors import LabError, suggest
    from recse_lab.files import atomic_path
    from recse_lab.jobs.selftest import try_backbones
    from recse_lab.models.families import FAMILIES
    from recse_lab.reports.backbones import backbones_page

    for name in families or ():
        if name not in FAMILIES:
            raise LabError(f"unknown family {name!r}; {suggest(name, FAMILIES)}")
    console, found = plain_console(), {}
    with progress() as notify:
        for family, cells in try_backbones(families, notify=notify):
            found[family] = cells
            console.print(_told(family, cells), highlight=False, soft_wrap=True)
    if out is not None:
        versions = {}
        for library in ("transformers", "torch", "sentence-transformers"):
            try:
                versions[library] = version(library)
            except PackageNotFoundError:
                continue
        with atomic_path(out) as beside:
            beside.write_text(backbones_page(found, versions), encoding="utf-8")
    faults = [cell for cells in found.values() for cell in cells.values() if cell.state == "fault"]
    if faults:
        console.print(f"{len(faults)} faults", highlight=False)
        raise typer.Exit(1)


@app.command("grads")
def grads() -> None:
    """Compare the gradient that 2 and 4 processes find together with that of one, on this machine.

    Dropout is off, since every process draws masks of its own.
    """
    from recse_lab.jobs.selftest_gradients import ROUNDED, TOLERANCE, try_gradients
    from recse_lab.reports.tables import Cell, Column, Row, Table, rich_table

    console = plain_console()
    with progress() as notify:
        found = try_gradients(notify=notify)
    columns = [
        Column("arm", "arm", "text"),
        Column("chunks", "batch", "text"),
        Column("processes", "processes", "text"),
        Column("loss", "loss", "text"),
        Column("gradient", "gradient", "text"),
        Column("equal", "", "text"),
    ]
    rows = [
        Row(
            {
                "arm": Cell(each.arm),
                "chunks": Cell("in chunks" if each.chunked else "whole"),
                "processes": Cell(str(each.processes)),
                "loss": Cell(f"{each.loss:.1e}"),
                "gradient": Cell(f"{each.gradient:.1e}"),
                "equal": Cell("equal" if each.equal else "DIFFERENT"),
            }
        )
        for each in found
    ]
    notes = [
        "Largest difference from one process with the whole batch, relative to the loss and to the "
        f"largest component of the gradient; equal: at most {TOLERANCE:.0e}, for arc-con "
        f"{ROUNDED['arc-con']:.0e}, as an angle of 0 has no derivative. gloo, float64, without "
        "dropout."
    ]
    table = Table("Gradients of several processes against one", columns, rows, notes)
    console.print(rich_table(table, console.width))
    if not all(each.equal for each in found):
        raise typer.Exit(1)


def _told(family: str, cells: dict) -> str:
    """A family on one line, and a line per sentence that a cell was refused with."""
    right = [name for name, cell in cells.items() if cell.state == "right"]
    lines = [f"{family}: {len(right)} of {len(cells)} right"]
    sentences: dict[str, list[str]] = {}
    for name, cell in cells.items():
        if cell.state != "right":
            sentences.setdefault(f"{cell.state}: {cell.told}", []).append(name)
    lines += [f"  {', '.join(names)} {sentence}" for sentence, names in sentences.items()]
    return "\n".join(lines)
