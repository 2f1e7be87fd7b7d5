"""SentEval's ten linguistic probing tasks in its folder layout, and how they are fetched.

Source: Conneau et al. (2018), "What you can cram into a single vector", ACL P18-1198; the files are
those of data/probing in github.com/facebookresearch/SentEval.
"""

from __future__ import annotations

import shutil
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from recse_lab.data.manifest import PULLED, data_root, senteval_folders
from recse_lab.data.transfer_sets import Examples, TransferTask
from recse_lab.errors import LabError, suggest
from recse_lab.files import atomic_path


class LinguisticTask(NamedTuple):
    """A task: its file, its name in the paper, and the kind of property it asks for."""

    file: str
    label: str
    kind: str


LINGUISTIC = {
    "sentence-length": LinguisticTask("sentence_length.txt", "SentLen", "surface"),
    "word-content": LinguisticTask("word_content.txt", "WC", "surface"),
    "tree-depth": LinguisticTask("tree_depth.txt", "TreeDepth", "syntax"),
    "top-constituents": LinguisticTask("top_constituents.txt", "TopConst", "syntax"),
    "bigram-shift": LinguisticTask("bigram_shift.txt", "BShift", "syntax"),
    "tense": LinguisticTask("past_present.txt", "Tense", "semantics"),
    "subject-number": LinguisticTask("subj_number.txt", "SubjNum", "semantics"),
    "object-number": LinguisticTask("obj_number.txt", "ObjNum", "semantics"),
    "odd-man-out": LinguisticTask("odd_man_out.txt", "SOMO", "semantics"),
    "coordination-inversion": LinguisticTask("coordination_inversion.txt", "CoordInv", "semantics"),
}
"""The ten tasks in the order of the paper."""
SPLITS = {"tr": "train", "va": "dev", "te": "test"}
URL = "https://raw.githubusercontent.com/facebookresearch/SentEval/main/data/probing/{}"


def find_linguistic(data_dir: str | Path) -> Path:
    """Return the folder that holds the tasks' files.

    It is ``data_dir``, a folder ``probing`` in it, beside SentEval's ``downstream``, or in
    ``senteval``; ``pulled`` is what ``pull_linguistic`` fetched.

    Raises:
        LabError: None of them holds a file of a task.
    """
    if str(data_dir) == PULLED:
        places = [data_root() / "linguistic"]
    else:
        here = Path(data_dir)
        places = [*senteval_folders(here), here / "data"]
        places += [place / "probing" for place in places] + [here.parent / "probing"]
    for folder in places:
        if any((folder / task.file).is_file() for task in LINGUISTIC.values()):
            return folder
    raise LabError(
        f"{data_dir}: no linguistic probing task here; expected past_present.txt and others in it, "
        "or in its folder probing/ or data/probing/ (SentEval's layout)."
    )


def load_linguistic_task(name: str, data_dir: str | Path) -> TransferTask:
    """Read one task with its splits train, dev and test, in the order of the file.

    A line is split, class and sentence, separated by tabs; further fields between the two are
    passed over. Classes are those of the training sentences in alphabetical order.

    Raises:
        LabError: The task is unknown, the file is missing or not UTF-8, or a line has no known
            split or class.

    Source: SentEval, senteval/probing.py, PROBINGEval.loadFile.
    """
    if name not in LINGUISTIC:
        raise LabError(f"unknown linguistic task {name!r}; {suggest(name, LINGUISTIC)}")
    path = find_linguistic(data_dir) / LINGUISTIC[name].file
    found: dict[str, tuple[list[str], list[str], list[int]]] = {
        split: ([], [], []) for split in SPLITS.values()
    }
    try:
        with path.open(encoding="utf-8", newline="\n") as file:
            for number, line in enumerate(file, 1):
                fields = line.rstrip().split("\t")
                if len(fields) < 3 or fields[0] not in SPLITS:
                    raise LabError(
                        f"{path}, line {number}: not of the form tr|va|te, class, sentence; is the "
                        "file truncated?"
                    )
                texts, labels, lines = found[SPLITS[fields[0]]]
                texts.append(" ".join(fields[-1].split()))
                labels.append(fields[1])
                lines.append(number)
    except FileNotFoundError:
        raise LabError(f"{path}: no such file; the linguistic tasks are incomplete.") from None
    except UnicodeDecodeError:
        raise LabError(f"{path}: not UTF-8 text; the file is damaged.") from None
    return _task(name, path, found)


def _task(
    name: str, path: Path, found: dict[str, tuple[list[str], list[str], list[int]]]
) -> TransferTask:
    if empty := [split for split, (texts, *_) in found.items() if not texts]:
        raise LabError(f"{path}: no {empty[0]} sentence in it; is the file truncated?")
    classes = tuple(sorted(set(found["train"][1])))
    if len(classes) < 2:
        raise LabError(
            f"{path}: one class only, {''.join(classes)}; there is nothing to tell apart."
        )
    place = {label: i for i, label in enumerate(classes)}
    splits = {}
    for split, (texts, labels, lines) in found.items():
        for label, number in zip(labels, lines, strict=True):
            if label not in place:
                raise LabError(f"{path}, line {number}: class {label!r} has no training sentence.")
        splits[split] = Examples(texts, None, np.array([place[label] for label in labels]))
    return TransferTask(name, classes, splits)


def load_linguistic(data_dir: str | Path) -> dict[str, TransferTask]:
    """Read those of the ten tasks whose files are there.

    Raises:
        LabError: There is none, or a file is damaged.
    """
    folder = find_linguistic(data_dir)
    there = [name for name, task in LINGUISTIC.items() if (folder / task.file).is_file()]
    return {name: load_linguistic_task(name, folder) for name in there}


def reduced(task: TransferTask, examples: int) -> TransferTask:
    """The task with at most so many training sentences, the first ones of every class.

    Every class keeps at least one sentence; dev and test stay whole.
    """
    train = task.splits["train"]
    each = max(1, examples // len(task.classes))
    seen = np.zeros(len(task.classes), int)
    rows = []
    for row, label in enumerate(train.label):
        if seen[label] < each:
            seen[label] += 1
            rows.append(row)
    fewer = Examples([train.first[row] for row in rows], None, train.label[rows])
    return task._replace(splits={**task.splits, "train": fewer})


def pull_linguistic(say: Callable[[str], None] = lambda text: None) -> Path:
    """Download the files that are missing from the cache, and read each of them once.

    Untested against the network: it was written where no server but PyPI can be reached.

    Returns:
        The folder of the files, which ``--data-dir pulled`` finds.

    Raises:
        LabError: No connection, or a file that cannot be read as a task.
    """
    folder = data_root() / "linguistic"
    folder.mkdir(parents=True, exist_ok=True)
    for name, task in LINGUISTIC.items():
        path = folder / task.file
        if path.is_file():
            continue
        url = URL.format(task.file)
        say(f"{task.file} from {url} → {folder}")
        try:
            with (
                atomic_path(path) as beside,
                urllib.request.urlopen(url, timeout=60) as answer,
                beside.open("wb") as file,
            ):
                shutil.copyfileobj(answer, file)
        except (urllib.error.URLError, TimeoutError) as error:
            raise LabError(
                f"{url}: cannot be fetched ({error}); check the network, or copy SentEval's "
                "data/probing and give its folder as --data-dir."
            ) from None
        try:
            load_linguistic_task(name, folder)
        except LabError:
            path.unlink()
            raise
    return folder
