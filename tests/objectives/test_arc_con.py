"""ArcCon against its transcription, a value by hand and its limit."""

import math

import numpy as np
import pytest
import torch
from vectors import at, cosines, rows, value

from recse_lab.objectives import ArcCon, InfoNCE

E = math.e


@pytest.mark.parametrize("margin", [0.0, 10.0, 30.0])
def test_equals_its_transcription(margin):
    a, p, n = rows(0), rows(1), rows(2, batch=4)
    s, t = cosines(a, p), cosines(a, n)
    total = 0.0
    for i in range(6):
        positive = math.exp(math.cos(math.acos(s[i, i]) + math.radians(margin)) / 0.1)
        others = sum(math.exp(s[i, j] / 0.1) for j in range(6) if j != i) + np.exp(t[i] / 0.1).sum()
        total -= math.log(positive / (positive + others))
    assert ArcCon(temperature=0.1, margin_degrees=margin)(a, p, n).item() == value(total / 6)


def test_by_hand():
    loss = ArcCon(temperature=0.5, margin_degrees=10.0)(at(0), at(50), at(90))
    assert loss.item() == value(math.log(E + 1) - 1)  # 50° count as 60°


def test_without_margin_is_info_nce():
    a, p, n = rows(0), rows(1), rows(2)
    assert torch.equal(ArcCon(margin_degrees=0.0)(a, p, n), InfoNCE()(a, p, n))
    p = a + 0.3 * p
    losses = [ArcCon(margin_degrees=m)(a, p) for m in (0.0, 5.0, 10.0, 20.0)]
    assert losses == sorted(losses)
    assert losses[0] < losses[-1]


def test_defaults_are_the_authors():
    assert ArcCon().temperature == 0.05
    assert ArcCon().margin_degrees == 10.0
