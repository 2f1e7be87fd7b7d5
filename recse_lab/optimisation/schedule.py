"""Learning-rate factors as pure functions of the step."""

import math


def learning_rate_factor(
    step: int, *, steps: int, warmup_steps: int = 0, schedule: str = "linear"
) -> float:
    """Factor of the base rate at step 0, 1, … steps−1: rises over the warm-up, then decays towards 0 at ``steps``."""
    if step < warmup_steps:
        return (step + 1) / warmup_steps
    done = (step - warmup_steps) / max(1, steps - warmup_steps)
    return SCHEDULES[schedule](done)


SCHEDULES = {
    "linear": lambda done: 1.0 - done,
    "cosine": lambda done: 0.5 * (1.0 + math.cos(math.pi * done)),
    "constant": lambda done: 1.0,
}
