"""Reshaped features of a whole corpus, computed once and read by row during training.

Source: "time for space" in reCSE (arXiv:2408.04975) separates the reshape from contrastive
learning, so that device memory does not grow with the supplementary samples. The store is
our reading of it.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from recse_lab.errors import LabError
from recse_lab.files import exclusive, read_json, write_json
from recse_lab.reshape.reshaper import Batch, Reshaper

FeatureReader = Callable[[Int[np.ndarray, " rows"]], Batch]
LARGEST = 65504.0  # of float16
SHUFFLE_SEED = 4975


def store_size(rows: int, out_dim: int) -> int:
    """Return the size of the feature file in bytes; features are float16."""
    return 2 * rows * out_dim


def batches_by_length(
    rows: Int[np.ndarray, " rows"], lengths: Int[np.ndarray, " corpus"], tokens_per_batch: int
) -> Iterator[Int[np.ndarray, " batch"]]:
    """Yield ``rows`` in batches of similar length whose padded size stays within a budget."""
    ordered = rows[np.argsort(-lengths[rows], kind="stable")]
    while len(ordered):
        size = max(1, tokens_per_batch // max(1, int(lengths[ordered[0]])))
        yield ordered[:size]
        ordered = ordered[size:]


class FeatureStore:
    """Standardised reshaped features on disk, one row per sentence, in float16 and memory-mapped.

    A shuffled store returns, for every row, the features of another one: the rows form one cycle,
    and no row keeps its own.
    """

    def __init__(self, folder: Path, rows: int, dim: int, *, shuffled: bool = False) -> None:
        self.folder, self.dim = folder, dim
        self._features = np.memmap(
            folder / "features.f16", dtype=np.float16, mode="r", shape=(rows, dim)
        )
        self._partner: np.ndarray | None = None
        if shuffled:
            cycle = np.random.default_rng(SHUFFLE_SEED).permutation(rows)
            self._partner = np.empty(rows, dtype=np.int64)
            self._partner[cycle] = np.roll(cycle, -1)

    def __len__(self) -> int:
        return len(self._features)

    def read(self, rows: Int[np.ndarray, " batch"]) -> Float[Tensor, "batch dim"]:
        """Return the features of some rows, in float32."""
        rows = rows if self._partner is None else self._partner[rows]
        return torch.from_numpy(self._features[rows].astype(np.float32))


def open_store(folder: Path, identity: dict[str, Any], *, shuffled: bool = False) -> FeatureStore:
    """Open a finished store.

    Raises:
        LabError: There is no store, it was built from something else (the message names what
            differs), or it is truncated.
    """
    meta_file = folder / "meta.json"
    if not meta_file.is_file():
        raise LabError(
            f"{folder}: no finished feature store; build it with `recse-lab reshape build`."
        )
    meta = read_json(meta_file, "delete its folder")
    have, want = meta["identity"], json.loads(json.dumps(identity))
    differing = [
        f"{k} ({have.get(k)!r} there, {want.get(k)!r} wanted)"
        for k in sorted({*have, *want})
        if have.get(k) != want.get(k)
    ]
    if differing:
        raise LabError(
            f"{folder}: this feature store was built from something else: {'; '.join(differing)}; "
            "build another one."
        )
    features = folder / "features.f16"
    size = features.stat().st_size if features.is_file() else 0
    if size != store_size(meta["rows"], meta["out_dim"]):
        expected = store_size(meta["rows"], meta["out_dim"])
        raise LabError(
            f"{features}: {size} bytes instead of {expected}: truncated; "
            "delete the folder and build it again."
        )
    return FeatureStore(folder, meta["rows"], meta["out_dim"], shuffled=shuffled)


def build_store(
    folder: Path,
    reshaper: Reshaper,
    source: FeatureReader,
    lengths: Int[np.ndarray, " rows"],
    identity: dict[str, Any],
    *,
    tokens_per_batch: int = 8192,
    chunk: int = 4096,
    progress: Callable[[int, int], None] | None = None,
) -> FeatureStore:
    """Write the reshaped features of every row to ``folder``, or open the store that is there.

    Memory is one chunk, whatever the number of rows. A killed build is continued where it stopped.
    Only one process writes; others wait and then open the result.

    Args:
        folder: Where the store goes.
        reshaper: A fitted reshaper.
        source: Row numbers -> features, token ids and content mask.
        lengths: Tokens of each row.
        identity: Everything the features depend on, kept with them and compared on opening.
        tokens_per_batch: Padded tokens of a batch.
        chunk: Rows between two records of progress.
        progress: Called with the rows done and the rows in all.

    Raises:
        LabError: There is too little disk space, or a store of another identity is there.
    """
    with exclusive(folder):
        if folder.exists():
            return open_store(folder, identity, shuffled=reshaper.shuffled)
        rows, dim = len(lengths), reshaper.out_dim
        partial = folder.with_name(folder.name + ".partial")
        done = _begin(partial, identity, rows, dim)
        try:
            with (partial / "features.f16").open("r+b" if done else "wb") as file:
                for start in range(done, rows, chunk):
                    block = np.empty((min(chunk, rows - start), dim), dtype=np.float16)
                    here = np.arange(start, start + len(block))
                    for batch in batches_by_length(here, lengths, tokens_per_batch):
                        with torch.inference_mode():
                            values = reshaper(*source(batch)).clamp(-LARGEST, LARGEST)
                        block[batch - start] = values.cpu().numpy().astype(np.float16)
                    file.seek(store_size(start, dim))
                    file.write(block.tobytes())
                    file.flush()
                    os.fsync(file.fileno())
                    write_json(
                        partial / "progress.json",
                        {"identity": identity, "rows_done": start + len(block)},
                    )
                    if progress:
                        progress(start + len(block), rows)
            reshaper.save(partial / "statistics.safetensors")
            write_json(
                partial / "meta.json",
                {"identity": identity, "rows": rows, "out_dim": dim, "dtype": "float16"},
            )
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            raise LabError(_no_space(folder, store_size(rows, dim))) from error
        (partial / "progress.json").unlink()
        os.replace(partial, folder)
    return open_store(folder, identity, shuffled=reshaper.shuffled)


def _begin(partial: Path, identity: dict[str, Any], rows: int, dim: int) -> int:
    """Return the rows done by an earlier build of the same store; else make an empty folder."""
    state = partial / "progress.json"
    features = partial / "features.f16"
    if state.is_file() and features.is_file():
        with suppress(LabError):  # damaged: the build starts again
            seen = read_json(state)
            same = seen["identity"] == json.loads(json.dumps(identity))
            if same and features.stat().st_size >= store_size(seen["rows_done"], dim):
                return seen["rows_done"]
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    if shutil.disk_usage(partial).free < store_size(rows, dim):
        shutil.rmtree(partial, ignore_errors=True)
        raise LabError(_no_space(partial, store_size(rows, dim)))
    return 0


def _no_space(folder: Path, needed: int) -> str:
    free = shutil.disk_usage(folder.parent).free
    return (
        f"{folder.parent}: the feature store needs {needed / 2**20:,.0f} MiB "
        f"and the disk has {free / 2**20:,.0f} MiB free; "
        "free some space, lower reshape.dim, or set RECSE_LAB_CACHE to another disk."
    )
