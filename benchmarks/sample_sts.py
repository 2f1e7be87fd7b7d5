"""Does sample-sts rank encoders as STS-B does? Writes reports/sample-sts/: table, scatter plot,
Kendall's tau.

python -m benchmarks.sample_sts --data-dir SENTEVAL [--encoder NAME:POOLING[:LAYERS] ...]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float
from scipy import stats

from recse_lab.errors import LabError
from recse_lab.figures import style
from recse_lab.files import atomic_path, now
from recse_lab.jobs.evaluate import evaluate
from recse_lab.reports.page.card import Card, write_card
from recse_lab.reports.tables import Cell, Column, Row, Table, markdown
from recse_lab.runs.provenance import commit
from recse_lab.runs.store import Run
from recse_lab.statistics.correlation import METRICS
from recse_lab.statistics.rank_bootstrap import bootstrap_correlations
from recse_lab.statistics.sts import by_task, joined

# Of different quality on purpose: depths and poolings of a supervised encoder and of an
# unsupervised one, and all that needs no training.
ENCODERS = (
    "all-minilm-l6-v2:mean",
    "all-minilm-l6-v2:mean:5",
    "all-minilm-l6-v2:mean:4",
    "all-minilm-l6-v2:mean:2",
    "all-minilm-l6-v2:mean:1",
    "all-minilm-l6-v2:cls",
    "all-minilm-l6-v2:cls:4",
    "recse-lab/tiny:mean",
    "recse-lab/tiny:first_last_mean",
    "recse-lab/tiny:cls",
    *(
        f"{baseline}@recse-lab/tiny:mean"
        for baseline in (
            "random",
            "bag",
            "bag-sif",
            "ppmi",
            "ppmi-sif",
            "whitening-64",
            "all-but-the-top",
        )
    ),
)


SETS = {
    "stsb-dev": "STS-B dev",
    "stsb": "STS-B test",
    "sample-sts": "sample-sts test",
    "sample-sts-all": "sample-sts, all",
}
WHOLE, PARTS = "sample-sts-all", ("sample-sts-dev", "sample-sts")
"""The packaged pairs all together: none of these encoders was chosen by its dev split."""
RANKINGS = (("stsb", WHOLE), ("stsb", "sample-sts"), ("stsb", "stsb-dev"))
"""What is compared: the whole set, its test split, and as a yardstick STS-B with itself on other
pairs.
"""
APART = 5
"""Points of Spearman that two encoders differ by, clearly: about the half-width of an interval on
540 pairs.
"""
RESAMPLES, SEED = 2000, 0
KENDALL: Callable[..., Any] = stats.kendalltau

QUESTION = "Does sample-sts rank encoders as STS-B does?"


def measure(encoder: str, data_dir: str, root: Path) -> tuple[str, Run]:
    """What one encoder is called, and the run under ``root`` that measured it on all four sets."""
    name, pooling, layers = [*encoder.split(":"), ""][:3]
    run = evaluate(
        name,
        root,
        data_dir=data_dir,
        tasks=["stsb-dev", "stsb", *PARTS],
        pooling=pooling,
        layers=int(layers) if layers else None,
        precision_="fp32",
    )
    baseline, _, encoder_name = name.rpartition("@")
    told = f"{baseline} of {Path(encoder_name).name}" if baseline else Path(name).name
    depth = f", {layers} layer{'s' if layers != '1' else ''}" if layers else ""
    print(f"measured: {told}, {pooling}{depth}", file=sys.stderr)
    return f"{told}, {pooling}{depth}", run


def pairs_of(runs: list[Run]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Gold and every encoder's scores on each of ``SETS``."""
    frames = [by_task(pd.read_parquet(run.scores)) for run in runs]
    found = {name: joined(frames, name) for name in ("stsb-dev", "stsb", *PARTS)}
    parts = [found.pop("sample-sts-dev"), found["sample-sts"]]
    return found | {
        WHOLE: (
            np.concatenate([g for g, _ in parts]),
            np.concatenate([s for _, s in parts], axis=1),
        )
    }


