"""Figures and paragraphs of the geometry probe: spectra, measures side by side, layers, CKA."""

from __future__ import annotations

from typing import Any

import numpy as np

from recse_lab.figures import style
from recse_lab.probes.result import ProbeResult

LABELS = {
    "mean_cosine": "mean cosine",
    "partition_isotropy": "partition isotropy",
    "partition_isotropy_unit": "…, of unit vectors",
    "isoscore": "IsoScore",
    "participation_ratio": "participation ratio",
    "top_share": "variance on first axis",
    "effective_rank": "effective rank",
    "effective_rank_centred": "…, centred",
    "hubness_skew": "hubness (skew of N$_k$)",
    "antihubs": "nobody's neighbour",
    "norm_mean": "mean norm",
    "norm_cv": "spread of norms (CV)",
}
"""Drawn in this order; mean_cosine_with_self and rankme stand in the table and repeat a neighbour."""

LINES = ("-", (0, (5, 1.5)), (0, (5, 1.5, 1, 1.5)), (0, (1.5, 1.2)))


def figures(result: ProbeResult) -> dict[str, Any]:
    """``spectrum`` and ``measures`` of a geometry result, ``layers`` and ``cka`` of layers."""
    if result.name == "layers":
        return {"layers": profiles(result), "cka": heat_map(result)}
    return {"spectrum": spectra(result), "measures": small_multiples(result)}


def summary(result: ProbeResult) -> str:
    """What the numbers say, in a paragraph."""
    return _layers_summary(result) if result.name == "layers" else _geometry_summary(result)


# ---- figures -----------------------------------------------------------------------------------------------------


def spectra(result: ProbeResult) -> Any:
    """Standard deviations along the principal axes beside the variance they add up to; a mark at the participation ratio."""
    plt = style.use()
    figure, (left, right) = plt.subplots(1, 2, figsize=(style.WIDTH, 3.1))
    ratios: Any = result.frame()["participation_ratio"]
    undefined = []
    curve: Any = result.curves["spectrum"]
    for i, (name, part) in enumerate(curve.groupby("encoder", sort=False)):
        if part["share"].isna().any():
            undefined.append(str(name))
            continue
        look = {
            "color": style.COLOURS[i % len(style.COLOURS)],
            "linewidth": 1.6,
            "linestyle": LINES[i % len(LINES)],
        }
        seen = part[part["singular_centred"] > 1e-6 * part["singular_centred"].iloc[0]]
        left.plot(
            seen["component"], seen["singular_centred"] / seen["singular_centred"].iloc[0], **look
        )
        right.plot(
            part["component"], part["cumulative"], label=f"{name} ({len(part)} dimensions)", **look
        )
        at = ratios[name]
        height = np.interp(np.log(at), np.log(part["component"]), part["cumulative"])
        right.plot(
            at,
            height,
            style.MARKERS[i % len(style.MARKERS)],
            color=look["color"],
            markeredgecolor="white",
            markersize=7,
        )
    for axes in (left, right):
        axes.set_xscale("log")
        axes.set_xlabel("principal axis")
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    left.set_yscale("log")
    left.set_title("Standard deviation, the first = 1")
    right.set_title("Cumulative share of the variance")
    right.set_ylim(0, 1.03)
    figure.tight_layout(w_pad=2)
    if right.has_data():
        figure.legend(
            *right.get_legend_handles_labels(),
            loc="lower left",
            bbox_to_anchor=(0.02, 1.0),
            ncols=2,
            fontsize=8,
        )
    note = "After centring. Marks: participation ratio, the number of equal axes as concentrated as these."
    _note(
        figure,
        note + (f" No variance, and not drawn: {', '.join(undefined)}." if undefined else ""),
    )
    return figure


