"""Figures and words of bias, influence and errors hold the numbers of their result, and no
others.
"""

import re
import subprocess
import sys

import matplotlib
import numpy as np
import pandas as pd
import pytest

matplotlib.use("Agg")
import matplotlib.pyplot as plt

from recse_lab.probes import PROBES
from recse_lab.probes.bias import bias
from recse_lab.probes.errors import errors
from recse_lab.probes.errors.figures import BESIDE
from recse_lab.probes.influence import influence, token_influence, words
from recse_lab.reports.probe_page import listing_markdown

PAIRS = 90
SENTENCES = [
    "Horses run over the hills.",
    "We saw 12 birds and a cow.",
    "In spring it rains, I think.",
    "Old boats leak badly",
]


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def scored(encoders=2, seed=0):
    rng = np.random.default_rng(seed)
    gold = rng.integers(0, 6, PAIRS).astype(float)
    table = pd.DataFrame(
        {
            "length difference": rng.integers(0, 12, PAIRS),
            "word overlap": gold / 6 + rng.normal(0, 0.2, PAIRS),
            "mean length": rng.uniform(3, 20, PAIRS),
        }
    )
    scores = {
        f"arm {i}": gold / 5
        + (0.2 + 0.3 * i) * table["word overlap"].to_numpy()
        + rng.normal(0, 0.2, PAIRS)
        for i in range(encoders)
    }
    return scores, gold, table


def encode(texts):
    out = np.zeros((len(texts), 40), np.float32)
    for row, text in zip(out, texts, strict=True):
        for word in words(text):
            row[sum(map(ord, word)) % 40] += len(word)
    return out


def drawn_points(axes):
    """x and y of every line with a single point: the dots."""
    return [
        tuple(float(v[0]) for v in line.get_data())
        for line in axes.lines
        if len(line.get_xdata()) == 1
    ]


def drawn_spans(axes, coordinate):
    """Ends of every interval, whose two points share the other coordinate."""
    data = [
        line.get_data()
        for line in axes.lines
        if len(line.get_xdata()) == 2 and line.get_linewidth() > 1
    ]
    return [
        tuple(map(float, d[coordinate]))
        for d in data
        if d[1 - coordinate][0] == d[1 - coordinate][1]
    ]


