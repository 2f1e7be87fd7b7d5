"""Derivatives by the cosines, against closed forms."""

import pytest
import torch
import torch.nn.functional as F

from recse_lab.objectives import InfoNCE, OffDropout
from recse_lab.probes.contrast_gradients import batch_gradients, cosine_gradients, star

TAU = 0.1


def units(count, dim, seed=0):
    rows = torch.randn(count, dim, generator=torch.Generator().manual_seed(seed)).double()
    return F.normalize(rows, dim=1)


def test_derivatives_by_the_cosine_are_those_of_info_nce():
    """∂L/∂cos⁺ = −(1 − p⁺)/τ and ∂L/∂cosⱼ = pⱼ/τ."""
    anchor, candidates = units(1, 6)[0], units(5, 6, seed=1)
    cosines, slopes = cosine_gradients(InfoNCE(temperature=TAU), anchor, candidates)
    p = torch.softmax(candidates @ anchor / TAU, dim=0)
    p[0] -= 1
    torch.testing.assert_close(cosines, candidates @ anchor)
    torch.testing.assert_close(slopes, p / TAU)


def test_a_contrast_with_clean_negatives_has_the_derivatives_of_its_formula():
    """∂L/∂cos⁺ = −r(1 − p⁺)/τ with the positive's logit r·cos⁺/τ, and ∂L/∂cosⱼ = pⱼ/τ."""
    anchor, candidates = units(1, 6)[0], units(5, 6, seed=1)
    contrast = OffDropout(temperature=TAU, positive_scale=0.9)
    cosines, slopes = cosine_gradients(contrast, anchor, candidates)
    scale = torch.tensor([0.9, 1, 1, 1, 1]).double()
    p = torch.softmax(scale * cosines / TAU, dim=0)
    p[0] = 0.9 * (p[0] - 1)
    torch.testing.assert_close(slopes, p / TAU)


def test_a_view_equal_to_its_anchor_has_no_derivative_in_this_direction():
    anchor = units(1, 6)[0]
    candidates = torch.stack([anchor, *units(3, 6, seed=1)])
    assert torch.isnan(cosine_gradients(InfoNCE(temperature=TAU), anchor, candidates)[1][0])


def test_a_star_has_its_angles_and_nothing_else_in_common():
    anchor, candidates = star(0.3, 1.2, 4)
    expected = torch.tensor([0.3, 1.2, 1.2, 1.2, 1.2]).double().cos()
    torch.testing.assert_close(candidates @ anchor, expected)
    torch.testing.assert_close(candidates.norm(dim=1), torch.ones(5).double())
    apart = candidates[1:] - torch.outer(candidates[1:] @ anchor, anchor)
    cross = apart @ apart.T
    assert cross.fill_diagonal_(0).abs().max() == pytest.approx(0)


def test_batches_compare_every_sentence_with_as_many_and_itself_first():
    first, second = units(7, 5).numpy(), units(7, 5, seed=2).numpy()
    slopes, cosines = batch_gradients(InfoNCE(temperature=TAU), first, second, 3)
    assert slopes.shape == cosines.shape == (7, 3)
    assert cosines[:, 0] == pytest.approx((first * second).sum(1))
    last = first[6] @ second[[6, 4, 5]].T  # the last batch reaches back
    assert cosines[6] == pytest.approx(last)
