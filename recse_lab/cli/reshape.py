"""recse-lab reshape"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from recse_lab.cli.options import Corpus, Encoder, Set, overrides, plain_console, progress

app = typer.Typer(
    help="The feature store of a separated reshape (time for space).", no_args_is_help=True
)


@app.callback()
def main() -> None:
    """The feature store of a separated reshape (time for space)."""


@app.command("build")
def build(
    config: Annotated[Path | None, typer.Argument(help="YAML file of a run.")] = None,
    encoder: Encoder = None,
    corpus: Corpus = None,
    operator: Annotated[str | None, typer.Option(help="Reshape operator.")] = None,
    dim: Annotated[int | None, typer.Option(help="p, the reshape dimension.")] = None,
    weights: Annotated[str | None, typer.Option(help="uniform, sif or idf.")] = None,
    centring: Annotated[str | None, typer.Option(help="none, mean or top-K.")] = None,
    source: Annotated[int | None, typer.Option(help="Hidden layer; 0 = embeddings.")] = None,
    set_: Set = None,
) -> None:
    """Reshape a corpus once with the frozen backbone; training does it by itself if needed."""
    from recse_lab.config.reading import read_config
    from recse_lab.jobs.reshape import build_reshape

    options = overrides(
        set_,
        encoder=encoder,
        corpus=corpus,
        reshape__operator=operator,
        reshape__dim=dim,
        reshape__weights=weights,
        reshape__centring=centring,
        reshape__source=source,
    )
    resolved = read_config(config, framework=None if config else "recse", overrides=options)
    console = plain_console()
    with progress() as notify:
        lab = build_reshape(resolved, notify=notify)
        rows, size = len(lab.tokens), lab.store_bytes
        console.print(
            f"{rows:,} sentences × {lab.reshaper.out_dim:,} numbers in float16: "
            f"{size / 2**20:,.1f} MiB",
            highlight=False,
        )
        stored = lab.stored
    assert stored is not None
    console.print(f"{len(stored):,} rows in {lab.store_folder}", highlight=False, soft_wrap=True)
