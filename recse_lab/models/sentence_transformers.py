"""The files of sentence-transformers in an encoder's folder, written and read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors.torch import save_file

from recse_lab.errors import LabError
from recse_lab.models.folders import REMEDY, SETTINGS, one_line
from recse_lab.models.heads import FOLDER as HEAD_FOLDER
from recse_lab.models.readouts import Pooled
from recse_lab.pooling import LAYERS

if TYPE_CHECKING:
    from recse_lab.models.transformer import TransformerEncoder

LAYER_FOLDER, POOLING_FOLDER = "0_WeightedLayerPooling", "1_Pooling"

MODES = {
    "cls": "pooling_mode_cls_token",
    "max": "pooling_mode_max_tokens",
    "mean": "pooling_mode_mean_tokens",
    "last": "pooling_mode_lasttoken",
}
"""Pooling -> its flag in the file of a pooling module."""

OTHER_MODES = {
    "mean_sqrt_len_tokens": "pooling_mode_mean_sqrt_len_tokens",
    "weightedmean": "pooling_mode_weightedmean_tokens",
}
"""Poolings of sentence-transformers that there are not here -> their flags."""

HARMLESS = {"dtype", "torch_dtype", "attn_implementation"}
"""Arguments of a model by which the same embedding is computed in another way."""


def is_expressible(encoder: TransformerEncoder) -> bool:
    """Whether stock modules of sentence-transformers compute the same embeddings."""
    readout = encoder.readout
    return isinstance(readout, Pooled) and readout.name in (*MODES, *LAYERS)


def write_modules(encoder: TransformerEncoder, folder: Path) -> None:
    """Write modules.json and the files it names into a folder that holds config.json already."""
    pooling, hidden = encoder.pooling, encoder.hidden
    mixed = pooling in LAYERS
    kept = encoder.head is not None and encoder.head.kept
    files: dict[str, Any] = {
        "modules.json": _module_list(mixed=mixed, kept=kept),
        SETTINGS: {
            "max_seq_length": encoder.max_length,
            "do_lower_case": getattr(encoder.tokenizer, "lower_cases", False),
        },
        f"{POOLING_FOLDER}/config.json": {
            "word_embedding_dimension": hidden,
            **{flag: name == pooling for name, flag in MODES.items()},
            **({MODES["mean"]: True} if mixed else {}),
        },
    }
    if mixed:
        files |= _layer_mean(encoder, folder)
    if kept:
        files[f"{HEAD_FOLDER}/config.json"] = {
            "in_features": hidden,
            "out_features": hidden,
            "bias": True,
            "activation_function": "torch.nn.modules.activation.Tanh",
        }
    for name, value in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(json.dumps(value, indent=2) + "\n")


def _module_list(*, mixed: bool, kept: bool) -> list[dict[str, Any]]:
    modules = [("", "Transformer")]
    if mixed:
        modules.append((LAYER_FOLDER, "WeightedLayerPooling"))
    modules.append((POOLING_FOLDER, "Pooling"))
    if kept:
        modules.append((HEAD_FOLDER, "Dense"))
    return [
        {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for i, (path, kind) in enumerate(modules)
    ]


def _layer_mean(encoder: TransformerEncoder, folder: Path) -> dict[str, Any]:
    """Write the weights of a mean over two layers; returns the configurations it needs."""
    depth = encoder.backbone.config.num_hidden_layers
    weights = torch.zeros(depth + 1)
    weights[list(LAYERS[encoder.pooling])] = 1.0
    (folder / LAYER_FOLDER).mkdir(exist_ok=True)
    save_file({"layer_weights": weights}, folder / LAYER_FOLDER / "model.safetensors")
    config = json.loads((folder / "config.json").read_text())
    return {
        f"{LAYER_FOLDER}/config.json": {
            "word_embedding_dimension": encoder.hidden,
            "layer_start": 0,
            "num_hidden_layers": depth,
        },
        "config.json": config | {"output_hidden_states": True},
    }


def read_modules(folder: Path) -> dict[str, Any]:
    """Pooling, head and longest sentence as modules.json states them, as a card of ours.

    Raises:
        LabError: A module that would change the embedding and is not known here, or a damaged file.
    """
    try:
        return _read_modules(folder)
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise LabError(
            f"{folder / 'modules.json'}: this file, or one it names, is damaged "
            f"({one_line(error)}); {REMEDY}."
        ) from error


def _read_modules(folder: Path) -> dict[str, Any]:
    card: dict[str, Any] = {"head": "none"}
    for module in json.loads((folder / "modules.json").read_text()):
        kind = module["type"].rsplit(".", 1)[-1]
        config = folder / module["path"] / "config.json"
        if kind == "Pooling":
            card["pooling"] = _read_pooling(config)
        elif kind == "Dense":
            card["head"] = _read_dense(config)
        elif kind not in ("Transformer", "Normalize"):  # a norm does not change a cosine
            raise LabError(
                f"{folder / 'modules.json'}: module {kind} is not known; "
                "its embeddings would differ from ours."
            )
    settings = folder / SETTINGS
    if settings.is_file():
        stated = json.loads(settings.read_text())
        card["max_length"] = stated.get("max_seq_length")
        _refuse_arguments(settings, stated)
    _refuse_prompt(folder / "config_sentence_transformers.json")
    return card


def _read_pooling(config: Path) -> str:
    """A pooling, or several joined by +, which ``load_encoder`` does not know."""
    stated = json.loads(config.read_text())
    named = stated.get("pooling_mode")
    if named is None:
        flags = {flag: name for name, flag in (MODES | OTHER_MODES).items()}
        modes = [name for flag, name in flags.items() if stated.get(flag)]
    else:
        modes = [named] if isinstance(named, str) else list(named)
    return "+".join({"lasttoken": "last"}.get(mode, mode) for mode in modes) or "mean"


def _read_dense(config: Path) -> str:
    dense = json.loads(config.read_text())
    square = dense["in_features"] == dense["out_features"]
    plain = (
        dense.get("bias", True)
        and not dense.get("use_residual")
        and dense.get("module_input_name", "sentence_embedding") == "sentence_embedding"
        and config.parent.name == HEAD_FOLDER
    )
    if not (square and plain and dense["activation_function"].endswith("Tanh")):
        raise LabError(
            f"{config}: only a square dense layer with bias and tanh in {HEAD_FOLDER} is known as "
            "a head."
        )
    return "tanh"


def _refuse_arguments(settings: Path, stated: dict[str, Any]) -> None:
    """Refuse arguments that make another model of the folder's files."""
    given = {
        name: value
        for name, value in stated.items()
        if name.endswith(("_args", "_kwargs")) and set(value or ()) - HARMLESS
    }
    if stated.get("transformer_task", "feature-extraction") != "feature-extraction":
        given["transformer_task"] = stated["transformer_task"]
    if given:
        name, value = next(iter(given.items()))
        raise LabError(
            f"{settings}: {name} {json.dumps(value)} is not known; "
            "its embeddings would differ from ours."
        )


def _refuse_prompt(config: Path) -> None:
    """Refuse a folder that writes something before every sentence."""
    stated = json.loads(config.read_text()) if config.is_file() else {}
    name = stated.get("default_prompt_name")
    prompts = stated.get("prompts")
    prompt = prompts.get(name) if isinstance(prompts, dict) else None
    if name is not None and prompt:
        raise LabError(
            f"{config}: it writes {prompt!r} before every sentence (default_prompt_name {name!r}), "
            "which is not known here; set default_prompt_name to null to do without it."
        )
