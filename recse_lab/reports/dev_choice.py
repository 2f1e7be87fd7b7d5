"""What a reader has to know of the dev set that a run's weights were chosen by."""

from __future__ import annotations

from collections.abc import Sequence

from recse_lab.data.sts_sets import LABELS
from recse_lab.runs.records import Dev


def dev_choice(dev: Dev) -> str | None:
    """Say in one sentence which dev set chose the weights, and how many test pairs it holds.

    Args:
        dev: The dev evaluations of a training run.

    Returns:
        The sentence; None for results without a dev set.
    """
    if dev.task is None:
        return None
    name = LABELS.get(dev.task, dev.task)
    if dev.selection == "last":
        chosen = f"The last weights are tested; {name} was watched and chose none"
    else:
        chosen = f"The weights that are best on {name} are tested"
    if not dev.pairs or dev.test_pairs is None:
        return f"{chosen}."
    if not dev.test_pairs:
        return f"{chosen}; none of its {dev.pairs:,} pairs is a pair of the test tasks."
    return (
        f"{chosen}; {dev.test_pairs:,} of its {dev.pairs:,} pairs are pairs of the test tasks "
        "(the protocol sts-disjoint has a dev set without any)."
    )


def dev_choices(devs: Sequence[Dev]) -> list[str]:
    """The different sentences of some runs, each once."""
    return list(dict.fromkeys(found for dev in devs if (found := dev_choice(dev))))
