"""(i) One SimCSE step of 64 sentences on what the package carries: the time a newcomer waits
for.
"""

from __future__ import annotations

import shutil

import numpy as np
import torch

from benchmarks import peer
from benchmarks.measure import Part, Row, Setup, clock, say
from recse_lab.config.reading import make_config
from recse_lab.jobs.build import Lab
from recse_lab.jobs.settling import settle
from recse_lab.models.precision import best_precision

ENCODER, CORPUS, BATCH = "recse-lab/tiny", "sample-corpus", 64
WARM_UP = 5
PRECISIONS = tuple(dict.fromkeys((best_precision(), "fp32")))
"""What ``auto`` takes on this machine first: the target is for it."""


def run(setup: Setup) -> Part:
    """The mean over steps within a repeat; the precisions take turns."""
    steps = WARM_UP + (3 if setup.quick else 50)
    found: dict[str, list[float]] = {precision: [] for precision in PRECISIONS}
    for repeat in range(setup.repeats):
        for precision, seconds in found.items():
            seconds.append(_step(setup, precision, steps))
            say(
                f"i: repeat {repeat + 1} of {setup.repeats}, {precision}: {seconds[-1]:.3f} s a "
                "step"
            )
    rows = [
        Row(f"a step, {precision}", "s", seconds, at_most=None if place else 0.1)
        for place, (precision, seconds) in enumerate(found.items())
    ]
    note = (
        f"{ENCODER}, {CORPUS}, mean pooling, tanh head, batch {BATCH}, {torch.get_num_threads()} "
        f"thread(s); {steps - WARM_UP} steps after {WARM_UP} of warm-up. The target is for the "
        f"precision that `auto` takes here, {PRECISIONS[0]}."
    )
    return Part("one SimCSE step of the sample", rows, [note], {"seconds": found})


def _step(setup: Setup, precision: str, steps: int) -> float:
    peer.reset_accelerate()
    tree = {
        "encoder": ENCODER,
        "corpus": [CORPUS],
        "model": {"pooling": "mean", "head": "tanh"},
        "reshape": None,
        "training": {
            "steps": steps,
            "batch_size": BATCH,
            "learning_rate": 1e-3,
            "eval_every": 2 * steps,
            "precision": precision,
        },
    }
    lab = Lab(settle(make_config(tree)))
    stamps: list[float] = []
    folder = setup.scratch / "step"
    lab.train(lab.arm(), folder, log=lambda line: stamps.append(clock()))
    shutil.rmtree(folder, ignore_errors=True)
    return float(np.mean(np.diff(stamps)[WARM_UP:]))
