"""The share of extreme scores and its influences, against the bootstrap."""

import numpy as np
import pytest

from recse_lab.probes.distributions import NOMINAL, OWN, counted, shape
from recse_lab.probes.extreme_mass import extreme_mass

COSINE = (-1.0, 1.0)


@pytest.fixture
def scores():
    return np.tanh(np.random.default_rng(0).normal(0.8, 0.7, 1500))


@pytest.mark.parametrize("scaling", [NOMINAL, OWN])
def test_the_share_is_the_probe_s_and_its_deviation_the_bootstrap_s(scores, scaling):
    share, psi = extreme_mass(scores, COSINE, scaling)
    counts = counted(len(scores), 1500, np.random.default_rng(1))
    boot = shape(scores, counts, COSINE)[f"extreme mass ({scaling})"]
    assert share == pytest.approx(boot[0])
    assert psi.sum() == pytest.approx(0, abs=2e-3)
    assert (psi**2).sum() ** 0.5 == pytest.approx(boot[1:].std(ddof=1), rel=0.12)


def test_a_constant_has_no_own_range():
    share, psi = extreme_mass(np.full(20, 0.3), COSINE, OWN)
    assert np.isnan(share)
    assert np.isnan(psi).all()
