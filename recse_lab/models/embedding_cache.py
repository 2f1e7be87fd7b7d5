"""Embeddings on disk, so that no sentence is encoded twice by the same encoder.

``<folder>/<hash of the key>/`` holds ``meta.json`` (the key in words) and segments, each written
beside and renamed, never changed afterwards. A segment is two ``.npy`` arrays in one file: 128-bit
hashes of sentences, then their embeddings in float32, read through a memory map. Any number of
processes may write at once; a sentence that two of them encoded lies there twice, and the older one
counts. A segment that is damaged is passed over and its sentences are encoded again.

Which sentences share a batch moves an embedding, since padding and batch size choose how sums are
ordered. Observed with all-MiniLM-L6-v2 on a CPU, batches of 256 to 8,192 tokens or one sentence: up
to 1e-6 of its norm in fp32, 6e-3 in bf16 (where it is 8e-3 from fp32 anyway). The cache hands out
what was computed first, so a number may depend on what was asked before by that much. Whoever must
have bitwise the same number on an empty cache and on a full one, encodes without it.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import Float, Shaped
from torch import nn

from recse_lab.code import code_hash
from recse_lab.errors import LabError
from recse_lab.files import atomic_path, cache_root, write_json
from recse_lab.models.attention import attention_of

if TYPE_CHECKING:
    from recse_lab.models.encoder import Encoder

SCHEMA = "recse-lab/embeddings/1"
CHUNK = 4096  # sentences a segment: what a killed process loses at most
DIGEST = np.dtype("S16")  # fixed width: trailing zero bytes compare as what they are

Encode = Callable[[list[str]], Float[np.ndarray, "sentences dim"]]


def embedding_key(encoder: Encoder, fingerprint: str, precision: str) -> dict[str, Any]:
    """Everything that may change an embedding by more than its last bits.

    ``fingerprint`` is that of weights and tokenizer as they are now (``weights_fingerprint``): an
    encoder in training has another one at every step. A head that is kept and a residual are hashed
    here as well, since they may come from elsewhere.
    """
    network = encoder.backbone
    device = encoder.device
    head, readout = encoder.head, getattr(encoder, "readout", None)
    return {
        "code": code_hash("models", "pooling.py"),
        "encoder": type(encoder).__name__,
        "weights": fingerprint,
        "pooling": encoder.pooling,
        "readout": None if readout is None else [readout.card, _state_hash(readout)],
        "head": _state_hash(head if getattr(head, "kept", True) else None),
        "layers": None if network is None else network.config.num_hidden_layers,
        "attention": None if network is None else attention_of(network),
        "dtype": None if network is None else str(network.dtype),
        "max_length": encoder.max_length,
        "precision": precision,
        "torch": torch.__version__,
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
    }


def _state_hash(module: nn.Module | None) -> str | None:
    if module is None:
        return None
    digest = hashlib.sha256(type(module).__name__.encode())
    for name, value in sorted(module.state_dict().items()):
        digest.update(name.encode())
        digest.update(value.detach().cpu().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def cached_encode(
    encode: Encode,
    sentences: Sequence[str],
    *,
    key: Mapping[str, Any],
    folder: Path | None = None,
    chunk: int = CHUNK,
    progress: Callable[[int, int], None] | None = None,
) -> Float[np.ndarray, "sentences dim"]:
    """Embeddings of ``sentences`` in their order.

    ``encode`` sees only those that are not stored yet, each once, longest first.

    ``folder`` is ``embeddings`` in the cache folder unless given. ``progress`` hears of sentences
    encoded, out of how many.

    Raises:
        LabError: The disk is full or cannot be written.
        ValueError: ``encode`` returns something other than one float32 row a sentence, rows of
            another width than those stored under this key, or the key is not plain JSON.
    """
    place = (cache_root() / "embeddings" if folder is None else Path(folder)) / key_hash(key)
    wanted, first, inverse = np.unique(digests(sentences), return_index=True, return_inverse=True)
    found = np.zeros(len(wanted), dtype=bool)
    out: np.ndarray | None = None
    for hashes, rows in _segments(place):
        here, there = _common(wanted, hashes, ~found)
        out = _fill(out, rows, here, there, len(wanted))
        found[here] = True
    texts = np.array(sentences, dtype=object)[first]
    missing = np.flatnonzero(~found)
    missing = missing[np.argsort([-len(text) for text in texts[missing]], kind="stable")]
    for start in range(0, len(missing), chunk):
        part = missing[start : start + chunk]
        rows = encode(texts[part].tolist())
        if rows.dtype != np.float32 or rows.ndim != 2 or len(rows) != len(part):
            raise ValueError(
                f"encode gave {rows.dtype} {rows.shape}, not {len(part)} rows of float32"
            )
        out = _fill(out, rows, part, np.arange(len(part)), len(wanted))
        _append(place, key, wanted[part], rows)
        if progress:
            progress(start + len(part), len(missing))
    return encode([]) if out is None else out[inverse]


def key_hash(key: Mapping[str, Any]) -> str:
    """32 hexadecimal digits that name a key, whatever the order of its entries.

    Raises:
        ValueError: The key is not plain JSON.
    """
    try:
        text = json.dumps(dict(key), sort_keys=True, allow_nan=False)
    except TypeError as error:
        raise ValueError(f"the key of an embedding must be plain JSON: {error}") from None
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def digests(sentences: Sequence[str]) -> Shaped[np.ndarray, " sentences"]:
    """128-bit BLAKE2b of the UTF-8 bytes of each sentence."""
    text = (sentence.encode("utf-8", "surrogatepass") for sentence in sentences)
    return np.frombuffer(
        b"".join(hashlib.blake2b(t, digest_size=DIGEST.itemsize).digest() for t in text), DIGEST
    )


def _common(
    wanted: np.ndarray, hashes: np.ndarray, open_: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Places of equal hashes in ``wanted`` (sorted) and in ``hashes``, of those still ``open_``."""
    if not len(wanted):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    at = np.searchsorted(wanted, hashes).clip(max=len(wanted) - 1)
    there = np.flatnonzero((wanted[at] == hashes) & open_[at])
    return at[there], there


