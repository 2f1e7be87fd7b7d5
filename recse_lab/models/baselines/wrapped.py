"""What baselines share: they are encoders, and they say what moves their numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import Float
from torch import nn

from recse_lab.models.encoder import Encoder

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class TrainingFree(nn.Module):
    """An encoder that nothing was trained for.

    Args:
        fingerprint: sha256 of everything that changes its embeddings.
        fitted_on: Name of the corpus it was fitted on; None if it needs none.
    """

    def __init__(self, *, fingerprint: str, fitted_on: str | None) -> None:
        super().__init__()
        self.fingerprint, self.fitted_on = fingerprint, fitted_on

    @property
    def hidden(self) -> int:
        """Dimensions of an embedding."""
        raise NotImplementedError

    def tokenize(self, sentences: Sequence[str]) -> list[np.ndarray]:
        """Token ids of sentences."""
        raise NotImplementedError

    def encode_ids(
        self,
        rows: Sequence[np.ndarray],
        *,
        precision: str = "fp32",
        progress: Callable[[int, int], None] | None = None,
    ) -> Float[np.ndarray, "sentences hidden"]:
        """Embeddings of tokenised sentences."""
        raise NotImplementedError

    def encode(
        self, sentences: Sequence[str], **options: Any
    ) -> Float[np.ndarray, "sentences hidden"]:
        """Embeddings of sentences; options as in ``encode_ids``."""
        if not len(sentences):
            return np.empty((0, self.hidden), np.float32)
        return self.encode_ids(self.tokenize(sentences), **options)


class WrappedEncoder(TrainingFree):
    """Another encoder, in everything that a subclass does not override."""

    def __init__(self, encoder: Encoder, *, fingerprint: str, fitted_on: str | None) -> None:
        super().__init__(fingerprint=fingerprint, fitted_on=fitted_on)
        self.encoder: Encoder = encoder

    @property
    def hidden(self) -> int:
        """Dimensions of the wrapped encoder's embeddings."""
        return self.encoder.hidden

    @property
    def pooling(self) -> str:
        """Pooling of the wrapped encoder."""
        return self.encoder.pooling

    @property
    def max_length(self) -> int:
        """Longest sentence in tokens; longer ones are cut."""
        return self.encoder.max_length

    @property
    def tokenizer(self) -> Any:
        """Tokenizer of the wrapped encoder."""
        return self.encoder.tokenizer

    @property
    def backbone(self) -> PreTrainedModel | None:
        """The network behind the embeddings; None where there is none."""
        return self.encoder.backbone

    @property
    def head(self) -> nn.Module | None:
        """The wrapped encoder's head; None where it has none."""
        return self.encoder.head

    @property
    def device(self) -> torch.device:
        """Where the wrapped encoder computes."""
        return self.encoder.device

    def tokenize(self, sentences: Sequence[str]) -> list[np.ndarray]:
        """Token ids with special tokens, cut at ``max_length``."""
        return self.encoder.tokenize(sentences)

    def encode_ids(
        self,
        rows: Sequence[np.ndarray],
        *,
        precision: str = "fp32",
        progress: Callable[[int, int], None] | None = None,
    ) -> Float[np.ndarray, "sentences hidden"]:
        """Embeddings of tokenised sentences."""
        return self.encoder.encode_ids(rows, precision=precision, progress=progress)
