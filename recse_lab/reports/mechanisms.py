"""The page of mechanisms: what the literature expects training to move, and what moved here.

Reads the table.csv of every probe below a folder; nothing is computed again.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from recse_lab.errors import LabError
from recse_lab.files import atomic_path


class Expectation(NamedTuple):
    """What a paper expects of a trained encoder beside the untrained one."""

    question: str
    claim: str
    probe: str
    measure: str
    sign: int
    """+1: the measure rises with training; −1: it falls."""
    source: str


EXPECTATIONS = (
    Expectation(
        "Polarity: the scores",
        "contrastive training pushes scores to the ends of the range in use",
        "polarity",
        "extreme mass (own range)",
        +1,
        "Zhao, Gao & Yan 2024, arXiv:2408.04975",
    ),
    Expectation(
        "Polarity: the scores",
        "scores use more of their range",
        "polarity",
        "used range",
        +1,
        "Zhao, Gao & Yan 2024, arXiv:2408.04975",
    ),
    Expectation(
        "Polarity: the mechanism",
        "positives move into the flat zone of the cosine, where no gradient reaches the angle",
        "gradients",
        "flat positives",
        +1,
        "Li & Li 2023, arXiv:2309.12871",
    ),
    Expectation(
        "Gradients",
        "the pull on positives dies out as they are learnt (dissipation falls)",
        "gradients",
        "dissipation",
        -1,
        "Li et al. 2024, arXiv:2402.18281",
    ),
    Expectation(
        "Space",
        "the mean cosine falls: the space gets more isotropic",
        "geometry",
        "mean_cosine",
        -1,
        "Gao et al. 2021, arXiv:2104.08821",
    ),
    Expectation(
        "Space",
        "uniformity improves (falls)",
        "alignment",
        "uniformity",
        -1,
        "Wang & Isola 2020, arXiv:2005.10242",
    ),
    Expectation(
        "Space",
        "sentences of one class move apart while the space gets uniform",
        "tolerance",
        "trec: tolerance",
        -1,
        "Wang & Liu 2021, arXiv:2012.09740",
    ),
    Expectation(
        "Dimensions",
        "no single dimension dominates the mean cosine any more",
        "dimensions",
        "largest share",
        -1,
        "Timkey & van Schijndel 2021, arXiv:2109.04404",
    ),
    Expectation(
        "Words",
        "the weight of a word follows its information gain more closely (R² rises)",
        "information",
        "r2, information gain",
        +1,
        "Kurita et al. 2023, arXiv:2310.15921",
    ),
    Expectation(
        "Words",
        "informative words gain weight (slope rises)",
        "information",
        "slope, information gain",
        +1,
        "Kurita et al. 2023, arXiv:2310.15921",
    ),
    Expectation(
        "Tokens",
        "the tokens of a sentence converge",
        "tokens",
        "intra-sentence, last layer",
        +1,
        "Xiao et al. 2023, arXiv:2212.09170",
    ),
    Expectation(
        "Tokens",
        "content words keep more of themselves across contexts",
        "tokens",
        "self-similarity (content word), last layer",
        +1,
        "Xiao et al. 2023, arXiv:2212.09170",
    ),
    Expectation(
        "Tokens",
        "function words keep less",
        "tokens",
        "self-similarity (function word), last layer",
        -1,
        "Xiao et al. 2023, arXiv:2212.09170",
    ),
    Expectation(
        "Length",
        "embeddings of long sentences lie closer together, and less so after training",
        "length-collapse",
        "relative collapse",
        -1,
        "Zhou et al. 2025, arXiv:2410.24200",
    ),
)
REFERENCE = "untrained"


class Moved(NamedTuple):
    """How far a measure of an arm is from that of the untrained encoder."""

    arm: str
    value: float
    low: float
    high: float
    certain: bool
    """Whether the difference has an interval that leaves 0 out, or else the two intervals are
    disjoint."""
    note: str

    def verdict(self, sign: int) -> str:
        """Whether it agrees with an expected sign."""
        if not np.isfinite(self.value):
            return "undefined"
        if not self.certain:
            return "undecided"
        return "agrees" if np.sign(self.value) == sign else "contradicts"


def moved(table: pd.DataFrame, measure: str) -> list[Moved]:
    """Differences of all arms of a table from the untrained encoder.

    A row ``MEASURE minus untrained`` is paired over the same resamples; where a probe has none, the
    difference has no interval, and it is certain only if the two intervals are disjoint.
    """
    rows = table.set_index(["encoder", "measure"])
    if (REFERENCE, measure) not in rows.index:
        return []
    base = rows.loc[(REFERENCE, measure)]
    found = []
    for arm in dict.fromkeys(table["encoder"]):
        paired = (arm, f"{measure} minus {REFERENCE}")
        if arm == REFERENCE or (arm, measure) not in rows.index:
            continue
        if paired in rows.index:
            row = rows.loc[paired]
            certain = row["low"] > 0 or row["high"] < 0
            found.append(Moved(arm, row["value"], row["low"], row["high"], bool(certain), ""))
            continue
        row = rows.loc[(arm, measure)]
        certain = row["low"] > base["high"] or row["high"] < base["low"]
        value, nan = row["value"] - base["value"], float("nan")
        found.append(Moved(arm, value, nan, nan, bool(certain), "not paired"))
    return found


def read_tables(folder: Path) -> dict[str, pd.DataFrame]:
    """The table of every probe below a folder, by probe.

    Raises:
        LabError: There is none.
    """
    tables = {path.parent.name: pd.read_csv(path) for path in sorted(folder.glob("*/table.csv"))}
    if not tables:
        raise LabError(
            f"{folder}: no table of a probe here; run `recse-lab probe NAME … --out {folder}/NAME`."
        )
    return tables


def mechanisms_page(tables: Mapping[str, pd.DataFrame]) -> str:
    """The page in Markdown: one section per question, one row per expectation and arm."""
    lines = [
        "# What moved, and which mechanism it agrees with",
        "",
        "Each arm minus the untrained encoder, with 95 % intervals paired over the same sentences "
        "or pairs. Where a probe has no paired interval (marked *), a difference counts as decided "
        "only if the two intervals are disjoint. One run per arm: intervals are over sentences or "
        "pairs, not over seeds. Written by `recse-lab report mechanisms` from table.csv of each "
        "probe.",
    ]
    absent = []
    question = ""
    for each in EXPECTATIONS:
        found = moved(tables[each.probe], each.measure) if each.probe in tables else []
        if not found:
            absent.append(f"{each.probe}: {each.measure}")
            continue
        if each.question != question:
            question = each.question
            lines += ["", f"## {question}"]
        lines += [
            "",
            f"**{each.claim}** ({each.source}; [{each.probe}]({each.probe}/summary.md), "
            f"{each.measure})",
            "",
            "| arm | minus untrained | verdict |",
            "| --- | ---: | --- |",
        ]
        for one in found:
            lines.append(f"| {one.arm} | {_told(one)} | {one.verdict(each.sign)} |")
    if absent:
        lines += ["", f"Not measured here: {'; '.join(absent)}."]
    return "\n".join(lines) + "\n"


def _told(one: Moved) -> str:
    if not np.isfinite(one.value):
        return "–"
    if not np.isfinite(one.low):
        return f"{one.value:+.3f}{' *' if one.note else ''}"
    return f"{one.value:+.3f} [{one.low:+.3f}, {one.high:+.3f}]"


def write_mechanisms(folder: Path) -> Path:
    """Write ``mechanisms.md`` beside the probes' folders; returns its path.

    Raises:
        LabError: There is no table of a probe.
    """
    page, path = mechanisms_page(read_tables(folder)), folder / "mechanisms.md"
    with atomic_path(path) as beside:
        beside.write_text(page, encoding="utf-8")
    return path
