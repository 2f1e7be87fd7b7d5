"""What evaluation and probes ask of an encoder, trained or not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float
from torch import nn

if TYPE_CHECKING:
    from transformers import PreTrainedModel


@runtime_checkable
class Encoder(Protocol):
    """Sentences -> float32 vectors, one a sentence, the same whatever else is encoded with it."""

    @property
    def hidden(self) -> int:
        """Width of an embedding."""
        ...

    @property
    def pooling(self) -> str:
        """A pooling's name; ``bag`` where there is no network."""
        ...

    @property
    def max_length(self) -> int:
        """Longest sentence in tokens; longer ones are cut."""
        ...

    @property
    def tokenizer(self) -> Any:
        """Tokenizer of transformers."""
        ...

    @property
    def backbone(self) -> PreTrainedModel | None:
        """The network behind the embeddings; None where there is none."""
        ...

    @property
    def head(self) -> nn.Module | None:
        """What turns a pooled state into an embedding; None where there is none."""
        ...

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        ...

    def tokenize(self, sentences: Sequence[str]) -> list[np.ndarray]:
        """Token ids with special tokens, cut at ``max_length``."""
        ...

    def encode_ids(
        self,
        rows: Sequence[np.ndarray],
        *,
        precision: str = "fp32",
        progress: Callable[[int, int], None] | None = None,
    ) -> Float[np.ndarray, "sentences hidden"]:
        """Embeddings of tokenised sentences.

        ``precision`` (fp32 or bf16) is that of the network.
        """
        ...

    def encode(
        self, sentences: Sequence[str], **options: Any
    ) -> Float[np.ndarray, "sentences hidden"]:
        """Embeddings of sentences; options as in ``encode_ids``."""
        ...
