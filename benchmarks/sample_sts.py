"""Does sample-sts rank encoders as STS-B does? Writes reports/sample-sts/: table, scatter plot, Kendall's tau.

python -m benchmarks.sample_sts --data-dir SENTEVAL [--encoder NAME:POOLING[:LAYERS] ...]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from recse_lab import workflows
from recse_lab.errors import LabError
from recse_lab.reporting import style
from recse_lab.reporting.card import Card, write_card
from recse_lab.reporting.tables import Cell, Column, Row, Table
from recse_lab.store import atomic_path, commit, now

# Of different quality on purpose: depths and poolings of a supervised encoder and of an unsupervised one, and all that needs no training.
ENCODERS = (
    "all-minilm-l6-v2:mean", "all-minilm-l6-v2:mean:5", "all-minilm-l6-v2:mean:4", "all-minilm-l6-v2:mean:2", "all-minilm-l6-v2:mean:1",
    "all-minilm-l6-v2:cls", "all-minilm-l6-v2:cls:4", "recse-lab/tiny:mean", "recse-lab/tiny:first_last_mean", "recse-lab/tiny:cls",
    *(f"{baseline}@recse-lab/tiny:mean" for baseline in ("random", "bag", "bag-sif", "ppmi", "ppmi-sif", "whitening-64", "all-but-the-top")),
)  # fmt: skip


APART = 5
"""Points of Spearman that two encoders differ by, clearly: about the half-width of an interval on 540 pairs."""

QUESTION = "Does sample-sts rank encoders as STS-B does?"
NOTE = """Spearman ×100, fp32; 1,379 pairs of STS-B and 540 of sample-sts. The encoders were listed beforehand, to differ in quality, and none was left out. Several are
depths or poolings of one model, so they are no independent sample of encoders."""


def measure(encoder: str, data_dir: str, root: Path) -> dict[str, Any]:
    """Spearman of one encoder on both test sets, and the run under ``root`` that found it."""
    name, pooling, layers = [*encoder.split(":"), ""][:3]
    run = workflows.evaluate(
        name, root, data_dir=data_dir, tasks=["stsb", "sample-sts"], pooling=pooling, layers=int(layers) if layers else None,
        precision_="fp32",
    )  # fmt: skip
    scores = {task: (run.results or {})["tasks"][task]["spearman"]["all"] for task in ("stsb", "sample-sts")}
    print(f"{encoder}: {scores}", file=sys.stderr)
    baseline, _, encoder_name = name.rpartition("@")
    told = f"{baseline} of {Path(encoder_name).name}" if baseline else Path(name).name
    return {"encoder": f"{told}, {pooling}" + (f", {layers} layers" if layers else ""), **scores, "run": run.id}


def agreement(frame: pd.DataFrame) -> tuple[int, int]:
    """Pairs of encoders ``APART`` points or more apart on STS-B: how many sample-sts orders alike, and how many there are."""
    first, second = np.triu_indices(len(frame), 1)
    gap = 100 * (frame["stsb"].to_numpy()[first] - frame["stsb"].to_numpy()[second])
    other = frame["sample-sts"].to_numpy()[first] - frame["sample-sts"].to_numpy()[second]
    apart = np.abs(gap) >= APART
    return int((gap[apart] * other[apart] > 0).sum()), int(apart.sum())


def plot(frame: pd.DataFrame, tau: float) -> Any:
    """STS-B against sample-sts, one point an encoder, numbered in the order of STS-B."""
    plt = style.use()
    figure, axes = plt.subplots(figsize=(style.WIDTH, 4.2))
    x, y = 100 * frame["stsb"], 100 * frame["sample-sts"]
    axes.scatter(x, y, color=style.COLOURS[0], s=16, zorder=3)
    for place, (across, height) in enumerate(zip(x, y, strict=True), 1):
        right = place % 2  # neighbours on STS-B have their numbers on different sides
        axes.annotate(str(place), (across, height), xytext=(5 if right else -5, 0), textcoords="offset points", va="center",
                      ha="left" if right else "right", fontsize=7)  # fmt: skip
    key = "\n".join(f"{place}  {label}" for place, label in enumerate(frame["encoder"], 1))
    axes.text(1.02, 1, key, transform=axes.transAxes, va="top", fontsize=7, linespacing=1.45)
    axes.set(xlabel="STS-B test, Spearman ×100", ylabel="sample-sts test, Spearman ×100")
    axes.set_title(f"Kendall's τ = {tau:.2f} over {len(frame)} encoders")
    return figure


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--data-dir", required=True)
    parser.add_argument(
        "--encoder", action="append", help="NAME:POOLING[:LAYERS]; repeatable, instead of the built-in list"
    )
    parser.add_argument("--out", type=Path, default=Path("reports/sample-sts"))
    options = parser.parse_args()
    try:
        with tempfile.TemporaryDirectory() as root:  # the user's own store stays as it is
            frame = pd.DataFrame(
                [measure(encoder, options.data_dir, Path(root)) for encoder in options.encoder or ENCODERS]
            )
    except LabError as error:
        sys.exit(f"error: {error}")
    frame = frame.sort_values("stsb", ascending=False, ignore_index=True)
    tau, p = stats.kendalltau(frame["stsb"], frame["sample-sts"])
    style.save(plot(frame, tau), options.out / "figure")
    same, apart = agreement(frame)
    told = (
        f"Over {len(frame)} encoders Kendall's τ between the two is **{tau:.2f}** (p = {p:.1g}). Of the {apart} pairs of encoders that "
        f"lie {APART} points or more apart on STS-B, {same} stand in the same order on sample-sts."
    )
    computed = f"`python -m benchmarks.sample_sts --data-dir SENTEVAL`, commit {commit()}, {now()}"
    rows = "\n".join(
        f"| {name} | {100 * a:.2f} | {100 * b:.2f} | `{run}` |" for name, a, b, run in frame.itertuples(index=False)
    )
    text = f"""# {QUESTION}

{told}

![STS-B against sample-sts](figure.png)

| encoder | STS-B test | sample-sts test | run |
| --- | ---: | ---: | --- |
{rows}

{NOTE}

_{computed}_
"""
    with atomic_path(options.out / "summary.md") as path:
        path.write_text(text, encoding="utf-8")
    columns = [
        Column("encoder", "encoder", "text"),
        Column("stsb", "STS-B test"),
        Column("sample-sts", "sample-sts test"),
        Column("run", "run", "text"),
    ]
    table_rows = [Row({key: Cell(value) for key, value in row.items()}) for row in frame.to_dict("records")]
    table = Table("Spearman ×100 of every encoder on both", columns, table_rows, [" ".join(NOTE.split())])
    write_card(options.out, Card("sample-sts", "sample-sts", QUESTION, [told], [table], ["figure.png"], [computed]))
    print(text)


if __name__ == "__main__":
    main()
