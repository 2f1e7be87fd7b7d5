"""recse-lab report"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from recse_lab.cli.options import RunsDir, listed, plain_console, root

Name = Annotated[
    str,
    typer.Argument(
        help="A study (`runs ls`), a table (`recse-lab list tables`), `claims`, `literature`, "
        "`mechanisms` (of the probes in OUT/probes), or `all` and one page of them."
    ),
]
Studies = Annotated[
    list[str] | None,
    typer.Option("--study", help="Of a table: only runs of this study. Repeatable. Default: all."),
]
Protocol = Annotated[str | None, typer.Option(help="Of a table: only results of this protocol.")]
Aggregation = Annotated[
    str | None, typer.Option(help="Of sts: all, mean or wmean. Default: what each protocol prints.")
]
Beside = Annotated[
    str | None,
    typer.Option(
        help="Of sts and transfer: published rows, simcse,bert-whitening or simcse@bert-base."
    ),
]
Memory = Annotated[
    bool, typer.Option("--memory", help="Also published rows written down from memory, marked.")
]
Sets = Annotated[
    str | None, typer.Option(help="Of disjoint: the STS sets. Default: where each run read them.")
]


def report(
    name: Name,
    studies: Studies = None,
    protocol: Protocol = None,
    aggregation: Aggregation = None,
    beside: Beside = None,
    memory: Memory = False,
    data_dir: Sets = None,
    out: Annotated[Path, typer.Option(help="Where the report goes.")] = Path("reports"),
    runs: RunsDir = None,
) -> None:
    """Write a study's report, a paper's table or the verdicts on claims from stored scores.

    Example: recse-lab report sts --beside simcse@bert-base
    """
    from recse_lab.errors import LabError
    from recse_lab.reports.paper import TABLES, Ask

    if aggregation not in (None, "all", "mean", "wmean"):
        raise LabError(f"--aggregation {aggregation!r}: expected all, mean or wmean.")
    options = {
        "--study": studies,
        "--protocol": protocol,
        "--aggregation": aggregation,
        "--beside": beside,
        "--data-dir": data_dir,
    }
    if given := [option for option, value in options.items() if value and name not in TABLES]:
        raise LabError(
            f"{given[0]} is an option of tables ({', '.join(TABLES)}), "
            f"and {name} is none; leave it out."
        )
    asked = [f"--study {study}" for study in studies or ()]
    asked += [
        f"{option} {value}" for option, value in options.items() if value and option != "--study"
    ]
    console, command = (
        plain_console(),
        " ".join(["recse-lab report", name, *asked, *["--memory"] * memory]),
    )
    if name == "mechanisms":
        from recse_lab.reports.mechanisms import write_mechanisms

        console.print(str(write_mechanisms(out / "probes")), highlight=False, soft_wrap=True)
        return
    study = root(runs) / name
    if name == "all":
        write_all(root(runs), out, console)
        return
    if (study / "study.json").is_file():
        write_and_show(study, out / name, console)
    if name == "claims":
        _claims(root(runs), out, command, console)
    elif name == "literature":
        from recse_lab.reports.literature import write_literature

        _show(*write_literature(root(runs), out / name), console)
    elif name in TABLES:
        ask = Ask(aggregation, protocol, tuple(listed(beside)), memory, data_dir)
        _table(name, root(runs), tuple(studies or ()), ask, out / name, command, console)
    elif not (study / "study.json").is_file():
        raise LabError(_unknown(name, root(runs), [*TABLES, "claims", "literature", "mechanisms"]))


def write_all(runs: Path, out: Path, console) -> None:
    """Write the reports of all studies, all tables and the claims, then index.html over them."""
    from rich.text import Text

    from recse_lab.reports.page.index import rebuild, write_index

    with console.status("reports") as status:
        failed = rebuild(runs, out, notify=lambda name: status.update(Text(name)))
    for name, why in failed.items():
        console.print(f"no report of {name}: {why}", style="red", highlight=False, soft_wrap=True)
    console.print(str(write_index(out, runs)), highlight=False, soft_wrap=True)


def write_and_show(folder: Path, out: Path, console) -> None:
    """Write the report of a study and print its table, its summary and where everything lies."""
    from recse_lab.reports.study.writing import write_study

    _show(*write_study(folder, out), console)


def _table(
    name: str, runs: Path, studies: tuple[str, ...], ask, out: Path, command: str, console
) -> None:
    """A paper's table; one that goes by the name of a study stands beside that study's own."""
    from recse_lab.reports.paper import report_table

    _show(*report_table(name, runs, out, command, studies, ask), console)


def _claims(runs: Path, out: Path, command: str, console) -> None:
    from recse_lab.errors import LabError
    from recse_lab.reports.claims.verdicts import write_claims
    from recse_lab.runs.store import find_runs

    if not find_runs(runs):
        raise LabError(
            f"{runs}: no run here, so there is nothing to judge, and what was written is kept; "
            "give --runs, the folder that holds the studies."
        )
    _show(*write_claims(runs, out, command), console)


def _show(table, summary: str, paths: list[Path], console) -> None:
    from recse_lab.reports.tables import rich_table

    console.print(rich_table(table, console.width))
    console.print()
    console.print(summary, highlight=False)
    console.print()
    for path in paths:
        console.print(str(path), highlight=False, soft_wrap=True)


def _unknown(name: str, runs: Path, tables: list[str]) -> str:
    from recse_lab.errors import suggest

    studies = sorted(path.parent.name for path in runs.glob("*/study.json"))
    none_yet = "there is none yet; `recse-lab ablate` makes one."
    otherwise = f"known: {', '.join(studies)}." if studies else none_yet
    hint = suggest(name, [*studies, *tables], otherwise)
    return f"no study {name!r} in {runs}, and no table of that name; {hint}"
