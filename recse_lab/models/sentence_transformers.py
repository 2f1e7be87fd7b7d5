"""The files of sentence-transformers in an encoder's folder, written and read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors.torch import save_file

from recse_lab.errors import LabError
from recse_lab.models.folders import REMEDY, one_line
from recse_lab.models.heads import FOLDER as HEAD_FOLDER
from recse_lab.models.readouts import Pooled
from recse_lab.pooling import LAYERS

if TYPE_CHECKING:
    from recse_lab.models.transformer import TransformerEncoder

LAYER_FOLDER, POOLING_FOLDER = "0_WeightedLayerPooling", "1_Pooling"


def is_expressible(encoder: TransformerEncoder) -> bool:
    """Whether stock modules of sentence-transformers compute the same embeddings."""
    readout = encoder.readout
    return isinstance(readout, Pooled) and readout.name in ("cls", "mean", *LAYERS)


def write_modules(encoder: TransformerEncoder, folder: Path) -> None:
    """Write modules.json and the files it names into a folder that holds config.json already."""
    pooling, hidden = encoder.pooling, encoder.hidden
    mixed = pooling in LAYERS
    kept = encoder.head is not None and encoder.head.kept
    files: dict[str, Any] = {
        "modules.json": _module_list(mixed=mixed, kept=kept),
        "sentence_bert_config.json": {
            "max_seq_length": encoder.max_length,
            "do_lower_case": False,
        },
        f"{POOLING_FOLDER}/config.json": {
            "word_embedding_dimension": hidden,
            "pooling_mode_cls_token": pooling == "cls",
            "pooling_mode_mean_tokens": pooling != "cls",
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
    settings = folder / "sentence_bert_config.json"
    if settings.is_file():
        card["max_length"] = json.loads(settings.read_text()).get("max_seq_length")
    return card


def _read_pooling(config: Path) -> str:
    modes = json.loads(config.read_text())
    for pooling, flag in (("cls", "pooling_mode_cls_token"), ("mean", "pooling_mode_mean_tokens")):
        if modes.get(flag) or modes.get("pooling_mode") == pooling:
            return pooling
    raise LabError(
        f"{config}: of sentence-transformers' poolings only cls and mean are known; give --pooling."
    )


def _read_dense(config: Path) -> str:
    dense = json.loads(config.read_text())
    square = dense["in_features"] == dense["out_features"]
    if not (square and dense["activation_function"].endswith("Tanh")):
        raise LabError(f"{config}: only a square dense layer with tanh is known as a head.")
    return "tanh"
