"""The tokenised corpus: written once, memory-mapped, with the token statistics of a reshape."""

from __future__ import annotations

import errno
import hashlib
import itertools
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int

from recse_lab.code import code_hash
from recse_lab.data.corpora import Corpus
from recse_lab.errors import LabError
from recse_lab.files import exclusive, read_json, write_json

BATCH = 4096


class TokenStore:
    """Token ids of every sentence, special tokens included, by row number.

    Raises:
        LabError: A file is damaged, or the file of the ids does not have the length that its
            offsets say.
    """

    def __init__(self, folder: Path) -> None:
        try:
            self._open(folder)
        except (EOFError, FileNotFoundError, IndexError, KeyError, TypeError, ValueError) as error:
            raise LabError(
                f"{folder}: the tokenised corpus is damaged ({error}); delete this folder."
            ) from error

    def _open(self, folder: Path) -> None:
        self.folder = folder
        self.meta = read_json(folder / "meta.json", "delete its folder")
        self.fingerprint: str = self.meta["fingerprint"]
        self.sentences: int = self.meta["sentences"]
        self.special_ids: list[int] = self.meta["special_ids"]
        self.counts: Int[np.ndarray, " vocab"] = np.load(folder / "counts.npy")
        """How often each content token occurs."""
        self.document_frequency: Int[np.ndarray, " vocab"] = np.load(
            folder / "document_frequency.npy"
        )
        """In how many sentences each content token occurs."""
        self._offsets = np.load(folder / "offsets.npy", mmap_mode="r")
        size = int(self._offsets[-1])
        if (folder / "ids.bin").stat().st_size != size * np.dtype(self.meta["dtype"]).itemsize:
            raise ValueError(f"ids.bin is not {size} ids")
        self._ids = np.memmap(folder / "ids.bin", dtype=self.meta["dtype"], mode="r")
        self.lengths: Int[np.ndarray, " rows"] = np.diff(self._offsets).astype(np.int32)

    def __len__(self) -> int:
        return len(self.lengths)

    def rows(self, rows: Int[np.ndarray, " batch"]) -> list[np.ndarray]:
        """Return the token ids of some sentences."""
        return [np.asarray(self._ids[self._offsets[r] : self._offsets[r + 1]]) for r in rows]


def build_tokens(
    corpus: Corpus,
    tokenizer: Any,
    *,
    max_length: int,
    folder: Path,
    tokenizer_fingerprint: str,
    progress: Callable[[int], None] | None = None,
) -> TokenStore:
    """Tokenise ``corpus`` into a folder named by its contents, or open the one that is there.

    Args:
        corpus: The sentences.
        tokenizer: A tokenizer of transformers.
        max_length: Longer sentences are truncated to this number of tokens.
        folder: The parent of the folder.
        tokenizer_fingerprint: Part of the name of the folder.
        progress: Called with the number of sentences done.

    Raises:
        LabError: The corpus cannot be read, holds fewer than two sentences, or the disk is full.
    """
    code = code_hash("data/corpora.py", "data/token_store.py")
    text = f"{corpus.fingerprint} {tokenizer_fingerprint} {max_length} {code}"
    fingerprint = hashlib.sha256(text.encode()).hexdigest()
    final = folder / fingerprint[:16]
    with exclusive(final):
        if not (final / "meta.json").is_file():
            partial = final.with_name(final.name + ".partial")
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir(parents=True)
            try:
                _write(corpus, tokenizer, max_length, partial, fingerprint, progress)
                os.replace(partial, final)
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
                raise LabError(
                    f"{folder}: the disk is full; nothing was kept there; "
                    "free some space and start again."
                ) from None
            finally:
                shutil.rmtree(partial, ignore_errors=True)
    return TokenStore(final)


def vocabulary_size(tokenizer: Any) -> int:
    """Rows of a table with an entry per token number; some may be unused (CamemBERT's)."""
    return max(tokenizer.get_vocab().values()) + 1


def _write(
    corpus: Corpus,
    tokenizer: Any,
    max_length: int,
    folder: Path,
    fingerprint: str,
    progress: Callable[[int], None] | None,
) -> None:
    vocab = vocabulary_size(tokenizer)
    special = sorted(set(tokenizer.all_special_ids) - {tokenizer.unk_token_id})
    dtype = np.uint16 if vocab <= 2**16 else np.uint32
    counts, document_frequency = np.zeros(vocab, np.int64), np.zeros(vocab, np.int64)
    lengths: list[np.ndarray] = []
    total = 0
    with (folder / "ids.bin").open("wb") as file:
        sentences = iter(corpus)
        while batch := list(itertools.islice(sentences, BATCH)):
            ids = tokenizer(
                batch, truncation=True, max_length=max_length, return_attention_mask=False
            )["input_ids"]
            widths = np.fromiter(map(len, ids), np.int32, len(ids))
            flat = np.fromiter(itertools.chain.from_iterable(ids), np.int64, int(widths.sum()))
            flat.astype(dtype).tofile(file)
            lengths.append(widths)
            counts += np.bincount(flat, minlength=vocab)
            once = np.unique(np.repeat(np.arange(len(ids)), widths) * vocab + flat) % vocab
            document_frequency += np.bincount(once, minlength=vocab)
            total += len(batch)
            if progress:
                progress(total)
    if total < 2:
        raise LabError(
            f"{corpus.name}: {total} sentence; contrast needs at least two, and a batch of them."
        )
    counts[special] = document_frequency[special] = 0
    np.save(
        folder / "offsets.npy",
        np.concatenate([[0], np.cumsum(np.concatenate(lengths), dtype=np.int64)]),
    )
    np.save(folder / "counts.npy", counts)
    np.save(folder / "document_frequency.npy", document_frequency)
    meta = {
        "fingerprint": fingerprint,
        "corpus": corpus.name,
        "sentences": total,
        "max_length": max_length,
    }
    write_json(
        folder / "meta.json",
        meta | {"dtype": np.dtype(dtype).name, "special_ids": special, "vocab": vocab},
    )
