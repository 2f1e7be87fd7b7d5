"""The summary and the listings of the errors probe."""

from __future__ import annotations

import numpy as np
import pandas as pd

from recse_lab.probes.probe import Listing
from recse_lab.probes.result import ProbeResult
from recse_lab.probes.wording import Line, percent


def summary(result: ProbeResult) -> str:
    """What the numbers say, in Markdown."""
    table, about = result.table, result.about
    alone = [
        f"{row['encoder']} {100 * row['value']:.1f} %"
        for _, row in table.loc[
            (table["measure"] == "share wrong") & table["value"].notna()
        ].iterrows()
    ]
    lines = (
        [
            f"Of {about['pairs']:,} pairs, ranked more than {percent(about['threshold'])} of the "
            f"set away from where gold has them: {', '.join(alone)}."
        ]
        if alone
        else []
    )
    if "disagreements" in result.curves:
        wide = result.frame()
        for name, listed in result.curves["disagreements"].groupby("encoder", sort=False):
            row = wide.loc[name]
            a, b = listed["a"].iloc[0], listed["b"].iloc[0]
            nearer = listed["error_a"].abs() - listed["error_b"].abs()
            fixed = row["agreement at fixed gold"]
            at_fixed_gold = f", at fixed gold {fixed:.2f}" if np.isfinite(fixed) else ""
            lines.append(
                f"{name}: ranks agree at ρ = {row['rank agreement']:.2f}{at_fixed_gold}; "
                f"{100 * row['share disagreeing']:.1f} % of the pairs stand more than "
                f"{percent(about['threshold'])} of the set apart. "
                f"Of the {len(listed)} they disagree on most, {a} is nearer to gold in "
                f"{(nearer < 0).sum()}, {b} in {(nearer > 0).sum()}."
            )
    every = table.loc[table["measure"] == "share wrong in every arm"]
    if len(every):
        row = every.iloc[0]
        listed = result.curves["wrong"].drop_duplicates("pair")
        lines.append(
            f"Wrong in every arm, in the same direction: {100 * row['value']:.1f} % "
            f"[{100 * row['low']:.1f}, {100 * row['high']:.1f}] of "
            "the pairs."
        )
        if len(listed):
            similar, different = (listed["common"] > 0).sum(), (listed["common"] < 0).sum()
            lines[-1] += (
                f" Of the {len(listed)} worst, {similar} are held too similar and {different} too "
                "different."
            )
    notes = table.loc[table["value"].isna()].groupby("note", sort=False)["encoder"].unique()
    lines += [f"Undefined for {', '.join(names)}: {why}." for why, names in notes.items()]
    return "\n\n".join(lines)


def listings(result: ProbeResult) -> list[Listing]:
    """List pairs with text, gold and scores; beside each score its rank in per cent of the set."""
    found = []
    if "disagreements" in result.curves:
        for name, listed in result.curves["disagreements"].groupby("encoder", sort=False):
            arms = [listed["a"].iloc[0], listed["b"].iloc[0]]
            rows = [
                _listed(i, row, [(row["score_a"], row["rank_a"]), (row["score_b"], row["rank_b"])])
                for i, row in enumerate(listed.to_dict("records"), 1)
            ]
            found.append(Listing(f"Where {name} disagree most", _columns(arms), rows))
    wrong = result.curves.get("wrong", pd.DataFrame())
    if len(wrong):
        rows = []
        for i, (_, of_pair) in enumerate(wrong.groupby("pair", sort=False), 1):
            scores = list(zip(of_pair["score"], of_pair["rank"], strict=True))
            rows.append(_listed(i, of_pair.iloc[0].to_dict(), scores))
        columns = _columns(list(dict.fromkeys(wrong["encoder"])))
        found.append(Listing("What every arm gets wrong", columns, rows))
    return found


def _columns(arms: list[str]) -> list[str]:
    return ["", "gold", *arms, "first", "second"]


def _listed(i: int, row: Line, scores: list[tuple[float, float]]) -> list[str]:
    """One pair of a listing; ``scores`` are (score, rank) by arm."""
    numbers = [_ranked(row["gold"], row["gold_rank"]), *(_ranked(*score) for score in scores)]
    return [str(i), *numbers, row["first"], row["second"]]


def _ranked(value: float, rank: float) -> str:
    return f"{value:.2f} ({100 * rank:.0f} %)".replace("-", "−")
