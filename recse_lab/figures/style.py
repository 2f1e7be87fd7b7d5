"""How every figure looks: colours, sizes, and how labels keep out of each other's way."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

# Okabe & Ito's palette: distinct for colour-blind readers and in grey.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
MARKERS = ("o", "s", "D", "^", "v", "P")
REFERENCE, CONTROL = "#222222", "#777777"
WIDTH = 6.4  # inches: a full text column


def use() -> Any:
    """pyplot, with the house style, drawing to files only."""
    import matplotlib

    if "MPLBACKEND" not in os.environ and "IPython" not in sys.modules:
        matplotlib.use("Agg")  # to files only; a notebook shows figures its own way
    import matplotlib.pyplot as plt

    plt.rcParams.update(
        {
            "font.size": 9,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.grid": True,
            "axes.grid.axis": "y",
            "grid.color": "#e6e6e6",
            "grid.linewidth": 0.7,
            "axes.axisbelow": True,
            "axes.titlesize": 10,
            "axes.titlelocation": "left",
            "legend.frameon": False,
            "savefig.dpi": 200,
            "savefig.bbox": "tight",
            "pdf.fonttype": 42,
            "svg.hashsalt": "recse-lab",
        }
    )
    return plt


def spread(values: Sequence[float], least: float) -> list[float]:
    """Positions nearest to ``values``, in their order, at least ``least`` apart: labels that would
    overlap move apart."""
    order = sorted(range(len(values)), key=lambda i: values[i])
    groups: list[tuple[list[int], float]] = []  # indices and centre of a run of touching labels
    for i in order:
        groups.append(([i], values[i]))
        while len(groups) > 1 and _bottom(groups[-1], least) < _top(groups[-2], least):
            (a, _), (b, _) = groups[-2], groups[-1]
            joined = a + b
            centre = sum(values[j] for j in joined) / len(joined)
            groups[-2:] = [(joined, centre)]
    out = [0.0] * len(values)
    for indices, centre in groups:
        for k, i in enumerate(indices):
            out[i] = centre + (k - (len(indices) - 1) / 2) * least
    return out


def _bottom(group: tuple[list[int], float], least: float) -> float:
    return group[1] - len(group[0]) / 2 * least


def _top(group: tuple[list[int], float], least: float) -> float:
    return group[1] + len(group[0]) / 2 * least


def write_note(figure: Any, note: str) -> None:
    """Write small print under a figure."""
    if note:
        where = {"ha": "left", "va": "top", "transform": figure.transFigure}
        figure.text(0.0, -0.02, note, fontsize=7, color="#555555", wrap=True, **where)


def save(figure: Any, stem: Path) -> list[Path]:
    """Write PNG and PDF, the same bytes for the same figure."""
    from recse_lab.files import atomic_path

    paths = [stem.with_suffix(".png"), stem.with_suffix(".pdf")]
    for path, metadata in zip(
        paths,
        ({"Software": None}, {"CreationDate": None, "Producer": None, "Creator": None}),
        strict=True,
    ):
        with atomic_path(path) as beside:
            figure.savefig(beside, format=path.suffix[1:], metadata=metadata)
    return paths


def once(figure: Any) -> Any:
    """Return a figure so that a notebook displays it once, as the value of its cell.

    A figure that pyplot still holds is displayed a second time at the end of the cell.
    """
    close(figure)
    return figure


def close(figure: Any) -> None:
    """Forget a figure that has been written."""
    import matplotlib.pyplot as plt

    plt.close(figure)