class Agreement(NamedTuple):
    """Kendall's τ between two rankings, its 95 % interval, and of the pairs of encoders ``APART``
    points apart those ordered alike.
    """

    tau: float
    low: float
    high: float
    same: int
    apart: int

    @property
    def clear(self) -> float:
        """τ over the pairs of encoders that are apart: of different quality, as the first ranking
        sees it.
        """
        return 2 * self.same / self.apart - 1 if self.apart else float("nan")


def agreement(first: Ranked, second: Ranked) -> Agreement:
    """The interval is over other pairs of sentences (percentiles of a bootstrap of both sets), for
    these very encoders.
    """
    tau = float(KENDALL(first.scores, second.scores).statistic)
    taus = [float(KENDALL(a, b).statistic) for a, b in zip(first.boot, second.boot, strict=True)]
    low, high = np.percentile(taus, [2.5, 97.5])
    i, k = np.triu_indices(len(first.scores), 1)
    gap, other = (ranked.scores[i] - ranked.scores[k] for ranked in (first, second))
    apart = np.abs(100 * gap) >= APART
    return Agreement(
        tau, float(low), float(high), int((gap[apart] * other[apart] > 0).sum()), int(apart.sum())
    )


class Ranked(NamedTuple):
    """Spearman of every encoder on one set, and on resamples of its pairs."""

    scores: Float[np.ndarray, " encoders"]
    boot: Float[np.ndarray, "resamples encoders"]


def ranked(gold: np.ndarray, scores: np.ndarray, rng: np.random.Generator) -> Ranked:
    """The encoders by their Spearman on one set."""
    boot = bootstrap_correlations(gold, scores, resamples=RESAMPLES, rng=rng)
    return Ranked(
        np.array([float(METRICS["spearman"](gold, row).statistic) for row in scores]), boot
    )


def agreements(found: dict[tuple[str, str], Agreement], pairs: dict[str, int]) -> Table:
    """One line a comparison."""
    columns = [
        Column("set", "set", "text"),
        Column("pairs", "pairs", "number", digits=0),
        Column("with", "ranks as", "text"),
        Column("tau", "Kendall's τ", "number", digits=2),
        Column("order", f"in the same order, of those {APART} points apart", "text"),
        Column("clear", "τ of those", "number", digits=2),
    ]
    rows = [
        Row(
            {
                "set": Cell(SETS[b]),
                "pairs": Cell(float(pairs[b])),
                "with": Cell(SETS[a]),
                "tau": Cell(each.tau, low=each.low, high=each.high),
                "order": Cell(f"{each.same} of {each.apart}"),
                "clear": Cell(each.clear),
            }
        )
        for (a, b), each in found.items()
    ]
    return Table(
        "Agreement of the rankings",
        columns,
        rows,
        ["STS-B dev: what one set of pairs owes another of its own kind."],
    )


