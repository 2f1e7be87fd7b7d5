"""The page of mechanisms: what the literature expects training to move, and what moved here.

Reads the table.csv of every probe below a folder; nothing is computed again.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from recse_lab.errors import LabError
from recse_lab.figures import style
from recse_lab.figures.labels import note_below
from recse_lab.files import atomic_path
from recse_lab.probes.wording import joined, signed
from recse_lab.reports.page.card import Card, write_card


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
        "the space uses more directions (the rank of the embeddings rises)",
        "geometry",
        "effective_rank",
        +1,
        "Jung et al. 2024, arXiv:2405.11297",
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
        """Whether it agrees with an expected sign: agrees, contradicts, undecided, no change or
        undefined."""
        if not np.isfinite(self.value):
            return "undefined"
        if self.value == self.low == self.high == 0:
            return "no change"
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


def polarity_answer(tables: Mapping[str, pd.DataFrame]) -> list[str]:
    """One line of Markdown per arm: the symptom (the scores) beside its mechanism (the gradient).

    Empty where one of the two probes is missing.
    """
    symptoms, mechanisms = (
        {one.arm: one for one in (moved(tables[probe], measure) if probe in tables else [])}
        for probe, measure in (SYMPTOM, MECHANISM)
    )
    lines = []
    for arm, symptom in symptoms.items():
        if arm not in mechanisms:
            continue
        cause = mechanisms[arm]
        seen, at_work = (one.verdict(+1) == "agrees" for one in (symptom, cause))
        said = {
            (True, True): "both the symptom and its mechanism are found",
            (True, False): "the symptom is found without its mechanism",
            (False, True): "the mechanism is found without the symptom",
            (False, False): "neither the symptom nor its mechanism is found",
        }[seen, at_work]
        lines.append(
            f"- {arm}: scores at the ends of the range in use {_shown(symptom)} "
            f"({symptom.verdict(+1)}), positives in the flat zone of the cosine {_shown(cause)} "
            f"({cause.verdict(+1)}): {said}."
        )
    return lines


SYMPTOM = ("polarity", "extreme mass (own range)")
MECHANISM = ("gradients", "flat positives")


def judged(tables: Mapping[str, pd.DataFrame]) -> dict[Expectation, list[Moved]]:
    """What moved under every expectation whose measure is in the tables."""
    found = {
        each: moved(tables[each.probe], each.measure)
        for each in EXPECTATIONS
        if each.probe in tables
    }
    return {each: rows for each, rows in found.items() if rows}


def answer(found: Mapping[Expectation, list[Moved]]) -> list[str]:
    """One line of Markdown per arm: how many expectations it agrees with, and which it
    contradicts."""
    lines = []
    for arm in _arms(found):
        own = {
            each: one.verdict(each.sign)
            for each, rows in found.items()
            for one in rows
            if one.arm == arm
        }
        against = [each.claim for each, verdict in own.items() if verdict == "contradicts"]
        open_ = sum(verdict in ("undecided", "no change", "undefined") for verdict in own.values())
        agreed = sum(verdict == "agrees" for verdict in own.values())
        contradicted = f"contradicts {len(against)} ({'; '.join(against)})" if against else ""
        parts = [
            f"agrees with {agreed} of {len(own)} expectations",
            *filter(None, [contradicted]),
            f"{open_} undecided or without change",
        ]
        lines.append(f"- {arm}: {', '.join(parts)}.")
    return lines


def _arms(found: Mapping[Expectation, list[Moved]]) -> list[str]:
    return list(dict.fromkeys(one.arm for rows in found.values() for one in rows))


INTRODUCTION = (
    "Each arm minus the untrained encoder, with 95 % intervals paired over the same sentences or "
    "pairs, not adjusted for the number of comparisons. Where a probe has no paired interval "
    "(marked *), a difference counts as decided only if the two intervals are disjoint. One run "
    "per arm: intervals are over sentences or pairs, not over seeds. Written by `recse-lab report "
    "mechanisms` from the table.csv of each probe."
)


def mechanisms_page(tables: Mapping[str, pd.DataFrame]) -> str:
    """The page in Markdown: polarity, the arms in one line each, then every expectation with its
    arms."""
    found = judged(tables)
    lines = ["# What moved, and which mechanism it agrees with"]
    if polar := polarity_answer(tables):
        lines += ["", "Polarity, the symptom beside its mechanism:", "", *polar]
    lines += ["", "All expectations of the literature:", "", *answer(found), "", INTRODUCTION]
    lines += ["", "![verdicts](verdicts.png)"]
    question = ""
    for each, rows in found.items():
        if each.question != question:
            question = each.question
            lines += ["", f"## {question}"]
        lines += [
            "",
            f"**{each.claim[0].upper()}{each.claim[1:]}** ({each.source}; "
            f"[{each.probe}](../{each.probe}/summary.md), {each.measure})",
            "",
            "| arm | minus untrained | verdict |",
            "| --- | ---: | --- |",
            *(f"| {one.arm} | {_shown(one)} | {one.verdict(each.sign)} |" for one in rows),
        ]
    absent = [f"{each.probe} ({each.measure})" for each in EXPECTATIONS if each not in found]
    if absent:
        lines += ["", f"Not measured here: {joined(absent)}."]
    return "\n".join(lines) + "\n"


def _shown(one: Moved) -> str:
    if not np.isfinite(one.value):
        return "–"
    if not np.isfinite(one.low):
        return f"{signed(one.value, 3)}{' *' if one.note else ''}"
    return f"{signed(one.value, 3)} [{signed(one.low, 3)}, {signed(one.high, 3)}]"


SHADES = {
    "agrees": style.COLOURS[0],
    "contradicts": style.COLOURS[1],
    "undecided": "#dddddd",
    "no change": "#dddddd",
    "undefined": "#ffffff",
}


def verdict_figure(found: Mapping[Expectation, list[Moved]]) -> Any:
    """One row per expectation, one column per arm: the difference, on the colour of its verdict."""
    plt = style.use()
    arms = _arms(found)
    figure, axes = plt.subplots(figsize=(style.WIDTH + 1, 0.4 + 0.24 * len(found)))
    for y, (each, rows) in enumerate(found.items()):
        for one in rows:
            verdict, x = one.verdict(each.sign), arms.index(one.arm)
            axes.add_patch(plt.Rectangle((x - 0.48, y - 0.45), 0.96, 0.9, color=SHADES[verdict]))
            axes.text(
                x,
                y,
                f"{one.value:+.3g}".replace("-", "−") if np.isfinite(one.value) else "undefined",
                ha="center",
                va="center",
                fontsize=6.5,
                color="white" if verdict in ("agrees", "contradicts") else "black",
            )
    axes.set(xlim=(-0.5, len(arms) - 0.5), ylim=(len(found) - 0.5, -0.5))
    axes.set_xticks(range(len(arms)), arms, fontsize=8)
    axes.xaxis.tick_top()
    labels = [f"{each.probe}: {each.measure} {'↑' if each.sign > 0 else '↓'}" for each in found]
    axes.set_yticks(range(len(found)), labels, fontsize=7)
    axes.tick_params(length=0)
    axes.grid(False)
    for spine in axes.spines.values():
        spine.set_visible(False)
    note_below(
        figure,
        "Arm minus untrained. Arrow: the direction that a paper expects. Blue: agrees, orange: "
        "contradicts, grey: undecided or no change, at 95 % over sentences or pairs.",
    )
    return figure


def write_mechanisms(folder: Path) -> Path:
    """Write the page, its figure and its card into ``mechanisms/`` beside the probes' folders.

    Returns:
        The path of the page.

    Raises:
        LabError: There is no table of a probe, or none has an arm beside ``untrained``.
    """
    tables = read_tables(folder)
    found = judged(tables)
    if not found:
        raise LabError(
            f"{folder}: no table compares an arm with one called {REFERENCE!r}; give the untrained "
            f"encoder that label, as in `recse-lab probe NAME {REFERENCE}=ENCODER RUN "
            f"--against {REFERENCE}`."
        )
    out = folder / "mechanisms"
    figure = verdict_figure(found)
    style.save(figure, out / "verdicts")
    style.close(figure)
    path = out / "summary.md"
    with atomic_path(path) as beside:
        beside.write_text(mechanisms_page(tables), encoding="utf-8")
    card = Card(
        name="mechanisms",
        title="mechanisms",
        question="What did training move, and which mechanism does it agree with?",
        summary=["\n".join(polarity_answer(tables) or answer(found)), "\n".join(answer(found))],
        figures=["verdicts.png"],
        provenance=["`recse-lab report mechanisms`", INTRODUCTION],
    )
    write_card(out, card)
    return path
