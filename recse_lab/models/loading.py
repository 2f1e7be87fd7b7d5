"""Backbones, tokenizers and configurations of Hugging Face encoders, loaded or refused in one sentence."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from recse_lab.errors import LabError, suggest
from recse_lab.models.dropout import register_plain_attention, replace_dropouts
from recse_lab.models.packaged import EMBEDDED, embedded_path

if TYPE_CHECKING:
    from transformers import PreTrainedModel


CARD = "recse_lab.json"  # what transformers has no place for: pooling, head, longest sentence

AGAIN = "copy or save this folder again"


def resolve(encoder: str) -> str:
    """The folder or hub id behind a name.

    Raises:
        LabError: A folder without config.json or weights, or a name that is neither a folder nor looks like a hub id.
    """
    packaged = embedded_path(encoder)
    if packaged is not None:
        return str(packaged)
    path = Path(encoder).expanduser()
    if path.is_dir():
        if not (path / "config.json").is_file():
            raise LabError(f"{encoder}: this folder is no encoder, it holds no config.json.")
        if not any(path.glob("*.safetensors")):
            raise LabError(
                f"{encoder}: no *.safetensors weights in this folder; pickled weights are not loaded."
            )
        return str(path)
    if path.exists():
        raise LabError(
            f"{encoder}: this is a file; give the folder that holds config.json and model.safetensors."
        )
    if encoder.startswith((".", "/", "~")) or encoder.count("/") > 1:
        raise LabError(f"{encoder}: no such folder.")
    return encoder


def _load(kind: Any, encoder: str, **options: Any) -> Any:
    """``kind.from_pretrained`` with its many ways to fail told in one sentence."""
    try:
        return kind.from_pretrained(encoder, trust_remote_code=False, **options)
    except (
        Exception
    ) as error:  # a damaged folder fails in the exceptions of every library that reads it
        if isinstance(error, OSError) and error.errno is not None:
            raise
        asked = options.get("attn_implementation")
        if asked in ("plain", "sdpa") and "attention implementation" in str(error):
            raise LabError(
                f"{encoder}: this architecture has no {asked} attention; set model.attention to auto or eager."
            ) from error
        if Path(encoder).is_dir():
            raise LabError(
                f"{encoder}: it cannot be loaded as a BERT-like encoder ({_reason(error)}); {AGAIN}."
            ) from error
        otherwise = "give a folder, a hub id this machine can reach, or recse-lab/tiny."
        hint = suggest(encoder, EMBEDDED, otherwise)
        raise LabError(f"{encoder}: neither a folder nor reachable on the hub; {hint}") from error


def _reason(error: Exception) -> str:
    """What another library says of a damaged file, on one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"


@contextmanager
def _reading(file: Path) -> Iterator[None]:
    """Tell of a file that is missing, damaged or made for another encoder in one sentence."""
    try:
        yield
    except Exception as error:  # safetensors and torch have exceptions of their own
        raise LabError(
            f"{file}: missing, or not what {CARD} says ({_reason(error)}); {AGAIN}."
        ) from error


def load_tokenizer(encoder: str) -> Any:
    """The fast tokenizer of an encoder.

    Raises:
        LabError: It cannot be loaded, is not a fast one, or knows no word.
    """
    from transformers import AutoTokenizer

    tokenizer = _load(AutoTokenizer, encoder)
    if not tokenizer.is_fast:
        raise LabError(
            f"{encoder}: its tokenizer has no fast (Rust) version, which is needed to stream a corpus."
        )
    if set(tokenizer.get_vocab()) <= set(
        tokenizer.all_special_tokens
    ):  # what transformers makes of a missing file
        raise LabError(
            f"{encoder}: its tokenizer knows no word; add the vocabulary it was trained with (tokenizer.json or vocab.txt)."
        )
    return tokenizer


