"""Sequential studies: errors, coverage and cost of plans that stop by their bounds."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from recse_lab.statistics.sequential import default_looks, look
from recse_lab.statistics.spread import Spread
from simulations.laws import seeds
from simulations.outcomes import Progress, Tally

MOST = 20
LOOKS = default_looks(MOST)
PAIRS = (0.1, 0.5, 0.9)
"""Share of the pairs in the variance of the mean over all seeds."""
MARGIN = 3.5
"""In standard errors of the mean over all seeds: what such a study can show to be negligible."""
DIFFERENCES = {"0": 0.0, "half the margin": MARGIN / 2, "the margin": MARGIN, "twice": 2 * MARGIN}


def simulate(
    world: str, pairs: float, delta: float, name: str, replicates: int, rng: np.random.Generator
) -> pd.DataFrame:
    """One true difference: how often which verdict, whether the interval holds, how many seeds.

    *peeking*: what comes of looking as often at 5 % each time, until a difference is found.
    """
    tally = Tally("stopping")
    case = f"{world}, pairs {100 * pairs:.0f} %, difference {name}"
    progress = Progress(case, replicates)
    for replicate in range(replicates):
        u = ((1 - pairs) * MOST) ** 0.5 * seeds(world, (MOST,), rng)
        values = delta + pairs**0.5 * rng.normal() + u
        estimates, peeked, at = [], False, None
        for n in LOOKS:
            part = values[:n]
            spread = Spread(float(part.var(ddof=1)) / n, pairs, n)
            estimates.append((float(part.mean()), spread))
            peeked = peeked or abs(part.mean()) > spread.half_width(0.05)
            if at is None or not (at.decision.decided or at.futile):
                at = look(estimates, MOST, margin=MARGIN)
        assert at is not None
        word = at.decision.word
        for verdict in ("supported", "contradicted", "negligible"):
            tally.add(case, MOST, "plan", verdict, word == verdict)
        tally.add(case, MOST, "plan", "futile", at.futile)
        tally.add(case, MOST, "plan", "direction decided", at.decision.direction != "undecided")
        tally.add(case, MOST, "plan", "size negligible", at.decision.size == "negligible")
        tally.add(case, MOST, "plan", "coverage", at.decision.low <= delta <= at.decision.high)
        tally.add(case, MOST, "plan", "seeds", at.seeds)
        tally.add(case, MOST, "peeking", "direction decided", peeked)
        progress.step(replicate + 1)
    return tally.table()


def parts(replicates: int) -> Iterator[pd.DataFrame]:
    """World by world."""
    for number, world in enumerate(("normal", "t3")):
        rng = np.random.default_rng([16, number])
        for pairs in PAIRS:
            yield pd.concat(
                [
                    simulate(world, pairs, delta, name, replicates, rng)
                    for name, delta in DIFFERENCES.items()
                ]
            )
