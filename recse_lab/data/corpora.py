"""Sentences from files, one a row, streamed: txt, csv, tsv, jsonl (each also .gz) and parquet."""

from __future__ import annotations

import csv
import difflib
import gzip
import hashlib
import io
import json
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from recse_lab.errors import LabError

COLUMNS = ("text", "sentence", "sent0", "sentence1")  # looked for, in this order, when no column is named
FORMATS = (".txt", ".csv", ".tsv", ".jsonl", ".parquet")


class Corpus:
    """Non-empty stripped sentences of one or several files, read anew at every iteration and never held.

    In csv, tsv, jsonl and parquet the sentence stands in ``column``; else in one of text, sentence, sent0, sentence1;
    else in the first column (a csv or tsv with none of these names in its first line has no header).

    Raises:
        LabError: At construction: a missing file, a folder, an unknown ending. While reading: not text, a broken or
            short row (file and line), a missing column, no sentence at all.
    """

    def __init__(self, paths: Sequence[str | Path] | str | Path, column: str | None = None) -> None:
        self.paths = [Path(p) for p in ([paths] if isinstance(paths, str | Path) else paths)]
        self.column = column
        self._formats = [_format(path) for path in self.paths]

    @property
    def name(self) -> str:
        return "+".join(path.name for path in self.paths)

    @property
    def fingerprint(self) -> str:
        """sha256 over the bytes of all files, their formats and the column."""
        digest = hashlib.sha256(json.dumps([self._formats, self.column]).encode())
        for path in self.paths:
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
        return digest.hexdigest()

    def __iter__(self) -> Iterator[str]:
        found = False
        for path, kind in zip(self.paths, self._formats, strict=True):
            for sentence in _sentences(path, kind, self.column):
                if sentence := sentence.strip():
                    found = True
                    yield sentence
        if not found:
            raise LabError(f"{self.name}: the corpus holds no sentence; give a file with one sentence a row.")


def _format(path: Path) -> str:
    if path.is_dir():
        raise LabError(f"{path}: this is a folder; give the corpus file itself ({', '.join(FORMATS)}, .gz).")
    if not path.exists():
        siblings = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
        near = difflib.get_close_matches(path.name, siblings, n=1)
        raise LabError(f"{path}: no such corpus file{f'; did you mean {near[0]}?' if near else '.'}")
    suffix = Path(path.stem).suffix if path.suffix == ".gz" else path.suffix
    if suffix.lower() not in FORMATS or (path.suffix == ".gz" and suffix == ".parquet"):
        raise LabError(f"{path}: unknown ending {suffix!r}; a corpus is one of {', '.join(FORMATS)}, all but parquet also .gz.")
    return suffix.lower()


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise LabError(f"{path}: not a readable gzip file ({error}); it may be truncated.") from None


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    with _told(path), _open(path) as file:
        for number, raw in enumerate(file, 1):
            if b"\0" in raw:
                raise LabError(f"{path}, line {number}: this is binary data, not text; give a text corpus.")
            try:
                yield number, raw.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError:
                raise LabError(f"{path}, line {number}: not UTF-8 text; convert the corpus to UTF-8.") from None


def _open(path: Path) -> IO[bytes]:
    return gzip.open(path, "rb") if path.suffix == ".gz" else io.BufferedReader(path.open("rb", buffering=0))  # type: ignore[return-value]


def _sentences(path: Path, kind: str, column: str | None) -> Iterator[str]:
    if kind == ".txt":
        return (line for _, line in _lines(path))
    if kind == ".jsonl":
        return _jsonl(path, column)
    if kind == ".parquet":
        return _parquet(path, column)
    return _delimited(path, "\t" if kind == ".tsv" else ",", column)


def _choose(path: Path, names: Sequence[str], column: str | None) -> str | None:
    """The column to read, or None where no known name is among ``names``."""
    if column is None:
        return next((name for name in COLUMNS if name in names), None)
    if column not in names:
        raise LabError(f"{path}: no column {column!r}; it has {', '.join(map(repr, names))}.")
    return column


def _delimited(path: Path, delimiter: str, column: str | None) -> Iterator[str]:
    position = 0
    lines = _lines(path)
    reader = csv.reader((line for _, line in lines), delimiter=delimiter, strict=True)
    try:
        for row in reader:
            if reader.line_num == 1:
                name = _choose(path, row, column)
                position = row.index(name) if name is not None else 0
                if name is not None:
                    continue
            if not row:
                continue
            if position >= len(row):
                raise LabError(f"{path}, line {reader.line_num}: {len(row)} columns, the sentence is in column {position + 1}.")
            yield row[position]
    except csv.Error as error:
        raise LabError(f"{path}, line {reader.line_num}: broken row ({error}).") from None


def _jsonl(path: Path, column: str | None) -> Iterator[str]:
    for number, line in _lines(path):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise LabError(f"{path}, line {number}: broken JSON ({error.msg}).") from None
        if isinstance(row, str):
            yield row
            continue
        if not isinstance(row, dict) or not row:
            raise LabError(f"{path}, line {number}: expected a JSON object or string.")
        if column is not None and column not in row:
            raise LabError(f"{path}, line {number}: no field {column!r}; it has {', '.join(map(repr, row))}.")
        value = row[_choose(path, list(row), column) or next(iter(row))]
        if not isinstance(value, str):
            raise LabError(f"{path}, line {number}: the sentence field holds {type(value).__name__}, not text.")
        yield value


def _parquet(path: Path, column: str | None) -> Iterator[str]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        raise LabError(f"{path}: not a readable parquet file ({str(error).splitlines()[0]}).") from None
    names = file.schema_arrow.names
    name = _choose(path, names, column) or names[0]
    row = 0
    for batch in file.iter_batches(batch_size=4096, columns=[name]):
        for value in batch.column(0).to_pylist():
            row += 1
            if value is not None and not isinstance(value, str):
                raise LabError(f"{path}, row {row}: column {name!r} holds {type(value).__name__}, not text; name another --column.")
            yield value or ""
