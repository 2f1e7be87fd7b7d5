"""Pairs and sentences that STS sets share with each other and with training corpora."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from recse_lab.data.corpora import Corpus
from recse_lab.data.sentence_ids import normalised
from recse_lab.data.sts_sets import SAMPLES, SEVEN, StsTask, load_task
from recse_lab.errors import LabError

SETS = (*SEVEN, "stsb-dev", "stsb-train")
YEARS = SEVEN[:5]
TEXT, WORDS = "text", "words"
COMPARED = {
    TEXT: "case and white space are ignored",
    WORDS: "case, white space and punctuation are ignored",
}
"""When two sentences are the same; two pairs are if their sentences are, in either order."""

PairText = tuple[str, str]
Counts = dict[str, dict[str, int]]


class SetSize(NamedTuple):
    """What one set holds; distinct by text."""

    name: str
    pairs: int
    distinct_pairs: int
    sentences: int


class CorpusFound(NamedTuple):
    """Test sentences in a training corpus: their number by set, and by how sentences compare."""

    name: str
    sentences: int
    """Rows of the corpus."""
    text: dict[str, int]
    words: dict[str, int]


class Shared(NamedTuple):
    """What sets share, by how sentences compare (``COMPARED``)."""

    sets: list[SetSize]
    pairs: dict[str, Counts]
    """Rows of a set that are pairs of another one; of itself: rows that repeat an earlier row."""
    in_years: dict[str, dict[str, int]]
    """Rows of a set that are pairs of STS12 to STS16, for the sets that are none of them."""
    sentences: dict[str, Counts]
    """Distinct sentences of a set that another one has too."""
    corpora: list[CorpusFound]


def find_shared(
    tasks: Sequence[StsTask],
    corpora: Iterable[Corpus] = (),
    notify: Callable[[str], None] = lambda text: None,
) -> Shared:
    """Compare all sets with each other and with corpora.

    Args:
        tasks: STS sets.
        corpora: Training corpora, each read once.
        notify: Is called with the name of each corpus before it is read.

    Raises:
        LabError: A corpus is damaged.
    """
    pairs = {kind: {task.name: _pairs(task, kind) for task in tasks} for kind in COMPARED}
    known = {
        kind: {name: {text for pair in found for text in pair} for name, found in sets.items()}
        for kind, sets in pairs.items()
    }
    sizes = [
        SetSize(name, len(found), len(set(found)), len(known[TEXT][name]))
        for name, found in pairs[TEXT].items()
    ]
    return Shared(
        sizes,
        {kind: _shared_pairs(sets) for kind, sets in pairs.items()},
        {kind: _in_years(sets) for kind, sets in pairs.items()},
        {
            kind: {
                a: {b: len(texts & others) for b, others in sets.items() if a != b}
                for a, texts in sets.items()
            }
            for kind, sets in known.items()
        },
        [_in_corpus(corpus, known, notify) for corpus in corpora],
    )


def readable_sets(data_dir: str | Path | None) -> list[StsTask]:
    """The STS sets that can be read in a folder, and the packaged ones; others are left out."""
    found = []
    for name in (*(SETS if data_dir is not None else ()), *SAMPLES):
        try:
            found.append(load_task(name, data_dir))
        except LabError:  # `data check` reports what is absent or damaged
            continue
    return found


def _pairs(task: StsTask, kind: str) -> list[PairText]:
    found = []
    for pairs in task.subsets.values():
        for first, second in zip(pairs.first, pairs.second, strict=True):
            a, b = (normalised(text, punctuation=kind == TEXT) for text in (first, second))
            found.append((a, b) if a <= b else (b, a))
    return found


def _shared_pairs(sets: dict[str, list[PairText]]) -> Counts:
    known = {name: set(found) for name, found in sets.items()}
    return {
        a: {
            b: len(found) - len(others) if a == b else sum(pair in others for pair in found)
            for b, others in known.items()
        }
        for a, found in sets.items()
    }


def _in_years(sets: dict[str, list[PairText]]) -> dict[str, int]:
    years = {pair for name in YEARS for pair in sets.get(name, ())}
    return {
        name: sum(pair in years for pair in found)
        for name, found in sets.items()
        if name not in YEARS
    }


def _in_corpus(
    corpus: Corpus, known: dict[str, dict[str, set[str]]], notify: Callable[[str], None]
) -> CorpusFound:
    notify(corpus.name)
    every = {kind: set().union(*sets.values()) for kind, sets in known.items()}
    there: dict[str, set[str]] = {kind: set() for kind in known}
    count = 0
    for sentence in corpus:
        count += 1
        for kind, texts in every.items():
            text = normalised(sentence, punctuation=kind == TEXT)
            if text in texts:
                there[kind].add(text)
    text, words = (
        {name: len(texts & there[kind]) for name, texts in known[kind].items()}
        for kind in (TEXT, WORDS)
    )
    return CorpusFound(corpus.name, count, text, words)
