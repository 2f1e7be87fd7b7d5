"""recse-lab pretrain"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from recse_lab.cli.options import Corpus, RunsDir, Set, overrides, plain_console, progress, root


def pretrain(
    config: Annotated[Path, typer.Argument(help="YAML file, as experiments/pretrain/tiny.yaml.")],
    corpus: Corpus = None,
    out: Annotated[
        Path | None, typer.Option(help="Also copy the finished encoder to this folder.")
    ] = None,
    set_: Set = None,
    runs: RunsDir = None,
) -> None:
    """Make an encoder from text alone: vocabulary, factorised embeddings, masked LM.

    Example: recse-lab pretrain experiments/pretrain/tiny.yaml --corpus wiki.txt --out my-encoder
    """
    from recse_lab.config.reading import read_pretrain_config
    from recse_lab.jobs.pretrain import pretrain as run_pretrain
    from recse_lab.optimisation.stepping import Interrupted

    console = plain_console()
    resolved = read_pretrain_config(config, overrides(set_, corpus=corpus))
    try:
        with progress() as notify:
            run = run_pretrain(
                resolved, root(runs), out=out, on_step=_narrator(notify, console), notify=notify
            )
    except Interrupted as stop:
        console.print(
            f"{stop}; the state is saved, and the same command continues.", highlight=False
        )
        raise typer.Exit(130) from None
    record = run.record
    results, cost = record.pretraining, record.cost
    console.print(
        f"{results.parameters:,} parameters, {results.vocabulary:,} pieces, "
        f"[UNK] {100 * (results.unknown_rate or 0.0):.3f} % of running tokens; "
        f"loss {results.last_loss:.3f}, accuracy {results.last_accuracy:.3f} "
        "over the last twentieth",
        highlight=False,
        soft_wrap=True,
    )
    rate = f", {cost.tokens_per_s:,.0f} tokens/s" if cost.tokens_per_s else ""
    console.print(
        f"run {run.id}, encoder in {out or run.folder / 'model' / 'last'}: "
        f"{cost.steps:,} steps, {cost.train_s:.0f} s{rate}",
        highlight=False,
        soft_wrap=True,
    )


def _narrator(notify: Any, console: Any) -> Any:
    """Steps as a bar, a line for every twentieth of the way."""

    def on_step(line: dict[str, Any], steps: int) -> None:
        notify(
            f"step, loss {line['loss']:.3f}, {line['tokens_per_s']:,.0f} tokens/s",
            line["step"],
            steps,
        )
        if line["step"] % max(1, steps // 20) == 0:
            console.print(
                f"step {line['step']:,}/{steps:,}: loss {line['loss']:.3f}", highlight=False
            )

    return on_step
