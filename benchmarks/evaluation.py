"""(a) The seven STS tasks: recse-lab beside sentence-transformers, same encoder, same pairs, same
scores.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from benchmarks import peer
from benchmarks.measure import ENCODER, Part, Row, Setup, ratios, say, timed
from recse_lab.data.sts_sets import SEVEN, Pairs, StsTask, load_task
from recse_lab.evaluation.sts import score_pairs, sts_results
from recse_lab.jobs.machine import device
from recse_lab.jobs.measure import score_tasks
from recse_lab.models.precision import best_precision
from recse_lab.models.saving import load_encoder

PARTS, QUICK_PARTS = 3, 150
BATCH_SIZES = (16, 32, 64)
"""sentence-transformers gets the one it is fastest with; 16 is its evaluator's default, 32 that of
encode.
"""


def parts_of(tasks: Sequence[StsTask], count: int) -> list[list[StsTask]]:
    """The suite in parts of like size. Pairs that share a sentence stay together, across tasks too:
    of its sentences, a part repeats as many as the whole suite does.
    """
    index: dict[str, int] = {}
    pairs = [pairs for task in tasks for pairs in task.subsets.values()]
    first = np.array([index.setdefault(s, len(index)) for p in pairs for s in p.first])
    second = np.array([index.setdefault(s, len(index)) for p in pairs for s in p.second])
    graph = coo_array((np.ones(len(first)), (first, second)), shape=(len(index), len(index)))
    clusters, cluster_of = connected_components(graph, directed=False)
    part_of = np.random.default_rng(0).integers(count, size=clusters)[cluster_of]
    return [
        _only(tasks, {s for s, i in index.items() if part_of[i] == part}) for part in range(count)
    ]


def _only(tasks: Sequence[StsTask], sentences: set[str]) -> list[StsTask]:
    chosen = []
    for task in tasks:
        subsets = {}
        for name, pairs in task.subsets.items():
            keep = [i for i, sentence in enumerate(pairs.first) if sentence in sentences]
            if keep:
                subsets[name] = Pairs(
                    [pairs.first[i] for i in keep],
                    [pairs.second[i] for i in keep],
                    pairs.gold[keep],
                )
        chosen.append(StsTask(task.name, subsets))
    return chosen


def spearman(scores) -> dict[str, float]:
    """Spearman over the pooled pairs of each task."""
    return {
        name: result["spearman"]["all"] for name, result in sts_results(scores)["tasks"].items()
    }


def fastest_batch_size(model, sentences: list[str]) -> dict[int, float]:
    """Seconds of sentence-transformers by batch size, the better of two tries, fastest first."""
    seconds = dict.fromkeys(BATCH_SIZES, float("inf"))
    model.encode(sentences[:64])  # the first call of all pays for what later ones find ready
    for _ in range(2):
        for size in BATCH_SIZES:
            seconds[size] = min(
                seconds[size], timed(lambda size=size: model.encode(sentences, batch_size=size))[0]
            )
    return dict(sorted(seconds.items(), key=lambda item: item[1]))


def run(setup: Setup) -> Part:
    """Every side evaluates the same part of the suite in turn; a repeat is a part."""
    say("a: reading the seven tasks")
    parts = parts_of(
        [load_task(name, setup.data_dir) for name in SEVEN], QUICK_PARTS if setup.quick else PARTS
    )
    ours, theirs = load_encoder(ENCODER).to(device()), peer.model()
    some = [s for task in parts[0] for pairs in task.subsets.values() for s in pairs.first][
        :: 4 if setup.quick else 10
    ]
    ours.encode(some[:64])
    sizes = fastest_batch_size(theirs, some)
    size = next(iter(sizes))
    sides = {
        "recse-lab fp32": lambda tasks: spearman(score_tasks(ours, tasks, precision="fp32")),
        "sentence-transformers fp32": lambda tasks: peer.evaluate(theirs, tasks, size),
        "sentence-transformers fp32, deduplicated": lambda tasks: spearman(
            score_pairs(tasks, lambda sentences: theirs.encode(sentences, batch_size=size))
        ),
    }
    if best_precision(device()) == "bf16":
        half = peer.model(dtype=torch.bfloat16)
        ours.encode(some[:64], precision="bf16")
        half.encode(some[:64])
        sides["recse-lab bf16"] = lambda tasks: spearman(score_tasks(ours, tasks, precision="bf16"))
        sides["sentence-transformers bf16, deduplicated"] = lambda tasks: spearman(
            score_pairs(
                tasks, lambda sentences: half.encode(sentences, batch_size=size).astype(np.float32)
            )
        )

    seconds: dict[str, list[float]] = {name: [] for name in sides}
    apart = 0.0
    for repeat in range(setup.repeats):
        tasks, scores = parts[repeat % len(parts)], {}
        for name, evaluate in sides.items():
            took, scores[name] = timed(lambda evaluate=evaluate, tasks=tasks: evaluate(tasks))
            seconds[name].append(took)
            say(f"a: repeat {repeat + 1} of {setup.repeats}, {name}: {took:.1f} s")
        mine, usual = scores["recse-lab fp32"], scores["sentence-transformers fp32"]
        apart = max([apart, *(abs(mine[task] - usual[task]) for task in mine)])

    def against(mine: str, other: str, at_most: float | None = None) -> Row:
        return Row(f"{mine} / {other}", "×", ratios(seconds[mine], seconds[other]), at_most=at_most)

    rows = [
        against("recse-lab fp32", "sentence-transformers fp32", 0.55),
        against("recse-lab fp32", "sentence-transformers fp32, deduplicated"),
    ]
    if "recse-lab bf16" in sides:
        rows.insert(1, against("recse-lab bf16", "sentence-transformers fp32", 0.3))
        rows.append(against("recse-lab bf16", "sentence-transformers bf16, deduplicated"))
    pairs = [sum(len(p.gold) for task in part for p in task.subsets.values()) for part in parts]
    totals = {f"{row.what}, of totals": _of_totals(seconds, row.what) for row in rows}
    tried = ", ".join(f"{size}: {took:.2f} s" for size, took in sizes.items())
    covered = (
        "once"
        if setup.repeats == len(parts)
        else f"in {min(setup.repeats, len(parts))} of {len(parts)} parts"
    )
    return Part(
        "evaluation of the seven STS tasks, time",
        rows,
        [
            f"A repeat is one of {len(parts)} parts of the suite ({min(pairs):,} to "
            f"{max(pairs):,} pairs); pairs that share a sentence stay together, so nothing that "
            f"could be encoded once is torn apart. All pairs are evaluated {covered} by every "
            "side, in turn.",
            "recse-lab: score_tasks and sts_results as `recse-lab eval` calls them: every "
            "distinct sentence once, its own token budget a batch, Spearman and Pearson by all, "
            "mean and wmean.",
            "sentence-transformers: one EmbeddingSimilarityEvaluator a task (sentences1, then "
            f"sentences2; it sorts each by length), at its fastest batch size on {len(some)} "
            f"sentences ({tried}). One evaluator a task, not a subset: fewer and longer calls, so "
            "less padding for it.",
            "deduplicated: a stronger user, who collects the distinct sentences of all tasks and "
            "encodes them in one call of model.encode; scored by recse-lab's own functions. bf16, "
            "deduplicated: the same with the weights loaded in bfloat16.",
            "Loading is timed for neither. Largest difference between the two fp32 Spearman of a "
            f"task: {apart:.1e}.",
            "Ratios of the total seconds: "
            + "; ".join(f"{value:.2f}" for value in totals.values())
            + ", in the order of the rows.",
        ],
        {
            "seconds": seconds,
            "ratio_of_totals": totals,
            "pairs": pairs,
            "batch_size_seconds": sizes,
            "spearman_apart": apart,
        },
    )


def _of_totals(seconds: dict[str, list[float]], what: str) -> float:
    mine, other = what.split(" / ")
    return sum(seconds[mine]) / sum(seconds[other])
