"""Words, numbers and punctuation marks of a sentence, and the kinds of words."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping

CLITIC = r"\s?['’]\s?(?:s|t|re|ve|ll|d|m)\b"  # also where a text sets it apart: it 's, don ' t
WORD = re.compile(
    r"\d+(?:[.,:]\d+)+"  # 1,000 or 3.5
    r"|(?:[^\W\d_]\.){2,}"  # u.s.
    rf"|\w+(?:{CLITIC}|['’-]\w+)*"  # it's, well-known, 3rd
    r"|[^\w\s]"
)
CONTRACTION = re.compile(r"(.*?)'(?:s|re|ve|ll|d|m)")
KINDS = ("content word", "function word", "number", "punctuation")
BANDS = ("1 in 100", "1 in 1,000", "1 in 10,000", "1 in 100,000", "rarer", "unseen")
"""How often a word occurs in a corpus: at least 1 in 100 words, at least 1 in 1,000 …"""


def spans(sentence: str) -> list[tuple[int, int]]:
    """Start and end of every word, number and punctuation mark."""
    return [match.span() for match in WORD.finditer(sentence)]


def normal(word: str) -> str:
    """Lower-cased, with a straight apostrophe and no blank inside."""
    return "".join(word.split()).lower().replace("’", "'")


def words(sentence: str) -> list[str]:
    """Words and numbers in their normal form, without punctuation."""
    return [
        normal(match.group())
        for match in WORD.finditer(sentence)
        if any(c.isalnum() for c in match.group())
    ]


def word_counts(corpus: Iterable[str]) -> Counter[str]:
    """How often each word, in its normal form, occurs in a corpus."""
    counts: Counter[str] = Counter()
    for sentence in corpus:
        counts.update(words(sentence))
    return counts


def kind(word: str) -> str:
    """One of ``KINDS``. A contraction is a function word where its parts are: it's, don't, but not
    John's."""
    from recse_lab.views.wordnet import (
        FUNCTION_WORDS,
    )  # its package opens torch, which covariates can do without

    if not any(c.isalnum() for c in word):
        return "punctuation"
    if word[0].isdigit():
        return "number"
    word = normal(word)
    contraction = CONTRACTION.fullmatch(word)
    negated = word.endswith("n't")  # of auxiliaries alone, some cut short: can't, won't
    closed = negated or (contraction.group(1) if contraction else word) in FUNCTION_WORDS
    return "function word" if closed else "content word"


def band(word: str, counts: Mapping[str, int], total: int) -> str:
    """One of ``BANDS``, from how often the word occurs among ``total`` words."""
    count = counts.get(normal(word), 0)
    if not count:
        return BANDS[-1]
    return next(
        (name for power, name in enumerate(BANDS[:4], 2) if count * 10**power >= total), BANDS[4]
    )


def without(sentence: str, start: int, end: int) -> str:
    """The sentence without its characters from ``start`` to ``end``, its blanks closed up as a
    writer would."""
    left, right = sentence[:start].rstrip(), sentence[end:].lstrip()
    if not left or not right:
        return left + right
    before, after = (
        len(left) < start,
        len(sentence) - len(right) > end,
    )  # was it set apart by blanks?
    apart = after or (right[0].isalnum() and (before or left[-1].isalnum()))
    return f"{left} {right}" if apart else left + right
