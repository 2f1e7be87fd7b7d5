"""The embedding layer's output, edited while a context is open."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn


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
