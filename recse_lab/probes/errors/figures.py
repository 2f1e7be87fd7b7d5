"""Figures of the errors probe: ranks under two arms."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from recse_lab.figures import style
from recse_lab.probes.result import ProbeResult
from recse_lab.probes.wording import percent

NUMBERED = 5  # of the marked pairs
BESIDE = 0.045  # between a number and its point: a share of the axes


def figures(result: ProbeResult) -> dict[str, Any]:
    """One figure for every two arms that were compared, by their name "a vs b"."""
    if "disagreements" not in result.curves:
        return {}
    groups = result.curves["disagreements"].groupby("encoder", sort=False)
    return {str(name): ranks_figure(result, listed) for name, listed in groups}


def ranks_figure(result: ProbeResult, listed: pd.DataFrame) -> Any:
    """Every pair by its place under both arms, coloured by gold, the pairs in ``listed`` ringed and
    the first numbered."""
    from matplotlib.patheffects import withStroke

    plt = style.use()
    ranks = result.curves["ranks"]
    a, b = listed["a"].iloc[0], listed["b"].iloc[0]
    first, second = (ranks.loc[ranks["encoder"] == name].reset_index(drop=True) for name in (a, b))
    figure, axes = plt.subplots(
        figsize=(0.8 * style.WIDTH, 0.66 * style.WIDTH), layout="constrained"
    )
    axes.plot([0, 1], [0, 1], color=style.REFERENCE, linewidth=0.8, zorder=1)
    for shift in (-result.about["threshold"], result.about["threshold"]):
        axes.axline(
            (0, shift),
            slope=1,
            color=style.CONTROL,
            linewidth=0.7,
            linestyle=(0, (4, 3)),
            zorder=1,
            label=f"{percent(result.about['threshold'])} of the set apart" if shift > 0 else None,
        )
    # In a fixed shuffled order, so that no grade lies on top of the others.
    order = first.sample(frac=1, random_state=0).index
    drawn = axes.scatter(
        first["rank"][order],
        second["rank"][order],
        c=first["gold"][order],
        cmap="viridis",
        s=11,
        alpha=0.75,
        linewidths=0,
    )
    ring = style.COLOURS[1]
    axes.scatter(
        listed["rank_a"],
        listed["rank_b"],
        s=34,
        facecolors="none",
        edgecolors=ring,
        linewidths=1.2,
        label=f"the {len(listed)} furthest apart, the first {min(NUMBERED, len(listed))} numbered",
    )
    for number, (x, y) in enumerate(
        _free_places(listed[["rank_a", "rank_b"]].to_numpy(), NUMBERED), 1
    ):
        text = axes.text(
            x, y, str(number), fontsize=8, ha="center", va="center", color=ring, fontweight="bold"
        )
        text.set_path_effects([withStroke(linewidth=2, foreground="white")])
    axes.set(
        xlim=(-0.01, 1.01),
        ylim=(-0.01, 1.01),
        aspect="equal",
        xlabel=f"rank under {a}",
        ylabel=f"rank under {b}",
    )
    axes.grid(visible=True, axis="both")
    figure.legend(loc="outside lower center", ncols=2, fontsize=8)
    bar = figure.colorbar(drawn, ax=axes, shrink=0.8, label="gold")
    bar.solids.set_alpha(1)
    bar.outline.set_visible(False)
    return figure


def _free_places(points: np.ndarray, count: int) -> list[np.ndarray]:
    """Where the names of the first ``count`` points stand: beside each, where other points and
    names are furthest."""
    taken = list(points)
    for i, point in enumerate(points[:count]):
        angles = np.linspace(0, 2 * np.pi, 16, endpoint=False)
        around = point + BESIDE * np.stack([np.cos(angles), np.sin(angles)], axis=1)
        around = around[
            (around > BESIDE / 2).all(axis=1)
        ]  # the axes' own labels lie left and below
        others = np.stack([*taken[:i], *taken[i + 1 :]]) if len(taken) > 1 else np.full((1, 2), 0.5)
        taken.append(around[np.linalg.norm(around[:, None] - others, axis=2).min(axis=1).argmax()])
    return taken[len(points) :]
