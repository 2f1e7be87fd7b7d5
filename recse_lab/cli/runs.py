"""recse-lab runs"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

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
    """All runs: id, state, arm, score ×100.

    A narrow terminal omits columns; a pipe gets all of them, tab-separated.
    """
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
        return _columns_of(run)
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


def _columns_of(run: Run) -> dict[str, str]:
    from recse_lab.runs.records import StoredReshape, StoredTraining

    record = run.record
    config, results = record.config, record.results
    reshape = config.reshape or StoredReshape()
    return {
        "study": run.study,
        "run": run.id,
        "state": run.state,
        "reshape": reshape.operator or "–",
        "p": _text(reshape.dim),
        "λ": _text(reshape.weight),
        "seed": _text(config.seed),
        "steps": _text((config.training or StoredTraining()).steps),
        "avg": _score(results.headline()["average"]),
        "dev": _score(results.dev.spearman),
        "date": (record.environment.date or "")[:16],
        "encoder": _text(config.encoder),
        "protocol": _text(results.protocol.id),
    }


def _columns(rows: list[dict[str, str]], width: int) -> list[str]:
    """Columns of one study that vary and fit; the least informative are dropped first."""
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
    run: Annotated[str, typer.Argument(help="A run: id, last, NAME@SEED.")], runs: RunsDir = None
) -> None:
    """One run: state, options, environment, results."""
    from rich.console import Console
    from rich.markup import escape

    from recse_lab.config.overrides import flatten
    from recse_lab.runs.references import refer

    found = refer(root(runs), run)
    console = Console()
    status = found.status
    message = escape(status.message or "")
    console.print(
        f"[bold]{found.study}/{found.id}[/bold]  {status.state}  {message}", highlight=False
    )
    record = found.record
    for title, part in (
        ("options", record.config),
        ("environment", record.environment),
        ("cost", record.cost),
    ):
        if tree := part.tree():
            console.print(f"[bold]{title}[/bold]")
            for key, value in flatten(tree).items():
                console.print(f"  {key} = {value}", highlight=False, markup=False)
    if record.sts.tasks or record.transfer.tasks:
        from recse_lab.reports.encoder_table import results_table
        from recse_lab.reports.tables import rich_table

        console.print(rich_table(results_table(record.results, found.id)))
    console.print(str(found.folder), highlight=False, markup=False)


@app.command("diff")
def diff(
    a: Annotated[str, typer.Argument(help="A run: id, last, NAME@SEED.")],
    b: Annotated[str, typer.Argument(help="Another.")],
    runs: RunsDir = None,
) -> None:
    """What differs between two runs: options, data, environment, scores."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from recse_lab.config.overrides import flatten
    from recse_lab.runs.references import refer

    first, second = refer(root(runs), a), refer(root(runs), b)
    table = Table(box=None, pad_edge=False)
    for name in ("", first.id, second.id):
        table.add_column(name)

    def tree(run: Run) -> dict[str, Any]:
        record = run.record
        scores = record.results.headline()
        del scores["average"]
        return flatten(
            {
                "options": record.config.tree(),
                "data": record.fingerprints.tree(),
                "environment": record.environment.tree(),
                "score": scores,
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
