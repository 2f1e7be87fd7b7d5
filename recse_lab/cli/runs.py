"""recse-lab runs"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from recse_lab.cli.options import RunsDir, root

if TYPE_CHECKING:
    from recse_lab.runs.store import Run

app = typer.Typer(help="Look at the run store.", no_args_is_help=True)

GAP = 2  # blanks between two columns


@app.command("ls")
def ls(
    study: Annotated[str | None, typer.Argument(help="Only this study.")] = None,
    runs: RunsDir = None,
) -> None:
    """All runs: id, state, arm, score ×100. A narrow terminal leaves out columns; a pipe gets them all, tab-separated."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from recse_lab.errors import LabError
    from recse_lab.runs.store import find_runs

    console = Console()
    if root(runs).exists() and not root(runs).is_dir():
        raise LabError(f"{root(runs)}: this is a file; give the folder that holds the studies.")
    found = find_runs(root(runs))
    if study and study not in (studies := list(dict.fromkeys(run.study for run in found))):
        raise LabError(
            f"no runs of a study {study!r} in {root(runs)}; known: {', '.join(studies) or 'none'}."
        )
    rows = [_row(run) for run in found if study in (None, run.study)]
    if not rows:
        console.print(f"no runs in {root(runs)}", markup=False, highlight=False)
    elif not console.is_terminal:
        for line in (rows[0].keys(), *(row.values() for row in rows)):
            print("\t".join(line))
    for name in dict.fromkeys(row["study"] for row in rows if console.is_terminal):
        part = [row for row in rows if row["study"] == name]
        shown = _columns(part, console.width)
        table = Table(
            *shown,
            title=f"{name}, {len(part)} runs",
            title_justify="left",
            box=None,
            pad_edge=False,
        )
        for row in part:
            table.add_row(*(escape(row[column]) for column in shown))
        console.print(table, highlight=False)


def _row(run: Run) -> dict[str, str]:
    """What the list says of a run; of one whose files cannot be read, that."""
    from recse_lab.errors import LabError

    try:
        return _told(run)
    except LabError:
        return dict.fromkeys(COLUMNS, "") | {"study": run.study, "run": run.id, "state": "damaged"}


COLUMNS = (
    "study",
    "run",
    "state",
    "reshape",
    "p",
    "λ",
    "seed",
    "steps",
    "avg",
    "dev",
    "date",
    "encoder",
    "protocol",
)


def _told(run: Run) -> dict[str, str]:
    from recse_lab.evaluation.protocols import headline

    config, results = run.config or {}, run.results or {}
    reshape = config.get("reshape") or {}
    dev = (results.get("dev") or {}).get("spearman")
    return {
        "study": run.study,
        "run": run.id,
        "state": run.state,
        "reshape": reshape.get("operator", "–"),
        "p": _text(reshape.get("dim")),
        "λ": _text(reshape.get("weight")),
        "seed": _text(config.get("seed")),
        "steps": _text((config.get("training") or {}).get("steps")),
        "avg": _score(headline(results)["average"]),
        "dev": _score(dev),
        "date": (run.environment or {}).get("date", "")[:16],
        "encoder": _text(config.get("encoder")),
        "protocol": _text((results.get("protocol") or {}).get("id")),
    }


def _columns(rows: list[dict[str, str]], width: int) -> list[str]:
    """Columns of one study that say something and fit a terminal; the less telling ones go first."""
    shown = [
        column
        for column in rows[0]
        if column != "study" and {row[column] for row in rows} - {"", "–"}
    ]
    wide = {
        column: max(len(text) for text in (column, *(row[column] for row in rows)))
        for column in shown
    }
    alike = [
        column for column in ("encoder", "protocol") if len({row[column] for row in rows}) == 1
    ]
    for least in (*alike, "date", "steps", "dev", "λ", "seed", "encoder"):
        if least in shown and sum(wide[column] + GAP for column in shown) - GAP > width:
            shown.remove(least)
    return shown


@app.command("show")
def show(
    run: Annotated[str, typer.Argument(help="Beginning of a run's id.")], runs: RunsDir = None
) -> None:
    """One run: state, options, environment, results."""
    from rich.console import Console
    from rich.markup import escape

    from recse_lab.config.overrides import flatten
    from recse_lab.runs.store import find_run

    found = find_run(root(runs), run)
    console = Console()
    status = found.status
    message = escape(status.message or "")
    console.print(
        f"[bold]{found.study}/{found.id}[/bold]  {status.state}  {message}", highlight=False
    )
    for title, tree in (
        ("options", found.config),
        ("environment", found.environment),
        ("cost", found.cost),
    ):
        if tree:
            console.print(f"[bold]{title}[/bold]")
            for key, value in flatten(tree).items():
                console.print(f"  {key} = {value}", highlight=False, markup=False)
    if found.results and found.results.get("tasks"):
        from recse_lab.reports.encoder_table import results_table
        from recse_lab.reports.tables import rich_table

        console.print(rich_table(results_table(found.results, found.id)))
    console.print(str(found.folder), highlight=False, markup=False)


@app.command("diff")
def diff(
    a: Annotated[str, typer.Argument(help="Beginning of a run's id.")],
    b: Annotated[str, typer.Argument(help="Another.")],
    runs: RunsDir = None,
) -> None:
    """What differs between two runs: options, data, environment, scores."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from recse_lab.config.overrides import flatten
    from recse_lab.evaluation.protocols import headline
    from recse_lab.files import read_json
    from recse_lab.runs.store import find_run

    first, second = find_run(root(runs), a), find_run(root(runs), b)
    table = Table(box=None, pad_edge=False)
    for name in ("", first.id, second.id):
        table.add_column(name)

    def tree(run) -> dict:
        prints = run.folder / "fingerprints.json"
        return flatten(
            {
                "options": run.config or {},
                "data": read_json(prints) if prints.is_file() else {},
                "environment": run.environment or {},
                "score": {
                    task: score
                    for task, score in headline(run.results or {}).items()
                    if task != "average"
                },
            }
        )

    one, two = tree(first), tree(second)
    differing = [key for key in {**one, **two} if one.get(key) != two.get(key)]
    for key in differing:
        table.add_row(key, escape(_text(one.get(key))), escape(_text(two.get(key))))
    Console().print(table if differing else "nothing differs", highlight=False)


def _text(value: object) -> str:
    return "–" if value is None else str(value)


def _score(value: float | None) -> str:
    return "" if value is None else f"{100 * value:.2f}"
