"""recse-lab data"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from recse_lab.cli.options import plain_console, writable

if TYPE_CHECKING:
    from recse_lab.data.pull import Finding

app = typer.Typer(
    help="Pull public data sets from a hub, and check what is there.", no_args_is_help=True
)


@app.command("pull")
def pull(
    names: Annotated[
        list[str] | None, typer.Argument(help="wiki1m, sts, transfer. Default: all of them.")
    ] = None,
) -> None:
    """Fetch data sets into the cache; an interrupted download goes on where it stopped. Licences: docs/data.md."""
    from recse_lab.data.manifest import PULLS
    from recse_lab.data.pull import pull

    console = plain_console()
    _show(
        pull(
            names or list(PULLS), lambda text: console.print(text, highlight=False, soft_wrap=True)
        )
    )


@app.command("check")
def check(
    data_dir: Annotated[
        str | None,
        typer.Option(help="Check this folder in SentEval's layout instead of what was pulled."),
    ] = None,
    json_: Annotated[
        Path | None,
        typer.Option("--json", callback=writable, help="Also write the findings to this file."),
    ] = None,
) -> None:
    """What is there, whether it is complete, where, and under which licence. Exit code 1: something is damaged."""
    from recse_lab.data.pull import check
    from recse_lab.files import write_json

    findings = check(data_dir)
    if json_:
        sets = [finding._asdict() for finding in findings]
        write_json(
            json_,
            {
                "schema": "recse-lab/data-check/1",
                "sound": all(f.sound for f in findings),
                "sets": sets,
            },
        )
    _show(findings)


def _show(findings: list[Finding]) -> None:
    from rich.table import Table

    console = plain_console()
    table = Table(box=None, pad_edge=False)
    for column in ("set", "state", "rows", "licence"):
        table.add_column(column, justify="right" if column == "rows" else "left")
    for finding in findings:
        rows = "" if finding.rows is None else f"{finding.rows:,}"
        table.add_row(finding.name, finding.state, rows, finding.licence)
    console.print(table, highlight=False)
    there: dict[tuple[str, str], list[str]] = {}
    for finding in findings:
        if finding.state != "absent":
            there.setdefault((finding.where, finding.verified), []).append(finding.name)
    for (where, verified), names in there.items():
        console.print(
            f"{', '.join(names)}: {verified}, in {where}", highlight=False, soft_wrap=True
        )
    if any(f.state == "absent" for f in findings):
        console.print("`recse-lab data pull` fetches what is absent.", highlight=False)
    for finding in findings:
        for problem in finding.problems:
            console.print(
                f"{finding.name}: {problem}", style="red", highlight=False, soft_wrap=True
            )
    if not all(finding.sound for finding in findings):
        raise typer.Exit(1)
