"""The folder of an encoder, written and read: backbone, tokenizer, readout, head."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from recse_lab.errors import LabError
from recse_lab.files import read_json
from recse_lab.models.checks import refuse_blind_cls, word_table
from recse_lab.models.folders import CARD, REMEDY, resolve
from recse_lab.models.heads import TanhHead
from recse_lab.models.loading import check_vocabulary, load_backbone, load_tokenizer
from recse_lab.models.positions import longest_sentence
from recse_lab.models.readouts import ADDITIONS, READOUTS, read_readout
from recse_lab.models.sentence_transformers import is_expressible, read_modules, write_modules
from recse_lab.models.transformer import TransformerEncoder
from recse_lab.pooling import POOLINGS


def write_encoder(encoder: TransformerEncoder, folder: Path) -> None:
    """Write an encoder's folder; ``TransformerEncoder.save`` says what opens it."""
    folder.mkdir(parents=True, exist_ok=True)
    encoder.backbone.save_pretrained(folder, safe_serialization=True)
    encoder.tokenizer.save_pretrained(folder)
    head = encoder.head if encoder.head is not None and encoder.head.kept else None
    stages = {"max_length": encoder.max_length, "head": "none" if head is None else head.name}
    readout = dict(encoder.readout.card)
    card = {"pooling": readout.pop("pooling"), **stages, **readout}
    if getattr(encoder.tokenizer, "lower_cases", False):
        card["lower_case"] = True
    encoder.readout.save(folder)
    (folder / CARD).write_text(json.dumps(card, indent=2) + "\n")
    if head is not None:
        head.save(folder)
    if is_expressible(encoder):
        write_modules(encoder, folder)


def read_card(folder: str) -> dict[str, Any]:
    """What a folder states about readout, longest sentence and head; empty if it states nothing.

    Our own card comes first, then the files of sentence-transformers.

    Raises:
        LabError: The folder names a module that would change the embedding and is not known here,
            or a file is damaged.
    """
    path = Path(folder)
    if (path / CARD).is_file():
        card = read_json(path / CARD, REMEDY)
    elif (path / "modules.json").is_file():
        card = read_modules(path)
    else:
        return {}
    longest = card.get("max_length")
    if longest is not None and not (isinstance(longest, int) and longest >= 4):
        raise LabError(
            f"{folder}: it states {longest!r} as its longest sentence; "
            "expected a number of tokens from 4 on."
        )
    return card


def load_encoder(
    encoder: str,
    *,
    pooling: str | None = None,
    layers: int | None = None,
    max_length: int | None = None,
    attention: str = "auto",
) -> TransformerEncoder:
    """An encoder for use, in inference mode: readout and head as its folder states them.

    Another pooling than the stated one, or fewer layers, leave out what was trained on top of it.

    Args:
        encoder: Folder, hub id or name of a packaged encoder.
        pooling: Pooling instead of the stated one; ``mean`` if the folder states none.
        layers: Number of backbone layers kept; all by default.
        max_length: Longest sentence in tokens instead of the stated one.
        attention: plain, sdpa, eager or auto, as in ``load_backbone``.

    Raises:
        LabError: It cannot be loaded, the pooling is not known or cannot work with this backbone,
            or ``prompt`` is asked of a folder that states no template.
    """
    where = resolve(encoder)
    card = read_card(where)
    stated = card.get("pooling") or "mean"
    chosen = pooling or stated
    if chosen not in {*READOUTS, *POOLINGS}:
        raise LabError(
            f"{encoder}: pooling {chosen!r} is not known; expected one of {', '.join(POOLINGS)}."
        )
    folder, tokenizer = Path(where), load_tokenizer(where)
    backbone = load_backbone(where, layers=layers, attention=attention)
    check_vocabulary(encoder, tokenizer, len(word_table(backbone)))
    refuse_blind_cls(backbone, encoder, chosen)
    longest = longest_sentence(backbone.config, tokenizer, max_length or card.get("max_length"))
    readout = read_readout(folder, card, pooling=chosen, tokenizer=tokenizer, max_length=longest)
    as_trained = chosen == stated and layers is None
    if as_trained:
        for name, addition in ADDITIONS.items():
            if name in card:
                readout = addition.read(folder, card[name], readout)
    trained_head = as_trained and card.get("head") == TanhHead.name
    model = TransformerEncoder(
        backbone,
        tokenizer,
        readout=readout,
        head=TanhHead.read(folder, backbone.config.hidden_size) if trained_head else None,
        max_length=longest,
    )
    return model.eval()
