"""Measures of the spread of a run's scores, which the table of a study can show."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from recse_lab.runs.store import Run

MEASURES = {"polarity": ("used range", "W₁ to gold")}
"""Columns by the name that a study's ``report.measures`` gives."""

MEASURES_NOTE = (
    "used range: from the 5 % to the 95 % quantile of the scores on STS-B; W₁ to gold: Wasserstein "
    "distance between scores, unscaled, and gold / 5. Both ×100; `recse-lab probe polarity` "
    "computes both with intervals, and further measures."
)


def measure_run(run: Run) -> dict[str, float]:
    """Measure a run's scores on STS-B's test pairs, or on all its pairs if it has none of those."""
    scores = run.read_scores(["task", "gold", "score"])
    stsb = scores.loc[scores["task"] == "stsb"]
    measured = stsb if len(stsb) else scores
    return spread_of_scores(measured["score"].to_numpy(), measured["gold"].to_numpy())


def spread_of_scores(
    scores: Float[np.ndarray, " pairs"], gold: Float[np.ndarray, " pairs"]
) -> dict[str, float]:
    """How much of the scale the scores use, and how far their distribution is from the grades'.

    Args:
        scores: Cosine similarities.
        gold: Grades from 0 to 5.

    Returns:
        By name of the measure; NaN where a score is not finite.
    """
    from scipy.stats import wasserstein_distance

    if not np.isfinite(scores).all():
        return {"used range": float("nan"), "W₁ to gold": float("nan")}
    low, high = np.quantile(scores, [0.05, 0.95])
    return {
        "used range": float(high - low),
        "W₁ to gold": float(wasserstein_distance(scores, gold / 5)),
    }
