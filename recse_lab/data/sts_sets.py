"""Gold-scored sentence pairs: the STS sets in SentEval's folder layout, and the packaged sample."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterable, Iterator
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from recse_lab.data.disjoint import SUFFIX, first_occurrences, pair_keys, unseen
from recse_lab.data.manifest import PULLED, pulled, senteval_folders
from recse_lab.errors import LabError, suggest

SEVEN = ("sts12", "sts13", "sts14", "sts15", "sts16", "stsb", "sickr")
"""The seven tasks every paper in this field averages."""
SAMPLES = ("sample-sts", "sample-sts-dev")
LABELS = {
    "sts12": "STS12",
    "sts13": "STS13",
    "sts14": "STS14",
    "sts15": "STS15",
    "sts16": "STS16",
    "stsb": "STS-B",
    "sickr": "SICK-R",
    "sickr-all": "SICK-R, all 9,927 pairs",
    "stsb-dev": "STS-B dev",
    "stsb-train": "STS-B train",
    "sample-sts": "sample-sts",
    "sample-sts-dev": "sample-sts dev",
}
DISJOINT = tuple(f"{name}{SUFFIX}" for name in SEVEN)
"""The seven tasks with every distinct pair once, in one of them."""
DISJOINT_DEVS = (f"stsb-dev{SUFFIX}", f"stsb-train{SUFFIX}")
"""Parts of STS-B without a sentence of the seven tasks."""
LABELS |= {
    name: f"{LABELS[name.removesuffix(SUFFIX)]} disjoint" for name in (*DISJOINT, *DISJOINT_DEVS)
}

STANDARD_PAIRS = {
    "sts12": 3108,
    "sts13": 1500,
    "sts14": 3750,
    "sts15": 3000,
    "sts16": 1186,
    "stsb": 1379,
    "sickr": 4927,
    "sickr-all": 9927,
    "stsb-dev": 1500,
}
"""Graded pairs of the published sets."""

SUBSETS = {
    "sts12": ("MSRpar", "MSRvid", "SMTeuroparl", "surprise.OnWN", "surprise.SMTnews"),
    "sts13": ("FNWN", "headlines", "OnWN"),
    "sts14": ("deft-forum", "deft-news", "headlines", "images", "OnWN", "tweet-news"),
    "sts15": ("answers-forums", "answers-students", "belief", "headlines", "images"),
    "sts16": ("answer-answer", "headlines", "plagiarism", "postediting", "question-question"),
}
TABLES = {  # task -> files with one pair per line
    "stsb": ("STS/STSBenchmark/sts-test.csv",),
    "stsb-dev": ("STS/STSBenchmark/sts-dev.csv",),
    "sickr": ("SICK/SICK_test_annotated.txt",),
    "sickr-all": ("SICK/SICK_trial.txt", "SICK/SICK_train.txt", "SICK/SICK_test_annotated.txt"),
    "stsb-train": ("STS/STSBenchmark/sts-train.csv",),
}


class Pairs(NamedTuple):
    """Sentence pairs with their gold scores, from 0 to 5."""

    first: list[str]
    second: list[str]
    gold: Float[np.ndarray, " pairs"]


class StsTask(NamedTuple):
    """A task with its pairs by subset."""

    name: str
    subsets: dict[str, Pairs]


def find_senteval(data_dir: str | Path) -> Path:
    """Return the folder that holds ``STS/``.

    It is ``data_dir``, or ``senteval`` or ``data/downstream`` in it;
    ``pulled`` is what ``recse-lab data pull sts`` fetched.

    Raises:
        LabError: It is none of them, or nothing was pulled.
    """
    if str(data_dir) == PULLED:
        return pulled("sts")
    for folder in senteval_folders(data_dir):
        if (folder / "STS").is_dir():
            return folder
    raise LabError(
        f"{data_dir}: no STS data here; expected STS/STS12-en-test … in it, or in its folder "
        "senteval/ or data/downstream/ (SentEval's layout)."
    )


def load_task(name: str, data_dir: str | Path | None) -> StsTask:
    """Read one task.

    Raises:
        LabError: The task is unknown, a file is missing or truncated, or a gold score is not a
            number in range (file and line).
    """
    if name in SAMPLES:
        return StsTask(name, {"sample": _sample(name)})
    if name not in LABELS:
        raise LabError(f"unknown task {name!r}; {suggest(name, LABELS)}")
    if data_dir is None:
        raise LabError(
            f"task {name} needs the STS sets: give --data-dir, the folder in SentEval's layout."
        )
    root = find_senteval(data_dir)
    if name.endswith(SUFFIX):
        return _disjoint(name, root)
    if name in SUBSETS:
        folder = root / "STS" / f"{name.upper()}-en-test"
        return StsTask(
            name,
            {
                s: _paired_files(folder / f"STS.input.{s}.txt", folder / f"STS.gs.{s}.txt")
                for s in SUBSETS[name]
            },
        )
    parts = [_sick(root / file) if "SICK" in file else _stsb(root / file) for file in TABLES[name]]
    joined = Pairs(
        [s for p in parts for s in p.first],
        [s for p in parts for s in p.second],
        np.concatenate([p.gold for p in parts]),
    )
    return StsTask(name, {name: joined})


def task_keys(task: StsTask) -> list[tuple[int, int]]:
    """The key of every pair of a task, in the order of its subsets (``disjoint.pair_keys``)."""
    return [key for pairs in task.subsets.values() for key in pair_keys(pairs.first, pairs.second)]


def kept_rows(data_dir: str | Path) -> dict[str, Bool[np.ndarray, " pairs"]]:
    """Which rows of the seven tasks and of STS-B's dev and train parts ``sts-disjoint`` keeps.

    Args:
        data_dir: Folder in SentEval's layout.

    Returns:
        Whether each pair stays, by task, in the order of its subsets and lines.

    Raises:
        LabError: A file is missing or damaged.
    """
    root = find_senteval(data_dir)
    state = tuple(
        (status.st_mtime_ns, status.st_size)
        for folder in ("STS", "SICK")
        for file in sorted((root / folder).rglob("*.*"))
        for status in [file.stat()]
    )
    return _kept_rows(root.resolve(), state)


@lru_cache(maxsize=4)
def _kept_rows(
    root: Path, state: tuple[tuple[int, int], ...]
) -> dict[str, Bool[np.ndarray, " pairs"]]:
    """``state`` is a key alone: sizes and times of change of the files."""
    keys = {name: task_keys(load_task(name, root)) for name in SEVEN}
    tests = [key for name in SEVEN for key in keys[name]]
    devs = [name.removesuffix(SUFFIX) for name in DISJOINT_DEVS]
    return first_occurrences(keys) | {
        name: unseen(task_keys(load_task(name, root)), tests) for name in devs
    }


def _disjoint(name: str, root: Path) -> StsTask:
    """A task with the pairs that stay; a subset of which none stays is left out."""
    whole = load_task(name.removesuffix(SUFFIX), root)
    kept = kept_rows(root)[whole.name]
    subsets, begin = {}, 0
    for subset, pairs in whole.subsets.items():
        rows = np.flatnonzero(kept[begin : begin + len(pairs.gold)])
        begin += len(pairs.gold)
        if len(rows):
            first, second = ([texts[row] for row in rows] for texts in pairs[:2])
            subsets[subset] = Pairs(first, second, pairs.gold[rows])
    if not subsets:
        raise LabError(f"{root}: no pair is left of {whole.name} without those of other tasks.")
    return StsTask(name, subsets)


def tasks_fingerprint(tasks: Iterable[StsTask]) -> str:
    """Return the sha256 over all pairs and gold scores."""
    digest = hashlib.sha256()
    for task in tasks:
        for subset, pairs in task.subsets.items():
            digest.update(f"{task.name}/{subset}".encode())
            digest.update("\n".join(pairs.first + pairs.second).encode())
            digest.update(pairs.gold.tobytes())
    return digest.hexdigest()


def _read(path: Path) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise LabError(f"{path}: no such file; the STS data are incomplete.") from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise LabError(f"{path}, line {line}: not UTF-8 text; the file is damaged.") from None
    except OSError as error:
        raise LabError(f"{path}: the file cannot be read ({error.strerror}).") from None
    return text.removesuffix("\n").split("\n") if text else []


def _without_blank_end(lines: list[str]) -> list[str]:
    while lines and not lines[-1].strip():
        lines = lines[:-1]
    return lines


def _gold(text: str, path: Path, line: int, lowest: float = 0.0) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not lowest <= value <= 5.0:
        what = f"gold score {text.strip()!r} is no number from {lowest:g} to 5"
        raise LabError(f"{path}, line {line}: {what}; is the file truncated?")
    return value


def _pairs(rows: Iterator[tuple[str, str, float]] | list[tuple[str, str, float]]) -> Pairs:
    first, second, gold = zip(*rows, strict=True)
    return Pairs(_collapsed(first), _collapsed(second), np.asarray(gold, dtype=np.float32))


def _collapsed(sentences: Iterable[str]) -> list[str]:
    """White space as SentEval hands it on: single blanks, none at the ends."""
    return [" ".join(sentence.split()) for sentence in sentences]


def _paired_files(input_file: Path, gold_file: Path) -> Pairs:
    texts, golds = _without_blank_end(_read(input_file)), _read(gold_file)
    # Blank gold scores are pairs without one, unless the file goes on behind the last pair.
    golds = golds[: len(texts)] + _without_blank_end(golds[len(texts) :])
    if len(texts) != len(golds):
        (file, ends), (_, goes_on) = sorted(
            [(input_file, len(texts)), (gold_file, len(golds))], key=lambda pair: pair[1]
        )
        raise LabError(
            f"{file}, line {ends}: the file ends here, its partner has {goes_on} lines: truncated?"
        )
    rows = []
    for line, (text, gold) in enumerate(zip(texts, golds, strict=True), 1):
        if not gold.strip():  # STS15 and STS16 have pairs without a gold score; SentEval skips them
            continue
        fields = text.split("\t")
        if len(fields) not in (2, 4):  # STS16 as it was published names the sources of both
            raise LabError(
                f"{input_file}, line {line}: {len(fields)} fields instead of 2; "
                "is the file truncated?"
            )
        rows.append((fields[0], fields[1], _gold(gold, gold_file, line)))
    if not rows:
        raise LabError(f"{gold_file}: no gold score in it.")
    return _pairs(rows)


def _stsb(path: Path) -> Pairs:
    rows = []
    for line, text in enumerate(_without_blank_end(_read(path)), 1):
        fields = text.split("\t")  # tab-separated, whatever its name says
        if line == 1 and "score" in fields and "sentence1" in fields:
            if fields[4:7] != ["score", "sentence1", "sentence2"]:
                raise LabError(
                    f"{path}, line 1: its columns are {', '.join(fields)}; SentEval's file has "
                    "score, sentence1 and sentence2 as the fifth to seventh; put them there."
                )
            continue
        if len(fields) < 7:
            raise LabError(
                f"{path}, line {line}: {len(fields)} fields instead of 7; is the file truncated?"
            )
        rows.append((fields[5], fields[6], _gold(fields[4], path, line)))
    if not rows:
        raise LabError(f"{path}: the file is empty.")
    return _pairs(rows)


def _sick(path: Path) -> Pairs:
    rows = []
    for line, text in enumerate(_without_blank_end(_read(path)), 1):
        fields = text.split("\t")
        if line == 1 and fields[0] == "pair_ID":
            if fields[1:4] != ["sentence_A", "sentence_B", "relatedness_score"]:
                raise LabError(
                    f"{path}, line 1: its columns are {', '.join(fields)}; SentEval's file has "
                    "sentence_A, sentence_B and relatedness_score as the second to fourth: take "
                    "the files of SemEval-2014, not SICK.txt."
                )
            continue
        if len(fields) < 5:
            raise LabError(
                f"{path}, line {line}: {len(fields)} fields instead of 5; is the file truncated?"
            )
        rows.append((fields[1], fields[2], _gold(fields[3], path, line, lowest=1.0)))
    if not rows:
        raise LabError(f"{path}: no pair in it.")
    return _pairs(rows)


def _sample(name: str) -> Pairs:
    split = "dev" if name.endswith("-dev") else "test"
    file = resources.files("recse_lab.data.samples") / "sample-sts.tsv"
    rows = csv.DictReader(
        file.read_text(encoding="utf-8").splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE
    )
    return _pairs(
        [(r["sentence1"], r["sentence2"], float(r["gold"])) for r in rows if r["split"] == split]
    )
