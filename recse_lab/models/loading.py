"""Backbones, tokenizers and configurations of Hugging Face encoders, loaded or refused."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from recse_lab.errors import LabError, suggest
from recse_lab.models.attention import (
    EQUAL_TO_EAGER,
    best_attention,
    register_plain_attention,
)
from recse_lab.models.checks import check_states, check_training
from recse_lab.models.dropout import replace_dropouts, set_rates
from recse_lab.models.folders import REMEDY, folder_fingerprint, lower_cases, one_line
from recse_lab.models.packaged import PACKAGED

if TYPE_CHECKING:
    from transformers import PreTrainedModel

BEHAVIOUR = 2
"""Version of the numbers of training, of families that are not in ``UNCHANGED``."""

UNCHANGED = frozenset({"bert", "roberta", "xlm-roberta", "camembert", "distilbert", "mpnet"})
"""Families whose rates of dropout and hidden states have been right since the first version."""

UNREAD = ("pooler", "contact_head")
"""Parts of the names of weights that no hidden state is computed with."""


@contextmanager
def quiet() -> Iterator[None]:
    """Keep transformers from showing progress and advice while it loads or saves."""
    from transformers.utils import logging as hf_logging

    hf_logging.disable_progress_bar()
    verbosity = hf_logging.get_verbosity()
    hf_logging.set_verbosity_error()
    try:
        yield
    finally:
        hf_logging.set_verbosity(verbosity)


def _load(kind: Any, encoder: str, **options: Any) -> Any:
    """``kind.from_pretrained``, with its many ways to fail reported in one sentence."""
    try:
        return kind.from_pretrained(encoder, trust_remote_code=False, **options)
    except Exception as error:  # every library that reads a damaged folder has its own exceptions
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise LabError(_failure(encoder, error)) from error


def _failure(encoder: str, error: Exception) -> str:
    """Likely cause of a failed load, and what to do."""
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
    # As we pad: so a saved folder is padded by others too.
    tokenizer.padding_side = "right"
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    if Path(encoder).is_dir() and lower_cases(Path(encoder)):
        _lower_case(tokenizer)
    return tokenizer


def _lower_case(tokenizer: Any) -> None:
    """Lower-case all text before the tokenizer's own normalisation, and mark that it is done.

    Some kinds of tokenizers lose that step when they are saved, so that the folder has to say it.
    """
    from tokenizers.normalizers import Lowercase, Sequence

    own = tokenizer.backend_tokenizer.normalizer
    steps = [Lowercase()] if own is None else [Lowercase(), own]
    tokenizer.backend_tokenizer.normalizer = Sequence(steps)
    tokenizer.lower_cases = True


def check_vocabulary(encoder: str, tokenizer: Any, rows: int) -> None:
    """Check that every token has a row in the embedding table.

    Args:
        encoder: Name to be told.
        tokenizer: Its tokenizer.
        rows: Number of rows of its embedding table.

    Raises:
        LabError: A token has none.
    """
    token, number = max(tokenizer.get_vocab().items(), key=lambda item: item[1])
    if number >= rows:
        raise LabError(
            f"{encoder}: token {token!r} has number {number}, and the embedding table has "
            f"{rows} rows; take the tokenizer that this encoder was trained with."
        )


def load_config(encoder: str) -> Any:
    """The transformers configuration of an encoder.

    Raises:
        LabError: It is no encoder with layers of one width, or has a decoder besides.
    """
    from transformers import AutoConfig

    config = _load(AutoConfig, encoder)
    if not hasattr(config, "num_hidden_layers") or not hasattr(config, "hidden_size"):
        raise LabError(f"{encoder}: a {config.model_type} model is no BERT-like encoder.")
    _ = backbone_class(config, encoder)
    return config


def backbone_class(config: Any, encoder: str) -> Any:
    """The auto class that opens a backbone; of T5 and its kin, their encoder.

    Raises:
        LabError: An encoder and decoder that transformers cannot separate.
    """
    from transformers import MODEL_FOR_TEXT_ENCODING_MAPPING, AutoModel, AutoModelForTextEncoding

    if type(config) in MODEL_FOR_TEXT_ENCODING_MAPPING:
        return AutoModelForTextEncoding
    if config.is_encoder_decoder:
        raise LabError(
            f"{encoder}: this {config.model_type} model is an encoder and a decoder, and "
            "transformers cannot open its encoder alone; take T5 or a model that is an encoder."
        )
    return AutoModel


def load_weights(kind: Any, encoder: str, **options: Any) -> tuple[Any, set[str]]:
    """A model in float32, and the names of the weights that its files lack.

    Weights that are missing or of another shape have been drawn at random.

    Args:
        kind: An ``AutoModel`` class of transformers.
        encoder: Folder or hub id.
        options: Passed to ``from_pretrained``.
    """
    with quiet():  # or it lists cut layers, a pooler and other heads
        model, report = _load(
            kind,
            encoder,
            dtype=torch.float32,
            output_loading_info=True,
            ignore_mismatched_sizes=True,
            **options,
        )
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
        attention: plain (``recse_lab.models.attention``), sdpa, eager, or auto, the fastest that
            equals eager.

    Raises:
        LabError: It cannot be loaded, has fewer than ``layers`` layers, its files lack some of its
            weights, or it fails a check of ``recse_lab.models.checks``.
    """
    config = _configured(encoder, layers, dropout)
    register_plain_attention()
    chosen = _attention(encoder, config, attention)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)  # a pooler that the folder lacks and nobody reads is always the same
        backbone, lacking = load_weights(
            backbone_class(config, encoder), encoder, config=config, attn_implementation=chosen
        )
        _refuse_drawn_weights(encoder, backbone, lacking)
        replace_dropouts(backbone)
        check_states(backbone, encoder)
        if dropout is not None:
            check_training(backbone, encoder, dropout)
    return backbone


def _attention(encoder: str, config: Any, asked: str) -> str:
    """The attention that ``asked`` stands for.

    Raises:
        LabError: It is not known to equal eager attention in this family.
    """
    if asked == "auto":
        return best_attention(config)
    if asked != "eager" and config.model_type not in EQUAL_TO_EAGER[asked]:
        raise LabError(
            f"{encoder}: {asked} attention has not been shown to equal eager attention in a "
            f"{config.model_type} model; set the attention to auto or eager."
        )
    return asked


def _refuse_drawn_weights(encoder: str, backbone: PreTrainedModel, lacking: set[str]) -> None:
    drawn = sorted(
        name
        for name, _ in backbone.named_parameters()
        if name in lacking and not any(part in name for part in UNREAD)
    )
    if drawn:
        more = f" and {len(drawn) - 3} more" if len(drawn) > 3 else ""
        raise LabError(
            f"{encoder}: its weights do not fit its config.json, which asks for "
            f"{', '.join(drawn[:3])}{more}; {REMEDY}."
        )


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
        for name, value in list(vars(config).items()):  # windows and kinds of attention, by layer
            if isinstance(value, list) and len(value) == depth:
                setattr(config, name, value[:layers])
    if dropout is not None:
        set_rates(config, dropout)
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
