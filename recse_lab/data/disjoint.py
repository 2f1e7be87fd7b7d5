"""STS tasks without leaks: every distinct pair in one task, and dev sets without test sentences.

The STS sets share pairs: STS-B was selected from the sets of STS12 to STS17, and later years took
up pairs of earlier ones. The protocol ``sts-disjoint`` is defined by the three functions here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from jaxtyping import Bool

from recse_lab.data.sentence_ids import sentence_ids

Pair = tuple[int, int]
"""The ids of two sentences, the smaller one first."""

KEEPERS = ("sts16", "stsb", "sts13", "sts15", "sts12", "sts14", "sickr")
"""The seven tasks from the fewest pairs to the most: a pair stays in the first one that has it."""
SUFFIX = "-disjoint"


def pair_keys(
    first: Iterable[str], second: Iterable[str], *, punctuation: bool = False
) -> list[Pair]:
    """A key per pair that is the same in either order of its sentences.

    Args:
        first: The first sentence of every pair.
        second: The second sentence of every pair.
        punctuation: Whether sentences that differ in punctuation are different; case and white
            space never count.
    """
    ids = zip(
        sentence_ids(first, punctuation=punctuation).tolist(),
        sentence_ids(second, punctuation=punctuation).tolist(),
        strict=True,
    )
    return [(a, b) if a <= b else (b, a) for a, b in ids]


def first_occurrences(
    tasks: Mapping[str, Sequence[Pair]], order: Sequence[str] = KEEPERS
) -> dict[str, Bool[np.ndarray, " pairs"]]:
    """Choose the rows that stay so that every distinct pair stays once.

    A pair stays in the first task of ``order`` that has it, in the first of its rows there, with
    the gold score of that row.

    Args:
        tasks: The keys of all pairs of every task, in the order of its files.
        order: Names of the tasks.

    Returns:
        Whether each row stays, by task, in the order of ``tasks``.
    """
    seen: set[Pair] = set()
    kept = {}
    for name in order:
        keys = tasks[name]
        kept[name] = np.zeros(len(keys), bool)
        for row, key in enumerate(keys):
            kept[name][row] = key not in seen
            seen.add(key)
    return {name: kept[name] for name in tasks}


def unseen(dev: Sequence[Pair], tests: Iterable[Pair]) -> Bool[np.ndarray, " pairs"]:
    """Choose the rows of a dev set that have no sentence of a test, every distinct pair once.

    Args:
        dev: The keys of the pairs of the dev set.
        tests: The keys of all pairs of all tests.

    Returns:
        Whether each row stays.
    """
    sentences = {sentence for pair in tests for sentence in pair}
    once = first_occurrences({"dev": dev}, ["dev"])["dev"]
    return once & np.array([sentences.isdisjoint(pair) for pair in dev], bool)
