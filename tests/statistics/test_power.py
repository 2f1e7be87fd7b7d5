"""Detectable differences and numbers of seeds: textbook values, SciPy, and by simulation."""

import numpy as np
import pytest
from scipy import stats

from recse_lab.statistics.power import minimum_detectable, seeds_needed


@pytest.mark.parametrize("seeds", [2, 3, 5])
def test_minimum_detectable_is_found_by_simulation(seeds):
    effect = minimum_detectable(1.0, seeds)
    assert effect is not None
    rng = np.random.default_rng(0)
    differences = rng.normal(effect, 1.0, (20_000, seeds))
    t = differences.mean(axis=1) / differences.std(axis=1, ddof=1) * seeds**0.5
    power = np.mean(np.abs(t) > stats.t.ppf(0.975, seeds - 1))
    assert power == pytest.approx(0.8, abs=0.015)


@pytest.mark.parametrize("power", [0.1, 0.5, 0.95, 0.999])
@pytest.mark.parametrize("seeds", [2, 3, 4, 8, 30, 500])
def test_minimum_detectable_has_its_power_by_the_noncentral_f(seeds, power):
    """T² is noncentral F, another of SciPy's distributions; for any number of seeds."""
    effect = minimum_detectable(0.5, seeds, power=power)
    assert effect is not None
    critical = stats.t.ppf(0.975, seeds - 1)
    assert stats.ncf.sf(critical**2, 1, seeds - 1, seeds * (effect / 0.5) ** 2) == pytest.approx(
        power, abs=1e-6
    )


def test_no_minimum_where_there_is_no_test():
    assert minimum_detectable(1.0, 1) is None
    assert minimum_detectable(0.0, 5) is None
    assert minimum_detectable(float("nan"), 5) is None
    with pytest.raises(ValueError, match="between the level"):
        minimum_detectable(1.0, 5, power=0.01)


@pytest.mark.parametrize(("effect", "seeds"), [(0.2, 199), (0.5, 34), (0.8, 15), (-0.8, 15)])
def test_seeds_needed_are_those_of_the_textbook(effect, seeds):
    """Matched pairs, two-sided 5 %, power 80 %, as G*Power has them."""
    assert seeds_needed(1.0, effect) == seeds
    assert seeds_needed(0.02, 0.02 * effect) == seeds


@pytest.mark.parametrize("power", [0.5, 0.9])
def test_seeds_needed_turns_minimum_detectable_round(power):
    for effect in (0.3, 1.0, 1.7, 4.0):
        seeds = seeds_needed(1.0, effect, power=power, level=0.01)
        assert seeds is not None
        least, more = (
            minimum_detectable(1.0, n, power=power, level=0.01) for n in (seeds, seeds - 1)
        )
        assert least is not None
        assert least <= effect
        assert more is None or effect < more
    assert seeds_needed(1.0, 1000.0, level=0.01) == 2


def test_no_number_of_seeds():
    assert seeds_needed(1.0, 0.0) is None
    assert seeds_needed(0.0, 1.0) is None
    assert seeds_needed(float("nan"), 1.0) is None
    assert seeds_needed(1.0, float("inf")) is None
    assert seeds_needed(1.0, 1e-6) is None
    with pytest.raises(ValueError, match="between the level"):
        seeds_needed(1.0, 1.0, power=0.05)
