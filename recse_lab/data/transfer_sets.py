"""SentEval's seven transfer tasks in its folder layout: labelled sentences, and pairs of MRPC."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Int

from recse_lab.data.manifest import PULLED, pulled, senteval_folders
from recse_lab.errors import LabError, suggest

TRANSFER = ("mr", "cr", "subj", "mpqa", "sst2", "trec", "mrpc")
"""The seven tasks every paper in this field averages."""
TRANSFER_LABELS = {
    "mr": "MR",
    "cr": "CR",
    "subj": "SUBJ",
    "mpqa": "MPQA",
    "sst2": "SST2",
    "trec": "TREC",
    "mrpc": "MRPC",
}
SIZES = {
    "mr": {"all": 10_662},
    "cr": {"all": 3_775},
    "subj": {"all": 10_000},
    "mpqa": {"all": 10_606},
    "sst2": {"train": 67_349, "dev": 872, "test": 1_821},
    "trec": {"train": 5_452, "test": 500},
    "mrpc": {"train": 4_076, "test": 1_725},
}
"""Numbers of examples in SentEval's files, by split."""

CLASSES = dict.fromkeys(TRANSFER, ("0", "1")) | {
    "trec": ("ABBR", "DESC", "ENTY", "HUM", "LOC", "NUM")
}
BINARY = {  # task -> file of class 1, file of class 0
    "mr": ("MR/rt-polarity.pos", "MR/rt-polarity.neg"),
    "cr": ("CR/custrev.pos", "CR/custrev.neg"),
    "subj": ("SUBJ/subj.objective", "SUBJ/subj.subjective"),
    "mpqa": ("MPQA/mpqa.pos", "MPQA/mpqa.neg"),
}
SPLITS = {
    "sst2": {split: f"SST/binary/sentiment-{split}" for split in ("train", "dev", "test")},
    "trec": {"train": "TREC/train_5500.label", "test": "TREC/TREC_10.label"},
    "mrpc": {"train": "MRPC/msr_paraphrase_train.txt", "test": "MRPC/msr_paraphrase_test.txt"},
}
FOLDERS = ("MR", "CR", "SUBJ", "MPQA", "SST", "TREC", "MRPC")


class Examples(NamedTuple):
    """Sentences or pairs with the class of each, in the order in which SentEval splits folds."""

    first: list[str]
    second: list[str] | None
    label: Int[np.ndarray, " examples"]


Row = tuple[str, str | None, int]


class TransferTask(NamedTuple):
    """A task with its examples by split: all; train and test; or train, dev and test."""

    name: str
    classes: tuple[str, ...]
    splits: dict[str, Examples]


def find_transfer(data_dir: str | Path) -> Path:
    """Return the folder that holds ``MR/``, ``CR/`` ….

    It is ``data_dir``, or ``senteval`` or ``data/downstream`` in it;
    ``pulled`` is what ``recse-lab data pull transfer`` fetched.

    Raises:
        LabError: It is none of them, or nothing was pulled.
    """
    if str(data_dir) == PULLED:
        return pulled("transfer")
    for folder in senteval_folders(data_dir):
        if any((folder / name).is_dir() for name in FOLDERS):
            return folder
    raise LabError(
        f"{data_dir}: no transfer data here; expected MR/, CR/, SUBJ/, MPQA/, SST/, TREC/ or MRPC/ "
        "in it, or in its folder senteval/ or data/downstream/ (SentEval's layout)."
    )


