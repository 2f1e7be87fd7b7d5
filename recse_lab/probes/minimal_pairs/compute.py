"""Minimal pairs: does similarity fall when a small edit changes the meaning, and stay when it does
not?

An item is a sentence, its edit, and a paraphrase with at least as many words changed. Where the
edit changes the meaning, the item is ordered **rightly** if the sentence is more similar to its
paraphrase than to the edit; where the edit keeps it, the other way round. An encoder of word
overlap is wrong on nearly all of the first kind and right on the second: read the two together. The
**drop** of a pair is 1 − cosine, in units of the encoder's own scale, 1 − the mean cosine of
sentences that have nothing to do with each other: 0 is the same, 1 is unrelated.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int
from scipy import stats

from recse_lab.data.minimal_pair_items import CHANGES, COLUMNS, KEEPS
from recse_lab.errors import LabError
from recse_lab.probes.resampling import resampled, with_sample
from recse_lab.probes.result import Measure, ProbeResult, tabulate
from recse_lab.probes.similarity import TIE
from recse_lab.statistics import resample_counts

PARTS = ("edit", "paraphrase", "random")


def embed_minimal_pairs(
    encode: Callable[[list[str]], Float[np.ndarray, "sentences dim"]], items: pd.DataFrame
) -> dict[str, Float[np.ndarray, " items"]]:
    """Cosines of each base sentence with its ``edit``, its ``paraphrase`` and, as ``random``, the
    base of the next item.

    Each distinct sentence is encoded once. The last item's next is the first. NaN where a vector
    has no direction.

    Raises:
        LabError: ``items`` lacks a column or has no row, or ``encode`` returns another number of
            vectors than sentences.
    """
    _refuse_items(items)
    columns = {name: items[name].tolist() for name in ("base", "edit", "paraphrase")}
    place = {
        sentence: k
        for k, sentence in enumerate(
            dict.fromkeys(s for column in columns.values() for s in column)
        )
    }
    vectors = np.asarray(encode(list(place)), np.float64)
    if vectors.ndim != 2 or len(vectors) != len(place):
        raise LabError(
            f"the encoder returned an array of shape {vectors.shape} for {len(place)} sentences."
        )
    with np.errstate(invalid="ignore", divide="ignore"):
        vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        base, edit, paraphrase = (
            vectors[[place[s] for s in column]] for column in columns.values()
        )
        others = zip(PARTS, (edit, paraphrase, np.roll(base, -1, axis=0)), strict=True)
        return {part: np.clip((base * other).sum(axis=1), -1, 1) for part, other in others}


def wilson(right: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """Score interval of a share of ``n`` independent items; never beyond 0 and 1, and never of no
    width.

    Source: Wilson (1927), "Probable inference, the law of succession, and statistical inference",
    JASA 22.
    """
    found = stats.binomtest(right, n).proportion_ci(level, method="wilson")
    return float(found.low), float(found.high)


def groups(items: pd.DataFrame) -> dict[str, Bool[np.ndarray, " items"]]:
    """The items of each phenomenon; of a phenomenon with both expectations, those of each:
    ``word-order (keeps)``."""
    out: dict[str, Bool[np.ndarray, " items"]] = {}
    for phenomenon, part in items.groupby("phenomenon", sort=False):
        here = (items["phenomenon"] == phenomenon).to_numpy()
        kinds = list(part["expect"].unique())
        for expect in kinds:
            label = str(phenomenon) if len(kinds) == 1 else f"{phenomenon} ({expect})"
            out[label] = here & (items["expect"] == expect).to_numpy()
    return out


DRAWN = ("to_edit", "to_paraphrase", "to_random", "drop", "paraphrase_drop", "margin", "right")
"""Columns of the curve ``items`` that follow those of the items themselves."""


def minimal_pairs(
    similarities: Mapping[str, Mapping[str, Float[np.ndarray, " items"]]],
    items: pd.DataFrame,
    *,
    resamples: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> ProbeResult:
    """Which small edits an encoder notices, and which it should not: encoder → ``edit``,
    ``paraphrase``, ``random`` cosines.

    The cosines are those of ``embed_minimal_pairs``. Measures: ``scale`` (1 − mean random cosine);
    of each group of items (see ``groups``) ``group: right``, the share ordered rightly, with
    Wilson's interval; ``group: drop``, the mean of 1 − cos(base, edit) over ``scale``, and ``group:
    paraphrase drop``, the same of the paraphrase, with percentile intervals over items resampled
    within their groups, the same resamples for every encoder. Two similarities within 2e-6 are a
    tie, which is no right order; ``note`` counts them.

    Curves: ``items``, one row per encoder and item, with the cosines ``to_edit``,
    ``to_paraphrase``, ``to_random``, the drops, and ``margin``, by how much of the scale the item
    is ordered rightly (< 0: wrongly). An encoder with a cosine that is not finite is undefined
    throughout and has no row there.

    Raises:
        LabError: No encoder; ``items`` lacks a column, has no row or another expectation than
            ``changes`` and ``keeps``; an encoder lacks one of the three cosines, has them over
            another number of items, or beyond −1 to 1.
        ValueError: Fewer than two resamples.
    """
    if resamples < 2:
        raise ValueError(f"{resamples} resamples: an interval needs at least two")
    _refuse_items(items)
    if not similarities:
        raise LabError("there is no encoder to measure; name at least one.")
    cosines = {name: _cosines(name, parts, len(items)) for name, parts in similarities.items()}
    members = groups(items)
    rng = np.random.default_rng(seed)
    counts = np.zeros((resamples, len(items)), np.int64)
    for here in members.values():
        counts[:, here] = resample_counts(int(here.sum()), resamples, rng)
    draws = with_sample(counts)

    measures: list[Measure] = []
    curves = []
    for name, values in cosines.items():
        lost = int((~np.isfinite(values).all(axis=0)).sum())
        if lost:
            why = f"{lost} of {len(items)} items have a similarity that is not finite"
            measures += [
                Measure(name, key, float("nan"), n=n, note=why)
                for key, n in _names(members, len(items))
            ]
            continue
        measures += _measures(name, values, items, members, draws, level)
        curves.append(_item_rows(name, values, items))
    columns = ["encoder", *COLUMNS, *DRAWN]
    curve = (
        pd.concat(curves, ignore_index=True).loc[:, columns]
        if curves
        else pd.DataFrame(columns=pd.Index(columns))
    )
    about = {
        "items": len(items),
        "groups": {label: int(here.sum()) for label, here in members.items()},
        "expect": {
            label: str(items["expect"].to_numpy()[here][0]) for label, here in members.items()
        },
        "resamples": resamples,
        "seed": seed,
        "level": level,
    }
    return ProbeResult("minimal-pairs", tabulate(measures), {"items": curve}, about)


def _refuse_items(items: pd.DataFrame) -> None:
    missing = [column for column in COLUMNS if column not in items]
    if missing or items.empty:
        raise LabError(
            f"the items lack {', '.join(missing) or 'rows'}; load them with load_minimal_pairs()."
        )
    strange = set(items["expect"]) - {CHANGES, KEEPS}
    if strange:
        raise LabError(
            f"an item is expected to {sorted(map(str, strange))[0]!r}; write {CHANGES} or {KEEPS}."
        )


def _cosines(
    name: str, parts: Mapping[str, Float[np.ndarray, " items"]], n: int
) -> Float[np.ndarray, "parts items"]:
    """Cosines with edit, paraphrase and random, in this order."""
    for part in PARTS:
        if part not in parts:
            raise LabError(
                f"{name}: the {part} similarities are missing; compute them with "
                "embed_minimal_pairs()."
            )
        if np.shape(parts[part]) != (n,):
            raise LabError(
                f"{name}: {part} similarities of shape {np.shape(parts[part])} for {n} items; "
                "embed the same items."
            )
    values = np.stack([np.asarray(parts[part], np.float64) for part in PARTS])
    beyond = np.abs(values[np.isfinite(values)]) > 1 + TIE
    if beyond.any():
        raise LabError(
            f"{name}: {int(beyond.sum())} similarities lie beyond -1 to 1; give cosines."
        )
    return values


def _names(members: Mapping[str, Bool[np.ndarray, " items"]], n: int) -> list[tuple[str, int]]:
    """Every measure in its order, with its number of items."""
    kinds = ("right", "drop", "paraphrase drop")
    return [
        ("scale", n),
        *(
            (f"{label}: {kind}", int(here.sum()))
            for label, here in members.items()
            for kind in kinds
        ),
    ]


def _measures(
    name: str,
    values: Float[np.ndarray, "parts items"],
    items: pd.DataFrame,
    members: Mapping[str, Bool[np.ndarray, " items"]],
    draws: Int[np.ndarray, "draws items"],
    level: float,
) -> list[Measure]:
    scales = 1 - draws @ values[2] / draws.sum(axis=1)
    constant = (
        "sentences of different items are as similar as equal ones" if scales[0] <= TIE else ""
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        units = np.where(scales > TIE, scales, np.nan)
    ahead = _ahead(values, items)
    rows = [_drop_row(name, "scale", scales, level, len(items), "")]
    for label, here in members.items():
        n = int(here.sum())
        rows.append(_right_row(name, f"{label}: right", ahead[here], level))
        for kind, part in (("drop", 0), ("paraphrase drop", 1)):
            means = draws[:, here] @ (1 - values[part, here]) / n
            rows.append(_drop_row(name, f"{label}: {kind}", means / units, level, n, constant))
    return rows


def _drop_row(
    name: str, key: str, boot: Float[np.ndarray, " draws"], level: float, n: int, why: str
) -> Measure:
    if n == 1 and not why:
        return Measure(name, key, float(boot[0]), n=1, note="no interval: one item")
    return resampled(name, key, boot, level=level, n=n, why=why)


def _right_row(name: str, key: str, ahead: Float[np.ndarray, " n"], level: float) -> Measure:
    n, ties = len(ahead), int((np.abs(ahead) <= TIE).sum())
    if ties == n:
        return Measure(
            name, key, float("nan"), n=n, note="both similarities are the same in every item"
        )
    right = int((ahead > TIE).sum())
    return Measure(
        name, key, right / n, *wilson(right, n, level), n, f"{ties} of {n} are ties" if ties else ""
    )


def _ahead(
    values: Float[np.ndarray, "parts items"], items: pd.DataFrame
) -> Float[np.ndarray, " items"]:
    """By how much the similarity that should be higher is."""
    return (values[1] - values[0]) * np.where(items["expect"] == CHANGES, 1, -1)


def _item_rows(
    name: str, values: Float[np.ndarray, "parts items"], items: pd.DataFrame
) -> pd.DataFrame:
    edit, paraphrase, random = values
    scale, ahead = 1 - random.mean(), _ahead(values, items)
    unit = scale if scale > TIE else float("nan")
    return (
        items[list(COLUMNS)]
        .reset_index(drop=True)
        .assign(
            encoder=name,
            to_edit=edit,
            to_paraphrase=paraphrase,
            to_random=random,
            drop=(1 - edit) / unit,
            paraphrase_drop=(1 - paraphrase) / unit,
            margin=ahead / unit,
            right=ahead > TIE,
        )
    )
