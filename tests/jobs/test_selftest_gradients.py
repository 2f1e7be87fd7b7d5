"""Two processes that share a batch find the gradient of one that has it all, without dropout."""

import pytest

from recse_lab.errors import LabError
from recse_lab.jobs import selftest_gradients
from recse_lab.jobs.selftest_gradients import Equality, cases, gradient, together

SOME = ("info-nce, chunked", "nt-xent", "reshape", "queue, chunked")


@pytest.fixture(scope="module")
def asked():
    every = cases()
    return {name: every[name] for name in SOME}


@pytest.fixture(scope="module")
def shared(asked):
    return dict(zip(asked, together(list(asked.values()), 2), strict=True))


@pytest.mark.parametrize("name", SOME)
def test_two_processes_find_the_gradient_of_one(name, asked, shared):
    alone, both = gradient(asked[name]), shared[name]
    arm, chunked, _ = name.partition(", ")
    found = selftest_gradients._compared(arm, bool(chunked), 2, alone, both)
    assert found.equal, found


def test_what_differs_is_seen(asked):
    alone = gradient(asked["nt-xent"])
    other = alone | {"loss": alone["loss"] * 1.001}
    found = selftest_gradients._compared("nt-xent", False, 2, alone, other)
    assert not found.equal
    assert found.loss == pytest.approx(0.001)
    assert Equality("arc-con", False, 2, 1e-8, 1e-8).equal
    assert not Equality("nt-xent", False, 2, 1e-8, 1e-8).equal
    fewer = {name: value for name, value in alone.items() if "LayerNorm" not in name}
    with pytest.raises(LabError, match="disagree with one on which weights move"):
        selftest_gradients._compared("nt-xent", False, 2, alone, fewer)


def test_a_process_that_fails_is_told_in_one_sentence(asked):
    broken = asked["nt-xent"] | {"training": {"steps": 1, "batch_size": 9}}
    with pytest.raises(LabError, match=r"one of 2 processes failed: .*batch of 9"):
        together([broken], 2)
