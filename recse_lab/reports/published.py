"""Published results, each with its source, to print beside one's own."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from importlib import resources

import pandas as pd

from recse_lab.errors import LabError, suggest


def slug(name: str) -> str:
    """Lower case, words joined by hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


@cache
def _table(name: str) -> pd.DataFrame:
    with (resources.files("recse_lab.reports") / "published" / f"{name}.csv").open(
        "r", encoding="utf-8"
    ) as file:
        return pd.read_csv(file, dtype={"average_note": "string", "value": "string"})


def published_sts() -> pd.DataFrame:
    """All rows: method, encoder, setting, aggregation, the seven tasks and avg (×100, as printed),
    source, confidence.

    ``average_note`` marks the rows whose printed average is not the mean of their tasks.
    """
    return _table("sts")


def published_transfer() -> pd.DataFrame:
    """All rows: method, encoder, setting, protocol, the seven transfer tasks and avg (×100, as
    printed), source, confidence.

    ``average_note`` as in ``published_sts``.
    """
    return _table("transfer")


def published_ablations() -> pd.DataFrame:
    """All rows: paper, factor, value of it, metric, score (in the metric's unit, as printed),
    source, confidence.
    """
    return _table("ablations")


PUBLISHED = {"sts": published_sts, "transfer": published_transfer, "ablations": published_ablations}
"""Name of a collection -> its rows."""


def sts_rows(names: Sequence[str], *, memory: bool = False) -> pd.DataFrame:
    """STS rows of methods by name (``simcse``) or of one encoder (``simcse@bert-base``), in the
    order asked for.

    A set that a method was fitted on, in brackets at the end of its name, may be left out. Rows
    written down from memory are left out unless asked for.

    Raises:
        LabError: A name that matches nothing, with the nearest ones.
    """
    return _named("sts", names, memory)


def transfer_rows(names: Sequence[str], *, memory: bool = False) -> pd.DataFrame:
    """Rows of transfer results, asked for as in ``sts_rows``.

    Raises:
        LabError: A name that matches nothing, with the nearest ones.
    """
    return _named("transfer", names, memory)


def _named(collection: str, names: Sequence[str], memory: bool) -> pd.DataFrame:
    rows = _table(collection)
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
            where = f" on encoder {wanted}" if any(named) else ""
            otherwise = f"the rows are in recse_lab/reports/published/{collection}.csv."
            hint = suggest(slug(method), sorted({*full, *short}), otherwise, most=3)
            raise LabError(f"no published result {name!r}{where}; {hint}")
        found.append(rows.loc[match])
    return pd.concat(found).drop_duplicates() if found else rows.iloc[:0]
