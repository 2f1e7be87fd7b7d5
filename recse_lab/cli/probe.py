"""recse-lab probe"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from recse_lab.cli.options import (
    Attention,
    Corpus,
    DataDir,
    Json,
    RunsDir,
    plain_console,
    progress,
    root,
)


def probe(
    name: Annotated[str, typer.Argument(help="A probe (recse-lab list probes).")],
    subjects: Annotated[
        list[str],
        typer.Argument(
            help="Runs (ids) and encoders, side by side; LABEL=RUN gives one a name of your own."
        ),
    ],
    against: Annotated[
        str | None,
        typer.Option(help="The subject the others are compared with, by its label."),
    ] = None,
    data_dir: DataDir = None,
    task: Annotated[
        str | None,
        typer.Option(help="The graded pairs. Default: stsb, or sample-sts without --data-dir."),
    ] = None,
    pooling: Annotated[
        str | None, typer.Option(help="Default: what the encoder states, else mean.")
    ] = None,
    precision: Annotated[str, typer.Option(help="auto, fp32 or bf16.")] = "auto",
    attention: Attention = "auto",
    corpus: Corpus = None,
    resamples: Annotated[int | None, typer.Option(min=2, help="Bootstrap resamples.")] = None,
    examples: Annotated[
        int | None,
        typer.Option(min=2, help="linguistic: training sentences of a task. Default: 10,000."),
    ] = None,
    legacy_batch: Annotated[
        bool,
        typer.Option("--legacy-batch", help="alignment: per batch, as old tables have it; biased."),
    ] = False,
    out: Annotated[
        Path | None, typer.Option(help="Also write table, figures and a summary into this folder.")
    ] = None,
    json_: Json = None,
    runs: RunsDir = None,
) -> None:
    """What an arm did to the space or to the scores, in numbers with intervals and in pictures.

    Example: recse-lab probe polarity last recse-lab/tiny
    """
    from recse_lab.jobs.probe import probe as run_probe_job
    from recse_lab.probes import PROBES
    from recse_lab.reports.probe_page import probe_json, terminal_table, write_probe

    given = {
        "against": against,
        "resamples": resamples,
        "examples": examples,
        "protocol": "legacy-batch" if legacy_batch else None,
    }
    with progress() as notify:
        result = run_probe_job(
            name,
            subjects,
            root=root(runs),
            data_dir=data_dir,
            task=task,
            pooling=pooling,
            precision=precision,
            attention=attention,
            corpus=corpus or (),
            notify=notify,
            **{key: value for key, value in given.items() if value is not None},
        )
    console = plain_console()
    console.print(terminal_table(result))
    console.print(PROBES[result.name].summary(result), highlight=False)
    if json_:
        from recse_lab.files import write_json

        write_json(json_, probe_json(result))
    if out:
        for path in write_probe(result, out):
            console.print(str(path), highlight=False, soft_wrap=True)
