"""recse-lab doctor"""

from __future__ import annotations

from typing import Annotated

import typer

from recse_lab.cli.options import RunsDir, root


def doctor(
    a: Annotated[str, typer.Argument(help="Beginning of a run's id.")],
    b: Annotated[str, typer.Argument(help="Another.")],
    runs: RunsDir = None,
) -> None:
    """Why two runs differ: data, weights, tokens, options, precision, versions, commit, hardware; the most suspicious first."""
    from rich.console import Console
    from rich.table import Table

    from recse_lab.jobs.doctor import differences, portrait, probe_tokens, trained_weights, verdict
    from recse_lab.runs.store import find_run

    first, second = find_run(root(runs), a), find_run(root(runs), b)
    portraits = [portrait(run) for run in (first, second)]
    tokens = [probe_tokens(run) for run in (first, second)]
    for told, cut in zip(portraits, tokens, strict=True):
        told["tokens"] = {} if None in tokens else {"probe sentence": cut}
    found = differences(*portraits)
    table = Table(box=None, pad_edge=False)
    for name in ("", "", f"{first.study}/{first.id}", f"{second.study}/{second.id}"):
        table.add_column(name, overflow="fold")
    weights = [trained_weights(run) for run in (first, second)]
    table.add_row(
        "result", "average of the seven", *(_average(run.results or {}) for run in (first, second))
    )
    table.add_row(
        "result",
        "trained weights",
        *("not kept" if value is None else _short(value) for value in weights),
    )
    before = ""
    for difference in found:
        kind = difference.kind if difference.kind != before else ""
        table.add_row(kind, difference.what, _short(difference.first), _short(difference.second))
        before = difference.kind
    console = Console()
    console.print(table, highlight=False, markup=False)
    console.print(
        verdict(found, unknown=["tokens"] if None in tokens else []), highlight=False, markup=False
    )


def _short(value: object) -> str:
    text = "–" if value is None else str(value)
    return text[:12] if len(text) == 64 and set(text) <= set("0123456789abcdef") else text


def _average(results: dict) -> str:
    from recse_lab.evaluation.protocols import headline

    value = headline(results)["average"]
    return "–" if value is None else f"{100 * value:.2f}"
