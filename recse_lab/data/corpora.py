"""Sentences streamed from files, one per row: txt, csv, tsv, jsonl (each also .gz) and parquet."""

from __future__ import annotations

import csv
import gzip
import hashlib
import itertools
import json
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from io import BufferedReader
from pathlib import Path
from typing import Any

from recse_lab.errors import LabError, suggest

COLUMNS = ("text", "sentence", "sent0", "sentence1")
"""Looked for in this order when no column is named."""
FORMATS = (".txt", ".csv", ".tsv", ".jsonl", ".parquet")


class Corpus:
    """Non-empty stripped sentences of one or several files, read again at every iteration.

    In csv, tsv, jsonl and parquet the sentence is in ``column``; without it, in one of text,
    sentence, sent0 and sentence1, or else in the only column. A csv or tsv whose first row has none
    of these names has no header. Without ``column``, a jsonl line may also be a bare string.

    Args:
        paths: One file or several.
        column: The column of the sentence.

    Raises:
        LabError: At construction, for a missing file, a folder, an unknown ending, or a column of a
            txt. While reading, for what is not text, a broken or short row (file and line), a
            missing column, or no sentence at all.
    """

    def __init__(self, paths: Sequence[str | Path] | str | Path, column: str | None = None) -> None:
        self.paths = [Path(p) for p in ([paths] if isinstance(paths, str | Path) else paths)]
        self.column = column
        self._formats = [_format(path) for path in self.paths]
        if column is not None and ".txt" in self._formats:
            path = self.paths[self._formats.index(".txt")]
            raise LabError(
                f"{path}: a txt file has no columns, so no {column!r}; "
                "give a table that has, or name no column."
            )

    @property
    def name(self) -> str:
        """The names of the files, joined by +."""
        return "+".join(path.name for path in self.paths)

    @property
    def fingerprint(self) -> str:
        """sha256 over the bytes of all files, their formats and the column."""
        digest = hashlib.sha256(json.dumps([self._formats, self.column]).encode())
        for path in self.paths:
            with _reported(path):
                status = path.stat()
                digest.update(_file_digest(path.resolve(), status.st_size, status.st_mtime_ns))
        return digest.hexdigest()

    def __iter__(self) -> Iterator[str]:
        return (sentence for _, sentence in self._rows())

    def places(self) -> Iterator[tuple[int, int]]:
        """Yield of every sentence the number of its file, and its line (of parquet: row) there."""
        return (place for place, _ in self._rows())

    def _rows(self) -> Iterator[tuple[tuple[int, int], str]]:
        found = False
        for number, (path, kind) in enumerate(zip(self.paths, self._formats, strict=True)):
            for line, sentence in _sentences(path, kind, self.column):
                if sentence := sentence.strip():
                    found = True
                    yield (number, line), sentence
        if not found:
            raise LabError(
                f"{self.name}: the corpus holds no sentence; give a file with one sentence per row."
            )


def check_aligned(corpora: Sequence[Corpus]) -> None:
    """Check that columns of the same files are filled on the same rows.

    Raises:
        LabError: One is empty where another is filled (file, line, column): from there on,
            sentences of different rows would be paired.
    """
    end = (len(corpora[0].paths), 0)
    for places in itertools.zip_longest(*(corpus.places() for corpus in corpora), fillvalue=end):
        first = min(places)
        for corpus, place in zip(corpora, places, strict=True):
            if place != first:
                path = corpus.paths[first[0]]
                where = f"{path}, {'row' if _format(path) == '.parquet' else 'line'} {first[1]}"
                column = (
                    "the column of the sentence"
                    if corpus.column is None
                    else f"column {corpus.column!r}"
                )
                raise LabError(
                    f"{where}: {column} is empty, and every row needs all columns; "
                    "fill it or drop the row."
                )