def load_config(encoder: str) -> Any:
    """The transformers config of an encoder.

    Raises:
        LabError: It is no BERT-like encoder.
    """
    from transformers import AutoConfig

    config = _load(AutoConfig, encoder)
    if not hasattr(config, "num_hidden_layers") or not hasattr(config, "hidden_size"):
        raise LabError(f"{encoder}: a {config.model_type} model is no BERT-like encoder.")
    return config


def best_attention(config: Any) -> str:
    """plain on a CPU, where its dropout is cheap; sdpa on an accelerator; eager where the architecture has neither."""
    from transformers import MODEL_MAPPING

    kind: Any = MODEL_MAPPING[type(config)]
    if not torch.cuda.is_available():
        return "plain" if kind._supports_attention_backend else "eager"
    return "sdpa" if kind._supports_sdpa else "eager"


def load_weights(kind: Any, encoder: str, **options: Any) -> tuple[Any, set[str]]:
    """A model in float32, and the names of what its files lack or hold in another shape: those weights are random."""
    from transformers.utils import logging as hf_logging

    hf_logging.disable_progress_bar()
    verbosity = hf_logging.get_verbosity()
    hf_logging.set_verbosity_error()  # layers cut off, a pooler, another head would be listed as unexpected weights
    try:
        model, told = _load(
            kind,
            encoder,
            dtype=torch.float32,
            output_loading_info=True,
            ignore_mismatched_sizes=True,
            **options,
        )
    finally:
        hf_logging.set_verbosity(verbosity)
    return model, {*told["missing_keys"], *(key for key, *_ in told["mismatched_keys"])}


def load_backbone(
    encoder: str,
    *,
    layers: int | None = None,
    dropout: float | None = None,
    attention: str = "auto",
) -> PreTrainedModel:
    """The backbone in float32, cut to its first ``layers`` layers, every dropout set to ``dropout``.

    ``attention`` is plain (recse_lab.models.dropout), sdpa, eager, or auto: ``best_attention``.

    Raises:
        LabError: It cannot be loaded, has fewer than ``layers`` layers, or its files lack some of its weights.
    """
    from transformers import AutoModel

    config = load_config(encoder)
    depth = config.num_hidden_layers
    if layers is not None:
        if layers > depth:
            raise LabError(
                f"{encoder} has {depth} layers; model.layers {layers} asks for more than there are."
            )
        config.num_hidden_layers = layers
    if dropout is not None:
        for field in (
            "hidden_dropout_prob",
            "attention_probs_dropout_prob",
            "dropout",
            "attention_dropout",
        ):
            if hasattr(config, field):
                setattr(config, field, dropout)
    register_plain_attention()
    chosen = best_attention(config) if attention == "auto" else attention
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(
            0
        )  # weights the folder lacks (a pooler nobody reads) are the same every time
        backbone, lacking = load_weights(
            AutoModel, encoder, config=config, attn_implementation=chosen
        )
    drawn = sorted(
        name for name, _ in backbone.named_parameters() if name in lacking and "pooler" not in name
    )
    if drawn:
        more = f" and {len(drawn) - 3} more" if len(drawn) > 3 else ""
        raise LabError(
            f"{encoder}: its weights do not fit its config.json, which asks for {', '.join(drawn[:3])}{more}; {AGAIN}."
        )
    replace_dropouts(backbone)
    return backbone


def weights_fingerprint(encoder: str) -> str:
    """sha256 over an encoder's weights, config and tokenizer files; of the resolved hub revision for a hub id."""
    path = Path(encoder)
    if not path.is_dir():
        revision = getattr(load_config(encoder), "_commit_hash", None)
        return hashlib.sha256(f"{encoder}@{revision}".encode()).hexdigest()
    digest = hashlib.sha256()
    names = (
        "config.json",
        "tokenizer.json",
        "vocab.txt",
        "vocab.json",
        "merges.txt",
        "tokenizer_config.json",
        CARD,
    )
    weights = {*path.glob("*.safetensors"), *path.glob("*_Dense/*.safetensors")}
    for file in sorted({*weights, *(path / n for n in names if (path / n).is_file())}):
        digest.update(str(file.relative_to(path)).encode())
        with file.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()
