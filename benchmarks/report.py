"""The table in the terminal, and what is kept of a run of the benchmarks: summary.md and
results.json.
"""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.table import Table

from benchmarks.measure import Part, Row, Setup
from recse_lab.files import atomic_path, now, write_json
from recse_lab.jobs.machine import device
from recse_lab.reports import tables
from recse_lab.reports.page.card import Card, write_card
from recse_lab.runs.provenance import command_line, commit

PACKAGES = (
    "recse-lab",
    "sentence-transformers",
    "torch",
    "transformers",
    "accelerate",
    "datasets",
    "tokenizers",
    "numpy",
    "scipy",
)
SETTINGS = ("RECSE_LAB_SENTEVAL",)
QUESTION = "Is it as fast as the common library, and as fast as it should be?"
SAID = (
    "Each number is the median over paired repeats, the sides taking turns; below 1× recse-lab "
    "takes less time, and of tokens per second above 1× it does more."
)
MEASURED = ("what", "unit", "values", "at_most", "at_least")
COLUMNS = ("measured", "median", "min … max (repeats)", "target", "")


def environment() -> dict[str, Any]:
    """Command, commit, versions and machine, and how busy it was before anything was measured."""
    return {
        "command": f"{_settings()}{command_line('python -m benchmarks')}",
        "commit": commit(),
        "date": now(),
        "python": platform.python_version(),
        "versions": {name: _version(name) for name in PACKAGES},
        "cpu": _cpu(),
        "cores": len(os.sched_getaffinity(0)),
        "threads": torch.get_num_threads(),
        "device": torch.cuda.get_device_name()
        if device().type == "cuda"
        else f"cpu {torch.backends.cpu.get_cpu_capability()}",
        "load_before": os.getloadavg()[0],
        "platform": platform.platform(),
    }


def _settings() -> str:
    """What the environment adds to the command, by name: the folders are this machine's."""
    return "".join(f"{name}=… " for name in SETTINGS if os.environ.get(name))


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    names = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor())


def doubts(about: dict[str, Any], setup: Setup) -> list[str]:
    """Why these numbers should not be quoted, if they should not."""
    found = []
    if setup.quick:
        found.append("--quick: a smoke test on a small part of the data; its numbers mean nothing.")
    if about["load_before"] > 0.3 * about["cores"]:
        load = (
            f"load {about['load_before']:.1f} on {about['cores']} cores before the first "
            "measurement"
        )
        found.append(f"The machine was not quiet: {load}.")
    return found


UNITS = {"×": ("×", 2), "%": (" %", 1), "s": (" s", 3), "GB": (" GB", 2)}


def _cells(row: Row) -> tuple[str, ...]:
    unit, digits = UNITS[row.unit]
    low, middle, high = (
        f"{value:.{digits}f}" for value in (min(row.values), row.median, max(row.values))
    )
    target = "–"
    if row.at_most is not None:
        target = f"≤ {row.at_most:g}{unit}"
    elif row.at_least is not None:
        target = f"≥ {row.at_least:g}{unit}"
    verdict = {True: "met", False: "missed", None: ""}[row.met]
    return row.what, f"{middle}{unit}", f"{low} … {high} ({len(row.values)})", target, verdict


def print_table(parts: dict[str, Part], warnings: list[str]) -> None:
    """Table and explanations on the terminal."""
    console = Console()
    table = Table(box=None, pad_edge=False)
    for i, name in enumerate(COLUMNS):
        table.add_column(name, justify="right" if i in (1, 2, 3) else "left", no_wrap=i > 0)
    for letter, part in parts.items():
        table.add_row(f"{letter}: {part.title}", style="bold")
        for cells in map(_cells, part.rows):
            table.add_row(*cells, style="red" if cells[-1] == "missed" else None)
    console.print(table)
    for letter, part in parts.items():
        for note in part.notes:
            console.print(f"{letter}: {note}", highlight=False, markup=False, soft_wrap=True)
    for warning in warnings:
        console.print(warning, style="red", highlight=False, markup=False, soft_wrap=True)


