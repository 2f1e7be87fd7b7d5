"""(f) Frameworks: what a step of each costs beside one of SimCSE, on the same sentences."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from benchmarks import peer
from benchmarks.measure import ENCODER, Part, Row, Setup, clock, ratios, say
from recse_lab.config.frameworks import FRAMEWORKS, RESHAPE, framework_options
from recse_lab.config.overrides import merge
from recse_lab.config.reading import make_config
from recse_lab.jobs.build import Lab
from recse_lab.jobs.settling import settle
from recse_lab.models.precision import best_precision

WARM_UP = 2  # first steps, which are not counted
BASE = "simcse"
QUEUED = "esimcse"
QUEUELESS = f"{QUEUED} without its queue"
"""SimCSE on ESimCSE's longer text: beside it stands what the momentum encoder and the queue cost,
which the target is for.
"""
HALF = " in bf16"
AT_MOST = {"reshape-only": 0.6, f"{BASE}{RESHAPE}": 1.1}
QUEUE_AT_MOST = 1.15


class Measured(NamedTuple):
    seconds: float
    """A step, on average."""
    tokens: float
    """Of it, padding not counted."""


def run(setup: Setup) -> Part:
    """Within a repeat the frameworks take their turns; every one trains on the same batches from
    the same start.
    """
    steps = WARM_UP + (2 if setup.quick else 8)
    names = [
        BASE,
        *(name for name in (*FRAMEWORKS, f"{BASE}{RESHAPE}") if name not in (BASE, "supervised")),
    ]
    labs = {name: _lab(setup, name, steps) for name in (*names, QUEUELESS)}
    if fast := best_precision() == "bf16":  # what `training.precision: auto` takes on this machine
        labs |= {f"{name}{HALF}": _lab(setup, name, steps, "bf16") for name in (QUEUED, QUEUELESS)}
    found: dict[str, list[Measured]] = {name: [] for name in labs}
    for repeat in range(setup.repeats):
        for name, lab in labs.items():
            found[name].append(_step(lab, setup))
            say(
                f"f: repeat {repeat + 1} of {setup.repeats}, {name}: "
                f"{found[name][-1].seconds:.3f} s a step"
            )
    seconds = {name: [each.seconds for each in measured] for name, measured in found.items()}
    tokens = {name: measured[0].tokens for name, measured in found.items()}

    def queue_cost(told: str = "", half: str = "") -> Row:
        return Row(
            f"{QUEUED} / {QUEUELESS}{told}",
            "×",
            ratios(seconds[QUEUED + half], seconds[QUEUELESS + half]),
            QUEUE_AT_MOST,
        )

    rows = [
        Row(f"{name} / {BASE}", "×", ratios(seconds[name], seconds[BASE]), AT_MOST.get(name))
        for name in names[1:]
    ]
    rows += [queue_cost(), *([queue_cost(", both in bf16", HALF)] if fast else [])]
    config = labs[BASE].config
    return Part(
        "frameworks, seconds of a training step",
        rows,
        [
            f"`recse-lab train --framework NAME`, all layers of {ENCODER}, mean pooling, fp32, "
            f"batch {config.training.batch_size}, at most {config.model.max_length} tokens, the "
            f"same sentences in the same order; {WARM_UP} warm-up steps, then {steps - WARM_UP} "
            "counted ones a repeat. Everything a step needs is in it: text views, template bias, "
            "momentum encoder, reading stored features.",
            f"{QUEUELESS} reads the same repeated words. Where every pass runs at the same speed "
            "the queue must cost 1 + (what its momentum encoder reads) / (3 × what is trained "
            f"on) = {1 + tokens[BASE] / 2 / (3 * tokens[QUEUED]):.2f}×: a forward pass is a third "
            "of a training step.",
            "Tokens a step (padding not counted): "
            f"{'; '.join(f'{name} {tokens[name]:,.0f}' for name in tokens if name in names)}.",
            "Seconds a step, median: "
            f"{'; '.join(f'{name} {np.median(values):.3f}' for name, values in seconds.items())}.",
            "supervised is left out: it needs a table of triples, and does three passes by its "
            "nature.",
        ],
        {"seconds": seconds, "tokens": tokens},
    )


def _lab(setup: Setup, name: str, steps: int, precision: str = "fp32") -> Lab:
    tree: dict[str, Any] = {
        "encoder": ENCODER,
        "corpus": list(setup.corpus),
        "model": {"pooling": "mean"},
        "training": {"steps": steps, "precision": precision, "eval_every": 2 * steps},
        "evaluation": {"data_dir": setup.data_dir},
    }
    changed = {"contrast.queue": 0} if name == QUEUELESS else {}
    options = framework_options(QUEUED if name == QUEUELESS else name)
    return Lab(settle(make_config(merge(merge(tree, options), changed))))


def _step(lab: Lab, setup: Setup) -> Measured:
    peer.reset_accelerate()
    stamps: list[float] = []
    progress = lab.train(
        lab.arm(),
        setup.scratch / "none",
        log=lambda line: stamps.append(clock()),
    )
    seconds = (stamps[-1] - stamps[WARM_UP - 1]) / (progress.step - WARM_UP)
    return Measured(seconds, progress.tokens / progress.step)
