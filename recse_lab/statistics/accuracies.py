"""Average accuracies over several tasks: intervals and paired tests for new test examples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy import stats

Correct = Mapping[str, Float[np.ndarray, " _"]]
"""Per task, the share of runs that classified each example correctly (0 or 1 for a single run)."""


class Accuracy(NamedTuple):
    """An average, or a difference of two, for new test examples; the classifiers are held fixed."""

    value: float
    low: float
    high: float
    p: float
    """Two-sided p of a value of 0."""


def same_examples(first: Correct, second: Correct) -> bool:
    """Whether two can be paired: the same tasks with equally many examples each."""
    sizes = [{task: len(v) for task, v in correct.items()} for correct in (first, second)]
    return sizes[0] == sizes[1]


def average_accuracy(values: Correct, level: float = 0.95) -> Accuracy:
    """Mean over tasks of the mean over examples, with a normal interval and test.

    Its variance is s² = Σ_t var(values_t) / n_t / T²: examples are drawn within their task, the T
    tasks are fixed.

    Args:
        values: Per task, one number per example.
        level: Confidence level.

    Source: the normal approximation for a stratified mean; Cochran (1977), Sampling Techniques,
    section 5.4.
    """
    middle = float(np.mean([v.mean() for v in values.values()]))
    error = float(np.sqrt(sum(v.var(ddof=1) / len(v) for v in values.values())) / len(values))
    half = float(stats.norm.ppf((1 + level) / 2)) * error
    p = float(2 * stats.norm.sf(abs(middle) / error)) if error else float(middle == 0)
    return Accuracy(middle, middle - half, middle + half, p)


def compare_accuracies(first: Correct, second: Correct, level: float = 0.95) -> Accuracy:
    """Average accuracy of ``first`` minus that of ``second``, paired by example.

    With one task and single runs this is McNemar's test in Wald's form.

    Raises:
        ValueError: They were not tested on the same examples.

    Source: McNemar (1947), "Note on the sampling error of the difference between correlated
    proportions or percentages".
    """
    if not same_examples(first, second):
        raise ValueError("accuracies of different examples cannot be paired")
    return average_accuracy({task: first[task] - second[task] for task in first}, level)