def _fill(
    out: np.ndarray | None, rows: np.ndarray, here: np.ndarray, there: np.ndarray, count: int
) -> np.ndarray | None:
    """``out[here] = rows[there]``, with ``out`` made when its width is first known."""
    if not len(here):
        return out
    if out is None:
        out = np.empty((count, rows.shape[1]), dtype=np.float32)
    if out.shape[1] != rows.shape[1]:
        raise ValueError(
            f"rows of {rows.shape[1]} and {out.shape[1]} numbers under one key: "
            "it leaves something out"
        )
    out[here] = rows[there]
    return out


# ---- segments ---------------------------------------------------------------------------------


def _segments(place: Path) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Hashes and embeddings of every whole segment, oldest first."""
    for path in sorted(place.glob("*.seg")):
        segment = _open(path)
        if segment is not None:
            yield segment


def _open(path: Path) -> tuple[np.ndarray, np.ndarray] | None:
    """Hashes, and embeddings as a memory map; None where the file is not a whole segment."""
    try:
        with path.open("rb") as file:
            hashes = np.lib.format.read_array(file, allow_pickle=False)
            version = np.lib.format.read_magic(file)
            shape, _, dtype = np.lib.format.read_array_header_1_0(file)
            offset, size = file.tell(), os.fstat(file.fileno()).st_size
        whole = (
            version == (1, 0) and hashes.dtype == DIGEST and dtype == np.float32 and len(shape) == 2
        )
        if not whole or hashes.shape != shape[:1] or size != offset + 4 * shape[0] * shape[1]:
            return None
        return hashes, np.memmap(path, dtype=np.float32, mode="r", offset=offset, shape=shape)
    except (OSError, ValueError, EOFError):
        return None


def _append(place: Path, key: Mapping[str, Any], hashes: np.ndarray, rows: np.ndarray) -> None:
    """Write one segment, whole or not at all."""
    try:
        if not (place / "meta.json").is_file():
            write_json(
                place / "meta.json", {"schema": SCHEMA, "key": dict(key), "dim": rows.shape[1]}
            )
        # Names sort by age, and no two processes share one.
        name = f"{time.time_ns():020d}-{uuid.uuid4().hex[:8]}.seg"
        with atomic_path(place / name) as beside, beside.open("wb") as file:
            np.lib.format.write_array(file, hashes, version=(1, 0), allow_pickle=False)
            np.lib.format.write_array(
                file, np.ascontiguousarray(rows), version=(1, 0), allow_pickle=False
            )
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise LabError(
            f"{place}: embeddings cannot be stored here ({error.strerror}); "
            "set RECSE_LAB_CACHE to a folder of yours."
        ) from error
