"""A Hugging Face backbone with its tokenizer, from text to one vector per sentence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from recse_lab.models.batching import by_token_budget, pad, token_budget, tokenize
from recse_lab.models.heads import TanhHead
from recse_lab.models.positions import longest_sentence
from recse_lab.models.precision import autocast
from recse_lab.models.readouts import EncodedBatch, Pooled, Readout
from recse_lab.pooling import HiddenStates

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class TransformerEncoder(nn.Module):
    """Tokenizer, backbone, readout and head: text -> one vector per sentence.

    ``forward`` applies the head, for training; ``encode`` applies it only if it is kept.

    Args:
        backbone: The pretrained transformer.
        tokenizer: Its fast tokenizer.
        readout: How hidden states become one vector; the mean over tokens by default.
        head: The layer between readout and objective, if there is one.
        max_length: Longest sentence in tokens; longer ones are cut. What backbone and tokenizer
            allow by default.
    """

    behaviour: ClassVar[int] = 1
    """Version of the numbers. Raise it when they change: runs that use it get new ids."""

    special_ids: Tensor

    def __init__(
        self,
        backbone: PreTrainedModel,
        tokenizer: Any,
        *,
        readout: Readout | None = None,
        head: TanhHead | None = None,
        max_length: int | None = None,
    ) -> None:
        super().__init__()
        # The order of the parts is the order in which a gradient's norm is summed.
        self.backbone, self.tokenizer, self.head = backbone, tokenizer, head
        self.readout = Pooled("mean") if readout is None else readout
        self.max_length = longest_sentence(backbone.config, tokenizer, max_length)
        self.pad_id: int = tokenizer.pad_token_id or 0
        special = sorted(set(tokenizer.all_special_ids) - {tokenizer.unk_token_id})
        self.register_buffer("special_ids", torch.tensor(special), persistent=False)

    @property
    def hidden(self) -> int:
        """Width of an embedding."""
        return self.backbone.config.hidden_size

    @property
    def pooling(self) -> str:
        """Name of the readout."""
        return self.readout.name

    @property
    def device(self) -> torch.device:
        """Device of the backbone."""
        return next(self.backbone.parameters()).device

    # ---- training: from token ids, with gradient -----------------------------------------------

    def hidden_states(
        self, ids: Int[Tensor, "batch tokens"], mask: Int[Tensor, "batch tokens"]
    ) -> HiddenStates:
        """All hidden states, the embedding layer first."""
        return self.backbone(
            input_ids=ids, attention_mask=mask, output_hidden_states=True
        ).hidden_states

    def embed_tokens(self, ids: Int[Tensor, "*shape"]) -> Float[Tensor, "*shape width"]:
        """Word embeddings, before positions and norm.

        One look-up for several groups of sentences has one gradient of the table's size.
        """
        return self.backbone.get_input_embeddings()(ids)

    def forward(
        self,
        words: Float[Tensor, "batch tokens width"],
        ids: Int[Tensor, "batch tokens"],
        mask: Int[Tensor, "batch tokens"],
        *,
        view: int = 0,
    ) -> tuple[Float[Tensor, "batch hidden"], HiddenStates]:
        """Embedding after the head, and the hidden states it came from.

        Args:
            words: ``embed_tokens(ids)``.
            ids: Token ids, wrapped by the readout.
            mask: 1 on tokens, 0 on padding.
            view: Which view of their sentences the rows are.
        """
        hidden = self.backbone(
            inputs_embeds=words, attention_mask=mask, output_hidden_states=True
        ).hidden_states
        return self.apply_head(self.pool(hidden, ids, mask, view=view)), hidden

    def pool(
        self,
        hidden: HiddenStates,
        ids: Int[Tensor, "batch tokens"],
        mask: Int[Tensor, "batch tokens"],
        *,
        view: int = 0,
    ) -> Float[Tensor, "batch hidden"]:
        """One float32 vector per sentence, before the head."""
        return self.readout(EncodedBatch(self, hidden, ids, mask, view))

    def apply_head(self, pooled: Float[Tensor, "batch hidden"]) -> Float[Tensor, "batch hidden"]:
        """The training head's output; ``pooled`` itself if there is no head."""
        return self.head(pooled) if self.head is not None else pooled

    def content_mask(
        self, ids: Int[Tensor, "batch tokens"], mask: Int[Tensor, "batch tokens"]
    ) -> Bool[Tensor, "batch tokens"]:
        """True on tokens that are neither padding nor special."""
        return mask.bool() & ~torch.isin(ids, self.special_ids)

    # ---- use: from text, without gradient ------------------------------------------------------

    def tokenize(self, sentences: Sequence[str]) -> list[np.ndarray]:
        """Token ids with special tokens, cut at ``max_length``."""
        texts = [self.readout.prepare(sentence) for sentence in sentences]
        return tokenize(self.tokenizer, texts, max_length=self.max_length)

    @torch.inference_mode()
    def encode_ids(
        self,
        rows: Sequence[np.ndarray],
        *,
        precision: str = "fp32",
        tokens_per_batch: int | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> Float[np.ndarray, "sentences hidden"]:
        """Embeddings of tokenised sentences, dropout off.

        Args:
            rows: Token ids of every sentence, special tokens included.
            precision: fp32 or bf16, of the backbone; embeddings are float32 either way.
            tokens_per_batch: Padded tokens encoded at once; what suits the device by default.
            progress: Called with the number of sentences done, and of all.
        """
        training = self.training
        self.eval()
        rows = [self.readout.wrap(row) for row in rows]
        lengths = np.fromiter(map(len, rows), dtype=np.int64, count=len(rows))
        budget = tokens_per_batch or token_budget(self.device)
        out = np.empty((len(rows), self.hidden), dtype=np.float32)
        done = 0
        try:
            with autocast(self.device, precision):
                for batch in by_token_budget(lengths, budget):
                    ids, mask = pad([rows[i] for i in batch], self.pad_id)
                    out[batch] = self._embed(ids.to(self.device), mask.to(self.device))
                    done += len(batch)
                    if progress:
                        progress(done, len(rows))
        finally:
            self.train(training)
        return out

    def _embed(
        self, ids: Int[Tensor, "batch tokens"], mask: Int[Tensor, "batch tokens"]
    ) -> Float[np.ndarray, "batch hidden"]:
        """Embeddings of one padded batch, through the head if it is kept."""
        embedding = self.pool(self.hidden_states(ids, mask), ids, mask)
        if self.head is not None and self.head.kept:
            embedding = self.head(embedding.float())
        return embedding.float().cpu().numpy()

    def encode(
        self, sentences: Sequence[str], **options: Any
    ) -> Float[np.ndarray, "sentences hidden"]:
        """Embeddings of sentences; options as in ``encode_ids``."""
        if not len(sentences):
            return np.empty((0, self.hidden), np.float32)
        return self.encode_ids(self.tokenize(sentences), **options)

    def save(self, folder: Path) -> None:
        """Write a folder that opens here and with ``AutoModel.from_pretrained``.

        It opens with sentence-transformers too if stock modules can express the readout: cls,
        mean and the means of two layers, with the head if it is kept.
        """
        from recse_lab.models.saving import write_encoder

        write_encoder(self, folder)
