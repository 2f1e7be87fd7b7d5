"""(c) What looking at the dev set costs beside training, with the settings a user gets who sets
none.
"""

from __future__ import annotations

from benchmarks.measure import ENCODER, Part, Row, Setup, say
from recse_lab.config.reading import make_config
from recse_lab.config.schema import TrainingConfig
from recse_lab.jobs.train import execute
from recse_lab.runs.store import Run

LOOKS = 2


def run(setup: Setup) -> Part:
    """Short whole runs; the share is worked out for the default number of steps between two
    looks.
    """
    every = 1 if setup.quick else 8
    _run(
        setup, every=1, seed=setup.repeats
    )  # not counted: the first run pays for what later ones find ready
    usual = TrainingConfig().eval_every
    shares, costs = [], []
    for repeat in range(setup.repeats):
        finished = _run(setup, every, seed=repeat)
        cost = finished.cost
        assert cost is not None
        assert sum("dev_spearman" in line for line in finished.metrics()) == LOOKS
        costs.append(cost)
        shares.append(cost["dev_s"] / LOOKS / (usual * cost["train_s"] / cost["steps"]))
        say(f"c: repeat {repeat + 1} of {setup.repeats}: {100 * shares[-1]:.2f} %")
    look = [cost["dev_s"] / LOOKS for cost in costs]
    step = [cost["train_s"] / cost["steps"] for cost in costs]
    return Part(
        "dev evaluation, share of training time",
        [
            Row(
                f"dev_s / train_s with a look every {usual} steps",
                "%",
                [100 * share for share in shares],
                at_most=3.0,
            )
        ],
        [
            "`recse-lab train` with default settings (all layers, batch "
            f"{TrainingConfig().batch_size}, STS-B dev, precision auto), without testing: dev_s "
            f"and train_s of cost.json over {LOOKS * every} steps with {LOOKS} looks, brought to "
            f"a look every {usual} steps. Saving the best weights is counted apart (save_s).",
            f"A look takes {min(look):.2f} to {max(look):.2f} s, a step {min(step):.2f} to "
            f"{max(step):.2f} s.",
        ],
        {"cost": costs},
    )


def _run(setup: Setup, every: int, seed: int) -> Run:
    tree = {
        "encoder": ENCODER,
        "corpus": list(setup.corpus),
        "seed": seed,
        "training": {"steps": LOOKS * every, "eval_every": every},
        "evaluation": {"data_dir": setup.data_dir, "tasks": []},
    }
    return execute(make_config(tree), setup.scratch / "runs" / "dev")
