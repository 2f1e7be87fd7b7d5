"""Each contrast against a transcription of its formula, a value by hand and its limits."""

import math

import numpy as np
import pytest
import torch

from recse_lab.objectives import CONTRASTS, info_nce
from recse_lab.objectives.adnce import log_gaussian_weights
from recse_lab.objectives.info_nce import cosine_matrix

INF_NCE, ADNCE, NT_XENT, SUPERVISED, ARC_CON = (
    CONTRASTS[name] for name in ("info-nce", "adnce", "nt-xent", "supervised", "arc-con")
)
E, ROOT3 = math.e, math.sqrt(3)


def rows(seed, batch=6, dim=5):
    return torch.randn(
        batch, dim, generator=torch.Generator().manual_seed(seed), dtype=torch.float64
    )


def at(*degrees):
    """Vectors in the plane at these angles, of unequal length."""
    angle = torch.tensor(degrees, dtype=torch.float64) * math.pi / 180
    return torch.stack([angle.cos(), angle.sin()], 1) * torch.arange(1, len(degrees) + 1)[:, None]


def cosines(a, b):
    a, b = (np.asarray(x, dtype=np.float64) for x in (a, b))
    return (a @ b.T) / np.outer(np.linalg.norm(a, axis=1), np.linalg.norm(b, axis=1))


def value(loss):
    return pytest.approx(loss, rel=1e-12)


# ---- InfoNCE with negatives ------------------------------------------------------------------------------------------


def test_info_nce_has_its_negatives_in_the_denominator():
    a, p, n = rows(0), rows(1), rows(2, batch=3)
    s, t = np.exp(cosines(a, p) / 0.1), np.exp(cosines(a, n) / 0.1)
    expected = np.mean([-math.log(s[i, i] / (s[i].sum() + t[i].sum())) for i in range(6)])
    assert INF_NCE(temperature=0.1)(a, p, n).item() == value(expected)
    assert INF_NCE(temperature=0.1)(a, p).item() == info_nce(a, p, temperature=0.1).item()


def test_info_nce_by_hand():
    assert INF_NCE(temperature=0.5)(at(0), at(60), at(90)).item() == value(math.log(E + 1) - 1)


# ---- ADNCE -----------------------------------------------------------------------------------------------------------


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
    """The authors' sentence code: weights over the whole row, and an unweighted numerator."""
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
def test_adnce_equals_both_transcriptions(mu, sigma, tau):
    a, p, n = rows(0), rows(1), rows(2, batch=4)
    options = {"mu": mu, "sigma": sigma, "temperature": tau}
    assert ADNCE(**options)(a, p, n).item() == value(numpy_adnce(a, p, n, mu, sigma, tau))
    release = ADNCE(**options, weigh_positive=True)(a, p, n).item()
    assert release == value(numpy_adnce_release(a, p, n, mu, sigma, tau))


def test_adnce_by_hand():
    # Negatives at cosine ½ = μ and 0; σ is such that their weights are 1 : ⅓, of mean 1 so 1½ and ½.
    options = {"mu": 0.5, "sigma": 0.5 / math.sqrt(2 * math.log(3)), "temperature": 0.5}
    a, n = at(0), at(60, 90)
    assert ADNCE(**options)(a, a, n).item() == value(math.log(E**2 + 1.5 * E + 0.5) - 2)
    # The positive, at cosine 1, weighs ⅓ too: of mean 1 so ⅗, 9/5 and ⅗.
    release = ADNCE(**options, weigh_positive=True)(a, a, n).item()
    assert release == value(math.log(0.6 * E**2 + 1.8 * E + 0.6) - 2)


