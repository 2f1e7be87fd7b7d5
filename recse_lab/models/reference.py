"""What other libraries make of an encoder's folder: the references that ours is compared with."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int

from recse_lab.models.loading import backbone_class, quiet


def eager_model(folder: Path) -> Any:
    """The model of a folder as transformers opens it, with its own eager attention.

    Of a family of encoders and decoders, the encoder.
    """
    from transformers import AutoConfig

    kind = backbone_class(AutoConfig.from_pretrained(folder), str(folder))
    with quiet():
        return kind.from_pretrained(folder, attn_implementation="eager", dtype=torch.float32).eval()


@torch.inference_mode()
def eager_states(
    model: Any, row: Int[np.ndarray, " tokens"]
) -> Float[np.ndarray, "layers tokens hidden"]:
    """All hidden states of one sentence, alone and without padding; the embedding layer first."""
    ids = torch.tensor([list(row)])
    mask = torch.ones_like(ids)
    states = model(input_ids=ids, attention_mask=mask, output_hidden_states=True).hidden_states
    return torch.cat(states).numpy()


def has_sentence_transformers() -> bool:
    """Whether sentence-transformers can be imported; it comes with the extra ``benchmarks``."""
    return importlib.util.find_spec("sentence_transformers") is not None


def sentence_transformers_embeddings(
    folder: Path, sentences: Sequence[str]
) -> Float[np.ndarray, "sentences hidden"]:
    """What sentence-transformers computes from a folder."""
    library: Any = importlib.import_module("sentence_transformers")

    with quiet():
        return library.SentenceTransformer(str(folder), device="cpu").encode(list(sentences))
