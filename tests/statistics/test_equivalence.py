"""Decisions by direction and size: by hand, and their chances in simulated studies."""

import numpy as np
import pytest

from recse_lab.statistics.equivalence import (
    Levels,
    chance_to_decide,
    decide,
    margin_of_the_pairs,
    pairs_to_decide,
)
from recse_lab.statistics.spread import Spread

SHARP = Spread(0.0, 0.05**2, 5)
"""Half of the 95 % interval is 0.098, half of the 90 % interval 0.082."""


@pytest.mark.parametrize(
    ("delta", "direction", "size", "word"),
    [
        (0.2, "supported", "negligible", "negligible"),  # above 0, and too small to matter
        (-0.2, "contradicted", "negligible", "negligible"),
        (0.0, "undecided", "negligible", "negligible"),
        (0.45, "supported", "undecided", "supported"),
        (0.7, "supported", "relevant", "supported"),
        (-0.7, "contradicted", "relevant", "contradicted"),
    ],
)
def test_two_statements_and_one_word(delta, direction, size, word):
    found = decide(delta, SHARP, margin=0.5)
    assert (found.direction, found.size, found.word) == (direction, size, word)
    shifted = decide(delta - 1.0, SHARP, boundary=-1.0, margin=0.5)
    assert shifted.word == word  # margins are relative to the boundary
    turned = decide(-delta, SHARP, above=False, margin=0.5)
    assert (turned.direction, turned.size) == (direction, size)


def test_size_is_decided_by_the_ninety_percent_interval():
    inner = SHARP.half_width(0.10)
    assert decide(0.1, SHARP, margin=0.1 + inner + 1e-6).size == "negligible"
    assert decide(0.1, SHARP, margin=0.1 + inner - 1e-6).size == "undecided"
    best_of_five = decide(0.1, SHARP, margin=0.1 + inner + 1e-6, levels=Levels().over(5))
    assert best_of_five.size == "undecided"
    assert decide(0.2, SHARP).size == "undecided"  # without a margin the question is not asked
    assert margin_of_the_pairs(SHARP.pairs) == pytest.approx(inner)


def test_a_margin_of_zero_is_refused():
    for margin in (0.0, -0.1, float("nan")):
        with pytest.raises(ValueError, match="smallest difference of interest"):
            decide(0.2, SHARP, margin=margin)


@pytest.mark.parametrize("delta", [0.0, 0.3, 0.8])
def test_chance_to_decide_is_how_often_studies_do(delta):
    spread, margin = Spread(0.02, 0.01, 5), 0.5
    rng = np.random.default_rng(0)
    means = delta + rng.normal(scale=spread.total**0.5, size=4000)
    seeds = spread.seeds * rng.chisquare(4, 4000) / 4
    found = [
        decide(d, spread._replace(seeds=s), margin=margin).decided
        for d, s in zip(means, seeds, strict=True)
    ]
    assert chance_to_decide(delta, spread, margin=margin) == pytest.approx(np.mean(found), abs=0.02)


def test_how_many_times_as_many_pairs_decide():
    spread = Spread(0.0004, 0.09, 10)
    times = pairs_to_decide(0.1, spread, margin=0.5)
    assert times is not None
    assert times > 1
    enough = spread._replace(pairs=spread.pairs / times)
    assert chance_to_decide(0.1, enough, margin=0.5) == pytest.approx(0.8)
    assert pairs_to_decide(0.1, Spread(0.5, 0.09, 3), margin=0.2) is None  # the seeds' part alone
    assert pairs_to_decide(5.0, spread, margin=0.5) == 1.0
