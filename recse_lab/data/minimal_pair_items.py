"""Minimal pairs: a sentence, a small edit, and a paraphrase that changes more words."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import pandas as pd

from recse_lab.errors import LabError

COLUMNS = ("id", "phenomenon", "expect", "base", "edit", "paraphrase")
PHENOMENA = (
    "negation",
    "antonym",
    "role-swap",
    "number",
    "tense",
    "quantifier",
    "word-order",
    "typos",
)
CHANGES, KEEPS = "changes", "keeps"


def load_minimal_pairs(path: str | Path | None = None) -> pd.DataFrame:
    """Read the 496 items in the package, 62 per phenomenon, or a file with the same columns.

    All columns are text. ``edit`` is ``base`` with as few words changed as the phenomenon allows,
    and ``expect`` says whether its meaning ``changes`` or ``keeps``. ``paraphrase`` keeps the
    meaning of ``base`` and differs from it by at least as many words as ``edit`` does, so that
    word overlap alone orders the three wrongly where the meaning changes.

    - ``negation``: a negation added or removed; a few in a verb (*denied*, *lacks*, *failed to*) or
      a prefix.
    - ``antonym``: one word for its opposite or its converse (*borrow*, *return*).
    - ``role-swap``: who does it to whom; the words are the same, in another order.
    - ``number``: numerals, dates, fractions, ordinals; some items singular against plural.
    - ``tense``: when, and whether it is over.
    - ``quantifier``: *all*, *few*, *most*, *both*, *at least* …
    - ``word-order``: the same words in another order, half with another meaning (31 items), half
      with the same.
    - ``typos``: one or more misspelt words; the meaning is kept.

    Card. Written by the authors of this project in British English, in the manner of captions,
    news, how-to, forum, encyclopaedia and dialogue, and proofread by them alone: there was no
    crowd, no second annotator, and no agreement was measured. There are no templates, and no
    more than two items begin alike. Sentences are short (5 to 20 words); some edits are false
    or odd in the world (a frog that swallows a heron), as role swaps are bound to be; some
    paraphrases are stiff, since they avoid the words of ``base``. The size of a change of
    meaning was not graded. This is not a benchmark: it shows what STS averages hide. Licence:
    Apache-2.0.

    Raises:
        LabError: The file cannot be read or is damaged (the message names the line and the fault).
    """
    where = (
        resources.files("recse_lab.data.samples") / "minimal-pairs.tsv"
        if path is None
        else Path(path)
    )
    try:
        lines = where.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise LabError(
            f"{where}: it cannot be read as UTF-8 text ({error}); "
            "name a tab-separated file of minimal pairs."
        ) from error
    if not lines or tuple(lines[0].split("\t")) != COLUMNS:
        raise LabError(
            f"{where}, line 1: the header must be {', '.join(COLUMNS)}, separated by tabs."
        )
    rows = list(_rows(lines[1:], str(where)))
    if not rows:
        raise LabError(f"{where}: no item in it.")
    return pd.DataFrame(rows, columns=pd.Index(COLUMNS))


def _rows(lines: list[str], where: str) -> Iterator[list[str]]:
    seen: dict[str, int] = {}
    for number, line in enumerate(lines, 2):
        fields = line.split("\t")
        if wrong := _wrong(fields):
            raise LabError(f"{where}, line {number}: {wrong}; mend the line.")
        if fields[0] in seen:
            raise LabError(
                f"{where}, line {number}: the id {fields[0]!r} is that of line {seen[fields[0]]}; "
                "mend it."
            )
        seen[fields[0]] = number
        yield fields


def _wrong(fields: list[str]) -> str:
    """What is wrong with a line, or nothing."""
    if len(fields) != len(COLUMNS):
        return f"{len(fields)} fields instead of {len(COLUMNS)}"
    empty = [column for column, value in zip(COLUMNS, fields, strict=True) if not value.strip()]
    if empty:
        return f"nothing in {', '.join(empty)}"
    _, phenomenon, expect, *sentences = fields
    if phenomenon not in PHENOMENA:
        return f"the phenomenon {phenomenon!r} is none of {', '.join(PHENOMENA)}"
    if expect not in (CHANGES, KEEPS):
        return f"expect is {expect!r}, neither {CHANGES} nor {KEEPS}"
    if len(set(sentences)) < len(sentences):
        return "two of its sentences are the same"
    return ""
