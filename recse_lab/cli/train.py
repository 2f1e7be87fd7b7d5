"""recse-lab train"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from recse_lab.cli.options import (
    Corpus,
    DataDir,
    Encoder,
    Json,
    RunsDir,
    Set,
    overrides,
    progress,
    root,
)

PANEL = "What is trained"


def train(
    config: Annotated[
        Path | None, typer.Argument(help="YAML file; every option below is laid upon it.")
    ] = None,
    framework: Annotated[
        str | None,
        typer.Option(
            help="Where to start from (recse-lab list frameworks), as esimcse or esimcse+reshape. Default: simcse, or recse with an option of the reshape."
        ),
    ] = None,
    encoder: Encoder = None,
    corpus: Corpus = None,
    column: Annotated[
        str | None, typer.Option(help="Column of the sentences in csv, tsv, jsonl, parquet.")
    ] = None,
    data_dir: DataDir = None,
    seed: Annotated[int | None, typer.Option(min=0)] = None,
    pooling: Annotated[
        str | None, typer.Option(help="Pooling (recse-lab list poolings).", rich_help_panel=PANEL)
    ] = None,
    layers: Annotated[
        int | None, typer.Option(help="Backbone layers kept.", rich_help_panel=PANEL)
    ] = None,
    dropout: Annotated[
        float | None, typer.Option(help="Dropout rate of the backbone.", rich_help_panel=PANEL)
    ] = None,
    temperature: Annotated[
        float | None, typer.Option(help="τ, of the dropout contrast.", rich_help_panel=PANEL)
    ] = None,
    weight: Annotated[
        float | None, typer.Option(help="w, weight of the dropout contrast.", rich_help_panel=PANEL)
    ] = None,
    operator: Annotated[
        str | None,
        typer.Option(help="Reshape operator (recse-lab list operators).", rich_help_panel=PANEL),
    ] = None,
    dim: Annotated[
        int | None, typer.Option(help="p, the reshape dimension.", rich_help_panel=PANEL)
    ] = None,
    reshape_weight: Annotated[
        float | None, typer.Option(help="λ, weight of the reshape contrast.", rich_help_panel=PANEL)
    ] = None,
    reshape_temperature: Annotated[
        float | None, typer.Option(help="τ′, of the reshape contrast.", rich_help_panel=PANEL)
    ] = None,
    source: Annotated[
        int | None,
        typer.Option(
            help="Hidden layer the features come from; 0 = embeddings.", rich_help_panel=PANEL
        ),
    ] = None,
    mode: Annotated[
        str | None, typer.Option(help="separated or integrated.", rich_help_panel=PANEL)
    ] = None,
    role: Annotated[
        str | None, typer.Option(help="target, view or residual.", rich_help_panel=PANEL)
    ] = None,
    steps: Annotated[
        int | None, typer.Option(min=0, help="Optimiser steps; overrides epochs.")
    ] = None,
    epochs: Annotated[float | None, typer.Option(help="Passes over the corpus.")] = None,
    batch_size: Annotated[int | None, typer.Option()] = None,
    learning_rate: Annotated[float | None, typer.Option()] = None,
    precision: Annotated[str | None, typer.Option(help="auto, fp32 or bf16.")] = None,
    eval_every: Annotated[
        int | None, typer.Option(help="Steps between two looks at the dev set.")
    ] = None,
    set_: Set = None,
    json_: Json = None,
    runs: RunsDir = None,
) -> None:
    """Train a sentence encoder by contrast and test it; the same command continues an interrupted run."""
    given = {k: v for k, v in locals().items() if k in NAMES}
    options = overrides(set_, **{NAMES[k]: v for k, v in given.items()})
    if framework is None and config is None:
        framework = "recse" if any(key.startswith("reshape.") for key in options) else "simcse"
    from rich.console import Console

    from recse_lab.config.reading import read_config
    from recse_lab.files import now, write_json
    from recse_lab.jobs.train import train as run_train
    from recse_lab.optimisation.stepping import Interrupted
    from recse_lab.reports.encoder_table import results_table
    from recse_lab.reports.tables import rich_table

    console, before = Console(), now()
    resolved = read_config(config, framework=framework, overrides=options)
    try:
        with progress() as notify:
            run = run_train(resolved, root(runs), on_step=_narrator(notify, console), notify=notify)
    except Interrupted as stop:
        console.print(
            f"{stop}; the state is saved, and the same command continues.",
            highlight=False,
            markup=False,
        )
        raise typer.Exit(130) from None
    results, cost = run.results or {}, run.cost or {}
    if json_:
        write_json(json_, results)
    if results["tasks"]:
        console.print(rich_table(results_table(results, run.id)))
    dev = results["dev"]
    if dev["spearman"] is not None:
        console.print(
            f"{dev['task']}: {100 * dev['spearman']:.2f} at step {dev['step']} ({dev['selection']} of {dev['checks']} looks)",
            highlight=False,
        )
    rate = f", {cost['tokens'] / cost['train_s']:,.0f} tokens/s" if cost.get("train_s") else ""
    date = str((run.environment or {}).get("date"))
    kept = f"; kept since {date}, nothing was trained now" if date < before else ""
    told = f"{cost['train_s']:.0f} s training, {cost['dev_s']:.0f} s dev, {cost['test_s']:.0f} s test{rate}{kept}"
    console.print(
        f"run {run.id} in {run.folder}: {told}", highlight=False, soft_wrap=True, markup=False
    )


NAMES = {
    "encoder": "encoder",
    "corpus": "corpus",
    "column": "column",
    "data_dir": "evaluation__data_dir",
    "seed": "seed",
    "pooling": "model__pooling",
    "layers": "model__layers",
    "dropout": "model__dropout",
    "temperature": "contrast__temperature",
    "weight": "contrast__weight",
    "operator": "reshape__operator",
    "dim": "reshape__dim",
    "reshape_weight": "reshape__weight",
    "reshape_temperature": "reshape__temperature",
    "source": "reshape__source",
    "mode": "reshape__mode",
    "role": "reshape__role",
    "steps": "training__steps",
    "epochs": "training__epochs",
    "batch_size": "training__batch_size",
    "learning_rate": "training__learning_rate",
    "precision": "training__precision",
    "eval_every": "training__eval_every",
}
"""Option -> the dotted key it sets."""


def _narrator(notify: Any, console: Any) -> Any:
    """Steps as a bar, looks at the dev set as lines."""

    def on_step(line: dict[str, Any], steps: int) -> None:
        notify(
            f"step, loss {line['loss']:.4f}, {line['tokens_per_s']:,.0f} tokens/s",
            line["step"],
            steps,
        )
        if "dev_spearman" in line:
            score = line["dev_spearman"]
            told = "undefined" if score is None else f"{100 * score:.2f}"
            console.print(
                f"step {line['step']}/{steps}: loss {line['loss']:.4f}, dev {told}", highlight=False
            )

    return on_step
