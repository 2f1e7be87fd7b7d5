"""Text in figures: labels that keep clear of what is drawn, and notes below."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np


def label_points(
    figure: Any, axes: Any, at: np.ndarray, labels: Sequence[str], drawn: np.ndarray
) -> None:
    """Names beside their points, each at the first place where it covers neither what is drawn nor
    another name, and is not nearer to another point than to its own."""
    from matplotlib.text import Text
    from matplotlib.transforms import Bbox

    figure.canvas.draw()
    point = figure.dpi / 72
    renderer, inside = figure.canvas.get_renderer(), axes.get_window_extent()
    taken = [
        Bbox.from_bounds(x - 3 * point, y - 3 * point, 6 * point, 6 * point)
        for x, y in axes.transData.transform(drawn)
    ]
    places = axes.transData.transform(at)
    directions = [
        (np.cos(angle), np.sin(angle))
        for angle in np.pi * np.array([0, 1, 0.5, 1.5, 0.25, 1.75, 0.75, 1.25])
    ]
    for own, (xy, label) in enumerate(zip(at, labels, strict=True)):
        best: tuple[float, Any, Any] | None = None
        for distance in (11, 20, 32, 48):
            for right, up in directions:
                text = axes.annotate(
                    label,
                    xy,
                    xytext=(distance * right, distance * up),
                    textcoords="offset points",
                    fontsize=8,
                    zorder=5,
                    ha="left" if right > 0.5 else "right" if right < -0.5 else "center",
                    va="center" if abs(up) < 0.5 else "bottom" if up > 0 else "top",
                    arrowprops={
                        "arrowstyle": "-",
                        "linewidth": 0.5,
                        "color": "#777777",
                        "shrinkB": 4,
                    }
                    if distance > 11
                    else None,
                )
                text.update_positions(renderer)
                box = Text.get_window_extent(text, renderer).padded(
                    1.5 * point
                )  # of the letters, without the hair
                outside = not (
                    inside.x0 < box.x0
                    and box.x1 < inside.x1
                    and inside.y0 < box.y0
                    and box.y1 < inside.y1
                )
                away = [_distance(box, place) for place in places]
                strange = any(
                    other < away[own] for k, other in enumerate(away) if tuple(at[k]) != tuple(xy)
                )
                cost = sum(box.overlaps(other) for other in taken) + 100 * outside + distance / 1000
                cost += 0.5 * strange
                if best is None or cost < best[0]:
                    if best is not None:
                        best[1].remove()
                    best = (cost, text, box)
                else:
                    text.remove()
        assert best is not None
        taken.append(best[2])


def _distance(box: Any, place: np.ndarray) -> float:
    """From a point to the nearest point of a box."""
    x, y = place
    return float(np.hypot(max(box.x0 - x, 0, x - box.x1), max(box.y0 - y, 0, y - box.y1)))


def note_below(figure: Any, text: str) -> None:
    """Write a note below the figure."""
    figure.text(0.0, -0.01, text, fontsize=7, color="#555555", ha="left", va="top", wrap=True)