def small_multiples(result: ProbeResult) -> Any:
    """A panel a measure, a dot an encoder, with its interval where it has one."""
    plt = style.use()
    table: Any = result.table.set_index(["measure", "encoder"])
    names = list(dict.fromkeys(result.table["encoder"]))
    columns, rows = 4, -(-len(LABELS) // 4)
    figure, grid = plt.subplots(
        rows,
        columns,
        figsize=(style.WIDTH + 0.8, rows * (0.72 + 0.2 * len(names))),
        sharey=True,
        squeeze=False,
    )
    for axes, (measure, label) in zip(grid.flat, LABELS.items(), strict=True):
        part = table.loc[measure].loc[names]
        for y, (_, row) in enumerate(part.iterrows()):
            colour = style.COLOURS[y % len(style.COLOURS)]
            if not np.isfinite(row["value"]):
                axes.text(
                    0.5,
                    y,
                    "undefined",
                    transform=axes.get_yaxis_transform(),
                    color=style.CONTROL,
                    fontsize=7,
                    ha="center",
                    va="center",
                    style="italic",
                )
                continue
            if np.isfinite(row["low"]):
                axes.hlines(y, row["low"], row["high"], color=colour, linewidth=1.6)
            axes.plot(
                row["value"], y, style.MARKERS[y % len(style.MARKERS)], color=colour, markersize=5
            )
        _scale(axes, part["value"].dropna(), logarithmic=measure == "partition_isotropy")
        axes.set_title(label, fontsize=8.5)
        axes.tick_params(labelsize=7)
        axes.tick_params(axis="y", labelsize=8, length=0)
        axes.grid(axis="x")
    grid[0, 0].set_yticks(range(len(names)), names)
    grid[0, 0].set_ylim(len(names) - 0.5, -0.5)
    figure.tight_layout(h_pad=1.2, w_pad=0.8)
    _note(
        figure,
        f"{result.about['sentences']:,} sentences; N$_k$ counts the lists of {result.about['neighbours']} nearest "
        "neighbours a sentence stands in. Bars: 95 % jackknife, often narrower than the mark.",
    )
    return figure


def _scale(axes: Any, values: Any, *, logarithmic: bool) -> None:
    """Three ticks; logarithmic for what falls exponentially with the norms."""
    from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

    if logarithmic and len(values) and values.max() > 10 * values.min() > 0:
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(numticks=3))
        axes.xaxis.set_minor_locator(NullLocator())
    else:
        axes.xaxis.set_major_locator(MaxNLocator(3))
    axes.margins(x=0.18)


