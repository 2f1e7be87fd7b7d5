"""The page of a probe: terminal table, JSON, Markdown, figures and card."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from recse_lab.files import atomic_path
from recse_lab.jobs.environment import environment
from recse_lab.probes.result import ProbeResult


def probe_table(result: ProbeResult) -> Any:
    """For a terminal: a row a measure, a column an encoder, each number with its interval."""
    from rich.table import Table

    encoders = list(dict.fromkeys(result.table["encoder"]))
    out = Table(
        box=None,
        pad_edge=False,
        title=f"{result.name}, {result.about['task']}",
        title_justify="left",
    )
    out.add_column("measure", overflow="fold")
    for encoder in encoders:
        out.add_column(encoder, justify="right", overflow="fold")
    rows: dict[str, dict[str, str]] = {}
    for line in result.table.to_dict("records"):
        interval = f" [{line['low']:.3f}, {line['high']:.3f}]" if line["low"] == line["low"] else ""
        number = f"{line['value']:.3f}{interval}" if line["value"] == line["value"] else "–"
        rows.setdefault(line["measure"], {})[line["encoder"]] = number
    for measure, cells in rows.items():
        out.add_row(measure, *(cells.get(encoder, "") for encoder in encoders))
    return out


def probe_summary(result: ProbeResult) -> str:
    """A paragraph that says what the numbers say."""
    from recse_lab.reports.probes import PAGES

    return PAGES[result.name].summary(result)


def probe_json(result: ProbeResult) -> dict[str, Any]:
    """Schema recse-lab/probe/1: what was measured, every number, environment."""
    return {
        "schema": "recse-lab/probe/1",
        "probe": result.name,
        "about": result.about,
        "measures": result.table.to_dict("records"),
        "environment": environment().tree(),
    }


def write_probe(result: ProbeResult, out: Path) -> list[Path]:
    """Write table.csv, summary.md, the figures and a card into ``out``; return their paths."""
    from recse_lab.figures.style import close, save
    from recse_lab.reports.page.card import Card, write_card
    from recse_lab.reports.probes import PAGES, QUESTIONS
    from recse_lab.reports.probes.measures import measures
    from recse_lab.reports.published import slug

    page = PAGES[result.name]
    paths = []
    for name, figure in page.figures(result).items():
        paths += save(figure, out / slug(name))
        close(figure)
    listing, lists = (
        (page.markdown(result), page.listings(result)) if result.name == "errors" else ("", [])
    )
    pictures = [f"![{path.stem}]({path.name})" for path in paths if path.suffix == ".png"]
    subjects = [f"- {label}: `{spec}`" for label, spec in result.about["subjects"].items()]
    about = environment().tree()
    computed = (
        f"Pairs: {result.about['task']}; precision {result.about['precision']}; torch {about['torch']}; commit {about['commit']}; "
        f"{str(about['date'])[:10]}."
    )
    summary = page.summary(result)
    text = "\n".join(
        [
            f"# {result.name}",
            "",
            summary,
            "",
            *pictures,
            "",
            listing,
            "## How it was computed",
            "",
            "```",
            str(about["command"]),
            "```",
            "",
            f"{computed} All numbers: table.csv.",
            "",
            *subjects,
            "",
        ]
    )
    for name, content in (
        ("summary.md", text),
        ("table.csv", result.table.to_csv(index=False, float_format="%.6g")),
    ):
        with atomic_path(out / name) as beside:
            beside.write_text(content, encoding="utf-8")
        paths.append(out / name)
    card = Card(
        result.name,
        result.name,
        QUESTIONS[result.name],
        summary.split("\n\n"),
        [*lists, measures(result)],
        [path.name for path in paths if path.suffix == ".png"],
        [f"`{about['command']}`", computed, "\n".join(subjects)],
        result.about["runs"],
    )
    return [*paths, write_card(out, card)]
