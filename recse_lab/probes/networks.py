"""Looking into a transformer: embeddings under dropout or of edited inputs, and the hidden states
of every layer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from recse_lab.models.batching import by_token_budget, pad, token_budget
from recse_lab.models.editing import edited_embeddings
from recse_lab.models.transformer import TransformerEncoder
from recse_lab.pooling import masked_mean
from recse_lab.reshape.token_view import ReshapedTokens

Batch = tuple[Int[np.ndarray, " batch"], Int[Tensor, "batch tokens"], Int[Tensor, "batch tokens"]]
"""Which sentences, their token ids and their attention mask."""


@contextmanager
def dropout_on(encoder: TransformerEncoder) -> Iterator[None]:
    """Dropout as in training, inside the block."""
    before = encoder.training
    encoder.train()
    try:
        yield
    finally:
        encoder.train(before)


@torch.no_grad()
def pooled(
    encoder: TransformerEncoder, sentences: Sequence[str], *, edit: ReshapedTokens | None = None
) -> Float[np.ndarray, "sentences hidden"]:
    """Embed sentences in float32, in the encoder's present mode (training or evaluation).

    Args:
        encoder: The transformer.
        sentences: Any number of texts.
        edit: Edits the output of the embedding layer.
    """
    out = np.empty((len(sentences), encoder.hidden), np.float32)
    for batch, ids, mask in _batches(encoder, sentences):
        editing = (
            edited_embeddings(encoder.backbone, partial(edit, mask=mask, ids=ids, seed=0))
            if edit is not None
            else nullcontext()
        )
        with editing:
            out[batch] = encoder.pool(encoder.hidden_states(ids, mask), ids, mask).cpu().numpy()
    return out


@torch.inference_mode()
def layer_means(
    encoder: TransformerEncoder, sentences: Sequence[str]
) -> list[Float[np.ndarray, "sentences _hidden"]]:
    """Token means of every hidden layer, the embedding layer first."""
    stacks: list[np.ndarray] = []
    for batch, ids, mask in _batches(encoder, sentences):
        states = encoder.hidden_states(ids, mask)
        stacks = stacks or [np.empty((len(sentences), encoder.hidden), np.float32) for _ in states]
        for stack, state in zip(stacks, states, strict=True):
            stack[batch] = masked_mean(state, mask).float().cpu().numpy()
    return stacks


@torch.inference_mode()
def token_states(
    encoder: TransformerEncoder, sentences: Sequence[str]
) -> tuple[
    list[Float[np.ndarray, "tokens _hidden"]],
    Int[np.ndarray, " tokens"],
    Int[np.ndarray, " tokens"],
]:
    """States of all tokens but special ones, of every layer, sentence by sentence.

    Args:
        encoder: The transformer, in evaluation mode.
        sentences: Any number of texts; all of it is held in memory.

    Returns:
        States by layer, the embedding layer first; the sentence and the id of every token.
    """
    parts: list[list[np.ndarray]] = []
    numbers, names = [], []
    for batch, ids, mask in _batches(encoder, sentences):
        states = encoder.hidden_states(ids, mask)
        content = encoder.content_mask(ids, mask)
        rows = content.nonzero()[:, 0].cpu().numpy()
        numbers.append(np.asarray(batch)[rows])
        names.append(ids[content].cpu().numpy())
        parts.append([state[content].float().cpu().numpy() for state in states])
    sentence = np.concatenate(numbers)
    order = np.argsort(sentence, kind="stable")
    layers = [np.concatenate(stack)[order] for stack in zip(*parts, strict=True)]
    return layers, sentence[order], np.concatenate(names)[order]


def _batches(encoder: TransformerEncoder, sentences: Sequence[str]) -> Iterator[Batch]:
    rows = encoder.tokenize(sentences)
    lengths = np.array([len(row) for row in rows])
    for batch in by_token_budget(lengths, token_budget(encoder.device)):
        ids, mask = (t.to(encoder.device) for t in pad([rows[i] for i in batch], encoder.pad_id))
        yield batch, ids, mask