def _format(path: Path) -> str:
    if path.is_dir():
        raise LabError(
            f"{path}: this is a folder; give the corpus file itself ({', '.join(FORMATS)}, .gz)."
        )
    if not path.exists():
        siblings = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
        hint = suggest(path.name, siblings, "give a file with one sentence per line.")
        raise LabError(f"{path}: no such corpus file; {hint}")
    suffix = Path(path.stem).suffix if path.suffix == ".gz" else path.suffix
    if suffix.lower() not in FORMATS or (path.suffix == ".gz" and suffix == ".parquet"):
        known = ", ".join(FORMATS)
        raise LabError(
            f"{path}: unknown ending {suffix!r}; "
            f"a corpus is one of {known}, all but parquet also .gz."
        )
    return suffix.lower()


@lru_cache(maxsize=64)
def _file_digest(path: Path, size: int, mtime_ns: int) -> bytes:
    """Read once per content: size and time of change only serve as a key."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


@contextmanager
def _reported(path: Path) -> Iterator[None]:
    try:
        yield
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise LabError(
            f"{path}: not a readable gzip file ({error}); it may be truncated."
        ) from None
    except OSError as error:
        raise LabError(f"{path}: the corpus cannot be read ({error.strerror or error}).") from None


def _open(path: Path) -> gzip.GzipFile | BufferedReader:
    return gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb")


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    with _reported(path), _open(path) as file:
        for number, raw in enumerate(file, 1):
            if b"\0" in raw:
                raise LabError(
                    f"{path}, line {number}: this is binary data, not text; give a text corpus."
                )
            if b"\r" in raw.rstrip(b"\r\n"):
                raise LabError(
                    f"{path}, line {number}: a carriage return within the line; end lines with "
                    f"line feeds: `tr '\\r' '\\n' < {path.name}`."
                )
            try:
                yield number, raw.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError:
                raise LabError(
                    f"{path}, line {number}: not UTF-8 text; convert the corpus to UTF-8: "
                    f"`iconv -f latin1 -t utf-8 {path.name}`."
                ) from None


def _sentences(path: Path, kind: str, column: str | None) -> Iterator[tuple[int, str]]:
    if kind == ".txt":
        return _plain(path)
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


def _only(where: str, names: Sequence[str]) -> str:
    """The one column of rows that have no column of a known name."""
    if len(names) != 1:
        raise LabError(
            f"{where}: {len(names)} columns, and none is named {', '.join(COLUMNS)}; "
            "say which one holds the sentence."
        )
    return names[0]


def _plain(path: Path) -> Iterator[tuple[int, str]]:
    _refuse_foreign_separator(path, None, None)
    yield from _lines(path)


def _delimited(path: Path, delimiter: str, column: str | None) -> Iterator[tuple[int, str]]:
    _refuse_foreign_separator(path, delimiter, column)
    rows = _rows(path, delimiter)
    line, first = next(rows, (0, []))
    if not first:
        return
    name = _choose(path, first, column)
    if name is None:
        yield from _headless(path, [(line, first)])
        yield from _headless(path, rows)
        return
    position = first.index(name)
    for line, row in rows:
        if position >= len(row):
            raise LabError(
                f"{path}, line {line}: {len(row)} columns, "
                f"the sentence is in column {position + 1}."
            )
        if any(field.strip() for field in row[len(first) :]):
            raise LabError(
                f"{path}, line {line}: {len(row)} columns, the header has {len(first)}; put a "
                "field that holds the separator in double quotes."
            )
        yield line, row[position]


def _headless(
    path: Path, rows: Iterator[tuple[int, list[str]]] | list[tuple[int, list[str]]]
) -> Iterator[tuple[int, str]]:
    for line, row in rows:
        if len(row) != 1:
            raise LabError(
                f"{path}, line {line}: {len(row)} columns, and the first row names none of "
                f"{', '.join(COLUMNS)}; say which column holds the sentence, "
                "or end the file's name in .txt if a row is one sentence."
            )
        yield line, row[0]


SEPARATORS = {
    ",": ("commas", "end its name in .csv"),
    "\t": ("tabs", "end its name in .tsv"),
    ";": ("semicolons", "save it with commas as .csv, or with tabs as .tsv"),
    "|": ("vertical bars", "save it with commas as .csv, or with tabs as .tsv"),
}
LOOKED_AT = 20  # lines


def _refuse_foreign_separator(path: Path, delimiter: str | None, column: str | None) -> None:
    """Refuse a table whose columns are separated by another character than its ending promises.

    A file whose first line lacks its own separator has one column. It is refused if another
    separator divides the first line into columns one of which is a known name, or occurs equally
    often in each of the first lines. Commas count in the first case alone; in a txt, tabs in the
    second case alone.
    """
    first = [text for _, text in itertools.islice(_lines(path), LOOKED_AT) if text.strip()]
    if not first or (delimiter and delimiter in first[0]):
        return
    for other, (name, remedy) in SEPARATORS.items():
        if other == delimiter or other not in first[0]:
            continue
        fields = {field.strip().strip('"') for field in first[0].split(other)}
        named = delimiter is not None and bool(fields & {column, *COLUMNS})
        steady = len(first) > 1 and len({text.count(other) for text in first}) == 1
        if named or (steady and (other == "\t" or (delimiter is not None and other != ","))):
            raise LabError(
                f"{path}, line 1: its columns are separated by {name}, and its ending says "
                f"otherwise; {remedy}."
            )


def _rows(path: Path, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Non-empty rows with their lines. A row is one line.

    A tsv is often written without quoting: a line whose quotes are not those of a csv is taken as
    it is, if it has as many columns as the first line, and more than one.
    """
    width = 0
    for line, text in _lines(path):
        text = text.rstrip("\r\n")
        try:
            row = next(csv.reader([text], delimiter=delimiter, strict=True), [])
        except csv.Error as error:
            row = text.split(delimiter)
            if delimiter != "\t" or len(row) == 1 or len(row) != width:
                what = (
                    "a quote is opened and not closed on this line"
                    if "unexpected end" in str(error)
                    else str(error)
                )
                raise LabError(
                    f"{path}, line {line}: broken row ({what}); write every row on one line, "
                    "with the quotes inside a quoted field doubled."
                ) from None
        if row:
            width = width or len(row)
            yield line, row


