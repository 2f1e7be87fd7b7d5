"""One measure of a probe as dots with intervals, one row per encoder: the figure that fits
anywhere."""

from __future__ import annotations

from typing import Any

from recse_lab.errors import LabError
from recse_lab.figures import style
from recse_lab.probes.result import ProbeResult


def dots(result: ProbeResult, measure: str, *, ax: Any = None) -> Any:
    """Draw into ``ax``, or into a figure of its own; return what was drawn into. Undefined values
    are left out, and named.

    Raises:
        LabError: No such measure.
    """
    part = result.table.loc[result.table["measure"] == measure]
    if not len(part):
        known = ", ".join(dict.fromkeys(result.table["measure"]))
        raise LabError(f"{result.name} has no measure {measure!r}; it has {known}.")
    figure = None
    if ax is None:
        plt = style.use()
        figure, ax = plt.subplots(figsize=(style.WIDTH, 0.7 + 0.3 * len(part)))
    for i, line in enumerate(part.to_dict("records")):
        colour = style.COLOURS[i % len(style.COLOURS)]
        ax.plot([line["low"], line["high"]], [i, i], color=colour, linewidth=1.4)
        ax.plot([line["value"]], [i], "o", color=colour, markersize=5)
    told = [
        f"{e} (undefined)" if v != v else e
        for e, v in zip(part["encoder"], part["value"], strict=True)
    ]
    ax.set_yticks(range(len(part)), told)
    ax.set_ylim(len(part) - 0.5, -0.5)
    ax.grid(axis="x")
    ax.grid(visible=False, axis="y")
    ax.set_xlabel(measure)
    return figure if figure is not None else ax
