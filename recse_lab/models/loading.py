"""Backbones, tokenizers and configurations of Hugging Face encoders, loaded or refused."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from recse_lab.errors import LabError, suggest
from recse_lab.models.attention import best_attention, register_plain_attention
from recse_lab.models.dropout import replace_dropouts
from recse_lab.models.folders import REMEDY, folder_fingerprint, one_line
from recse_lab.models.packaged import PACKAGED

if TYPE_CHECKING:
    from transformers import PreTrainedModel

DROPOUT_FIELDS = (
    "hidden_dropout_prob",
    "attention_probs_dropout_prob",
    "dropout",
    "attention_dropout",
)
"""Where the configurations of transformers keep the rates of a backbone's dropouts."""


def _load(kind: Any, encoder: str, **options: Any) -> Any:
    """``kind.from_pretrained``, with its many ways to fail reported in one sentence."""
    try:
        return kind.from_pretrained(encoder, trust_remote_code=False, **options)
    except Exception as error:  # every library that reads a damaged folder has its own exceptions
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise LabError(_failure(encoder, error, options.get("attn_implementation"))) from error


def _failure(encoder: str, error: Exception, attention: str | None) -> str:
    """Likely cause of a failed load, and what to do."""
    if attention in ("plain", "sdpa") and "attention implementation" in str(error):
        return (
            f"{encoder}: this architecture has no {attention} attention; "
            "set model.attention to auto or eager."
        )
    if Path(encoder).is_dir():
        return (
            f"{encoder}: it cannot be loaded as a BERT-like encoder ({one_line(error)}); {REMEDY}."
        )
    otherwise = "give a folder, a hub id this machine can reach, or recse-lab/tiny."
    hint = suggest(encoder, PACKAGED, otherwise)
    return f"{encoder}: neither a folder nor reachable on the hub; {hint}"


def load_tokenizer(encoder: str) -> Any:
    """The fast tokenizer of an encoder.

    Raises:
        LabError: It cannot be loaded, is not a fast one, or has no vocabulary.
    """
    from transformers import AutoTokenizer

    tokenizer = _load(AutoTokenizer, encoder)
    if not tokenizer.is_fast:
        raise LabError(
            f"{encoder}: its tokenizer has no fast (Rust) version, "
            "which is needed to stream a corpus."
        )
    # Where its file is missing, transformers makes a tokenizer of special tokens alone.
    if set(tokenizer.get_vocab()) <= set(tokenizer.all_special_tokens):
        raise LabError(
            f"{encoder}: its tokenizer knows no word; "
            "add the vocabulary it was trained with (tokenizer.json or vocab.txt)."
        )
    return tokenizer


def load_config(encoder: str) -> Any:
    """The transformers configuration of an encoder.

    Raises:
        LabError: It is not a BERT-like encoder.
    """
    from transformers import AutoConfig

    config = _load(AutoConfig, encoder)
    if not hasattr(config, "num_hidden_layers") or not hasattr(config, "hidden_size"):
        raise LabError(f"{encoder}: a {config.model_type} model is no BERT-like encoder.")
    return config


def load_weights(kind: Any, encoder: str, **options: Any) -> tuple[Any, set[str]]:
    """A model in float32, and the names of the weights that its files lack.

    Weights that are missing or of another shape have been drawn at random.

    Args:
        kind: An ``AutoModel`` class of transformers.
        encoder: Folder or hub id.
        options: Passed to ``from_pretrained``.
    """
    from transformers.utils import logging as hf_logging

    hf_logging.disable_progress_bar()
    verbosity = hf_logging.get_verbosity()
    hf_logging.set_verbosity_error()  # or it lists cut layers, a pooler and other heads
    try:
        model, report = _load(
            kind,
            encoder,
            dtype=torch.float32,
            output_loading_info=True,
            ignore_mismatched_sizes=True,
            **options,
        )
    finally:
        hf_logging.set_verbosity(verbosity)
    return model, {*report["missing_keys"], *(key for key, *_ in report["mismatched_keys"])}


def load_backbone(
    encoder: str,
    *,
    layers: int | None = None,
    dropout: float | None = None,
    attention: str = "auto",
) -> PreTrainedModel:
    """The backbone of an encoder in float32.

    Args:
        encoder: Folder or hub id.
        layers: Number of layers kept, counted from the embeddings; all by default.
        dropout: Rate of every dropout; as configured by default.
        attention: plain (``recse_lab.models.attention``), sdpa, eager, or auto, the fastest.

    Raises:
        LabError: It cannot be loaded, has fewer than ``layers`` layers, or its files lack some of
            its weights.
    """
    from transformers import AutoModel

    config = _configured(encoder, layers, dropout)
    register_plain_attention()
    chosen = best_attention(config) if attention == "auto" else attention
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)  # a pooler that the folder lacks and nobody reads is always the same
        backbone, lacking = load_weights(
            AutoModel, encoder, config=config, attn_implementation=chosen
        )
    drawn = sorted(
        name for name, _ in backbone.named_parameters() if name in lacking and "pooler" not in name
    )
    if drawn:
        more = f" and {len(drawn) - 3} more" if len(drawn) > 3 else ""
        raise LabError(
            f"{encoder}: its weights do not fit its config.json, which asks for "
            f"{', '.join(drawn[:3])}{more}; {REMEDY}."
        )
    replace_dropouts(backbone)
    return backbone


def _configured(encoder: str, layers: int | None, dropout: float | None) -> Any:
    """The configuration of an encoder with this many layers and this rate of dropout."""
    config = load_config(encoder)
    depth = config.num_hidden_layers
    if layers is not None:
        if layers > depth:
            raise LabError(
                f"{encoder} has {depth} layers; model.layers {layers} asks for more than there are."
            )
        config.num_hidden_layers = layers
    if dropout is not None:
        for field in DROPOUT_FIELDS:
            if hasattr(config, field):
                setattr(config, field, dropout)
    return config


def weights_fingerprint(encoder: str) -> str:
    """sha256 that changes with an encoder's weights, configuration or tokenizer.

    Of the files of a folder; of the resolved revision of a hub id.
    """
    path = Path(encoder)
    if path.is_dir():
        return folder_fingerprint(path)
    return hashlib.sha256(f"{encoder}@{_revision(encoder)}".encode()).hexdigest()


def _revision(encoder: str) -> str | None:
    """Commit of the hub that an encoder's files in the local cache belong to."""
    from transformers.utils.hub import cached_file

    load_config(encoder)  # now config.json is in the cache, under .../snapshots/<commit>/
    file = cached_file(encoder, "config.json", local_files_only=True)
    return None if file is None else Path(file).parent.name
