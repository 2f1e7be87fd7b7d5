"""ADNCE against two transcriptions, values by hand and its limits."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from vectors import at, cosines, rows, value

from recse_lab.objectives import ADNCE, InfoNCE
from recse_lab.objectives.adnce import log_gaussian_weights
from recse_lab.objectives.info_nce import cosine_matrix

E = math.e


def gaussian(x, mu, sigma):
    return 1 / (sigma * math.sqrt(2 * math.pi)) * math.exp(-0.5 * ((x - mu) / sigma) ** 2)


def numpy_adnce(a, p, n, mu, sigma, tau):
    """The paper's pseudo-code: weights over negatives alone, divided by their mean."""
    total = 0.0
    for i in range(len(a)):
        score = np.concatenate([cosines(a, p)[i], cosines(a, n)[i]])
        negatives = np.delete(score, i)
        weight = np.array([gaussian(x, mu, sigma) for x in negatives])
        weight = weight / weight.mean()
        positive = math.exp(score[i] / tau)
        total -= math.log(positive / (positive + (weight * np.exp(negatives / tau)).sum()))
    return total / len(a)


def numpy_adnce_release(a, p, n, mu, sigma, tau):
    """Weights over the whole row, and an unweighted numerator.

    Transcribed from github.com/junkangwu/ADNCE at cdd110f, sentence/simcse/models.py, loss_mode
    adnce.
    """
    total = 0.0
    for i in range(len(a)):
        score = np.concatenate([cosines(a, p)[i], cosines(a, n)[i]])
        weight = np.array([gaussian(x, mu, sigma) for x in score])
        weight = weight / weight.mean()
        total -= math.log(math.exp(score[i] / tau) / (weight * np.exp(score / tau)).sum())
    return total / len(a)


@pytest.mark.parametrize(
    ("mu", "sigma", "tau"), [(0.4, 1.0, 0.07), (0.2, 0.3, 0.5), (2.0, 1.0, 0.06)]
)
def test_equals_both_transcriptions(mu, sigma, tau):
    a, p, n = rows(0), rows(1), rows(2, batch=4)
    assert ADNCE(mu=mu, sigma=sigma, temperature=tau)(a, p, n).item() == value(
        numpy_adnce(a, p, n, mu, sigma, tau)
    )
    release = ADNCE(mu=mu, sigma=sigma, temperature=tau, weigh_positive=True)(a, p, n).item()
    assert release == value(numpy_adnce_release(a, p, n, mu, sigma, tau))


def test_by_hand():
    # Negatives at cosine ½ = μ and 0; σ is such that their weights are 1 : ⅓, of mean 1 so 1½ and
    # ½.
    contrast = ADNCE(mu=0.5, sigma=0.5 / math.sqrt(2 * math.log(3)), temperature=0.5)
    a, n = at(0), at(60, 90)
    assert contrast(a, a, n).item() == value(math.log(E**2 + 1.5 * E + 0.5) - 2)
    # The positive, at cosine 1, weighs ⅓ too: of mean 1 so ⅗, 9/5 and ⅗.
    release = replace(contrast, weigh_positive=True)(a, a, n).item()
    assert release == value(math.log(0.6 * E**2 + 1.8 * E + 0.6) - 2)


@pytest.mark.parametrize("weigh_positive", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_with_infinite_sigma_is_info_nce(dtype, weigh_positive):
    a, p, n = (rows(i).to(dtype).requires_grad_() for i in range(3))
    wide = ADNCE(sigma=math.inf, temperature=0.1, weigh_positive=weigh_positive)(a, p, n)
    plain = InfoNCE(temperature=0.1)(a, p, n)
    assert torch.equal(wide, plain)
    for one, other in zip(
        torch.autograd.grad(wide, (a, p, n)), torch.autograd.grad(plain, (a, p, n)), strict=True
    ):
        assert torch.equal(one, other)
    gaps = [
        abs(ADNCE(sigma=s, temperature=0.1)(a, p, n) - plain).item() for s in (1.0, 10.0, 100.0)
    ]
    assert gaps[0] > gaps[1] > gaps[2]


def test_negatives_far_from_mu_lose_their_say():
    a, p = rows(0), rows(0) + 0.1 * rows(1)
    narrow = ADNCE(mu=-1.0, sigma=0.05, temperature=0.1)(
        a, p
    )  # only the most remote negatives are left
    assert narrow < 0.1 * InfoNCE(temperature=0.1)(a, p)


def test_with_a_narrow_gaussian_looks_at_the_nearest_negative():
    a, p = at(0).float(), at(0).float()
    n = at(
        60, 90
    ).float()  # e^(−½·(1/0.01)²) and less: both weights are 0 in float32 before they are scaled
    assert ADNCE(mu=-0.5, sigma=0.01, temperature=0.5)(a, p, n).item() == pytest.approx(
        math.log(E**2 + 2) - 2
    )


def test_weights_have_no_gradient():
    a, p, n = (rows(i).requires_grad_() for i in range(3))
    own = torch.eye(6, 12, dtype=torch.bool)
    with torch.no_grad():
        weight = log_gaussian_weights(
            cosine_matrix(a, torch.cat([p, n])), mu=0.2, sigma=0.3, own=own
        ).exp()
    torch.testing.assert_close(
        weight.masked_fill(own, 0).sum(1), torch.full((6,), 11.0, dtype=torch.float64)
    )

    def held(a, p, n):
        score = (cosine_matrix(a, torch.cat([p, n])) / 0.5).exp()
        return -(score.diagonal() / (weight * score).sum(1)).log().mean()

    assert torch.autograd.gradcheck(held, (a, p, n))
    ours = torch.autograd.grad(ADNCE(mu=0.2, sigma=0.3, temperature=0.5)(a, p, n), (a, p, n))
    for one, other in zip(ours, torch.autograd.grad(held(a, p, n), (a, p, n)), strict=True):
        torch.testing.assert_close(one, other)


def test_refuses_a_sigma_of_zero():
    with pytest.raises(ValueError, match="sigma"):
        ADNCE(sigma=0.0)


def test_defaults_are_the_authors():
    assert (ADNCE().temperature, ADNCE().mu, ADNCE().sigma) == (0.07, 0.4, 1.0)