def plot(frame: pd.DataFrame, tau: float) -> Any:
    """STS-B against sample-sts, one point an encoder, numbered in the order of STS-B."""
    plt = style.use()
    figure, axes = plt.subplots(figsize=(style.WIDTH, 4.2))
    x, y = 100 * frame["stsb"], 100 * frame[WHOLE]
    axes.scatter(x, y, color=style.COLOURS[0], s=16, zorder=3)
    for place, (across, height) in enumerate(zip(x, y, strict=True), 1):
        right = place % 2  # neighbours on STS-B have their numbers on different sides
        axes.annotate(
            str(place),
            (across, height),
            xytext=(5 if right else -5, 0),
            textcoords="offset points",
            va="center",
            ha="left" if right else "right",
            fontsize=7,
        )
    key = "\n".join(f"{place}  {label}" for place, label in enumerate(frame["encoder"], 1))
    axes.text(1.02, 1, key, transform=axes.transAxes, va="top", fontsize=7, linespacing=1.45)
    axes.set(xlabel="STS-B test, Spearman ×100", ylabel="sample-sts, Spearman ×100")
    axes.set_title(f"Kendall's τ = {tau:.2f} over {len(frame)} encoders")
    return figure


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--data-dir", required=True)
    parser.add_argument(
        "--encoder",
        action="append",
        help="NAME:POOLING[:LAYERS]; repeatable, instead of the built-in list",
    )
    parser.add_argument("--out", type=Path, default=Path("reports/sample-sts"))
    options = parser.parse_args()
    try:
        with tempfile.TemporaryDirectory() as root:  # the user's own store stays as it is
            measured = [
                measure(encoder, options.data_dir, Path(root))
                for encoder in options.encoder or ENCODERS
            ]
            pairs = pairs_of([run for _, run in measured])
    except LabError as error:
        sys.exit(f"error: {error}")
    rng = np.random.default_rng(SEED)
    rankings = {name: ranked(*of, rng) for name, of in pairs.items()}
    frame = pd.DataFrame(
        {"encoder": [told for told, _ in measured], "run": [run.id for _, run in measured]}
    )
    frame = frame.assign(**{name: ranking.scores for name, ranking in rankings.items()})
    frame = frame.sort_values("stsb", ascending=False, ignore_index=True)
    found = {(a, b): agreement(rankings[a], rankings[b]) for a, b in RANKINGS}
    whole, yardstick = found["stsb", WHOLE], found["stsb", "stsb-dev"]
    told = (
        f"Over {len(frame)} encoders Kendall's τ between sample-sts and STS-B test is "
        f"**{whole.tau:.2f}** [{whole.low:.2f}, {whole.high:.2f}], and {whole.clear:.2f} over the "
        f"{whole.apart} pairs of encoders that are {APART} points or more apart; STS-B's own dev "
        f"set, the yardstick, reaches {yardstick.tau:.2f} [{yardstick.low:.2f}, "
        f"{yardstick.high:.2f}] and {yardstick.clear:.2f}."
    )
    note = (
        "Spearman ×100, fp32; "
        f"{', '.join(f'{SETS[name]} {len(gold):,}' for name, (gold, _) in pairs.items())} pairs. "
        f"Intervals: 95 %, {RESAMPLES:,} resamples of the pairs of both sets, for these encoders. "
        "The encoders were listed beforehand, to differ in quality, and none was left out; "
        "several are depths or poolings of one model, so they are no independent sample of "
        "encoders."
    )
    style.save(plot(frame, found["stsb", WHOLE].tau), options.out / "figure")
    computed = f"`python -m benchmarks.sample_sts --data-dir SENTEVAL`, commit {commit()}, {now()}"
    columns = [
        Column("encoder", "encoder", "text"),
        *(Column(name, label) for name, label in SETS.items()),
        Column("run", "run", "text"),
    ]
    cells = [{name: Cell(value) for name, value in row.items()} for row in frame.to_dict("records")]
    tables = [
        agreements(found, {name: len(gold) for name, (gold, _) in pairs.items()}),
        Table(
            "Spearman ×100 of every encoder on each set",
            columns,
            [Row({str(k): v for k, v in row.items()}) for row in cells],
            [note],
        ),
    ]
    body = "\n".join(map(markdown, tables))
    text = (
        f"# {QUESTION}\n\n{told}\n\n![STS-B against "
        f"sample-sts](figure.png)\n\n{body}\n_{computed}_\n"
    )
    with atomic_path(options.out / "summary.md") as path:
        path.write_text(text, encoding="utf-8")
    write_card(
        options.out,
        Card("sample-sts", "sample-sts", QUESTION, [told], tables, ["figure.png"], [computed]),
    )
    print(text)


if __name__ == "__main__":
    main()
