"""recse-lab eval"""

from __future__ import annotations

from typing import Annotated

import typer

from recse_lab.cli.options import (
    Corpus,
    DataDir,
    Json,
    RunsDir,
    listed,
    plain_console,
    progress,
    root,
)


def evaluate(
    encoder: Annotated[
        str,
        typer.Argument(
            help="Folder, hub id, recse-lab/tiny, a run's model/best, or a baseline NAME@ENCODER."
        ),
    ],
    protocol: Annotated[
        str,
        typer.Option(help="What is measured, and which number counts (recse-lab list protocols)."),
    ] = "simcse-2021",
    data_dir: DataDir = None,
    corpus: Corpus = None,
    pooling: Annotated[
        str | None, typer.Option(help="Default: what the folder states, else mean.")
    ] = None,
    layers: Annotated[int | None, typer.Option(min=1, help="Only the first layers.")] = None,
    precision: Annotated[
        str, typer.Option(help="auto (bf16 where the hardware has it), fp32 or bf16.")
    ] = "auto",
    max_length: Annotated[
        int | None,
        typer.Option(min=4, help="Longest sentence in tokens. Default: the encoder's own."),
    ] = None,
    tasks: Annotated[
        str | None,
        typer.Option(
            help="Only these, comma-separated (recse-lab list tasks). Default: the protocol's."
        ),
    ] = None,
    beside: Annotated[
        str | None,
        typer.Option(help="Published rows to print: simcse,bert-whitening or simcse@bert-base."),
    ] = None,
    memory: Annotated[
        bool, typer.Option("--memory", help="Also published rows written down from memory, marked.")
    ] = False,
    no_cache: Annotated[
        bool,
        typer.Option(
            "--no-cache", help="Encode every sentence and measure again, whatever is kept."
        ),
    ] = False,
    json_: Json = None,
    runs: RunsDir = None,
) -> None:
    """Measure an encoder under a named protocol: semantic textual similarity, or transfer tasks. Kept as a run of `eval`."""
    from recse_lab.errors import LabError

    if precision not in ("auto", "fp32", "bf16"):
        raise LabError(f"--precision {precision!r}: expected auto, fp32 or bf16.")
    from recse_lab.evaluation.protocols import StsProtocol, find_protocol
    from recse_lab.reports.published import sts_rows, transfer_rows

    named = listed(beside)
    find_rows = sts_rows if isinstance(find_protocol(protocol), StsProtocol) else transfer_rows
    rows = find_rows(named, memory=memory) if named else None
    from recse_lab.files import now, write_json
    from recse_lab.jobs.evaluate import evaluate as run_evaluate
    from recse_lab.pooling import POOLINGS
    from recse_lab.reports.encoder_table import results_table
    from recse_lab.reports.tables import rich_table

    if pooling is not None and pooling not in POOLINGS:
        raise LabError(f"--pooling {pooling!r}: expected one of {', '.join(POOLINGS)}.")
    began = now()
    with progress() as notify:
        run = run_evaluate(
            encoder,
            root(runs),
            protocol=protocol,
            data_dir=data_dir,
            tasks=listed(tasks) or None,
            pooling=pooling,
            layers=layers,
            precision_=precision,
            max_length=max_length,
            corpus=corpus,
            from_scratch=no_cache,
            notify=notify,
        )
    results, environment, cost = run.results or {}, run.environment or {}, run.cost or {}
    if json_:
        write_json(json_, results | {"environment": environment})
    about = results["encoder"]
    console = plain_console()
    console.print(rich_table(results_table(results, encoder, rows), console.width))
    console.print(
        f"pooling {about['pooling']}, {about['precision']}, {about['layers']} layers, at most {about['max_length']} tokens",
        highlight=False,
    )
    if environment["date"] < began:
        spent = f"kept since {environment['date']}; --no-cache measures again"
    else:
        cached = cost["sentences"] - cost["encoded"]
        spent = f"{cost['last_attempt_s']:.1f} s, of them {cost['load_s']:.1f} s to load the encoder; {cost['encoded']:,} sentences encoded, {cached:,} from the cache"
    console.print(f"run {run.id} in {run.folder}: {spent}", highlight=False, soft_wrap=True)
