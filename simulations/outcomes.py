"""Shares of replicates, each with its Monte Carlo error, in one long table that grows part by
part.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Hashable, Sequence
from pathlib import Path
from time import monotonic

import numpy as np
import pandas as pd
from jaxtyping import Bool

COLUMNS = ("part", "case", "n", "method", "measure", "value", "error", "replicates")


class Tally:
    """Counts of yes and no for each (case, n, method, measure); None is neither."""

    def __init__(self, part: str) -> None:
        self.part = part
        self.counts: dict[tuple[Hashable, ...], list[float]] = defaultdict(lambda: [0, 0.0, 0.0])

    def add(self, case: str, n: int, method: str, measure: str, value: float | bool | None) -> None:
        """One replicate's outcome: yes or no, or a number of which the mean is wanted."""
        if value is not None:
            count = self.counts[case, n, method, measure]
            count[0] += 1
            count[1] += float(value)
            count[2] += float(value) ** 2

    def table(self) -> pd.DataFrame:
        """Means with their standard errors over the replicates."""
        rows = []
        for key, (number, total, squares) in self.counts.items():
            mean = total / number
            rows.append(
                (
                    self.part,
                    *key,
                    mean,
                    max(0.0, squares / number - mean**2) ** 0.5 / number**0.5,
                    int(number),
                )
            )
        return pd.DataFrame(rows, columns=pd.Index(COLUMNS))


def rate(
    part: str, case: str, n: int, method: str, measure: str, hits: Bool[np.ndarray, " _"]
) -> tuple[Hashable, ...]:
    """One row: the share of replicates that are hits, with its Monte Carlo error."""
    share, number = float(hits.mean()), len(hits)
    return part, case, n, method, measure, share, (share * (1 - share) / number) ** 0.5, number


def as_table(rows: Sequence[tuple[Hashable, ...]]) -> pd.DataFrame:
    """The rows of ``rate`` as a table."""
    return pd.DataFrame(list(rows), columns=pd.Index(COLUMNS))


class Progress:
    """A line to stderr now and then."""

    def __init__(self, label: str, total: int) -> None:
        self.label, self.total, self.start, self.told = label, total, monotonic(), monotonic()

    def step(self, done: int) -> None:
        """Say how far it is, at most every ten seconds."""
        if monotonic() - self.told > 10 or done == self.total:
            self.told = monotonic()
            print(
                f"{self.label}: {done:,} of {self.total:,}, {self.told - self.start:.0f} s",
                file=sys.stderr,
                flush=True,
            )


def keep(table: pd.DataFrame, file: Path) -> None:
    """Add rows to the file; those of a case that it holds already take the place of the old
    ones.
    """
    if file.is_file():
        old = pd.read_csv(file)
        new = pd.MultiIndex.from_arrays([table["part"], table["case"]])
        again = pd.MultiIndex.from_arrays([old["part"], old["case"]]).isin(new)
        table = pd.concat([old.loc[~again], table])
    file.parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(file, index=False, float_format="%.6g")
