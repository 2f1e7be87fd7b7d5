"""The dip against its definition, solved as linear programmes, against closed forms and against
published quantiles.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from recse_lab.probes import dip as module
from recse_lab.probes.dip import dip, dip_test, uniform_dips


def by_definition(values):
    """min over unimodal G of sup |F − G|: for every mode a linear programme, G convex up to it and
    concave from it.

    Variables: G at each point, at the mode its limit from the left too, and the distance.
    """
    x, counts = np.unique(values, return_counts=True)
    points, f = len(x), np.cumsum(counts) / counts.sum()
    f_left = np.r_[0, f[:-1]]
    best = 1.0
    for mode in range(points):
        rows, bounds = [], []

        def at_most(bound, rows=rows, bounds=bounds, **terms):
            row = np.zeros(points + 2)
            for name, factor in terms.items():
                row[int(name[1:])] += factor
            rows.append(row)
            bounds.append(bound)

        far = f"v{points + 1}"
        left, right = (
            list(range(mode + 1)),
            list(range(mode + 1, points + 1)),
        )  # places of G in the variables
        for i, place in enumerate(left):
            at_most(f_left[i], **{f"v{place}": 1, far: -1})
            if i < mode:
                at_most(-f[i], **{f"v{place}": -1, far: -1})
        for i, place in zip(range(mode, points), right, strict=True):
            at_most(-f[i], **{f"v{place}": -1, far: -1})
            if i > mode:
                at_most(f_left[i], **{f"v{place}": 1, far: -1})
        for place in range(points):
            at_most(0, **{f"v{place}": 1, f"v{place + 1}": -1})
        for places, sign, first in ((left, 1, 0), (right, -1, mode)):
            for i in range(1, len(places) - 1):
                before, after = (
                    1 / (x[first + i] - x[first + i - 1]),
                    1 / (x[first + i + 1] - x[first + i]),
                )
                terms = {places[i - 1]: -before, places[i]: before + after, places[i + 1]: -after}
                at_most(0, **{f"v{place}": sign * factor for place, factor in terms.items()})
        found = linprog(
            np.eye(points + 2)[-1], A_ub=np.array(rows), b_ub=bounds, bounds=[(0, 1)] * (points + 2)
        )
        if found.status == 0:
            best = min(best, found.fun)
    return best


@pytest.mark.parametrize("seed", range(30))
def test_equals_the_definition(seed):
    """Distinct values and heaps, even and heavy-tailed."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 10))
    values = rng.integers(0, rng.integers(2, 9), n) ** 2 if seed % 2 else rng.normal(size=n) ** 3
    assert dip(values.astype(float)) == pytest.approx(by_definition(values), abs=1e-8)


def test_closed_forms():
    assert dip(np.array([0.3, 0.9])) == 1 / 4
    for n in (3, 10, 77):
        assert dip(np.arange(n) / 7) == pytest.approx(1 / (2 * n))
    assert dip(np.full(5, 0.4)) == 0
    assert dip(np.r_[np.zeros(50), np.ones(50)]) == 1 / 4
    assert dip(np.r_[np.zeros(20), np.ones(80)]) == pytest.approx(
        0.1
    )  # the larger heap is the mode
    # Two uniform stretches far apart: one must be crossed by a line, half of its height away.
    assert dip(np.r_[np.arange(500), 1e6 + np.arange(500)]) == pytest.approx(1 / 4, abs=2e-3)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 9999), n=st.integers(2, 80), decimals=st.integers(0, 3))
def test_unchanged_by_what_keeps_the_shape(seed, n, decimals):
    values = np.round(np.random.default_rng(seed).normal(size=n), decimals)
    found = dip(values)
    assert dip(-values) == pytest.approx(found, abs=1e-12)
    assert dip(4 * values - 8) == pytest.approx(found, abs=1e-12)
    assert dip(np.random.default_rng(0).permutation(np.repeat(values, 3))) == pytest.approx(
        found, abs=1e-12
    )
    assert 0 <= found <= 1 / 4


def test_quantiles_of_the_null_are_the_published_ones():
    """Medians and 95 % quantiles from a million samples, in the table of M.

    Maechler's R package diptest.
    """
    for n, median, high in (
        (10, 0.0977818, 0.1396114),
        (50, 0.0488512, 0.0702738),
        (200, 0.0255844, 0.0368418),
    ):
        found = np.quantile(uniform_dips(n, 600), [0.5, 0.95])
        np.testing.assert_allclose(found, [median, high], rtol=0.035)


def test_p_values():
    rng = np.random.default_rng(0)
    two = np.r_[rng.normal(0, 1, 60), rng.normal(6, 1, 60)]
    found = dip_test(two, draws=200)
    assert (found.dip, found.p, found.n) == (dip(two), 1 / 201, 120)  # never 0
    assert dip_test(rng.normal(size=120), draws=200).p > 0.2
    assert dip_test(np.array([0.0, 1.0]), draws=50).p == 1  # two values always dip by 1/4
    null = [dip_test(rng.random(60), draws=400).p for _ in range(200)]
    assert np.mean(np.array(null) < 0.1) == pytest.approx(0.1, abs=0.06)


def test_a_large_sample_is_compared_through_its_root(monkeypatch):
    """At ten times the size simulated, uniform samples still have uniform p-values."""
    monkeypatch.setattr(module, "LARGEST", 80)
    rng = np.random.default_rng(1)
    null = np.array([dip_test(rng.random(800), draws=400).p for _ in range(120)])
    assert np.mean(null) == pytest.approx(0.5, abs=0.13)
    assert uniform_dips(80, 400) is uniform_dips(80, 400)  # drawn once


def test_refuses_what_has_no_dip():
    for values in ([], [0.1, np.nan], [np.inf, 0.0]):
        with pytest.raises(ValueError, match="finite values"):
            dip(np.array(values))
