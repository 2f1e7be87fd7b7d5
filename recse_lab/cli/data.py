"""recse-lab data"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from recse_lab.cli.options import plain_console, writable

if TYPE_CHECKING:
    from recse_lab.data.leaks import Counts, Shared
    from recse_lab.data.pull import Finding

app = typer.Typer(
    help="Pull public data sets from a hub, and check what is there.", no_args_is_help=True
)


@app.command("pull")
def pull(
    names: Annotated[
        list[str] | None,
        typer.Argument(help="wiki1m, sts, transfer, linguistic. Default: the first three."),
    ] = None,
) -> None:
    """Fetch data sets into the cache; an interrupted download is resumed (docs/data.md)."""
    from recse_lab.data.manifest import PULLS
    from recse_lab.data.pull import pull

    console = plain_console()

    def say(text: str) -> None:
        console.print(text, highlight=False, soft_wrap=True)

    asked = names or list(PULLS)
    if "linguistic" in asked:
        from recse_lab.data.linguistic_sets import pull_linguistic

        say(f"linguistic: {pull_linguistic(say)}")
    if rest := [name for name in asked if name != "linguistic"]:
        _show(pull(rest, say))


@app.command("check")
def check(
    data_dir: Annotated[
        str | None,
        typer.Option(help="Check this folder in SentEval's layout instead of what was pulled."),
    ] = None,
    corpus: Annotated[
        list[str] | None,
        typer.Option(
            help="Also look for test sentences in this training corpus. Repeatable. Always: "
            "sample-corpus, and wiki1m once pulled."
        ),
    ] = None,
    column: Annotated[
        str | None, typer.Option(help="Column of the sentences in the files of --corpus.")
    ] = None,
    json_: Annotated[
        Path | None,
        typer.Option("--json", callback=writable, help="Also write the findings to this file."),
    ] = None,
) -> None:
    """What is there, whether it is complete, and which pairs and sentences are shared.

    Exit code 1: something is damaged.
    """
    from recse_lab.data.corpora import Corpus
    from recse_lab.data.leaks import COMPARED, find_shared, readable_sets
    from recse_lab.data.manifest import PULLED, corpus_path
    from recse_lab.data.pull import check
    from recse_lab.files import write_json

    own = [Corpus(corpus_path(name), column) for name in corpus or ()]
    findings = check(data_dir)
    states = {finding.name: finding.state for finding in findings}
    packaged = [name for name in ("sample-corpus", "wiki1m") if states[name] == "sound"]
    found = data_dir or (PULLED if states["stsb"] != "absent" else None)
    with plain_console().status("shared sentences") as status:
        shared = find_shared(
            readable_sets(found),
            [*(Corpus(corpus_path(name)) for name in packaged), *own],
            lambda name: status.update(f"test sentences in {name}"),
        )
    if json_:
        tree = {
            "schema": "recse-lab/data-check/2",
            "sound": all(f.sound for f in findings),
            "sets": [finding._asdict() for finding in findings],
            "shared": {
                "compared": COMPARED,
                **shared._asdict(),
                "sets": [each._asdict() for each in shared.sets],
                "corpora": [each._asdict() for each in shared.corpora],
            },
        }
        write_json(json_, tree)
    _show_shared(shared)
    _show(findings)


def _show_shared(shared: Shared) -> None:
    from recse_lab.data.leaks import TEXT, WORDS
    from recse_lab.data.sts_sets import LABELS, SAMPLES

    console = plain_console()
    if len(shared.sets) > len(SAMPLES):
        _show_matrix("Pairs of each row that are pairs of the column too", shared.pairs[TEXT])
        _show_matrix("Sentences of each row that the column has too", shared.sentences[TEXT])
    pairs = {each.name: each.pairs for each in shared.sets}
    for name, count in shared.in_years[TEXT].items():
        if words := shared.in_years[WORDS][name]:
            line = (
                f"{LABELS[name]}: {count:,} of its {pairs[name]:,} pairs are pairs of STS12–16, "
                f"{words:,} if punctuation is ignored."
            )
            console.print(line, highlight=False, soft_wrap=True)
    for each in shared.corpora:
        there = ", ".join(f"{LABELS[name]} {n:,}" for name, n in each.words.items() if n)
        line = (
            f"{each.name} ({each.sentences:,} sentences) holds sentences of "
            f"{there or 'no set'}{', punctuation ignored' if there else ''}."
        )
        console.print(line, highlight=False, soft_wrap=True)
    console.print()


def _show_matrix(title: str, counts: Counts) -> None:
    """Sets that share nothing have neither row nor column; a repeat within a set counts once
    more.
    """
    from rich.table import Table

    from recse_lab.data.sts_sets import LABELS

    sharing = [name for name, row in counts.items() if any(n for n in row.values())]
    table = Table(box=None, pad_edge=False, title=title, title_justify="left", title_style="")
    table.add_column("")
    for name in sharing:
        table.add_column(LABELS[name], justify="right")
    for name in sharing:
        cells = [counts[name].get(other, 0) for other in sharing]
        table.add_row(LABELS[name], *(f"{n:,}" if n else "" for n in cells))
    console = plain_console()
    console.print(table, highlight=False)
    console.print()


def _show(findings: list[Finding]) -> None:
    from rich.table import Table

    console = plain_console()
    table = Table(box=None, pad_edge=False)
    for column in ("set", "state", "rows", "licence"):
        table.add_column(column, justify="right" if column == "rows" else "left")
    for finding in findings:
        rows = "" if finding.rows is None else f"{finding.rows:,}"
        table.add_row(finding.name, finding.state, rows, finding.licence)
    console.print(table, highlight=False)
    there: dict[tuple[str, str], list[str]] = {}
    for finding in findings:
        if finding.state != "absent":
            there.setdefault((finding.where, finding.verified), []).append(finding.name)
    for (where, verified), names in there.items():
        console.print(
            f"{', '.join(names)}: {verified}, in {where}", highlight=False, soft_wrap=True
        )
    if any(f.state == "absent" for f in findings):
        console.print("`recse-lab data pull` fetches what is absent.", highlight=False)
    for finding in findings:
        for problem in finding.problems:
            console.print(
                f"{finding.name}: {problem}", style="red", highlight=False, soft_wrap=True
            )
    if not all(finding.sound for finding in findings):
        raise typer.Exit(1)