def card(kept: dict[str, Any]) -> Card:
    """What the page of all reports shows: how many targets are met, and the table.

    ``kept`` is what results.json holds.
    """
    parts = kept["parts"]
    aimed = [row for part in parts.values() for row in part["rows"] if row["met"] is not None]
    missed = [row["what"] for row in aimed if not row["met"]]
    told = f"{len(aimed) - len(missed)} of {len(aimed)} targets are met" + (
        f"; missed: {', '.join(missed)}." if missed else "."
    )
    columns = [
        tables.Column(str(i), label or "verdict", "text")
        for i, label in enumerate(("part", *COLUMNS))
    ]
    lines = [
        tables.Row(
            {
                str(i): tables.Cell(text)
                for i, text in enumerate(
                    (part["title"], *_cells(Row(**{k: row[k] for k in MEASURED})))
                )
            }
        )
        for part in parts.values()
        for row in part["rows"]
    ]
    table = tables.Table(
        "Median over paired repeats",
        columns,
        lines,
        [f"{k}: {n}" for k, part in parts.items() for n in part["notes"]],
    )
    titles = [part["title"] for part in parts.values()]
    return Card(
        "benchmarks",
        "Benchmarks",
        QUESTION if len(titles) > 1 else f"Benchmark of {titles[0]}",
        [told, *kept["doubts"], SAID],
        [table],
        provenance=[
            f"`{kept['command']}`",
            f"Commit {kept['commit']}, {kept['date'][:10]}, {kept['repeats']} repeats; "
            f"{kept['cpu']}, {kept['cores']} cores.",
        ],
    )


def write(
    folder: Path, parts: dict[str, Part], about: dict[str, Any], setup: Setup, warnings: list[str]
) -> None:
    """summary.md, results.json and card.json, each whole or not at all."""
    kept = {
        "schema": "recse-lab/benchmarks/1",
        **about,
        "repeats": setup.repeats,
        "quick": setup.quick,
        "doubts": warnings,
        "parts": {
            letter: {
                "title": part.title,
                "notes": part.notes,
                "raw": part.raw,
                "rows": [
                    {
                        "what": row.what,
                        "unit": row.unit,
                        "median": row.median,
                        "min": min(row.values),
                        "max": max(row.values),
                        "values": row.values,
                        "at_most": row.at_most,
                        "at_least": row.at_least,
                        "met": row.met,
                    }
                    for row in part.rows
                ],
            }
            for letter, part in parts.items()
        },
    }
    write_json(folder / "results.json", kept)
    write_card(folder, card(kept))
    versions = ", ".join(f"{name} {number}" for name, number in about["versions"].items() if number)
    lines = [
        "# Benchmarks",
        "",
        *(f"**{warning}**\n" for warning in warnings),
        SAID,
        "",
        f"| {' | '.join(COLUMNS)} |",
        "| --- | ---: | ---: | ---: | --- |",
        *(
            line
            for letter, part in parts.items()
            for line in (
                f"| **{letter}: {part.title}** | | | | |",
                *(f"| {' | '.join(_cells(row))} |" for row in part.rows),
            )
        ),
        "",
        "## What is compared",
        "",
        *(f"- {letter}: {note}" for letter, part in parts.items() for note in part.notes),
        "",
        "## How it was measured",
        "",
        f"`{about['command']}`",
        "",
        f"Commit {about['commit']}, {about['date']}, {setup.repeats} repeats. {about['cpu']}, "
        f"{about['cores']} cores, {about['threads']} threads, {about['device']}, load "
        f"{about['load_before']:.1f} before the first measurement. Python {about['python']}, "
        f"{versions}. Every raw time is in results.json.",
        "",
    ]
    with atomic_path(folder / "summary.md") as beside:
        beside.write_text("\n".join(lines), encoding="utf-8")
