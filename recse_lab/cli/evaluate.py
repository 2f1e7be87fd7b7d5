"""recse-lab eval"""

from __future__ import annotations

from typing import Annotated

import typer

from recse_lab.cli.closing import close
from recse_lab.cli.options import (
    Attention,
    Corpus,
    DataDir,
    Json,
    RunsDir,
    listed,
    plain_console,
    progress,
    root,
)

EncoderName = Annotated[
    str,
    typer.Argument(
        help="Folder, hub id, recse-lab/tiny, a run's model/best, or a baseline NAME@ENCODER."
    ),
]
Protocol = Annotated[
    str,
    typer.Option(help="What is measured, and which number counts (recse-lab list protocols)."),
]
Pooling = Annotated[str | None, typer.Option(help="Default: what the folder states, else mean.")]
Layers = Annotated[int | None, typer.Option(min=1, help="Only the first layers.")]
Precision = Annotated[
    str, typer.Option(help="auto (bf16 where the hardware has it), fp32 or bf16.")
]
MaxLength = Annotated[
    int | None,
    typer.Option(min=4, help="Longest sentence in tokens. Default: the encoder's own."),
]
Tasks = Annotated[
    str | None,
    typer.Option(
        help="Only these, comma-separated (recse-lab list tasks). Default: the protocol's."
    ),
]
Beside = Annotated[
    str | None,
    typer.Option(help="Published rows to print: simcse,bert-whitening or simcse@bert-base."),
]
Memory = Annotated[
    bool, typer.Option("--memory", help="Also published rows written down from memory, marked.")
]
NoCache = Annotated[
    bool,
    typer.Option("--no-cache", help="Encode every sentence and measure again, whatever is kept."),
]


def evaluate(
    encoder: EncoderName,
    protocol: Protocol = "simcse-2021",
    data_dir: DataDir = None,
    corpus: Corpus = None,
    pooling: Pooling = None,
    layers: Layers = None,
    precision: Precision = "auto",
    attention: Attention = "auto",
    max_length: MaxLength = None,
    tasks: Tasks = None,
    beside: Beside = None,
    memory: Memory = False,
    no_cache: NoCache = False,
    json_: Json = None,
    runs: RunsDir = None,
) -> None:
    """Measure an encoder by a named protocol, on STS or transfer tasks; kept as a run of `eval`.

    Example: recse-lab eval recse-lab/tiny --data-dir SENTEVAL --beside simcse@bert-base
    """
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
            attention=attention,
            max_length=max_length,
            corpus=corpus,
            from_scratch=no_cache,
            notify=notify,
        )
    record = run.record
    results, environment, cost = record.results, record.environment, record.cost
    if json_:
        write_json(json_, results.document() | {"environment": environment.tree()})
    about = results.encoder
    console = plain_console()
    console.print(rich_table(results_table(results, encoder, rows), console.width))
    console.print(
        f"pooling {about.pooling}, {about.precision}, {about.layers} layers, "
        f"at most {about.max_length} tokens",
        highlight=False,
    )
    if str(environment.date) < began:
        spent = f"kept since {environment.date}; --no-cache measures again"
    else:
        encoded = cost.encoded or 0
        cached = (cost.sentences or 0) - encoded
        spent = (
            f"{cost.last_attempt_s:.1f} s, of them {cost.load_s:.1f} s to load the encoder; "
            f"{encoded:,} sentences encoded, {cached:,} from the cache"
        )
    console.print(f"run {run.id} in {run.folder}: {spent}", highlight=False, soft_wrap=True)
    close(run, console, runs)
