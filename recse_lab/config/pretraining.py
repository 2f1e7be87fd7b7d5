"""Options of pretraining: strict, and explained field by field."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from recse_lab.config.options import Positive, Precision, Strict, as_tuple


class VocabularyConfig(Strict):
    """The WordPiece vocabulary that is learned from the corpus."""

    size: Annotated[int, Field(ge=100)] = 12_000
    """Largest number of tokens, special tokens included."""
    lowercase: bool = True
    """Whether upper and lower case are the same."""
    rarest_character: Positive = 20
    """Characters seen less often than this are unknown."""


class FactorisationConfig(Strict):
    """Initial token embeddings: positive PMI of the same corpus, then a truncated SVD."""

    window: Positive = 5
    """Tokens on either side that count as context."""
    smoothing: Annotated[float, Field(gt=0, le=1)] = 0.75
    """Exponent of the context counts."""
    exponent: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Exponent of the singular values."""
    scale: Annotated[float, Field(gt=0)] = 0.05
    """Root mean square of the embeddings' entries at the start."""


class MaskedTrainingConfig(Strict):
    """The optimisation of masked language modelling."""

    batch_size: Positive = 64
    """Sentences per optimiser step."""
    epochs: Annotated[float, Field(gt=0)] = 20.0
    """Passes over the corpus; ignored when steps is given."""
    steps: Positive | None = None
    """Optimiser steps; overrides epochs."""
    max_length: Annotated[int, Field(ge=4)] = 64
    """Longest sentence in tokens, [CLS] and [SEP] included."""
    mask_rate: Annotated[float, Field(gt=0, lt=1)] = 0.15
    """Share of the tokens that must be predicted."""
    learning_rate: Annotated[float, Field(gt=0)] = 1e-3
    """Peak learning rate of AdamW."""
    schedule: Literal["linear", "cosine", "constant"] = "linear"
    """Decay after warm-up."""
    warmup_steps: Annotated[int, Field(ge=0)] = 100
    """Steps in which the learning rate rises to its peak."""
    weight_decay: Annotated[float, Field(ge=0)] = 0.01
    """Decoupled weight decay of AdamW."""
    clip: Annotated[float, Field(gt=0)] | None = 1.0
    """Largest gradient norm; null leaves gradients alone."""
    precision: Precision = "auto"
    """auto = bf16 where the hardware has it."""


class PretrainConfig(Strict):
    """Masked language modelling from scratch, on the corpus alone."""

    corpus: Annotated[tuple[str, ...], BeforeValidator(as_tuple), Field(min_length=1)] = (
        "sample-corpus",
    )
    """Files with one sentence per row, or sample-corpus."""
    column: str | None = None
    """Column of the sentences in csv, tsv, jsonl and parquet files."""
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    """Seed of the initial weights, the masks and the order of the corpus."""
    architecture: dict[str, Any] = {"model_type": "bert"}
    """Fields of a transformers configuration, model_type among them; others keep their defaults."""
    tokenizer: str | None = None
    """Folder or hub id of a ready tokenizer; when absent, WordPiece is learned from the corpus."""
    vocabulary: VocabularyConfig = VocabularyConfig()
    factorisation: FactorisationConfig | None = FactorisationConfig()
    """null = random token embeddings."""
    training: MaskedTrainingConfig = MaskedTrainingConfig()
    save_dtype: Literal["float32", "float16"] = "float32"
    """Type the finished weights are stored in."""
