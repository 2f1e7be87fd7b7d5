"""What the best of several tried options is expected to score, against how many are tried."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float


def expected_best(
    values: Float[np.ndarray, " options"], budgets: Sequence[int]
) -> Float[np.ndarray, " budgets"]:
    """Expected maximum of so many options, drawn at random from those that were tried.

    Args:
        values: One score per option (level, setting or seed) that was tried.
        budgets: Numbers of options that somebody can afford.

    Raises:
        ValueError: No value, one that is not finite, or a budget below 1.

    Source: Dodge, Gururangan, Card, Schwartz & Smith (2019), "Show Your Work: Improved Reporting
    of Experimental Results", equations 5 to 7.
    """
    ordered = np.sort(np.asarray(values, float))
    if not len(ordered) or not np.isfinite(ordered).all() or min(budgets) < 1:
        raise ValueError(f"expected best of {len(ordered)} values for budgets {list(budgets)}")
    below = np.arange(len(ordered) + 1) / len(ordered)
    return np.array([np.diff(below**n) @ ordered for n in budgets])