def _jsonl(path: Path, named: str | None) -> Iterator[tuple[int, str]]:
    column = named
    for number, line in _lines(path):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise LabError(
                f"{path}, line {number}: broken JSON ({getattr(error, 'msg', error)})."
            ) from None
        if isinstance(row, dict) and row:
            # The first object decides the column: a later one without it is a mistake.
            column = (
                column
                or _choose(path, list(row), None)
                or _only(f"{path}, line {number}", list(row))
            )
            if column not in row:
                raise LabError(
                    f"{path}, line {number}: no field {column!r}; "
                    f"it has {', '.join(map(repr, row))}."
                )
            row = row[column]
        elif not isinstance(row, str):
            raise LabError(f"{path}, line {number}: expected a JSON object or string.")
        elif named is not None:
            raise LabError(
                f"{path}, line {number}: a bare string has no field {named!r}; "
                "give objects that have."
            )
        yield number, _text(row, f"{path}, line {number}: the sentence field")


def _text(value: Any, where: str) -> str:
    """A field as text; a missing one is an empty row."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise LabError(f"{where} holds {type(value).__name__}, not text.")
    try:
        value.encode()
    except UnicodeEncodeError:  # JSON can escape half a character
        raise LabError(f"{where} holds a lone surrogate, not text.") from None
    return value


def _parquet(path: Path, column: str | None) -> Iterator[tuple[int, str]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    row = 0
    try:
        with pq.ParquetFile(path) as file:
            names = file.schema_arrow.names
            if not names:
                raise LabError(
                    f"{path}: the file has no column; give one with a column of sentences."
                )
            name = _choose(path, names, column) or _only(str(path), names)
            for batch in file.iter_batches(batch_size=4096, columns=[name]):
                for value in batch.column(0).to_pylist():
                    row += 1
                    yield row, _text(value, f"{path}, row {row}: column {name!r}")
    except (pa.ArrowException, OSError) as error:
        where = f" beyond row {row}" if row else ""
        raise LabError(
            f"{path}: not a readable parquet file{where} ({str(error).splitlines()[0]})."
        ) from None
