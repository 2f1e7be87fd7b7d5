"""Supervised SimCSE against its transcription, a value by hand and its limits."""

import math

import numpy as np
import pytest
import torch
from vectors import at, cosines, rows, value

from recse_lab.objectives import InfoNCE, Supervised

E = math.e
ROOT3 = math.sqrt(3)


def numpy_supervised(a, p, n, alpha, tau):
    s, t = np.exp(cosines(a, p) / tau), np.exp(cosines(a, n) / tau)
    total = 0.0
    for i in range(len(a)):
        below = s[i].sum() + sum((alpha if i == j else 1.0) * t[i, j] for j in range(len(n)))
        total -= math.log(s[i, i] / below)
    return total / len(a)


@pytest.mark.parametrize("alpha", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("extra", [6, 9])
def test_equals_its_transcription(alpha, extra):
    a, p, n = rows(0), rows(1), rows(2, batch=extra)
    contrast = Supervised(temperature=0.1, hard_negative_weight=math.log(alpha))
    assert contrast(a, p, n).item() == value(numpy_supervised(a, p, n, alpha, 0.1))


def test_by_hand():
    a, p, n = at(0, 90), at(60, 90), at(90, 0)
    first = math.log(E + 1 + 3 * 1 + E**2) - 1  # its own hard negative at cosine 0 counts thrice
    second = math.log(math.exp(ROOT3) + E**2 + E**2 + 3 * 1) - 2
    contrast = Supervised(temperature=0.5, hard_negative_weight=math.log(3))
    assert contrast(a, p, n).item() == value((first + second) / 2)


def test_limits_are_info_nce():
    a, p, n = rows(0), rows(1), rows(2)
    assert torch.equal(Supervised(hard_negative_weight=1.0)(a, p), InfoNCE()(a, p))
    assert torch.equal(Supervised(hard_negative_weight=0.0)(a, p, n), InfoNCE()(a, p, n))
    without = Supervised(hard_negative_weight=-math.inf, temperature=0.1)(a, p, n)  # α = 0
    assert without.item() == value(numpy_supervised(a, p, n, 0.0, 0.1))


def test_needs_a_hard_negative_for_each():
    with pytest.raises(ValueError, match="3 negatives for 6 anchors"):
        Supervised()(rows(0), rows(1), rows(2, batch=3))


def test_defaults_are_the_authors():
    assert Supervised().temperature == 0.05
    assert Supervised().hard_negative_weight == 0.0


@pytest.mark.parametrize("z3_weight", [0.0, 1.0])
def test_is_the_loss_of_simcse_s_release(z3_weight):
    """Transcribed from github.com/princeton-nlp/SimCSE at 49fa580, simcse/models.py, ``cl_forward``
    for three sentences of an instance: --temp 0.05 and --hard_negative_weight."""
    z1, z2, z3 = rows(0), rows(1), rows(2)
    sim = torch.nn.CosineSimilarity(dim=-1)
    cos_sim = sim(z1.unsqueeze(1), z2.unsqueeze(0)) / 0.05
    z1_z3_cos = sim(z1.unsqueeze(1), z3.unsqueeze(0)) / 0.05
    cos_sim = torch.cat([cos_sim, z1_z3_cos], 1)
    labels = torch.arange(cos_sim.size(0)).long()
    width = z1_z3_cos.size(-1)
    weights = torch.tensor(
        [
            [0.0] * (cos_sim.size(-1) - width) + [0.0] * i + [z3_weight] + [0.0] * (width - i - 1)
            for i in range(width)
        ]
    )
    expected = torch.nn.CrossEntropyLoss()(cos_sim + weights, labels).item()
    assert Supervised(hard_negative_weight=z3_weight)(z1, z2, z3).item() == value(expected)
