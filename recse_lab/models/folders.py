"""An encoder's folder: where it is, and what goes wrong in reading one."""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

from recse_lab.errors import LabError
from recse_lab.files import read_json
from recse_lab.models.packaged import packaged_path

CARD = "recse_lab.json"
"""File with what transformers has no place for: pooling, head, longest sentence."""

SETTINGS = "sentence_bert_config.json"
"""File of sentence-transformers with the longest sentence, and whether text is lower-cased."""

REMEDY = "copy or save this folder again"


def resolve(encoder: str) -> str:
    """The folder or hub id that a name stands for.

    Raises:
        LabError: A folder without config.json or weights, or a name that is neither a folder nor
            looks like a hub id.
    """
    packaged = packaged_path(encoder)
    if packaged is not None:
        return str(packaged)
    path = Path(encoder).expanduser()
    if path.is_dir():
        if not (path / "config.json").is_file():
            raise LabError(f"{encoder}: this folder is no encoder, it holds no config.json.")
        if not any(path.glob("*.safetensors")):
            raise LabError(
                f"{encoder}: no *.safetensors weights in this folder; pickled weights are not "
                'loaded, `python -c "from transformers import AutoModel as M; '
                f"M.from_pretrained('{encoder}').save_pretrained('{encoder}')\"` converts those "
                "that you trust."
            )
        return str(path)
    if path.exists():
        raise LabError(
            f"{encoder}: this is a file; "
            "give the folder that holds config.json and model.safetensors."
        )
    if encoder.startswith((".", "/", "~")) or encoder.count("/") > 1:
        raise LabError(f"{encoder}: no such folder.")
    if not _is_cached(encoder) and (host := _unknown_host()):
        raise LabError(
            f"{encoder}: there is no such folder, and no hub can be asked for a model of that "
            f"name, as {host} is not known here; give a folder, or connect to a network."
        )
    return encoder


def _is_cached(encoder: str) -> bool:
    """Whether a model of the hub was downloaded before."""
    from huggingface_hub import constants, try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        found = try_to_load_from_cache(encoder, "config.json")
    except HFValidationError:
        return True  # transformers says what is wrong with the name
    return isinstance(found, str) or constants.HF_HUB_OFFLINE


@cache
def _unknown_host() -> str | None:
    """The hub's host if nothing here knows its address: a look-up, where a request would retry."""
    from huggingface_hub import constants

    host = urlsplit(constants.ENDPOINT).hostname or ""
    try:
        socket.getaddrinfo(host, None)
    except OSError:
        return host
    return None


def one_line(error: Exception) -> str:
    """Another library's complaint about a damaged file, on one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"


@contextmanager
def reading(file: Path) -> Iterator[None]:
    """Report a file that is missing, damaged or made for another encoder in one sentence.

    Raises:
        LabError: Anything that fails while the context is open.
    """
    try:
        yield
    except Exception as error:  # safetensors and torch have exceptions of their own
        raise LabError(
            f"{file}: missing, or not what {CARD} says ({one_line(error)}); {REMEDY}."
        ) from error


def lower_cases(folder: Path) -> bool:
    """Whether a folder says that text is lower-cased before its own tokenizer.

    Raises:
        LabError: Its file is damaged.
    """
    ours, theirs = folder / CARD, folder / SETTINGS
    if ours.is_file():
        stated, name = read_json(ours, REMEDY), "lower_case"
    elif (folder / "modules.json").is_file() and theirs.is_file():
        stated, name = read_json(theirs, REMEDY), "do_lower_case"
    else:
        return False
    return isinstance(stated, dict) and stated.get(name) is True


def folder_fingerprint(folder: Path) -> str:
    """sha256 over the weights, configuration and tokenizer files of an encoder's folder."""
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
    weights = {*folder.glob("*.safetensors"), *folder.glob("*_Dense/*.safetensors")}
    for file in sorted({*weights, *(folder / n for n in names if (folder / n).is_file())}):
        digest.update(str(file.relative_to(folder)).encode())
        with file.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    if lower_cases(folder):  # alone: other folders keep the fingerprint they have always had
        digest.update(b"do_lower_case")
    return digest.hexdigest()
