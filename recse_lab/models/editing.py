"""The embedding layer's output, edited while a context is open."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from recse_lab.models.checks import word_table

if TYPE_CHECKING:
    from transformers import PreTrainedModel


@contextmanager
def edited_embeddings(backbone: nn.Module, edit: Callable[[Tensor], Tensor]) -> Iterator[None]:
    """What leaves the embedding layer (behind its norm and dropout) goes through ``edit``."""

    def edited(module: nn.Module, inputs: Any, output: Any) -> Tensor:
        return edit(output)

    handle = backbone.get_submodule("embeddings").register_forward_hook(edited)
    try:
        yield
    finally:
        handle.remove()


def has_editable_embeddings(backbone: PreTrainedModel) -> bool:
    """Whether an edit of the embedding layer's output reaches the states.

    Some families call another module so, or hand over more than the embeddings.
    """
    if not isinstance(getattr(backbone, "embeddings", None), nn.Module):
        return False
    words = torch.zeros(1, 4, word_table(backbone).shape[1], device=backbone.device)
    seen: list[Any] = []

    def see(module: nn.Module, inputs: Any, output: Any) -> None:
        seen.append(output)

    handle = backbone.get_submodule("embeddings").register_forward_hook(see)
    training = backbone.training
    try:
        with torch.no_grad():
            backbone.eval()(inputs_embeds=words, attention_mask=words.new_ones(1, 4).long())
    finally:
        handle.remove()
        backbone.train(training)
    return len(seen) == 1 and isinstance(seen[0], Tensor) and seen[0].shape[:2] == (1, 4)
