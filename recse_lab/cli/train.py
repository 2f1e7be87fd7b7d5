"""recse-lab train"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from recse_lab.cli.closing import close
from recse_lab.cli.options import (
    Corpus,
    DataDir,
    Encoder,
    Json,
    RunsDir,
    Set,
    overrides,
    plain_console,
    progress,
    root,
)

if TYPE_CHECKING:
    from rich.console import Console

    from recse_lab.runs.store import Run

PANEL = "What is trained"

ConfigFile = Annotated[
    Path | None, typer.Argument(help="YAML file; the options below override it.")
]
Framework = Annotated[
    str | None,
    typer.Option(
        help="Where to start from (recse-lab list frameworks), as esimcse or esimcse+reshape.",
        show_default="simcse; recse with a reshape option",
    ),
]
Column = Annotated[
    str | None, typer.Option(help="Column of the sentences in csv, tsv, jsonl, parquet.")
]
Seed = Annotated[int | None, typer.Option(min=0, show_default="0")]
Pooling = Annotated[
    str | None,
    typer.Option(help="recse-lab list poolings.", rich_help_panel=PANEL, show_default="cls"),
]
Layers = Annotated[
    int | None,
    typer.Option(help="Backbone layers kept.", rich_help_panel=PANEL, show_default="all"),
]
Dropout = Annotated[
    float | None,
    typer.Option(help="Rate in the backbone.", rich_help_panel=PANEL, show_default="0.1"),
]
Temperature = Annotated[
    float | None,
    typer.Option(help="τ, of the dropout contrast.", rich_help_panel=PANEL, show_default="0.05"),
]
Weight = Annotated[
    float | None,
    typer.Option(
        help="w, weight of the dropout contrast.", rich_help_panel=PANEL, show_default="1.0"
    ),
]
Operator = Annotated[
    str | None,
    typer.Option(
        help="Reshape operator (recse-lab list operators).",
        rich_help_panel=PANEL,
        show_default="channel-gram",
    ),
]
Dim = Annotated[
    int | None,
    typer.Option(help="p, the reshape dimension.", rich_help_panel=PANEL, show_default="32"),
]
ReshapeWeight = Annotated[
    float | None,
    typer.Option(
        help="λ, weight of the reshape contrast.", rich_help_panel=PANEL, show_default="0.01"
    ),
]
ReshapeTemperature = Annotated[
    float | None,
    typer.Option(help="τ′, of the reshape contrast.", rich_help_panel=PANEL, show_default="0.05"),
]
Source = Annotated[
    int | None,
    typer.Option(
        help="Hidden layer of the features; 0 = embeddings.",
        rich_help_panel=PANEL,
        show_default="0",
    ),
]
Mode = Annotated[
    str | None,
    typer.Option(help="separated or integrated.", rich_help_panel=PANEL, show_default="separated"),
]
Role = Annotated[
    str | None,
    typer.Option(help="target, view or residual.", rich_help_panel=PANEL, show_default="target"),
]
Steps = Annotated[int | None, typer.Option(min=0, help="Optimiser steps; overrides epochs.")]
Epochs = Annotated[float | None, typer.Option(help="Passes over the corpus.", show_default="3.0")]
BatchSize = Annotated[int | None, typer.Option(help="Sentences per step.", show_default="64")]
LearningRate = Annotated[
    float | None, typer.Option(help="Peak learning rate.", show_default="3e-05")
]
Precision = Annotated[str | None, typer.Option(help="auto, fp32 or bf16.", show_default="auto")]
EvalEvery = Annotated[
    int | None, typer.Option(help="Steps between two dev evaluations.", show_default="125")
]


def train(
    config: ConfigFile = None,
    framework: Framework = None,
    encoder: Encoder = None,
    corpus: Corpus = None,
    column: Column = None,
    data_dir: DataDir = None,
    seed: Seed = None,
    pooling: Pooling = None,
    layers: Layers = None,
    dropout: Dropout = None,
    temperature: Temperature = None,
    weight: Weight = None,
    operator: Operator = None,
    dim: Dim = None,
    reshape_weight: ReshapeWeight = None,
    reshape_temperature: ReshapeTemperature = None,
    source: Source = None,
    mode: Mode = None,
    role: Role = None,
    steps: Steps = None,
    epochs: Epochs = None,
    batch_size: BatchSize = None,
    learning_rate: LearningRate = None,
    precision: Precision = None,
    eval_every: EvalEvery = None,
    set_: Set = None,
    json_: Json = None,
    runs: RunsDir = None,
) -> None:
    """Train a sentence encoder by contrast and test it; the same command resumes a stopped run.

    Example: recse-lab train --encoder recse-lab/tiny --corpus wiki.txt --data-dir SENTEVAL
    """
    given = {k: v for k, v in locals().items() if k in NAMES}
    options = overrides(set_, **{NAMES[k]: v for k, v in given.items()})
    if framework is None and config is None:
        framework = "recse" if any(key.startswith("reshape.") for key in options) else "simcse"
    from recse_lab.config.reading import read_config
    from recse_lab.files import now, write_json
    from recse_lab.jobs.train import train as run_train
    from recse_lab.optimisation.stepping import Interrupted

    console, before = plain_console(), now()
    resolved = read_config(config, framework=framework, overrides=options)
    try:
        with progress() as notify:
            run = run_train(resolved, root(runs), on_step=_narrator(notify, console), notify=notify)
    except Interrupted as stop:
        console.print(f"{stop}; the state is saved, and the same command continues.")
        raise typer.Exit(130) from None
    if json_:
        write_json(json_, run.record.sts.document())
    _report(run, console, before)
    base = resolved.encoder if resolved.trained else None
    close(run, console, runs, base=base)


def _report(run: Run, console: Console, before: str) -> None:
    """Print the results of a run; ``before`` is when the command started."""
    from recse_lab.reports.dev_choice import dev_choice
    from recse_lab.reports.encoder_table import results_table
    from recse_lab.reports.tables import rich_table
    from recse_lab.runs.references import run_label

    record = run.record
    results, cost, dev = record.sts, record.cost, record.sts.dev
    if results.tasks:
        console.print(rich_table(results_table(results, run_label(run)), console.width))
    if dev.spearman is not None:
        console.print(
            f"{dev.task}: {100 * dev.spearman:.2f} at step {dev.step} "
            f"({dev.selection} of {dev.checks} dev evaluations)",
            highlight=False,
        )
        console.print(dev_choice(run.record.results.dev), highlight=False)
    rate = f", {cost.tokens_per_s:,.0f} tokens/s" if cost.tokens_per_s else ""
    date = str(record.environment.date)
    kept = f"; kept since {date}, nothing was trained now" if date < before else ""
    console.print(
        f"run {run.id} in {run.folder}: {cost.train_s:.0f} s training, {cost.dev_s:.0f} s dev, "
        f"{cost.test_s:.0f} s test{rate}{kept}",
        highlight=False,
        soft_wrap=True,
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
    """Steps as a bar, dev evaluations as lines."""

    def on_step(line: dict[str, Any], steps: int) -> None:
        loss = line.get("loss")  # a line before the first step has none
        if loss is not None:
            notify(
                f"step, loss {loss:.4f}, {line['tokens_per_s']:,.0f} tokens/s", line["step"], steps
            )
        if "dev_spearman" in line:
            score = line["dev_spearman"]
            shown = "undefined" if score is None else f"{100 * score:.2f}"
            trained = "untrained" if loss is None else f"loss {loss:.4f}"
            console.print(f"step {line['step']}/{steps}: {trained}, dev {shown}", highlight=False)

    return on_step
