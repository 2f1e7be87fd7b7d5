"""A Hugging Face backbone with its tokenizer, from text to one vector per sentence."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from safetensors.torch import save_file
from torch import Tensor, nn

from recse_lab.models.heads import TanhHead
from recse_lab.models.positions import positions
from recse_lab.models.prompt import Template, mask_state, parse_template, template_bias, wrap
from recse_lab.models.residual import Residual
from recse_lab.pooling import LAYERS, POOLINGS, HiddenStates

if TYPE_CHECKING:
    from transformers import PreTrainedModel
from recse_lab.models.batching import by_token_budget, pad, token_budget
from recse_lab.models.loading import CARD
from recse_lab.models.precision import autocast


class Prompt(NamedTuple):
    """Templates around a sentence, one a view; the first is that of use."""

    texts: tuple[str, ...]
    templates: tuple[Template, ...]
    debias: bool
    """In training, the state of the template alone is taken from the sentence's."""


class TransformerEncoder(nn.Module):
    """Backbone, pooling, residual and head: token ids -> embedding.

    ``forward`` applies the head; ``encode`` applies it only where it is kept at test time.
    """

    special_ids: Tensor

    def __init__(
        self,
        backbone: PreTrainedModel,
        tokenizer: Any,
        *,
        pooling: str = "mean",
        head: nn.Module | None = None,
        keep_head: bool = False,
        max_length: int | None = None,
        prompt: Sequence[str] = (),
        debias: bool = False,
        residual: Residual | None = None,
    ) -> None:
        super().__init__()
        self.backbone, self.tokenizer, self.head, self.residual = (
            backbone,
            tokenizer,
            head,
            residual,
        )
        self.pooling, self.keep_head = pooling, keep_head
        limit = min(tokenizer.model_max_length, positions(backbone.config))
        self.max_length = min(max_length or limit, limit)
        self.pad_id: int = tokenizer.pad_token_id or 0
        special = sorted(set(tokenizer.all_special_ids) - {tokenizer.unk_token_id})
        self.register_buffer("special_ids", torch.tensor(special), persistent=False)
        self.prompt = None
        if prompt:
            templates = (
                parse_template(text, tokenizer, max_length=self.max_length) for text in prompt
            )
            self.prompt = Prompt(tuple(prompt), tuple(templates), debias)

    @property
    def hidden(self) -> int:
        return self.backbone.config.hidden_size

    @property
    def device(self) -> torch.device:
        return next(self.backbone.parameters()).device

    def hidden_states(
        self, ids: Int[Tensor, "batch tokens"], mask: Int[Tensor, "batch tokens"]
    ) -> HiddenStates:
        """All hidden states, embedding layer first."""
        return self.backbone(
            input_ids=ids, attention_mask=mask, output_hidden_states=True
        ).hidden_states

    def words(self, ids: Int[Tensor, "*shape"]) -> Float[Tensor, "*shape hidden"]:
        """Word embeddings, before positions and norm. One look-up for several groups has one gradient of the table's size."""
        return self.backbone.get_input_embeddings()(ids)

    def forward(
        self,
        words: Float[Tensor, "batch tokens hidden"],
        ids: Int[Tensor, "batch tokens"],
        mask: Int[Tensor, "batch tokens"],
        *,
        view: int = 0,
    ) -> tuple[Float[Tensor, "batch hidden"], HiddenStates]:
        """Embedding after the training head, and the hidden states it came from, of sentences whose words are looked up.

        ``view`` says which template the sentences stand in, where there is a prompt.
        """
        hidden = self.backbone(
            inputs_embeds=words, attention_mask=mask, output_hidden_states=True
        ).hidden_states
        return self.finish(self.pool(hidden, ids, mask, view=view)), hidden

    def pool(
        self,
        hidden: HiddenStates,
        ids: Int[Tensor, "batch tokens"],
        mask: Int[Tensor, "batch tokens"],
        *,
        view: int = 0,
    ) -> Float[Tensor, "batch hidden"]:
        """One float32 vector a sentence, with the residual where there is one, before the head."""
        if self.prompt is not None:
            template = self.prompt.templates[min(view, len(self.prompt.templates) - 1)]
            state = mask_state(hidden[-1], mask, template).float()
            if self.prompt.debias and self.training:
                state = state - template_bias(self.backbone, mask, template).float()
            return state
        pooled = POOLINGS[self.pooling](hidden, mask).float()
        if self.residual is not None:
            pooled = pooled + self.residual(
                hidden[self.residual.source], ids, self.content(ids, mask)
            )
        return pooled

    def finish(self, pooled: Float[Tensor, "batch hidden"]) -> Float[Tensor, "batch hidden"]:
        """Through the training head, where there is one."""
        return self.head(pooled) if self.head is not None else pooled

    def content(
        self, ids: Int[Tensor, "batch tokens"], mask: Int[Tensor, "batch tokens"]
    ) -> Bool[Tensor, "batch tokens"]:
        """True on tokens that are neither padding nor special."""
        return mask.bool() & ~torch.isin(ids, self.special_ids)

    @torch.inference_mode()
    def encode_ids(
        self,
        rows: Sequence[np.ndarray],
        *,
        precision: str = "fp32",
        tokens_per_batch: int | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> Float[np.ndarray, "sentences hidden"]:
        """Embeddings of tokenised sentences, float32 whatever the precision of the backbone, dropout off."""
        training = self.training
        self.eval()
        if self.prompt is not None:
            rows = [wrap(row, self.prompt.templates[0]) for row in rows]
        lengths = np.fromiter(map(len, rows), dtype=np.int64, count=len(rows))
        out = np.empty((len(rows), self.hidden), dtype=np.float32)
        head = self.head if self.keep_head else None
        done = 0
        try:
            with autocast(self.device, precision):
                for batch in by_token_budget(
                    lengths, tokens_per_batch or token_budget(self.device)
                ):
                    ids, mask = (
                        t.to(self.device) for t in pad([rows[i] for i in batch], self.pad_id)
                    )
                    embedding = self.pool(self.hidden_states(ids, mask), ids, mask)
                    if head is not None:
                        embedding = head(embedding.float())
                    out[batch] = embedding.float().cpu().numpy()
                    done += len(batch)
                    if progress:
                        progress(done, len(rows))
        finally:
            self.train(training)
        return out

    def tokenize(self, sentences: Sequence[str]) -> list[np.ndarray]:
        """Token ids with special tokens, cut at ``max_length``."""
        ids = self.tokenizer(
            list(sentences),
            truncation=True,
            max_length=self.max_length,
            return_attention_mask=False,
        )
        return [np.asarray(row, dtype=np.int64) for row in ids["input_ids"]]

    def encode(
        self, sentences: Sequence[str], **options: Any
    ) -> Float[np.ndarray, "sentences hidden"]:
        """Embeddings of sentences; options as in ``encode_ids``."""
        return (
            self.encode_ids(self.tokenize(sentences), **options)
            if len(sentences)
            else np.empty((0, self.hidden), np.float32)
        )

    # ---- on disk -------------------------------------------------------------------------------------------------

    def save(self, folder: Path) -> None:
        """Write a folder that opens with ``AutoModel.from_pretrained`` and, where its stock modules can say the pooling,
        with sentence-transformers: cls, mean and the means of two layers, with the head when it is kept."""
        folder.mkdir(parents=True, exist_ok=True)
        self.backbone.save_pretrained(folder, safe_serialization=True)
        self.tokenizer.save_pretrained(folder)
        kept = self.head is not None and self.keep_head
        card: dict[str, Any] = {
            "pooling": self.pooling,
            "max_length": self.max_length,
            "head": "tanh" if kept else "none",
        }
        if self.prompt is not None:
            card["prompt"] = self.prompt.texts[0]
        if self.residual is not None:
            card["residual"] = self.residual.card
            self.residual.save(folder)
        (folder / CARD).write_text(json.dumps(card, indent=2) + "\n")
        if kept:
            assert isinstance(self.head, TanhHead)
            (folder / "2_Dense").mkdir(exist_ok=True)
            linear = {"linear.weight": self.head.dense.weight, "linear.bias": self.head.dense.bias}
            save_file(
                {k: v.detach().cpu().contiguous() for k, v in linear.items()},
                folder / "2_Dense" / "model.safetensors",
            )
        if self.pooling in ("cls", "mean", *LAYERS) and self.residual is None:
            self._save_sentence_transformers(folder, kept)

    def _save_sentence_transformers(self, folder: Path, kept: bool) -> None:
        module = "sentence_transformers.models."
        mixed = self.pooling in LAYERS
        modules = [
            ("", "Transformer"),
            *[("0_WeightedLayerPooling", "WeightedLayerPooling")] * mixed,
        ]
        modules += [("1_Pooling", "Pooling"), *[("2_Dense", "Dense")] * kept]
        files: dict[str, Any] = {
            "modules.json": [
                {"idx": i, "name": str(i), "path": path, "type": module + kind}
                for i, (path, kind) in enumerate(modules)
            ],
            "sentence_bert_config.json": {
                "max_seq_length": self.max_length,
                "do_lower_case": False,
            },
            "1_Pooling/config.json": {
                "word_embedding_dimension": self.hidden,
                "pooling_mode_cls_token": self.pooling == "cls",
                "pooling_mode_mean_tokens": self.pooling != "cls",
            },
        }
        if mixed:
            depth = self.backbone.config.num_hidden_layers
            weights = torch.zeros(depth + 1)
            weights[list(LAYERS[self.pooling])] = 1.0
            (folder / "0_WeightedLayerPooling").mkdir(exist_ok=True)
            save_file(
                {"layer_weights": weights}, folder / "0_WeightedLayerPooling" / "model.safetensors"
            )
            files["0_WeightedLayerPooling/config.json"] = {
                "word_embedding_dimension": self.hidden,
                "layer_start": 0,
                "num_hidden_layers": depth,
            }
            files["config.json"] = json.loads((folder / "config.json").read_text()) | {
                "output_hidden_states": True
            }
        if kept:
            activation = "torch.nn.modules.activation.Tanh"
            files["2_Dense/config.json"] = {
                "in_features": self.hidden,
                "out_features": self.hidden,
                "bias": True,
                "activation_function": activation,
            }
        for name, value in files.items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(json.dumps(value, indent=2) + "\n")
