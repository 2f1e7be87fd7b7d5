"""recse-lab runs"""

from __future__ import annotations

from typing import Annotated

import typer

from recse_lab.cli.options import RunsDir, root

app = typer.Typer(help="Look at the run store.", no_args_is_help=True)


@app.command("ls")
def ls(study: Annotated[str | None, typer.Argument(help="Only this study.")] = None, runs: RunsDir = None) -> None:
    """All runs: id, state, arm, score."""
    from rich.console import Console
    from rich.table import Table

    from recse_lab.runs import find_runs

    table = Table(box=None, pad_edge=False)
    for name in ("study", "run", "state", "reshape", "p", "λ", "seed", "steps", "avg ×100", "dev ×100", "date"):
        table.add_column(name)
    found = [run for run in find_runs(root(runs)) if study in (None, run.study)]
    for run in found:
        config, results = run.config or {}, run.results or {}
        reshape = config["reshape"] or {}
        average = ((results.get("average") or {}).get("spearman") or {}).get("all")
        dev = (results.get("dev") or {}).get("spearman")
        table.add_row(
            run.study, run.id, run.state, reshape.get("operator", "–"), _text(reshape.get("dim")), _text(reshape.get("weight")),
            str(config["seed"]), _text(config["training"]["steps"]), _score(average), _score(dev),
            (run.environment or {}).get("date", "")[:16],
        )  # fmt: skip
    console = Console()
    console.print(table if found else f"no runs in {root(runs)}")


@app.command("show")
def show(run: Annotated[str, typer.Argument(help="Beginning of a run's id.")], runs: RunsDir = None) -> None:
    """One run: state, options, environment, results."""
    from rich.console import Console

    from recse_lab.runs import find_run, flatten

    found = find_run(root(runs), run)
    console = Console()
    status = found.status
    console.print(
        f"[bold]{found.study}/{found.id}[/bold]  {status['state']}  {status.get('message') or ''}", highlight=False
    )
    for title, tree in (("options", found.config), ("environment", found.environment), ("cost", found.cost)):
        if tree:
            console.print(f"[bold]{title}[/bold]")
            for key, value in flatten(tree).items():
                console.print(f"  {key} = {value}", highlight=False, markup=False)
    if found.results and found.results["tasks"]:
        from recse_lab.reporting.tables import rich_table, sts_table

        console.print(rich_table(sts_table(found.results, found.id)))
    console.print(str(found.folder), highlight=False)


@app.command("diff")
def diff(
    a: Annotated[str, typer.Argument(help="Beginning of a run's id.")],
    b: Annotated[str, typer.Argument(help="Another.")],
    runs: RunsDir = None,
) -> None:
    """What differs between two runs: options, data, environment, scores."""
    from rich.console import Console
    from rich.table import Table

    from recse_lab.runs import find_run, flatten, read_json

    first, second = find_run(root(runs), a), find_run(root(runs), b)
    table = Table(box=None, pad_edge=False)
    for name in ("", first.id, second.id):
        table.add_column(name)

    def tree(run) -> dict:
        prints = run.folder / "fingerprints.json"
        tasks = {name: task["spearman"]["all"] for name, task in (run.results or {}).get("tasks", {}).items()}
        return flatten(
            {
                "options": run.config or {},
                "data": read_json(prints) if prints.is_file() else {},
                "environment": run.environment or {},
                "spearman": tasks,
            }
        )

    one, two = tree(first), tree(second)
    differing = [key for key in {**one, **two} if one.get(key) != two.get(key)]
    for key in differing:
        table.add_row(key, _text(one.get(key)), _text(two.get(key)))
    Console().print(table if differing else "nothing differs", highlight=False)


def _text(value: object) -> str:
    return "–" if value is None else str(value)


def _score(value: float | None) -> str:
    return "" if value is None else f"{100 * value:.2f}"
