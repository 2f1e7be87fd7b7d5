"""Published STS results, each with its source, to print beside one's own."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from functools import cache
from importlib import resources

import pandas as pd

from recse_lab.errors import LabError


def slug(name: str) -> str:
    """Lower case, words joined by hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


@cache
def published_sts() -> pd.DataFrame:
    """All rows: method, encoder, setting, aggregation, the seven tasks and avg (×100, as printed), source, confidence.

    ``average_note`` marks the rows whose printed average is not the mean of their tasks.
    """
    with (resources.files("recse_lab.reporting") / "published" / "sts.csv").open("r", encoding="utf-8") as file:
        return pd.read_csv(file, dtype={"average_note": "string"})


def sts_rows(names: Sequence[str], *, memory: bool = False) -> pd.DataFrame:
    """Rows of methods by name (``simcse``) or of one encoder (``simcse@bert-base``), in the order asked for.

    A set that a method was fitted on, in brackets at the end of its name, may be left out. Rows written down from memory
    are left out unless asked for.

    Raises:
        LabError: A name that matches nothing, with the nearest ones.
    """
    rows = published_sts()
    if not memory:
        rows = rows.loc[rows["confidence"] != "memory"]
    full = rows["method"].map(slug)
    short = rows["method"].map(lambda m: slug(re.sub(r"\((NLI|target)\)$", "", m)))
    encoder = rows["encoder"].map(slug)
    found = []
    for name in names:
        method, _, wanted = name.lower().partition("@")
        named = (full == slug(method)) | (short == slug(method))
        match = named & (encoder == slug(wanted)) if wanted else named
        if not any(match):
            known = sorted({*full, *short})
            near = difflib.get_close_matches(slug(method), known, n=3, cutoff=0.4)
            where = f" on encoder {wanted}" if any(named) else ""
            raise LabError(
                f"no published result {name!r}{where}; {'near: ' + ', '.join(near) if near else 'the rows are in recse_lab/reporting/published/sts.csv'}."
            )
        found.append(rows.loc[match])
    return pd.concat(found).drop_duplicates() if found else rows.iloc[:0]