def names(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


# ---- bias
# ------------------------------------------------------------------------------


def test_partial_figure_draws_every_number_and_interval():
    scores, gold, table = scored(3)
    result = bias(scores, gold, table, resamples=50)
    figure = PROBES[result.name].figures(result)["partial"]
    (axes,) = figure.axes
    rows = result.curves["partial"].query("given == 'gold and other covariates'")
    assert len(rows) == 9
    assert sorted(x for x, _ in drawn_points(axes)) == pytest.approx(sorted(rows["value"]))
    np.testing.assert_allclose(
        sorted(drawn_spans(axes, 0)), sorted(zip(rows["low"], rows["high"], strict=True))
    )
    ticks = {
        tick.get_text(): y
        for tick, y in zip(axes.get_yticklabels(), axes.get_yticks(), strict=True)
    }
    for x, y in drawn_points(axes):
        covariate = min(ticks, key=lambda name: abs(ticks[name] - y))
        assert abs(rows.loc[rows["covariate"] == covariate, "value"] - x).min() < 1e-12
    assert names(figure) == list(scores)
    assert axes.get_ylim()[0] > axes.get_ylim()[1]  # the first covariate on top


def test_strata_figure_draws_spearman_times_100_with_the_bounds_of_each_third():
    scores, gold, table = scored()
    table["length difference"] = np.where(np.arange(PAIRS) < 70, 0, table["length difference"] + 1)
    result = bias(scores, gold, table, resamples=30)
    figure = PROBES[result.name].figures(result)["strata"]
    shown = [axes for axes in figure.axes if axes.get_visible()]
    assert [axes.get_title(loc="left") for axes in shown] == list(table.columns)
    for axes, covariate in zip(shown, table.columns, strict=True):
        rows = result.curves["strata"][result.curves["strata"]["covariate"] == covariate]
        np.testing.assert_allclose(
            np.sort([y for _, y in drawn_points(axes)]), np.sort(100 * rows["value"])
        )
        labels = [tick.get_text() for tick in axes.get_xticklabels()]
        assert [label.split("\n")[0] for label in labels] == ["low", "middle", "high"]
    overlap = (
        result.curves["strata"].query("covariate == 'word overlap' and encoder == 'arm 0'").iloc[0]
    )
    low = shown[1].get_xticklabels()[0].get_text().split("\n")[1].replace("−", "-")
    assert [float(x) for x in low.split(" to ")] == pytest.approx(
        [overlap["from"], overlap["to"]], abs=0.005
    )
    assert [tick.get_text() for tick in shown[0].get_xticklabels()][:2] == [
        "low\nnone",
        "middle\n0",
    ]


def test_figures_of_one_and_of_many_encoders_and_of_undefined_numbers():
    scores, gold, table = scored(8)
    table = table[["word overlap", "mean length"]].copy()
    scores["flat"] = np.ones(PAIRS)
    table["constant"] = 1
    result = bias(scores, gold, table, resamples=10)
    figure = PROBES[result.name].figures(result)["partial"]
    assert len(set(names(figure))) == 9
    looks = {(h.get_color(), h.get_marker()) for h in figure.legends[0].legend_handles}
    assert len(looks) == 9
    PROBES[result.name].figures(result)["strata"].canvas.draw()
    told = PROBES[result.name].summary(result)
    assert "Undefined for flat: all scores are the same: the encoder is constant." in told
    assert "constant is the same for all pairs" in told
    assert "nan" not in told
    alone = bias({"arm": scores["arm 0"]}, gold, table[["word overlap"]], resamples=10)
    for figure in PROBES[alone.name].figures(alone).values():
        figure.canvas.draw()
    nothing = bias({"flat": np.ones(PAIRS)}, gold, table, resamples=10)
    assert PROBES[nothing.name].summary(nothing).startswith("Undefined for flat")


def test_summary_of_bias_tells_the_numbers():
    scores, gold, table = scored(3)
    result = bias(scores, gold, table, against="arm 0", resamples=100)
    told = PROBES[result.name].summary(result)
    wide = result.frame()
    line = next(x for x in told.split("\n") if x.startswith("- word overlap"))
    values = wide["partial: word overlap"].sort_values()
    ends = [f"{value:+.2f}".replace("-", "−") + f" ({name})" for name, value in values.items()]
    assert f"{ends[0]} to {ends[-1]};" in line
    rows = result.curves["partial"].query(
        "given == 'gold and other covariates' and covariate == 'word overlap'"
    )
    assert (
        f"above 0 in {(rows['low'] > 0).sum()} and below 0 in {(rows['high'] < 0).sum()} of 3"
        in line
    )
    assert (rows["low"] > 0).any()
    own = result.curves["gold"].set_index("covariate").loc["word overlap", "value"]
    assert f"gold's own ρ with it is {own:+.2f}" in line
    clear = (
        result.curves["against"]
        .query("covariate == 'word overlap' and (low > 0 or high < 0)")["encoder"]
        .tolist()
    )
    assert re.findall(r"arm \d(?= [+−])", line.split("other than that of arm 0: ")[1]) == clear
    assert clear
    gap = result.curves["gap"].query("encoder == 'arm 1'")
    most = gap.loc[gap["value"].abs().idxmax()]
    assert f"arm 1 {most['value']:+.2f}".replace("-", "−") in told.split("\n\n")[0]
    assert f"along {most['covariate']}" in told.split("\n\n")[0]


# ---- influence
# ------------------------------------------------------------------------------


@pytest.mark.parametrize("counts", [None, {"the": 90, "hills": 9, "run": 1}])
def test_influence_figure_draws_its_curves(counts):
    found = token_influence(encode, SENTENCES, counts=counts)
    result = influence({"one": found, "two": found}, resamples=30)
    figure = PROBES[result.name].figures(result)["influence"]
    kinds, place, bands, spread = figure.axes
    assert bands.get_visible() == (counts is not None)
    expected = {
        kinds: result.curves["kind"]["value"],
        spread: result.table.query("measure in ['evenness', 'gini']")["value"],
    }
    if counts:
        expected[bands] = result.curves["band"]["value"]
    for axes, values in expected.items():
        np.testing.assert_allclose(np.sort([y for _, y in drawn_points(axes)]), np.sort(values))
    content = result.curves["place"].query("kind == 'content word' and encoder == 'one'")
    np.testing.assert_array_equal(place.lines[0].get_ydata(), content["value"])
    np.testing.assert_array_equal(place.lines[0].get_xdata(), content["place"])
    told = PROBES[result.name].summary(result)
    row = result.frame().loc["one"]
    assert f"- one: evenness {row['evenness']:.2f}; Gini {row['gini']:.2f}" in told
    assert f"{row['relative influence (content word)']:.2f} times as far" in told
    assert f"a removal is {100 * row['influence / apart']:.1f} %" in told


def test_influence_of_a_still_encoder_is_told_and_drawn():
    still = token_influence(lambda texts: np.ones((len(texts), 3), np.float32), SENTENCES)
    result = influence({"still": still, "one": token_influence(encode, SENTENCES)}, resamples=10)
    PROBES[result.name].figures(result)["influence"].canvas.draw()
    told = PROBES[result.name].summary(result)
    assert "- still" not in told
    assert "Undefined for still: 4 of 4 sentences have no direction or do not move." in told
    assert "nan" not in told


# ---- errors
# ------------------------------------------------------------------------------


def compared(encoders=2, **options):
    scores, gold, _ = scored(encoders)
    first, second = [f"first {i}" for i in range(PAIRS)], [f"second {i}" for i in range(PAIRS)]
    return errors(scores, gold, first, second, resamples=30, **options)


def test_ranks_figure_draws_every_pair_and_rings_the_list():
    result = compared(3, top=7)
    figures = PROBES[result.name].figures(result)
    assert list(figures) == ["arm 0 vs arm 1", "arm 0 vs arm 2", "arm 1 vs arm 2"]
    axes = figures["arm 0 vs arm 2"].axes[0]
    every, ringed = axes.collections
    ranks = result.curves["ranks"]
    a, b = (
        ranks[ranks["encoder"] == name][["rank", "gold"]].to_numpy() for name in ("arm 0", "arm 2")
    )
    found = np.column_stack([np.asarray(every.get_offsets()), every.get_array()])
    assert sorted(map(tuple, found)) == sorted(map(tuple, np.column_stack([a[:, 0], b])))
    listed = result.curves["disagreements"].query("encoder == 'arm 0 vs arm 2'")
    np.testing.assert_array_equal(ringed.get_offsets(), listed[["rank_a", "rank_b"]])
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("rank under arm 0", "rank under arm 2")
    numbers = {text.get_text(): np.array(text.get_position()) for text in axes.texts}
    assert sorted(numbers) == list("12345")
    for number, at in numbers.items():
        own = listed[["rank_a", "rank_b"]].iloc[int(number) - 1]
        assert np.linalg.norm(at - own) == pytest.approx(BESIDE)


def test_markdown_lists_every_pair_and_shows_text_as_it_is():
    scores, gold, _ = scored(2)
    first = [f"a | b *{i}* <i>" for i in range(PAIRS)]
    result = errors(scores, gold, first, ["two\nlines"] * PAIRS, top=4, resamples=10)
    told = "\n\n".join(map(listing_markdown, PROBES["errors"].listings(result)))
    listed, wrong = result.curves["disagreements"], result.curves["wrong"]
    lines = told.split("\n")
    assert lines[0] == "## Where arm 0 vs arm 1 disagree most"
    table = [line for line in lines if line.startswith("| ")]
    assert len(table) == (2 + 4) + (2 + wrong["pair"].nunique())
    cells = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in table]
    assert cells[0] == ["", "gold", "arm 0", "arm 1", "first", "second"]
    assert cells[1] == ["---:"] * 4 + ["---"] * 2
    row = listed.iloc[0]
    assert cells[2][0] == "1"
    assert cells[2][1] == f"{row['gold']:.2f} ({100 * row['gold_rank']:.0f} %)"
    assert cells[2][2] == f"{row['score_a']:.2f} ({100 * row['rank_a']:.0f} %)".replace("-", "−")
    assert cells[2][3] == f"{row['score_b']:.2f} ({100 * row['rank_b']:.0f} %)".replace("-", "−")
    assert cells[2][4] == rf"a \| b \*{row['pair']}\* \<i\>"
    assert cells[2][5] == "two lines"
    scores_of = wrong[wrong["pair"] == wrong["pair"].iloc[0]]["score"].tolist()
    assert [cell.split(" ")[0].replace("−", "-") for cell in cells[8][2:4]] == [
        f"{s:.2f}" for s in scores_of
    ]


