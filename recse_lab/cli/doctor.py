"""recse-lab doctor"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from recse_lab.cli.options import RunsDir, root

if TYPE_CHECKING:
    from recse_lab.runs.store import Run


def doctor(
    a: Annotated[str, typer.Argument(help="A run: id, last, NAME@SEED.")],
    b: Annotated[str, typer.Argument(help="Another.")],
    runs: RunsDir = None,
) -> None:
    """Why two runs differ: data, weights, tokens, options, versions, hardware; worst first.

    Example: recse-lab doctor last reshape-dim/SimCSE@0
    """
    from rich.console import Console
    from rich.table import Table

    from recse_lab.jobs.doctor import differences, portrait, probe_tokens, trained_weights, verdict
    from recse_lab.runs.references import refer

    first, second = refer(root(runs), a), refer(root(runs), b)
    portraits = [portrait(run) for run in (first, second)]
    tokens = [probe_tokens(run) for run in (first, second)]
    for seen, cut in zip(portraits, tokens, strict=True):
        seen["tokens"] = {} if None in tokens else {"probe sentence": cut}
    found = differences(*portraits)
    table = Table(box=None, pad_edge=False)
    for name in ("", "", f"{first.study}/{first.id}", f"{second.study}/{second.id}"):
        table.add_column(name, overflow="fold")
    weights = [trained_weights(run) for run in (first, second)]
    table.add_row("result", "average of the seven", *(_average(run) for run in (first, second)))
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
    if told := _beside_new_pairs(first, second):
        console.print(told, highlight=False, markup=False)


def _beside_new_pairs(first: Run, second: Run) -> str:
    """The difference of two runs' averages against what new pairs would give; empty without."""
    from recse_lab.errors import LabError
    from recse_lab.reports.comparison import ComparedSides
    from recse_lab.runs.collection import Arm

    try:
        sides = (Arm(run.study, run.id, runs={0: run}, seedless=True) for run in (first, second))
        total = ComparedSides(*sides).total
    except LabError:  # no STS task in common, or other pairs: the table says so
        return ""
    found = total.compared
    if found.p is None or found.low is None or found.high is None:
        return ""
    where = "within" if found.low <= 0 <= found.high else "beyond"
    return (
        f"Their difference in the {total.label}, {100 * found.delta:+.2f} [{100 * found.low:+.2f}, "
        f"{100 * found.high:+.2f}] (95 % for new pairs), is {where} what new pairs would give."
    )


def _short(value: object) -> str:
    text = "–" if value is None else str(value)
    return text[:12] if len(text) == 64 and set(text) <= set("0123456789abcdef") else text


def _average(run: Run) -> str:
    value = run.record.results.headline()["average"]
    return "–" if value is None else f"{100 * value:.2f}"
