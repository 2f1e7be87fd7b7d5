"""The terms of a step against their parts and their limits."""

import pytest
import torch
from vectors import rows

from recse_lab.objectives import CONTRASTS, InfoNCE, info_nce, recse_terms


def test_terms_add_up_to_the_loss():
    views, projection, target = torch.stack([rows(0), rows(1)]), rows(2), rows(3)
    terms = recse_terms(
        views,
        projection,
        target,
        contrast=InfoNCE(),
        weight=0.7,
        reshape_weight=0.3,
        reshape_contrast=InfoNCE(temperature=0.2),
    )
    assert terms.contrast is not None
    assert terms.reshape is not None
    torch.testing.assert_close(terms.loss, 0.7 * terms.contrast + 0.3 * terms.reshape)
    torch.testing.assert_close(terms.contrast, info_nce(views[0], views[1], temperature=0.05))
    torch.testing.assert_close(terms.reshape, info_nce(projection, target, temperature=0.2))


def test_limits_are_simcse_and_reshape_only():
    views, projection, target = torch.stack([rows(0), rows(1)]), rows(2), rows(3)
    simcse = recse_terms(views, None, None, contrast=InfoNCE(), weight=1.0)
    assert simcse.reshape is None
    torch.testing.assert_close(simcse.loss, info_nce(views[0], views[1], temperature=0.05))
    alone = recse_terms(
        views[:1], projection, target, contrast=InfoNCE(), weight=0.0, reshape_weight=1.0
    )
    assert alone.contrast is None
    torch.testing.assert_close(alone.loss, info_nce(projection, target, temperature=0.05))
    with pytest.raises(ValueError, match="no term"):
        recse_terms(views, None, None, contrast=InfoNCE(), weight=0.0)


@pytest.mark.parametrize("name", CONTRASTS)
def test_the_reshape_term_takes_any_contrast(name):
    views, projection, target = torch.stack([rows(0), rows(1)]), rows(2), rows(3)
    contrast = CONTRASTS[name](temperature=0.3)
    terms = recse_terms(
        views,
        projection,
        target,
        contrast=InfoNCE(),
        weight=1.0,
        reshape_contrast=contrast,
        reshape_weight=0.5,
    )
    assert terms.reshape is not None
    assert torch.equal(terms.reshape, contrast(projection, target))
    torch.testing.assert_close(
        terms.loss, info_nce(views[0], views[1], temperature=0.05) + 0.5 * terms.reshape
    )
