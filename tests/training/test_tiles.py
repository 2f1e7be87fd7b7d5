"""The tiled loss: whole matrices never exist, and value and gradient are those of the whole."""

import pytest
import torch

from recse_lab.objectives import CONTRASTS, InfoNCE
from recse_lab.training.tiles import Tiled


@pytest.mark.parametrize("name", CONTRASTS)
@pytest.mark.parametrize("frozen", [False, True], ids=["hard negatives", "queue"])
def test_tiles_are_the_whole_in_float32(name, frozen):
    torch.manual_seed(0)
    given = [torch.randn(37, 8) for _ in range(3)]
    given[1] = given[0] + 0.5 * given[1]
    for i, value in enumerate(given):
        value.requires_grad_(not (frozen and i == 2))
    asked = [value for value in given if value.requires_grad]
    contrast = CONTRASTS[name]()
    whole, tiled = contrast(*given), Tiled(inner=contrast, logits=500)(*given)
    torch.testing.assert_close(tiled, whole, rtol=1e-5, atol=1e-6)
    for one, other in zip(
        torch.autograd.grad(2 * tiled, asked), torch.autograd.grad(2 * whole, asked), strict=True
    ):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5)


def test_rows_of_two_processes_add_up():
    torch.manual_seed(1)
    first, second = torch.randn(2, 10, 4, dtype=torch.float64)
    parts = [
        Tiled(inner=InfoNCE(), rows=rows, logits=30)(first, second)
        for rows in (slice(0, 5), slice(5, 10))
    ]
    torch.testing.assert_close(sum(parts), InfoNCE()(first, second), rtol=1e-12, atol=0)


def test_what_is_kept_for_the_gradient_is_as_large_as_the_embeddings():
    anchors, positives = torch.randn(2, 600, 8)
    loss = Tiled(inner=InfoNCE(), logits=2000)(anchors.requires_grad_(), positives)
    (kept,) = loss.grad_fn.saved_tensors
    assert kept.shape == anchors.shape
    assert loss.grad_fn.next_functions[0][0].variable is anchors  # and no logits behind it


def test_without_gradient_it_is_the_value_alone():
    values = torch.randn(2, 9, 4)
    with torch.no_grad():
        loss = Tiled(inner=InfoNCE(), logits=20)(*values)
    torch.testing.assert_close(loss, InfoNCE()(*values))
