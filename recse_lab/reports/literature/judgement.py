"""Published gains against the noise of their own test sets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from scipy import stats

from recse_lab.data.sts_sets import SEVEN
from recse_lab.reports.literature.gains import Gain
from recse_lab.reports.literature.noise import Noise

Z = float(stats.norm.ppf(0.975))
T = float(stats.t.ppf(0.975, len(SEVEN) - 1))


class Counted(NamedTuple):
    """How many gains exceed the noise of new pairs, by how closely two methods agree."""

    gains: int
    """Results above SimCSE's."""
    losses: int
    close: int
    """Beyond 1.96 standard errors if two methods' scores agree as closely as the 90th percentile of
    the stored ones."""
    middle: int
    far: int
    tasks: int
    """Beyond the 95 % interval over the seven tasks, as a sample of tasks."""


def exceeds(gain: Gain, error: float, seeds_error: float = 0.0) -> bool:
    """Whether a gain exceeds its noise at 5 %, two-sided.

    Args:
        gain: A published difference, in points.
        error: Standard error of the difference for new pairs, in points.
        seeds_error: Standard error from seeds, in points.
    """
    return abs(gain.gain) > Z * (error**2 + seeds_error**2) ** 0.5


def holds_over_tasks(gain: Gain) -> bool:
    """Whether a gain exceeds the 95 % interval of Student's t over the tasks."""
    return abs(gain.gain) > T * gain.tasks_error


def count(gains: Sequence[Gain], noise: Noise) -> Counted:
    """Count the gains that new pairs alone, or other tasks, would not give."""
    above = [gain for gain in gains if gain.gain > 0]
    close, middle, far = (sum(exceeds(g, error) for g in above) for error in noise.errors)
    tasks = sum(map(holds_over_tasks, above))
    return Counted(len(above), len(gains) - len(above), close, middle, far, tasks)


def answer(gains: Sequence[Gain], noise: Noise) -> str:
    """The finding in one sentence."""
    n = count(gains, noise)
    return (
        f"Of {n.gains} published gains over SimCSE on the same encoder, {n.middle} are larger than "
        "what drawing new test pairs alone would give at 5 % "
        f"({n.far} to {n.close}, by how closely two methods' scores agree), and {n.tasks} are "
        "larger than their own spread over the seven tasks."
    )


def with_seeds(gains: Sequence[Gain], noise: Noise) -> str:
    """What is left of the gains whose papers published a spread over seeds."""
    stated = [gain for gain in gains if gain.seeds_sd is not None and gain.gain > 0]
    if not stated:
        return "No row with a gain states a standard deviation over seeds."
    deviations = [gain.seeds_sd for gain in stated if gain.seeds_sd is not None]
    # SimCSE's row is one training, or the best of several: its spread is taken as the same.
    kept = sum(
        exceeds(gain, noise.errors[1], 2**0.5 * sd)
        for gain, sd in zip(stated, deviations, strict=True)
    )
    return (
        f"{len(stated)} of the rows with a gain state a standard deviation over seeds "
        f"({min(deviations):.2f} to {max(deviations):.2f} points). If a difference is one of two "
        f"trainings with that spread each, {kept} of them exceed seeds and pairs together."
    )