def load_transfer_task(name: str, data_dir: str | Path) -> TransferTask:
    """Read one task as SentEval reads it.

    MR, CR, SUBJ, MPQA and TREC are latin-1, SST2 and MRPC UTF-8; white space becomes single blanks;
    a blank line of the first four is an example without words. Examples are sorted by (words, words
    of the second sentence, class) as SentEval sorts them before it encodes, because that order
    decides what its shuffled folds contain.

    Raises:
        LabError: The task is unknown, a file is missing, or a line is not an example or has no
            known class (file and line).

    Source: SentEval (Conneau & Kiela 2018), senteval/binary.py, sst.py, trec.py, mrpc.py.
    """
    if name not in TRANSFER:
        raise LabError(f"unknown transfer task {name!r}; {suggest(name, TRANSFER)}")
    root = find_transfer(data_dir)
    if name in BINARY:
        positive, negative = (_lines(root / file) for file in BINARY[name])
        rows: list[Row] = [
            *((text, None, 1) for text in positive),
            *((text, None, 0) for text in negative),
        ]
        return TransferTask(name, CLASSES[name], {"all": _examples(rows)})
    read = {"sst2": _sst, "trec": _trec, "mrpc": _mrpc}[name]
    splits = {split: _examples(list(read(root / file))) for split, file in SPLITS[name].items()}
    return TransferTask(name, CLASSES[name], splits)


def transfer_fingerprint(tasks: Iterable[TransferTask]) -> str:
    """Return the sha256 over all sentences and classes."""
    digest = hashlib.sha256()
    for task in tasks:
        for split, examples in task.splits.items():
            digest.update(f"{task.name}/{split}".encode())
            digest.update("\n".join(examples.first + (examples.second or [])).encode())
            digest.update(examples.label.tobytes())
    return digest.hexdigest()


def _examples(rows: list[Row]) -> Examples:
    def words(text: str | None) -> int:
        return len(text.split()) if text is not None else 0

    rows = sorted(rows, key=lambda row: (words(row[0]), words(row[1]), row[2]))
    first, second, label = zip(*rows, strict=True)
    pairs = None if second[0] is None else [_collapsed(text) for text in second]
    return Examples([_collapsed(text) for text in first], pairs, np.array(label, dtype=np.int64))


def _collapsed(text: str) -> str:
    return " ".join(text.split())


def _read(path: Path, encoding: str) -> str:
    try:
        text = path.read_text(encoding=encoding)
    except FileNotFoundError:
        raise LabError(f"{path}: no such file; the transfer data are incomplete.") from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise LabError(f"{path}, line {line}: not UTF-8 text; the file is damaged.") from None
    except OSError as error:
        raise LabError(f"{path}: the file cannot be read ({error.strerror}).") from None
    if not text.strip():
        raise LabError(f"{path}: the file is empty.")
    return text


def _lines(path: Path) -> list[str]:
    return _read(path, "latin-1").splitlines()


def _numbered(path: Path, encoding: str) -> Iterator[tuple[int, str]]:
    return enumerate(_read(path, encoding).removesuffix("\n").split("\n"), 1)


def _class(text: str, path: Path, line: int) -> int:
    if text not in ("0", "1"):
        raise LabError(
            f"{path}, line {line}: class {text!r} is neither 0 nor 1; is the file truncated?"
        )
    return int(text)


def _sst(path: Path) -> Iterator[Row]:
    for line, text in _numbered(path, "utf-8"):
        fields = text.strip().split("\t")
        if len(fields) != 2:
            raise LabError(
                f"{path}, line {line}: {len(fields)} fields instead of 2; is the file truncated?"
            )
        yield fields[0], None, _class(fields[1], path, line)


def _trec(path: Path) -> Iterator[Row]:
    for line, text in _numbered(path, "latin-1"):
        coarse, colon, rest = text.strip().partition(":")
        _, blank, question = rest.partition(" ")
        if not colon or not blank:
            raise LabError(
                f"{path}, line {line}: not of the form CLASS:detail question; "
                "is the file truncated?"
            )
        if coarse not in CLASSES["trec"]:
            raise LabError(
                f"{path}, line {line}: class {coarse!r} is none of {', '.join(CLASSES['trec'])}."
            )
        yield question, None, CLASSES["trec"].index(coarse)


def _mrpc(path: Path) -> Iterator[Row]:
    rows = 0
    for line, text in _numbered(path, "utf-8"):
        fields = text.strip().split("\t")
        if len(fields) != 5:
            raise LabError(
                f"{path}, line {line}: {len(fields)} fields instead of 5; is the file truncated?"
            )
        if line > 1:  # the first one names the columns
            rows += 1
            yield fields[3], fields[4], _class(fields[0], path, line)
    if not rows:
        raise LabError(f"{path}: no pair in it.")