def profiles(result: ProbeResult) -> Any:
    """A panel a measure, a line an encoder over its layers, with its interval as a band."""
    plt = style.use()
    profile: Any = result.curves["layers"]
    measures = list(dict.fromkeys(profile["measure"]))
    figure, grid = plt.subplots(
        2, -(-len(measures) // 2), figsize=(style.WIDTH, 4.4), sharex=True, squeeze=False
    )
    for axes, measure in zip(grid.flat, measures, strict=False):
        for i, (name, part) in enumerate(
            profile[profile["measure"] == measure].groupby("encoder", sort=False)
        ):
            colour = style.COLOURS[i % len(style.COLOURS)]
            axes.fill_between(
                part["layer"], part["low"], part["high"], color=colour, alpha=0.2, linewidth=0
            )
            axes.plot(
                part["layer"],
                part["value"],
                color=colour,
                marker=style.MARKERS[i % len(style.MARKERS)],
                markersize=5,
                linewidth=1.6,
                label=str(name),
            )
        axes.set_title(
            {"effective_rank_centred": "effective rank, centred"}.get(
                measure, LABELS.get(measure, measure)
            )
        )
        axes.set_xticks(range(int(profile["layer"].max()) + 1))
    for axes in grid[-1]:
        axes.set_xlabel("layer (0: embeddings)")
    figure.tight_layout()
    handles, labels = grid[0, 0].get_legend_handles_labels()
    figure.legend(
        handles,
        labels,
        loc="lower left",
        bbox_to_anchor=(0.02, 1.0),
        ncols=min(len(labels), 3),
        fontsize=8,
    )
    _note(
        figure,
        f"{result.about['sentences']:,} sentences. Bands: 95 % jackknife, often narrower than the line.",
    )
    return figure


def heat_map(result: ProbeResult) -> Any:
    """Linear CKA of every layer of every encoder with every other, encoders parted by white lines."""
    plt = style.use()
    table = result.curves["cka"]
    states = list(dict.fromkeys(zip(table["encoder"], table["layer"], strict=True)))
    place = {state: i for i, state in enumerate(states)}
    values = np.full((len(states), len(states)), np.nan)
    for row in table.to_dict("records"):
        values[place[row["encoder"], row["layer"]], place[row["other"], row["other_layer"]]] = row[
            "cka"
        ]
    side = min(style.WIDTH - 0.6, 1.6 + 0.36 * len(states))
    figure, axes = plt.subplots(figsize=(side + 0.8, side))
    palette = plt.get_cmap("cividis").with_extremes(bad="#dddddd")
    image = axes.imshow(values, vmin=0, vmax=1, cmap=palette, origin="lower")
    if len(states) <= 14:
        for (y, x), value in np.ndenumerate(values):
            axes.text(
                x,
                y,
                f"{value:.2f}" if np.isfinite(value) else "–",
                ha="center",
                va="center",
                fontsize=6.5,
                color="white" if not value > 0.55 else "#111111",
            )
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    layers = [str(layer) for _, layer in states]
    axes.set_xticks(range(len(states)), layers, fontsize=7)
    axes.set_yticks(range(len(states)), layers, fontsize=7)
    axes.tick_params(length=0)
    names = [name for name, _ in states]
    for name in dict.fromkeys(names):
        inside = [i for i, other in enumerate(names) if other == name]
        middle = (inside[0] + inside[-1]) / 2
        axes.annotate(
            name,
            (middle, 0),
            xycoords=("data", "axes fraction"),
            xytext=(0, -20),
            textcoords="offset points",
            ha="center",
            va="top",
            fontsize=8,
        )
        axes.annotate(
            name,
            (0, middle),
            xycoords=("axes fraction", "data"),
            xytext=(-20, 0),
            textcoords="offset points",
            ha="right",
            va="center",
            fontsize=8,
            rotation=90,
        )
        if inside[-1] + 1 < len(states):
            for line in (axes.axvline, axes.axhline):
                line(inside[-1] + 0.5, color="white", linewidth=3)
    bar = figure.colorbar(image, ax=axes, pad=0.02, fraction=0.045)
    bar.set_label(f"linear CKA{', debiased' if result.about['cka'] == 'debiased' else ''}")
    bar.outline.set_visible(False)
    return figure


def _note(figure: Any, text: str) -> None:
    figure.text(0.0, -0.01, text, fontsize=7, color="#555555", ha="left", va="top", wrap=True)


# ---- paragraphs --------------------------------------------------------------------------------------------------


def _told(row: Any, form: str) -> str:
    if not np.isfinite(row["value"]):
        return f"undefined ({row['note']})"
    span = f" [{row['low']:{form}}, {row['high']:{form}}]" if np.isfinite(row["low"]) else ""
    return f"{row['value']:{form}}{span}"


def _geometry_summary(result: ProbeResult) -> str:
    parts = []
    for measure, said in (
        ("mean_cosine", "By mean cosine the least alike are the embeddings of"),
        ("hubness_skew", "The fewest hubs has"),
    ):
        values: Any = result.table[result.table["measure"] == measure]
        values = values.dropna(subset=["value"])
        if len(values) > 1:
            parts.append(f"{said} {values.loc[values['value'].idxmin(), 'encoder']}.")
    for name, table in result.table.groupby("encoder", sort=False):
        rows = {row["measure"]: row for _, row in table.iterrows()}
        dim = result.about["dim"][name]
        parts.append(
            f"{name}: the mean cosine of two sentences is {_told(rows['mean_cosine'], '.3f')}; the variance is as concentrated "
            f"as that of {_told(rows['participation_ratio'], '.1f')} equal axes of {dim} (IsoScore "
            f"{_told(rows['isoscore'], '.3f')}), {_told(rows['top_share'], '.1%')} of it along the first; effective rank "
            f"{_told(rows['effective_rank'], '.1f')}, {_told(rows['effective_rank_centred'], '.1f')} without the common "
            f"direction; partition isotropy of unit vectors {_told(rows['partition_isotropy_unit'], '.3f')}; "
            f"{_told(rows['antihubs'], '.1%')} of the sentences are nobody's neighbour (skewness of N_k "
            f"{_told(rows['hubness_skew'], '.2f')})."
        )
    return " ".join([*parts, f"{result.about['sentences']:,} sentences."])


def _layers_summary(result: ProbeResult) -> str:
    profile: Any = result.curves["layers"]
    parts = []
    last = profile.groupby("encoder", sort=False)["layer"].max()
    table: Any = result.curves["cka"].dropna(subset=["cka"])
    crossed = table[
        (table["encoder"] != table["other"])
        & (table["layer"] == table["encoder"].map(last))
        & (table["other_layer"] == table["other"].map(last))
    ]
    crossed = crossed[
        crossed["encoder"].map(list(last.index).index)
        < crossed["other"].map(list(last.index).index)
    ]
    if len(crossed):
        pairs = [
            f"{row['encoder']} and {row['other']} {row['cka']:.2f}" for _, row in crossed.iterrows()
        ]
        parts.append(f"CKA ({result.about['cka']}) of the last layers: {'; '.join(pairs)}.")
    for name, part in profile.groupby("encoder", sort=False):
        told = []
        for measure, label, form in (
            ("mean_cosine", "mean cosine", ".3f"),
            ("participation_ratio", "participation ratio", ".1f"),
        ):
            line = part[part["measure"] == measure].dropna(subset=["value"])
            if len(line):
                ends = " to ".join(f"{value:{form}}" for value in line["value"].iloc[[0, -1]])
                top = line.loc[line["value"].idxmax()]
                told.append(
                    f"{label} from {ends}, highest in layer {top['layer']} ({top['value']:{form}})"
                )
        parts.append(
            f"{name}, layer {part['layer'].min()} to {part['layer'].max()}: {'; '.join(told) or 'undefined'}."
        )
    return " ".join([*parts, f"{result.about['sentences']:,} sentences."])
