"""The report ``literature``: which published gains are larger than the noise of their test sets."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from recse_lab.figures import style
from recse_lab.figures.forest import ForestRow, forest
from recse_lab.files import atomic_path
from recse_lab.reports import tables
from recse_lab.reports.literature.gains import Gain, published_gains
from recse_lab.reports.literature.judgement import (
    T,
    Z,
    answer,
    exceeds,
    holds_over_tasks,
    with_seeds,
)
from recse_lab.reports.literature.noise import PERCENTILES, Noise, measure_noise
from recse_lab.reports.page import page
from recse_lab.reports.page.card import Card, as_data, write_card
from recse_lab.reports.provenance import provenance
from recse_lab.reports.tables import Cell, Column, Row, Table
from recse_lab.runs.collection import read_store

NAME = "literature"
TITLE = "The literature, judged again"
SHOWN = 6
"""Points below SimCSE up to which the figure goes."""
QUESTION = "How many published gains over SimCSE are larger than the noise of their own test sets?"


class LiteratureReport(NamedTuple):
    """A report that was written: its table, its answer, and its files."""

    table: Table
    summary: str
    paths: list[Path]


def literature_table(gains: Sequence[Gain], noise: Noise) -> Table:
    """One row per published result, by encoder, the largest gain first."""
    rows = [
        Row(
            {
                "method": Cell(gain.method),
                "avg": Cell(gain.average / 100),
                "gain": Cell(
                    gain.gain / 100,
                    low=(gain.gain - Z * noise.errors[1]) / 100,
                    high=(gain.gain + Z * noise.errors[1]) / 100,
                    mark="" if exceeds(gain, noise.errors[1]) else "†",
                ),
                "tasks": Cell(
                    f"±{T * gain.tasks_error:.2f}",
                    mark="" if holds_over_tasks(gain) else "‡",
                ),
                "seeds": Cell(None if gain.seeds_sd is None else f"{gain.seeds_sd:.2f}"),
                "encoder": Cell(gain.encoder),
                "source": Cell(gain.source),
            },
            kind="published",
            group=gain.encoder,
        )
        for gain in gains
    ]
    columns = [
        Column("method", "method", "text"),
        Column("encoder", "encoder", "text", shared=True),
        Column("avg", "avg."),
        Column("gain", "Δ to SimCSE", "difference"),
        Column("tasks", "over tasks", "text"),
        Column("seeds", "sd over seeds", "text"),
        Column("source", "source", "text", detail=True),
    ]
    notes = [
        "Unsupervised results as printed, Spearman ×100 of pooled pairs; avg. is the mean of the "
        "seven printed tasks. Brackets: 95 % for new pairs, with the standard error of two "
        f"methods of median agreement, {noise.errors[1]:.2f} points. † not larger than the noise "
        "of new pairs at 5 %, one row at a time, without correction for the number of rows.",
        "Over tasks: half of the 95 % interval of Student's t over the seven printed differences. "
        "‡ not larger than that.",
    ]
    return Table(TITLE, columns, rows, notes)


def figure(gains: Sequence[Gain], noise: Noise) -> Any:
    """Every gain with the noise of new pairs, sorted."""
    rows = [
        ForestRow(
            gain.method,
            gain.gain / 100,
            (gain.gain - Z * noise.errors[1]) / 100,
            (gain.gain + Z * noise.errors[1]) / 100,
            group=gain.encoder,
            filled=exceeds(gain, noise.errors[1]),
        )
        for gain in gains
        if gain.gain > -SHOWN
    ]
    below = len(gains) - len(rows)
    note = (
        "Bars: 95 % for new pairs, two methods of median agreement. Grey: the same about 0 for the "
        "90th, 50th and 10th percentile of the agreement. Hollow: not larger than the noise. "
        f"{below} results more than {SHOWN} points below SimCSE are in the table only."
    )
    return forest(
        rows,
        x_label="difference of the STS average to SimCSE's, points",
        zero_label="SimCSE",
        bands=[Z * error / 100 for error in noise.errors],
        note=note,
        dense=True,
    )


def assumptions(noise: Noise) -> list[str]:
    """What the numbers rest on."""
    errors = ", ".join(f"{error:.2f}" for error in noise.errors)
    agreements = ", ".join(f"{agreement:.2f}" for agreement in noise.agreements)
    return [
        "**The noise of new pairs.** The influence of every sentence pair on the averages of two "
        "stored methods, summed over pairs that share a sentence within a task and across tasks, "
        "gives the standard error of their difference. For two methods on one backbone whose "
        f"scores agree by a (Spearman between them), it is about {noise.scale:.2f} · √(1 − a) "
        f"points over {len(noise.pairs)} pairs of stored methods; {noise.ratio:.2f} times what "
        f"independent pairs would give. The {PERCENTILES[0]}th, {PERCENTILES[1]}th and "
        f"{PERCENTILES[2]}th percentile of their agreement, {agreements}, give {errors} points.",
        "**What is assumed.** The papers' scores are not published, so the agreement of two "
        "methods is taken from ours, which are small encoders trained for few steps. Methods that "
        "agree more than these have less noise, and then more gains exceed it. The tables print "
        "one training, or the best of several, or a checkpoint chosen on STS-B's dev set, most of "
        "whose pairs are test pairs; none of this is corrected here.",
        "**What follows.** A gain within the noise may be real: these test sets cannot show it. A "
        "gain beyond it is a statement about the printed models on new pairs of this kind, not "
        "about new seeds or new tasks.",
    ]


def write_literature(runs: Path, out: Path) -> LiteratureReport:
    """Write table.md, .tex and .csv, figure.png and .pdf, summary.md, page.html and card.json.

    Args:
        runs: The run store; at least two encoders of published quality give the noise.
        out: Where to write.

    Raises:
        LabError: The store has no two such encoders, or the disk is full.
    """
    gains, noise = published_gains(), measure_noise(read_store(runs).arms)
    table, found = literature_table(gains, noise), answer(gains, noise)
    summary = [f"{found} {with_seeds(gains, noise)}", *assumptions(noise)]
    command = f"recse-lab report {NAME}"
    pictures = style.save(figure(gains, noise), out / "figure")
    card = Card(
        NAME,
        TITLE,
        QUESTION,
        summary,
        [table],
        ["figure.png"],
        [f"`{command}`", *([provenance(noise.runs)] if noise.runs else [])],
        [f"{run.study}/{run.id}" for run in noise.runs],
    )
    text = "\n\n".join(
        [
            f"# {TITLE}",
            f"**{QUESTION}**",
            *summary,
            "![figure](figure.png)",
            tables.markdown(table),
            f"## How it was computed\n\n```\n{command}\n```\n\n{_made_of(noise)}\n",
        ]
    )
    texts = {
        "summary.md": text,
        "table.md": tables.markdown(table),
        "table.tex": tables.latex(table),
        "table.csv": tables.comma_separated(table),
        "page.html": page.card_page(as_data(card), out),
    }
    for name, content in texts.items():
        with atomic_path(out / name) as beside:
            beside.write_text(content, encoding="utf-8")
    paths = [*pictures, *(out / name for name in texts), write_card(out, card)]
    return LiteratureReport(table, found, paths)


def _made_of(noise: Noise) -> str:
    """The runs behind the noise, one per method."""
    if not noise.runs:
        return ""
    names = ", ".join(f"{run.study}/{run.id}" for run in noise.runs)
    return f"{provenance(noise.runs)} Runs, one per method: {names}."
