"""NT-Xent against its transcription, a value by hand and InfoNCE."""

import math

import numpy as np
import pytest
import torch
from vectors import at, cosines, rows, value

from recse_lab.objectives import NTXent, info_nce

E = math.e
ROOT3 = math.sqrt(3)


def numpy_nt_xent(a, p, n, tau):
    views, batch = np.concatenate([a, p]), len(a)
    score, extra = np.exp(cosines(views, views) / tau), np.exp(cosines(views, n) / tau)
    total = 0.0
    for i in range(2 * batch):
        j = i + batch if i < batch else i - batch
        total -= math.log(
            score[i, j] / (sum(score[i, k] for k in range(2 * batch) if k != i) + extra[i].sum())
        )
    return total / (2 * batch)


@pytest.mark.parametrize("tau", [0.1, 1.0])
@pytest.mark.parametrize("extra", [0, 4])
def test_equals_its_transcription_and_is_symmetric(tau, extra):
    a, p, n = rows(0), rows(1), rows(2, batch=extra)
    contrast = NTXent(temperature=tau)
    assert contrast(a, p, n).item() == value(numpy_nt_xent(a, p, n, tau))
    assert contrast(p, a, n).item() == value(contrast(a, p, n).item())


def test_by_hand():
    # Views at 0° and 60° of one sentence, twice 90° of the other; τ = ½ doubles the cosines.
    first = math.log(E + 2) - 1
    second = math.log(E + 2 * math.exp(ROOT3)) - 1
    other = math.log(E**2 + 1 + math.exp(ROOT3)) - 2
    assert NTXent(temperature=0.5)(at(0, 90), at(60, 90)).item() == value(
        (first + second + 2 * other) / 4
    )


def test_is_info_nce_of_each_view_among_all_others():
    a, p = rows(0), rows(1)
    parts = []
    for views, partners in ((a, p), (p, a)):
        for i in range(6):
            rest = torch.arange(6) != i
            others = torch.cat([partners[i : i + 1], partners[rest], views[rest]])
            parts.append(info_nce(views[i : i + 1], others, temperature=0.1))
    torch.testing.assert_close(NTXent(temperature=0.1)(a, p), torch.stack(parts).mean())
    both = (info_nce(a, p, temperature=0.1) + info_nce(p, a, temperature=0.1)) / 2
    assert NTXent(temperature=0.1)(a, p) > both  # its denominator holds the anchor's own kind too


def test_alone_and_collapsed():
    assert NTXent()(rows(0, batch=1), rows(1, batch=1)).item() == pytest.approx(0.0, abs=1e-12)
    same = torch.ones(8, 4, dtype=torch.float64)
    assert NTXent()(same, same).item() == value(math.log(15))


def test_default_temperature_is_that_of_consert():
    assert NTXent().temperature == 0.1


def test_is_half_the_loss_of_consert_s_release():
    """Transcribed from github.com/yym6472/ConSERT at 03c9e8f,
    sentence_transformers/losses/AdvCLSoftmaxLoss.py, ``_contrastive_loss_forward`` of type nt_xent:
    the sum of both directions, where ours is their mean."""
    hidden1, hidden2 = rows(0), rows(1)
    batch_size, temperature, large_num = len(hidden1), 0.1, 1e9
    hidden1 = torch.nn.functional.normalize(hidden1, p=2, dim=-1)
    hidden2 = torch.nn.functional.normalize(hidden2, p=2, dim=-1)
    labels, masks = torch.arange(batch_size), torch.eye(batch_size)
    logits_aa = hidden1 @ hidden1.T / temperature - masks * large_num
    logits_bb = hidden2 @ hidden2.T / temperature - masks * large_num
    logits_ab, logits_ba = hidden1 @ hidden2.T / temperature, hidden2 @ hidden1.T / temperature
    cross_entropy = torch.nn.functional.cross_entropy
    loss_a = cross_entropy(torch.cat([logits_ab, logits_aa], dim=1), labels)
    loss_b = cross_entropy(torch.cat([logits_ba, logits_bb], dim=1), labels)
    assert 2 * NTXent()(rows(0), rows(1)).item() == value((loss_a + loss_b).item())