@pytest.mark.parametrize("weigh_positive", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_adnce_with_infinite_sigma_is_info_nce(dtype, weigh_positive):
    a, p, n = (rows(i).to(dtype).requires_grad_() for i in range(3))
    wide = ADNCE(sigma=math.inf, temperature=0.1, weigh_positive=weigh_positive)(a, p, n)
    plain = INF_NCE(temperature=0.1)(a, p, n)
    assert torch.equal(wide, plain)
    for one, other in zip(
        torch.autograd.grad(wide, (a, p, n)), torch.autograd.grad(plain, (a, p, n)), strict=True
    ):
        assert torch.equal(one, other)
    gaps = [
        abs(ADNCE(sigma=s, temperature=0.1)(a, p, n) - plain).item() for s in (1.0, 10.0, 100.0)
    ]
    assert gaps[0] > gaps[1] > gaps[2]


def test_adnce_negatives_far_from_mu_lose_their_say():
    a, p = rows(0), rows(0) + 0.1 * rows(1)
    narrow = ADNCE(mu=-1.0, sigma=0.05, temperature=0.1)(
        a, p
    )  # only the most remote negatives are left
    assert narrow < 0.1 * INF_NCE(temperature=0.1)(a, p)


def test_adnce_with_a_narrow_gaussian_looks_at_the_nearest_negative():
    a, p = at(0).float(), at(0).float()
    n = at(
        60, 90
    ).float()  # e^(−½·(1/0.01)²) and less: both weights are 0 in float32 before they are scaled
    assert ADNCE(mu=-0.5, sigma=0.01, temperature=0.5)(a, p, n).item() == pytest.approx(
        math.log(E**2 + 2) - 2
    )


def test_adnce_weights_have_no_gradient():
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


def test_adnce_refuses_a_sigma_of_zero():
    with pytest.raises(ValueError, match="sigma"):
        ADNCE(sigma=0.0)


# ---- NT-Xent ---------------------------------------------------------------------------------------------------------


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
def test_nt_xent_equals_its_transcription_and_is_symmetric(tau, extra):
    a, p, n = rows(0), rows(1), rows(2, batch=extra)
    contrast = NT_XENT(temperature=tau)
    assert contrast(a, p, n).item() == value(numpy_nt_xent(a, p, n, tau))
    assert contrast(p, a, n).item() == value(contrast(a, p, n).item())


def test_nt_xent_by_hand():
    # Views at 0° and 60° of one sentence, twice 90° of the other; τ = ½ doubles the cosines.
    first = math.log(E + 2) - 1
    second = math.log(E + 2 * math.exp(ROOT3)) - 1
    other = math.log(E**2 + 1 + math.exp(ROOT3)) - 2
    assert NT_XENT(temperature=0.5)(at(0, 90), at(60, 90)).item() == value(
        (first + second + 2 * other) / 4
    )


def test_nt_xent_is_info_nce_of_each_view_among_all_others():
    a, p = rows(0), rows(1)
    parts = []
    for views, partners in ((a, p), (p, a)):
        for i in range(6):
            rest = torch.arange(6) != i
            others = torch.cat([partners[i : i + 1], partners[rest], views[rest]])
            parts.append(info_nce(views[i : i + 1], others, temperature=0.1))
    torch.testing.assert_close(NT_XENT(temperature=0.1)(a, p), torch.stack(parts).mean())
    both = (info_nce(a, p, temperature=0.1) + info_nce(p, a, temperature=0.1)) / 2
    assert NT_XENT(temperature=0.1)(a, p) > both  # its denominator holds the anchor's own kind too


def test_nt_xent_alone_and_collapsed():
    assert NT_XENT()(rows(0, batch=1), rows(1, batch=1)).item() == pytest.approx(0.0, abs=1e-12)
    same = torch.ones(8, 4, dtype=torch.float64)
    assert NT_XENT()(same, same).item() == value(math.log(15))


# ---- supervised ------------------------------------------------------------------------------------------------------


def numpy_supervised(a, p, n, alpha, tau):
    s, t = np.exp(cosines(a, p) / tau), np.exp(cosines(a, n) / tau)
    total = 0.0
    for i in range(len(a)):
        below = s[i].sum() + sum((alpha if i == j else 1.0) * t[i, j] for j in range(len(n)))
        total -= math.log(s[i, i] / below)
    return total / len(a)


@pytest.mark.parametrize("alpha", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("extra", [6, 9])
def test_supervised_equals_its_transcription(alpha, extra):
    a, p, n = rows(0), rows(1), rows(2, batch=extra)
    contrast = SUPERVISED(temperature=0.1, hard_negative_weight=math.log(alpha))
    assert contrast(a, p, n).item() == value(numpy_supervised(a, p, n, alpha, 0.1))


def test_supervised_by_hand():
    a, p, n = at(0, 90), at(60, 90), at(90, 0)
    first = math.log(E + 1 + 3 * 1 + E**2) - 1  # its own hard negative at cosine 0 counts thrice
    second = math.log(math.exp(ROOT3) + E**2 + E**2 + 3 * 1) - 2
    contrast = SUPERVISED(temperature=0.5, hard_negative_weight=math.log(3))
    assert contrast(a, p, n).item() == value((first + second) / 2)


def test_supervised_limits_are_info_nce():
    a, p, n = rows(0), rows(1), rows(2)
    assert torch.equal(SUPERVISED(hard_negative_weight=1.0)(a, p), INF_NCE()(a, p))
    assert torch.equal(SUPERVISED(hard_negative_weight=0.0)(a, p, n), INF_NCE()(a, p, n))
    without = SUPERVISED(hard_negative_weight=-math.inf, temperature=0.1)(a, p, n)  # α = 0
    assert without.item() == value(numpy_supervised(a, p, n, 0.0, 0.1))


def test_supervised_needs_a_hard_negative_for_each():
    with pytest.raises(ValueError, match="3 negatives for 6 anchors"):
        SUPERVISED()(rows(0), rows(1), rows(2, batch=3))


# ---- ArcCon ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("margin", [0.0, 10.0, 30.0])
def test_arc_con_equals_its_transcription(margin):
    a, p, n = rows(0), rows(1), rows(2, batch=4)
    s, t = cosines(a, p), cosines(a, n)
    total = 0.0
    for i in range(6):
        positive = math.exp(math.cos(math.acos(s[i, i]) + math.radians(margin)) / 0.1)
        others = sum(math.exp(s[i, j] / 0.1) for j in range(6) if j != i) + np.exp(t[i] / 0.1).sum()
        total -= math.log(positive / (positive + others))
    assert ARC_CON(temperature=0.1, margin_degrees=margin)(a, p, n).item() == value(total / 6)


def test_arc_con_by_hand():
    loss = ARC_CON(temperature=0.5, margin_degrees=10.0)(at(0), at(50), at(90))
    assert loss.item() == value(math.log(E + 1) - 1)  # 50° count as 60°


def test_arc_con_without_margin_is_info_nce():
    a, p, n = rows(0), rows(1), rows(2)
    assert torch.equal(ARC_CON(margin_degrees=0.0)(a, p, n), INF_NCE()(a, p, n))
    p = a + 0.3 * p
    losses = [ARC_CON(margin_degrees=m)(a, p) for m in (0, 5, 10, 20)]
    assert losses == sorted(losses)
    assert losses[0] < losses[-1]


# ---- defaults --------------------------------------------------------------------------------------------------------


def test_defaults_are_the_authors():
    assert INF_NCE().temperature == SUPERVISED().temperature == ARC_CON().temperature == 0.05
    assert (ADNCE().temperature, ADNCE().mu, ADNCE().sigma) == (0.07, 0.4, 1.0)
    assert NT_XENT().temperature == 0.1
    assert SUPERVISED().hard_negative_weight == 0.0
    assert ARC_CON().margin_degrees == 10.0
