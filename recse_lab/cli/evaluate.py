"""recse-lab eval"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from recse_lab.cli.options import Corpus, DataDir, Json, progress


def evaluate(
    encoder: Annotated[
        str, typer.Argument(help="Folder, hub id, recse-lab/tiny, a run's model/best, or a baseline NAME@ENCODER.")
    ],
    data_dir: DataDir = None,
    corpus: Corpus = None,
    pooling: Annotated[str | None, typer.Option(help="Default: what the folder states, else mean.")] = None,
    layers: Annotated[int | None, typer.Option(min=1, help="Only the first layers.")] = None,
    precision: Annotated[str, typer.Option(help="auto (bf16 where the hardware has it), fp32 or bf16.")] = "auto",
    max_length: Annotated[
        int | None, typer.Option(min=4, help="Longest sentence in tokens. Default: the encoder's own.")
    ] = None,
    tasks: Annotated[
        str | None, typer.Option(help="Comma-separated: sts12 … sts16, stsb, sickr, sickr-all, stsb-dev.")
    ] = None,
    aggregation: Annotated[
        str, typer.Option(help="all, mean or wmean: what the table shows; the JSON has all three.")
    ] = "all",
    beside: Annotated[
        str | None, typer.Option(help="Published rows to print: simcse,bert-whitening or simcse@bert-base.")
    ] = None,
    memory: Annotated[
        bool, typer.Option("--memory", help="Also published rows written down from memory, marked.")
    ] = False,
    scores: Annotated[Path | None, typer.Option(help="Also write the per-pair scores (parquet).")] = None,
    json_: Json = None,
) -> None:
    """Semantic textual similarity on the STS suite: every distinct sentence encoded once."""
    from recse_lab.errors import LabError

    if aggregation not in ("all", "mean", "wmean"):
        raise LabError(f"--aggregation {aggregation!r}: expected all, mean or wmean.")
    if precision not in ("auto", "fp32", "bf16"):
        raise LabError(f"--precision {precision!r}: expected auto, fp32 or bf16.")
    from rich.console import Console

    from recse_lab import workflows
    from recse_lab.encoders.pooling import POOLINGS
    from recse_lab.reporting.published import sts_rows
    from recse_lab.reporting.tables import rich_table, sts_table
    from recse_lab.store import atomic_path, write_json

    if pooling is not None and pooling not in POOLINGS:
        raise LabError(f"--pooling {pooling!r}: expected one of {', '.join(POOLINGS)}.")
    rows = sts_rows([name.strip() for name in beside.split(",")], memory=memory) if beside else None
    with progress() as notify:
        results, frame = workflows.evaluate(
            encoder, data_dir=data_dir, tasks=tasks.split(",") if tasks else None, pooling=pooling, layers=layers,
            precision_=precision, max_length=max_length, corpus=corpus, notify=notify,
        )  # fmt: skip
    if json_:
        write_json(json_, results)
    if scores:
        with atomic_path(scores) as path:
            frame.to_parquet(path, index=False)
    about = results["encoder"]
    console = Console()
    console.print(rich_table(sts_table(results, encoder, rows, aggregation=aggregation)))
    console.print(
        f"pooling {about['pooling']}, {about['precision']}, {about['layers']} layers, at most {about['max_length']} tokens",
        highlight=False,
    )
