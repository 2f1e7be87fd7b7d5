"""Unlabelled polarity: how scores are spread over random, dropout and reshaped pairs, without
gold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from recse_lab.errors import LabError
from recse_lab.evaluation.sts import cosine
from recse_lab.probes.distributions import (
    NOMINAL,
    Boot,
    Range,
    counted,
    overlaps,
    shape,
)
from recse_lab.probes.polarity.checks import (
    COSINE,
    beyond_note,
    checked_scores,
    measurable,
    reason,
    refuse_options,
)
from recse_lab.probes.polarity.curves import cumulative_share, densities, score_grid
from recse_lab.probes.polarity.frame import decimal, foot_note
from recse_lab.probes.polarity.ridges import ridges
from recse_lab.probes.polarity.rows import dip_rows, full_table, table_row
from recse_lab.probes.polarity.summary import extremes, measure_lines, notes
from recse_lab.probes.probe import Probe, ProbeInputs
from recse_lab.probes.result import Measure, ProbeResult
from recse_lab.probes.wording import lines_by_measure

SENTENCES = 2000


def unlabelled_polarity(
    groups: Mapping[str, Mapping[str, Float[np.ndarray, " pairs"]]],
    *,
    against: str = "random pairs",
    score_range: Range | None = COSINE,
    resamples: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> ProbeResult:
    """How scores are spread where there is no gold: encoder → group of pairs (random, dropout,
    reshape …) → scores.

    Measures of each group, as ``group: measure``: ``mean``, ``spread`` (standard deviation), ``used
    low``, ``used high``, ``used range``, ``extreme mass (…)`` as a plain share, ``sarle``, ``dip``,
    ``dip p``, all as in :func:`polarity`; and for every group but ``against`` the ``overlap with
    …`` it, 2 (1 − AUC) (:class:`~recse_lab.probes.distributions.Overlap`): 0 where every positive
    pair scores above every random one. Intervals are over the pairs of a group, the same resamples
    for every encoder, each group on its own.

    Curves, each with a column ``encoder``: ``density`` (group, score, density), ``cumulative``
    (group, score, share).

    Raises:
        LabError: No encoder, or none with finite scores; encoders with different groups or numbers
            of pairs; an empty group; ``against`` is no group; scores beyond their range.
        ValueError: Fewer than two resamples.
    """
    refuse_options((score_range,), resamples)
    first = _group_sizes(groups, against)
    checked = {
        name: {
            group: checked_scores(f"{name}, {group}", parts[group], n, score_range)
            for group, n in first.items()
        }
        for name, parts in groups.items()
    }
    whole = {
        name: (parts, next((f"{group}: {why}" for group, (_, why) in parts.items() if why), None))
        for name, parts in checked.items()
    }
    sound = {
        name: {group: values for group, (values, _) in parts.items()}
        for name, parts in measurable(whole).items()
    }
    rng = np.random.default_rng(seed)
    counts = {group: counted(n, resamples, rng) for group, n in first.items()}

    rows: dict[str, list[Measure]] = {}
    for name, parts in sound.items():
        rows[name] = []
        for group, values in parts.items():
            measures = shape(values, counts[group], score_range)
            if group != against:
                both = np.concatenate([parts[against], values])
                upper = np.arange(len(both)) >= first[against]
                drawn = np.concatenate([counts[against], counts[group]], axis=1)
                measures[f"overlap with {against}"] = overlaps(both, upper, drawn)
            rows[name] += _rows(name, group, measures, values, score_range, level)
            rows[name] += dip_rows(name, f"{group}: ", values)

    curves = {
        "density": densities(sound, "group", score_range),
        "cumulative": _cumulative(sound, score_range),
    }
    about = {
        "pairs": first,
        "against": against,
        "score_range": list(score_range or ()) or None,
        "resamples": resamples,
        "seed": seed,
        "level": level,
    }
    return ProbeResult("unlabelled-polarity", full_table(rows, whole), curves, about)


def _group_sizes(
    groups: Mapping[str, Mapping[str, Float[np.ndarray, " pairs"]]], against: str
) -> dict[str, int]:
    """Number of pairs in each group, the same for every encoder."""
    sizes = {
        name: {group: len(values) for group, values in parts.items()}
        for name, parts in groups.items()
    }
    first = next(iter(sizes.values()), {})
    for name, found in sizes.items():
        if found != first:
            raise LabError(
                f"{name!r} has pairs {found} where others have {first}; score the same pairs by "
                "each encoder."
            )
    if against not in first or not all(first.values()):
        raise LabError(
            f"of the groups {first} none may be empty and one must be {against!r}, which others "
            "are held against."
        )
    return first


def _cumulative(
    sound: Mapping[str, Mapping[str, Float[np.ndarray, " pairs"]]], score_range: Range | None
) -> pd.DataFrame:
    """Share of the scores of each encoder and group up to each score."""
    x = score_grid(sound, score_range)
    shares = [
        pd.DataFrame(
            {"encoder": name, "group": group, "score": x, "share": cumulative_share(values, x)}
        )
        for name, parts in sound.items()
        for group, values in parts.items()
    ]
    return pd.concat(shares, ignore_index=True)


def _rows(
    name: str,
    group: str,
    measures: Boot,
    values: Float[np.ndarray, " pairs"],
    score_range: Range | None,
    level: float,
) -> list[Measure]:
    """Rows of the measures of a group of pairs."""
    beyond = beyond_note(values, score_range)
    rows = []
    for key, boot in measures.items():
        note, why = beyond if NOMINAL in key else "", reason(key, values)
        rows.append(table_row(name, f"{group}: {key}", boot, level, len(values), note, why))
    return rows


def figure(result: ProbeResult) -> Any:
    """Scores of each group of unlabelled pairs, one column per encoder."""
    lines, against = lines_by_measure(result), result.about["against"]
    groups = [against, *(group for group in result.about["pairs"] if group != against)]

    def head(name: str) -> list[str]:
        low, high = (
            decimal(lines[name, f"{against}: used {end}"]["value"]) for end in ("low", "high")
        )
        return [f"{against}, 5–95 %:", f"{low} … {high}"]

    def beside(name: str, group: str) -> tuple[float, float] | None:
        return lines[name, f"{group}: mean"]["value"], lines[name, f"{group}: spread"]["value"]

    overlaps = {group: f"{group}: overlap with {against}" for group in groups[1:]}
    figure = ridges(result, "group", groups, head, beside, overlaps)
    foot_note(
        figure,
        "Densities of the scores of each group of pairs, each drawn to the same height. Tick and "
        "numbers: mean ± standard "
        f"deviation. ∩: overlap with {against}, 2 (1 − AUC); 0: separate, 1: indistinguishable.",
    )
    return figure


def _sentences(result: ProbeResult) -> list[str]:
    about = result.about
    pairs = ", ".join(f"{n:,} {group}" for group, n in about["pairs"].items())
    said = []
    for group in about["pairs"]:
        said.append(
            extremes(
                measure_lines(result, f"{group}: mean"),
                f"Mean score of {group}",
                "highest",
                "lowest",
            )
        )
        if group != about["against"]:
            overlap = measure_lines(result, f"{group}: overlap with {about['against']}")
            said.append(
                extremes(
                    overlap, f"Overlap of {group} with {about['against']}", "largest", "smallest"
                )
            )
    return [
        *said,
        f"{pairs}; {about['level']:.0%} intervals over pairs.".replace("%", " %"),
        *notes(result),
    ]


def summary(result: ProbeResult) -> str:
    """Say which encoder scores each group of pairs highest, and how far groups overlap."""
    return " ".join(filter(None, _sentences(result)))


def _compute(inputs: ProbeInputs, **options: Any) -> ProbeResult:
    """Pair each sentence with another one, with itself under dropout, and with its reshaped
    self."""
    import torch

    from recse_lab.probes.networks import dropout_on, pooled
    from recse_lab.reshape.token_view import ReshapedTokens

    sentences, embed = inputs.sentences[:SENTENCES], inputs.encoders()
    groups = {}
    for name, encoder in inputs.networks():
        plain = embed[name](sentences)
        with torch.random.fork_rng(), dropout_on(encoder):
            torch.manual_seed(0)
            one, two = (pooled(encoder, sentences) for _ in range(2))
        edit = ReshapedTokens("token-gram", encoder.special_ids)
        groups[name] = {
            "random pairs": cosine(plain, np.roll(plain, 1, axis=0)),
            "dropout pairs": cosine(one, two),
            "reshape pairs": cosine(plain, pooled(encoder, sentences, edit=edit)),
        }
    return unlabelled_polarity(groups, **options)


def _figures(result: ProbeResult) -> dict[str, Any]:
    return {"ridges": figure(result)}


UNLABELLED_POLARITY = Probe(
    name="unlabelled-polarity",
    question="How are scores spread without grades: over random, dropout and reshaped pairs?",
    needs=("sentences", "encoders", "networks"),
    measure=unlabelled_polarity,
    compute=_compute,
    summary=summary,
    figures=_figures,
    help={
        "against": "the group of pairs that the others are compared with",
        "score_range": "ends of the similarity's nominal range; None for a similarity without "
        "bounds",
        "resamples": "bootstrap resamples of the pairs of each group",
        "seed": "of the resampling",
        "level": "of the intervals",
    },
)
