"""Accuracies on other examples: how far the average over several tasks, or a difference of two, would move."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy import stats

Correct = Mapping[str, Float[np.ndarray, " examples"]]
"""By task, of each example the share of runs that classified it rightly (0 or 1 of one run)."""


class Accuracy(NamedTuple):
    """An average, or a difference of two, for other examples; the classifiers stay as they were trained."""

    value: float
    low: float
    high: float
    p: float
    """Two-sided, that the value is 0."""


def same_examples(first: Correct, second: Correct) -> bool:
    """Whether two can be paired: the same tasks with as many examples each."""
    return {task: len(v) for task, v in first.items()} == {
        task: len(v) for task, v in second.items()
    }


def average_accuracy(values: Correct, level: float = 0.95) -> Accuracy:
    """Mean over tasks of the mean over examples, with s² = Σ_t var(values_t) / n_t / T²: examples are drawn anew within their
    task, the T tasks are as they are. Normal interval and test."""
    middle = float(np.mean([v.mean() for v in values.values()]))
    error = float(np.sqrt(sum(v.var(ddof=1) / len(v) for v in values.values())) / len(values))
    reach = float(stats.norm.ppf((1 + level) / 2)) * error
    p = float(2 * stats.norm.sf(abs(middle) / error)) if error else float(middle == 0)
    return Accuracy(middle, middle - reach, middle + reach, p)


def compare_accuracies(first: Correct, second: Correct, level: float = 0.95) -> Accuracy:
    """Average accuracy of one less that of another, paired by example. With one task and single runs this is McNemar's test
    in Wald's form.

    Raises:
        ValueError: They were not tested on the same examples.
    """
    if not same_examples(first, second):
        raise ValueError("accuracies of different examples cannot be paired")
    return average_accuracy({task: first[task] - second[task] for task in first}, level)
