"""Options that several verbs share, declared once, and the progress bar they show."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from recse_lab.jobs.machine import Notify


def known_attention(name: str) -> str:
    """An implementation of attention that there is.

    Raises:
        LabError: There is none of that name.
    """
    from recse_lab.errors import LabError, suggest

    known = ("auto", "plain", "sdpa", "eager")
    if name not in known:
        raise LabError(f"--attention {name!r}: {suggest(name, known)}")
    return name


def writable(path: Path | None) -> Path | None:
    """An option's file, refused before the work rather than after it where it cannot be written.

    Raises:
        LabError: It is a folder, or nothing can be made where it would lie.
    """
    if path is None:
        return None
    from recse_lab.errors import LabError

    if path.is_dir():
        raise LabError(f"{path}: this is a folder; give a file to write the results to.")
    there = next(parent for parent in path.absolute().parents if parent.exists())
    if not there.is_dir() or not os.access(there, os.W_OK):
        raise LabError(f"{path}: no file can be made in {there}; give another path.")
    return path


Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="Any option, dotted: --set reshape.dim=16. Repeatable."
    ),
]
DataDir = Annotated[
    str | None,
    typer.Option(
        help="STS data in SentEval's layout, or the folder above it; or `pulled`.",
        show_default="the packaged sample",
    ),
]
Corpus = Annotated[
    list[str] | None,
    typer.Option(
        help="One sentence per row (txt, csv, tsv, jsonl, parquet, .gz), or `wiki1m`. Repeatable.",
        show_default="sample-corpus",
    ),
]
Encoder = Annotated[str | None, typer.Option(help="Folder, hub id, or recse-lab/tiny.")]
RunsDir = Annotated[
    Path | None,
    typer.Option("--runs", help="Where runs are kept. Default: $RECSE_LAB_RUNS or ./runs."),
]
Attention = Annotated[
    str,
    typer.Option(
        callback=known_attention,
        help="auto (the fastest that equals eager), plain, sdpa or eager.",
    ),
]
Json = Annotated[
    Path | None,
    typer.Option(
        "--json", callback=writable, help="Also write the results to this file (docs/formats.md)."
    ),
]


def overrides(assignments: list[str] | None, **named: Any) -> dict[str, Any]:
    """``--set`` and named options as one mapping of dotted keys, without those not given."""
    from recse_lab.config.overrides import parse_assignment

    given = {
        key.replace("__", "."): value for key, value in named.items() if value not in (None, [], ())
    }
    return given | dict(parse_assignment(text) for text in assignments or [])


def listed(text: str | None) -> list[str]:
    """Names between commas."""
    return [name.strip() for name in (text or "").split(",") if name.strip()]


def root(runs: Path | None) -> Path:
    """The run store."""
    from recse_lab.runs.store import default_root

    return runs or default_root()


def plain_console(*, stderr: bool = False) -> Console:
    """A console that prints names as they are: brackets are not markup, colons not emoji."""
    from rich.console import Console

    return Console(stderr=stderr, markup=False, emoji=False)


@contextmanager
def progress() -> Iterator[Notify]:
    """A bar with rate and time left; silent where the output is not a terminal."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    console = plain_console(stderr=True)
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bars:
        bar = bars.add_task("preparing", total=None)
        current = "preparing"

        def notify(what: str, done: int, total: int) -> None:
            nonlocal current
            if what != current:
                current = what
                bars.reset(bar, description=what)
            bars.update(bar, description=what, completed=done, total=total or None)

        yield notify