def test_summary_of_errors_tells_the_numbers():
    result = compared(2, top=9, threshold=0.15)
    told = PROBES[result.name].summary(result)
    wide, listed = result.frame(), result.curves["disagreements"]
    for name in ("arm 0", "arm 1"):
        assert f"{name} {100 * wide.loc[name, 'share wrong']:.1f} %" in told
    both = wide.loc["arm 0 vs arm 1"]
    assert (
        f"ρ = {both['rank agreement']:.2f}, at fixed gold {both['agreement at fixed gold']:.2f}"
        in told
    )
    assert (
        f"{100 * both['share disagreeing']:.1f} % of the pairs stand more than 15 % of the set "
        "apart" in told
    )
    nearer = (listed["error_a"].abs() < listed["error_b"].abs()).sum()
    assert f"arm 0 is nearer to gold in {nearer}, " in told
    worst = result.curves["wrong"].drop_duplicates("pair")["common"]
    assert f"{(worst > 0).sum()} are held too similar and {(worst < 0).sum()} too different" in told


def test_errors_of_one_arm_and_of_arms_without_an_order():
    alone = compared(1)
    assert PROBES[alone.name].figures(alone) == {}
    assert "What every arm gets wrong" in "\n\n".join(
        map(listing_markdown, PROBES["errors"].listings(alone))
    )
    gold = np.arange(20.0)
    flat = errors({"flat": np.ones(20)}, gold, ["a"] * 20, ["b"] * 20, resamples=5)
    assert PROBES[flat.name].figures(flat) == {}
    assert (
        PROBES[flat.name].summary(flat)
        == "Undefined for flat: all scores are the same: the encoder is constant."
    )
    assert "\n\n".join(map(listing_markdown, PROBES["errors"].listings(flat))).strip() == ""
    twins = errors({"A": gold, "B": gold}, gold, ["a"] * 20, ["b"] * 20, resamples=5)
    assert PROBES[twins.name].figures(twins) == {}
    assert "nan" not in PROBES[twins.name].summary(twins)
    with_oracle = errors(
        {"oracle": gold, "A": -gold % 7}, gold, ["a"] * 20, ["b"] * 20, resamples=5
    )
    told = PROBES[with_oracle.name].summary(with_oracle)
    assert "nan" not in told
    assert "worst" not in told


def test_scores_need_no_torch():
    code = (
        "import sys, recse_lab.probes\n"
        "from recse_lab.probes.bias import covariates\n"
        "covariates(['a cat'], ['a dog'], {'cat': 1})\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
