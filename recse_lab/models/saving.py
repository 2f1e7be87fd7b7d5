"""The folder of an encoder, written and read: weights, tokenizer, pooling, head, prompt, residual."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors.torch import load_file

from recse_lab.errors import LabError
from recse_lab.files import read_json
from recse_lab.models.heads import TanhHead
from recse_lab.models.residual import FILE as RESIDUAL
from recse_lab.models.residual import load_residual
from recse_lab.pooling import POOLINGS

if TYPE_CHECKING:
    pass
from recse_lab.models.loading import (
    AGAIN,
    CARD,
    _reading,
    _reason,
    load_backbone,
    load_tokenizer,
    resolve,
)
from recse_lab.models.transformer import TransformerEncoder


def read_card(folder: str) -> dict[str, Any]:
    """Pooling, longest sentence and head as a folder states them: ours, else those of sentence-transformers, else empty.

    Raises:
        LabError: The folder names a module that would change the embedding and is not known here, or a file is damaged.
    """
    path = Path(folder)
    if (path / CARD).is_file():
        card = read_json(path / CARD, AGAIN)
    elif (path / "modules.json").is_file():
        try:
            card = _read_modules(path)
        except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise LabError(
                f"{path / 'modules.json'}: this file, or one it names, is damaged ({_reason(error)}); {AGAIN}."
            ) from error
    else:
        return {}
    longest = card.get("max_length")
    if longest is not None and not (isinstance(longest, int) and longest >= 4):
        raise LabError(
            f"{folder}: it states {longest!r} as its longest sentence; expected a number of tokens from 4 on."
        )
    return card


def _read_modules(path: Path) -> dict[str, Any]:
    """What sentence-transformers' files say of a folder."""
    card: dict[str, Any] = {"head": "none"}
    for module in json.loads((path / "modules.json").read_text()):
        kind = module["type"].rsplit(".", 1)[-1]
        config = path / module["path"] / "config.json"
        if kind == "Pooling":
            modes = json.loads(config.read_text())
            if modes.get("pooling_mode_cls_token") or modes.get("pooling_mode") == "cls":
                card["pooling"] = "cls"
            elif modes.get("pooling_mode_mean_tokens") or modes.get("pooling_mode") == "mean":
                card["pooling"] = "mean"
            else:
                raise LabError(
                    f"{config}: of sentence-transformers' poolings only cls and mean are known; give --pooling."
                )
        elif kind == "Dense":
            dense = json.loads(config.read_text())
            if (
                not dense["activation_function"].endswith("Tanh")
                or dense["in_features"] != dense["out_features"]
            ):
                raise LabError(f"{config}: only a square dense layer with tanh is known as a head.")
            card["head"] = "tanh"
        elif kind not in ("Transformer", "Normalize"):  # a norm does not move a cosine
            raise LabError(
                f"{path / 'modules.json'}: module {kind} is not known; its embeddings would differ from ours."
            )
    settings = path / "sentence_bert_config.json"
    if settings.is_file():
        card["max_length"] = json.loads(settings.read_text()).get("max_seq_length")
    return card


def load_encoder(
    encoder: str,
    *,
    pooling: str | None = None,
    layers: int | None = None,
    max_length: int | None = None,
    attention: str = "auto",
) -> TransformerEncoder:
    """An encoder for use, not for training: pooling, prompt, residual and head as its folder states them unless given.

    A folder that states no pooling is read with ``mean``. Another pooling than the stated one, or fewer layers, leave out
    what was trained on top of it.

    Raises:
        LabError: It cannot be loaded, the pooling is not known, or ``prompt`` is asked of a folder that states none.
    """
    where = resolve(encoder)
    card = read_card(where)
    stated = card.get("pooling") or "mean"
    chosen = pooling or stated
    as_stated = chosen == stated and layers is None
    if chosen not in ("prompt", *POOLINGS):
        raise LabError(
            f"{encoder}: pooling {chosen!r} is not known; expected one of {', '.join(POOLINGS)}."
        )
    if chosen == "prompt" and not isinstance(card.get("prompt"), str):
        raise LabError(
            f"{encoder}: this folder states no template, so that it has no pooling prompt."
        )
    backbone = load_backbone(where, layers=layers, attention=attention)
    head = None
    if card.get("head") == "tanh" and layers is None:
        head = TanhHead(backbone.config.hidden_size)
        with _reading(file := Path(where) / "2_Dense" / "model.safetensors"):
            weights = load_file(file)
            head.dense.load_state_dict({k.removeprefix("linear."): v for k, v in weights.items()})
    residual = None
    if "residual" in card and as_stated:
        with _reading(Path(where) / RESIDUAL):
            residual = load_residual(Path(where), card["residual"])
    model = TransformerEncoder(
        backbone,
        load_tokenizer(where),
        pooling=chosen,
        head=head,
        keep_head=head is not None,
        max_length=max_length or card.get("max_length"),
        prompt=(card["prompt"],) if chosen == "prompt" else (),
        residual=residual,
    )
    return model.eval()
