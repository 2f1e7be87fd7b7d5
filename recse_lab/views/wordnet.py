"""WordNet's database files as they are published: index.POS and data.POS (the format ``wndb``)."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

from recse_lab.errors import LabError

VARIABLE = "RECSE_LAB_WORDNET"
PARTS = ("noun", "verb", "adj", "adv")

_FUNCTION_WORDS = """
    a about above after again against all also am an and another any are as at be because been
    before being below between both but by can could did do does down during each either few for
    from further had has have he her here hers him his how i if in into is it its itself just
    may me might mine more most much must my neither no nor not now of off on once one only or
    other our out over own same shall she should so some such than that the their them then
    there these they this those through to too under until up us very was we were what when
    where which while who whom whose why will with would you your
"""
FUNCTION_WORDS = frozenset(_FUNCTION_WORDS.split())
"""Words without a meaning of their own, for which WordNet lists indium ("in") or ångström ("a")."""


def find_wordnet(folder: str | Path | None = None) -> Path:
    """Return the folder of WordNet's files: ``folder``, or else $RECSE_LAB_WORDNET.

    Raises:
        LabError: Neither is given, or a file is missing there.
    """
    named = folder or os.environ.get(VARIABLE)
    if not named:
        raise LabError(
            f"synonyms need WordNet's database files: set {VARIABLE} to the folder that holds "
            "index.noun and data.noun (its `dict` folder; "
            "/usr/share/wordnet after `apt install wordnet-base`)."
        )
    path = Path(named).expanduser()
    path = path / "dict" if (path / "dict").is_dir() else path
    for part in PARTS:
        for file in (f"index.{part}", f"data.{part}"):
            if not (path / file).is_file():
                raise LabError(
                    f"{path}: no {file} here; "
                    f"set {VARIABLE} to the folder of WordNet's database files."
                )
    return path


def first_senses(index: str) -> dict[str, int]:
    """Return lemma -> byte offset of its most frequent sense, from the text of an index file.

    A line is: lemma pos synset_cnt p_cnt [p_cnt pointers] sense_cnt tagsense_cnt offset …; the
    licence on top is indented.

    Source: wndb(5), "Index file format".
    """
    senses = {}
    for line in index.splitlines():
        if line and not line.startswith(" "):
            fields = line.split()
            senses[fields[0]] = int(fields[4 + int(fields[3]) + 2])
    return senses


def synset_words(line: str) -> list[str]:
    """Return the words of one line of a data file.

    Underscores become spaces, and the marks of adjectives, as "(p)", are removed. A line is: offset
    lex_filenum ss_type w_cnt word lex_id [word lex_id …] …, with w_cnt in hexadecimal.

    Source: wndb(5), "Data file format".
    """
    fields = line.split(" ")
    return [
        word.partition("(")[0].replace("_", " ")
        for word in fields[4 : 4 + 2 * int(fields[3], 16) : 2]
    ]


class WordNet:
    """Synonyms of a lemma in its most frequent sense as noun, verb, adjective and adverb.

    Raises:
        LabError: The files are not there, or index and data do not belong together.
    """

    def __init__(self, folder: str | Path | None = None) -> None:
        self.folder = find_wordnet(folder)
        self._senses = {part: self._index(part) for part in PARTS}
        self._data = cache(lambda part: (self.folder / f"data.{part}").read_bytes())

    def synonyms(self, word: str) -> tuple[str, ...]:
        """Return other words of the same meaning, in WordNet's order.

        Function words and inflected forms have none.

        Raises:
            LabError: Index and data do not belong together.
        """
        lemma = word.lower()
        if lemma in FUNCTION_WORDS:
            return ()
        found: dict[str, None] = {}
        for part, senses in self._senses.items():
            if lemma in senses:
                found |= dict.fromkeys(self._words(part, senses[lemma]))
        return tuple(other for other in found if other.lower() != lemma)

    def _index(self, part: str) -> dict[str, int]:
        file = self.folder / f"index.{part}"
        try:
            return first_senses(file.read_text(encoding="utf-8"))
        except (ValueError, IndexError):
            raise LabError(
                f"{file}: this is not an index of WordNet's database; fetch the files again."
            ) from None

    def _words(self, part: str, offset: int) -> list[str]:
        data = self._data(part)
        line = data[offset : data.find(b"\n", offset)].decode()
        if not line.startswith(f"{offset:08d} "):
            raise LabError(
                f"{self.folder}: data.{part} has no synset at {offset}; "
                f"it does not belong to index.{part}."
            )
        return synset_words(line)
