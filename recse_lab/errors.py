"""The exception that is written for a user to read, and the hint that ends many of its messages."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class LabError(Exception):
    """A problem the user can fix.

    Its text is one sentence: what is wrong, where (file, line, field), what to do.

    The command line prints it after ``error:`` and exits with code 2, without a traceback.
    """


def suggest(name: str, known: Iterable[str], otherwise: str | None = None, most: int = 1) -> str:
    """Return the hint for an unknown name: the nearest known ones, or else what is known.

    Args:
        name: What the user wrote.
        known: The names that exist.
        otherwise: What to say when none of them is near; by default all of them are listed.
        most: How many near names to offer at most.

    >>> suggest("meen", ["mean", "cls"])
    'did you mean mean?'
    >>> suggest("zzz", ["mean", "cls"])
    'known: mean, cls.'
    >>> suggest("zzz", [])
    'there are none.'
    """
    names = list(known)
    if near := difflib.get_close_matches(name, names, n=most, cutoff=0.4):
        return f"did you mean {' or '.join(near)}?"
    if otherwise is not None:
        return otherwise
    return f"known: {', '.join(names)}." if names else "there are none."
