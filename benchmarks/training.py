"""(b) Training: real tokens per second of SimCSE, recse-lab beside sentence-transformers' trainer
on the same batches.
"""

from __future__ import annotations

import os

import numpy as np

from benchmarks import peer
from benchmarks.measure import ENCODER, Part, Row, Setup, clock, ratios, say, timed
from recse_lab.config.reading import make_config
from recse_lab.jobs.build import Lab
from recse_lab.jobs.machine import device
from recse_lab.jobs.settling import settle
from recse_lab.models.precision import best_precision
from recse_lab.optimisation.batches import Batches

WARM_UP = 2  # first steps, which are not counted


def run(setup: Setup) -> Part:
    """Both sides take the same steps on the same sentences in the same order, in turn."""
    steps = WARM_UP + (2 if setup.quick else 7)
    labs = {
        precision: _lab(setup, precision, steps)
        for precision in (("fp32", "bf16") if best_precision(device()) == "bf16" else ("fp32",))
    }
    lab = labs["fp32"]
    say("b: tokenising the corpus")
    os.environ["RECSE_LAB_CACHE"] = str(
        setup.scratch / "cache-training"
    )  # another part may have tokenised it already
    tokenised_in, tokens = timed(lambda: lab.tokens)
    batch_size, max_length = lab.config.training.batch_size, lab.config.model.max_length
    batches = Batches(tokens.lengths, batch_size, seed=lab.config.seed)
    rows = [batches(step) for step in range(steps)]
    real = [2 * int(tokens.lengths[batch].sum()) for batch in rows]
    lines = list(lab.corpus)
    sentences = [lines[row] for row in np.concatenate(rows)]
    tokenising = (
        tokenised_in / len(tokens) * batch_size * (steps - WARM_UP)
    )  # the other side does it in its loop

    rate: dict[str, list[float]] = {
        f"{who} {p}": [] for p in labs for who in ("recse-lab", "sentence-transformers")
    }
    seconds: dict[str, list[list[float]]] = {name: [] for name in rate}
    for repeat in range(setup.repeats):
        for precision, lab in labs.items():
            ours = _train(lab, setup)
            theirs, counted = peer.train(
                sentences,
                batch_size=batch_size,
                max_length=max_length,
                precision=precision,
                learning_rate=lab.config.training.learning_rate,
                folder=setup.scratch / "sentence-transformers",
            )
            assert counted == real, "the two sides did not see the same tokens"
            for who, stamps, besides in (
                ("recse-lab", ours, tokenising),
                ("sentence-transformers", theirs, 0.0),
            ):
                name = f"{who} {precision}"
                seconds[name].append(np.diff(stamps).tolist())
                rate[name].append(
                    sum(real[WARM_UP:]) / (stamps[-1] - stamps[WARM_UP - 1] + besides)
                )
                say(
                    f"b: repeat {repeat + 1} of {setup.repeats}, {name}: {rate[name][-1]:,.0f} "
                    "tokens/s"
                )
    table = [
        Row(
            f"recse-lab {p} / sentence-transformers {p}",
            "×",
            ratios(rate[f"recse-lab {p}"], rate[f"sentence-transformers {p}"]),
            at_least=1.2,
        )
        for p in labs
    ]
    rates = "; ".join(f"{name} {np.median(values):,.0f}" for name, values in rate.items())
    return Part(
        "training, real tokens per second",
        table,
        [
            f"SimCSE, all layers, mean pooling, batch {batch_size}, at most {max_length} tokens, "
            "temperature 0.05, AdamW, clip 1.0, no dev set, no checkpoint; the same "
            f"{len(sentences)} sentences in the same order; {WARM_UP} warm-up steps, then "
            f"{steps - WARM_UP} counted ones a repeat.",
            "A token counts if it is no padding, once for each of the two passes; the numbers of "
            "both sides agree step by step.",
            "recse-lab: training.trainer.train with its defaults. It reads a corpus tokenised "
            "beforehand: the share of these sentences in that time "
            f"({tokenising / (steps - WARM_UP):.4f} s a step) is charged to it.",
            "sentence-transformers: SentenceTransformerTrainer with "
            "MultipleNegativesRankingLoss(scale=20) on pairs (s, s); bf16=True where bf16; its "
            "default optimiser; no logging, no workers.",
            f"Tokens per second, median: {rates}.",
        ],
        {
            "tokens_per_s": rate,
            "step_seconds": seconds,
            "tokens": real,
            "tokenising_s": tokenised_in,
            "sentences": len(tokens),
        },
    )


def _lab(setup: Setup, precision: str, steps: int) -> Lab:
    tree = {
        "encoder": ENCODER,
        "corpus": list(setup.corpus),
        "model": {"pooling": "mean"},
        "training": {"steps": steps, "precision": precision, "eval_every": 2 * steps},
        "evaluation": {"data_dir": setup.data_dir},
    }
    return Lab(settle(make_config(tree)))


def _train(lab: Lab, setup: Setup) -> list[float]:
    """When each step of recse-lab's trainer ended."""
    peer.reset_accelerate()
    stamps: list[float] = []
    lab.train(
        lab.arm(),
        setup.scratch / "none",
        log=lambda line: stamps.append(clock()),
    )
    return stamps
