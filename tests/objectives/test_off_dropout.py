"""OffDropout against a transcription of the authors' loss, its limits, and a value by hand."""

import math

import numpy as np
import pytest
import torch
from vectors import at, cosines, rows, value

from recse_lab.objectives import InfoNCE, OffDropout

E = math.e


@pytest.mark.parametrize("scale", [0.9, 1.0])
def test_equals_the_authors_loss(scale):
    """Transcribed from github.com/Jiahao004/SimCSE-plus-plus at a52ea2d, simcse/models_re.py,
    cl_forward: pos_loss, neg_mask, neg_sim, neg_loss. They remove a sentence's cosine with itself
    by adding log 1e-45 to it, which leaves e^{20 − 103} of it."""
    h, p, z = rows(0), rows(1), rows(2)
    pull = scale * np.diag(cosines(h, p)) / 0.05
    push = cosines(z, z) / 0.05 + np.eye(6) * math.log(1e-45)
    loss = -pull + np.log(np.exp(push).sum(axis=1) + np.exp(pull))
    found = OffDropout(positive_scale=scale)(h, p, z).item()
    assert found == pytest.approx(loss.mean(), rel=1e-12)


def test_without_dropout_and_scale_one_it_is_info_nce():
    z = rows(0)
    own, info_nce = OffDropout(positive_scale=1.0), InfoNCE()
    torch.testing.assert_close(own(z, z, z), info_nce(z, z), rtol=1e-12, atol=0)
    h, p = rows(1), rows(2)
    torch.testing.assert_close(own(h, p), info_nce(h, p), rtol=1e-12, atol=0)


def test_negatives_feel_no_dropout():
    """Two sentences whose clean embeddings are orthogonal, whatever their views do."""
    loss = OffDropout(temperature=1.0, positive_scale=1.0)
    views = at(0, 0), at(60, 60)
    assert loss(*views, at(0, 90)).item() == value(math.log(math.sqrt(E) + 1) - 0.5)


def test_rows_beyond_the_batch_are_plain_negatives():
    loss = OffDropout(temperature=1.0, positive_scale=1.0)
    found = loss(at(0), at(60), at(0, 90, 90)).item()
    assert found == value(math.log(math.sqrt(E) + 2) - 0.5)


def test_what_is_refused():
    with pytest.raises(ValueError, match="1 negatives for 6 anchors"):
        OffDropout()(rows(0), rows(1), rows(2, batch=1))
    with pytest.raises(ValueError, match="positive_scale 0: it must be above 0"):
        OffDropout(positive_scale=0)


def test_defaults_are_the_authors():
    assert (OffDropout().temperature, OffDropout().positive_scale) == (0.05, 0.9)
