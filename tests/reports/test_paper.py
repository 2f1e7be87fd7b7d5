"""Tables as papers print them: numbers against their definitions, formats against each other, and
all against golden files.

The golden files hold a made-up store's tables; `RECSE_LAB_GOLDEN=write` writes them again, and the
difference is then to be read.
"""

import csv
import io
import os
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from latex_document import compiled
from rich.console import Console
from runstore import (
    EXAMPLES,
    PAIRS,
    add_evaluations,
    add_imported,
    add_portability,
    add_run,
    add_trained,
    make_store,
    scores,
    write_study,
)
from scipy import stats

from recse_lab.data.sts_sets import SEVEN
from recse_lab.data.transfer_sets import TRANSFER
from recse_lab.errors import LabError
from recse_lab.reports.paper import TABLES, Ask
from recse_lab.reports.tables import (
    Cell,
    Column,
    Row,
    Table,
    comma_separated,
    markdown,
    printed,
    rich_table,
)
from recse_lab.reports.tables.latex import latex
from recse_lab.runs.collection import read_store
from recse_lab.runs.store import find_runs
from recse_lab.statistics import compare_sts, holm, mean_interval
from recse_lab.statistics.sts import sts_influence

# These need the real pairs: test_disjoint_table.py, test_sharing_table.py.
NAMES = [name for name in TABLES if name not in ("disjoint", "sharing")]
GOLDEN = Path(__file__).parent / "golden"
BESIDE = {"sts": ("simcse@bert-base",), "transfer": ("simcse@bert-base",)}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return make_store(tmp_path_factory.mktemp("store"))


def made(store, name, studies=(), **ask):
    return TABLES[name].table(
        read_store(store, studies).arms, Ask(**{"beside": BESIDE.get(name, ()), **ask})
    )


def row_of(table, method, **others):
    wanted = {"method": method, **others}
    (found,) = (
        row
        for row in table.rows
        if all(row.cells[key].value == value for key, value in wanted.items())
    )
    return found


# ---- every table -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("ending", "render"), [("md", markdown), ("tex", latex), ("csv", comma_separated)]
)
def test_golden(store, name, ending, render):
    text, path = render(made(store, name)), GOLDEN / f"{name}.{ending}"
    if os.environ.get("RECSE_LAB_GOLDEN") == "write":
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


NUMBER = re.compile(r"[+-]?\d+\.\d+")


def numbers_of(text):
    return NUMBER.findall(text.replace("$", "").replace("{[}", "[").replace("−", "-"))


@pytest.mark.parametrize("name", NAMES)
def test_the_formats_hold_the_same_numbers(store, name):
    table = made(store, name)
    md = [line for line in markdown(table).splitlines() if line.startswith("| ")][2:]
    tex = latex(table)
    tex = [line for line in tex[tex.index(r"\toprule") :].splitlines() if line.endswith(r"\\")][1:]
    tex = [
        line for line in tex if not line.startswith(r"\multicolumn")
    ]  # what the rows below share
    rows = list(csv.DictReader(io.StringIO(comma_separated(table))))[: len(table.rows)]
    assert len(md) == len(tex) == len(rows) == len(table.rows)
    for one, two, three in zip(md, tex, rows, strict=True):
        from_csv = numbers_of(
            " ".join(value for key, value in three.items() if key not in ("kind", "marks"))
        )
        two = two.replace(r"\textcolor[gray]{0.45}", "")
        assert numbers_of(one) == numbers_of(two) == from_csv
        assert from_csv


@pytest.mark.parametrize("name", NAMES)
def test_it_answers_and_says_where_it_comes_from(store, name):
    table = made(store, name)
    assert TABLES[name].QUESTION.endswith("?")
    assert TABLES[name].answer(table).endswith(".")
    (line,) = table.provenance
    for part in (
        "Protocol ",
        " runs; ",
        "seeds ",
        "weights tested: ",
        "commit 0123456789ab",
        "2026-01-02.",
    ):
        assert part in line
    assert all(row.runs for row in table.rows if row.kind != "published")


def test_all_compile(store, tmp_path):
    compiled(
        "".join(latex(made(store, name)) + r"\clearpage" for name in NAMES),
        tmp_path,
        "booktabs",
        "graphicx",
        "color",
    )


def test_nothing_to_show_is_told(tmp_path):
    with pytest.raises(LabError, match="no finished run here"):
        read_store(tmp_path)
    add_imported(tmp_path)
    for name in ("transfer", "alignment-uniformity", "polarity", "portability", "cost"):
        with pytest.raises(LabError, match="recse-lab"):
            made(tmp_path, name)
    with pytest.raises(LabError, match="did you mean imported"):
        read_store(tmp_path, ["importd"])


# ---- sts ---------------------------------------------------------------------------------------


def spearman(noise, seed, tasks=SEVEN):
    frame = scores(noise, seed)
    return [
        stats.spearmanr(*(frame.loc[frame["task"] == task, c] for c in ("gold", "score"))).statistic
        for task in tasks
    ]


def test_sts_numbers_are_those_of_the_scores(store):
    row = row_of(made(store, "sts"), "trained: framework crop, reshape without")
    by_seed = np.array([spearman(0.45, seed) for seed in range(3)])
    for place, task in enumerate(SEVEN):
        assert row.cells[task].value == pytest.approx(by_seed[:, place].mean())
    averages = by_seed.mean(axis=1)
    assert row.cells["avg"].value == pytest.approx(averages.mean())
    assert row.cells["avg"].sd == pytest.approx(averages.std(ddof=1))
    _, psi, _ = sts_influence([scores(0.45, seed) for seed in range(3)], tasks=SEVEN)
    wanted = mean_interval(averages, psi)
    assert (row.cells["avg"].low, row.cells["avg"].high) == pytest.approx((wanted.low, wanted.high))


@pytest.mark.parametrize(
    ("name", "file"), [("polarity", "scores"), ("transfer", "predictions"), ("sts", "scores")]
)
def test_a_damaged_run_is_named(tmp_path, name, file):
    root = make_store(tmp_path)
    for path in root.glob(f"eval/*/{file}.parquet"):
        path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(LabError, match=rf"eval/\S+/{file}\.parquet: damaged"):
        made(root, name)


def test_what_cannot_be_told_from_the_best_is_marked(tmp_path):
    """``twin`` is the best arm with other luck, ``far`` is worse by more than any chance."""
    arms = []
    for arm, noise, shift in (("best", 0.3, 0), ("twin", 0.3, 10), ("far", 1.5, 20)):
        for seed in range(3):
            add_trained(tmp_path, "s", f"{arm}-{seed}", noise, seed, drawn=seed + shift)
        arms.append((arm, "arm", {}, None, lambda seed, arm=arm: f"{arm}-{seed}"))
    write_study(tmp_path, "s", arms)
    table = made(tmp_path, "sts")
    best = max(table.rows[:2], key=lambda row: row.cells["avg"].value)
    other = next(row for row in table.rows[:2] if row is not best)
    assert [row.cells["avg"].mark for row in (best, other, row_of(table, "far"))] == ["", "†", ""]
    assert [table.is_best(row, table.columns[-1]) for row in (best, other)] == [True, False]


def test_marks_are_holm_over_the_study(tmp_path):
    """Arms at the edge: some differ from the best by less than 5 % chance alone, and not any more
    when Holm counts them all.
    """
    arms, noises = [], (0.30, 0.33, 0.34, 0.36, 0.38, 0.60)
    for noise in noises:
        for seed in range(3):
            add_trained(tmp_path, "s", f"{noise}-{seed}", noise, seed)
        arms.append((str(noise), "arm", {}, None, lambda seed, noise=noise: f"{noise}-{seed}"))
    write_study(tmp_path, "s", arms)
    table = made(tmp_path, "sts")
    frames = [[scores(noise, seed) for seed in range(3)] for noise in noises]
    p = [compare_sts(frames[0], other, tasks=SEVEN).p for other in frames[1:]]
    marks = [row.cells["avg"].mark for row in table.rows if row.kind == "own"]
    assert marks == ["", *("†" if adjusted >= 0.05 else "" for adjusted in holm(p))]
    assert marks != ["", *("†" if raw >= 0.05 else "" for raw in p)]  # so that the test can tell


def test_what_was_not_compared_is_not_told_apart(tmp_path):
    """One arm has the best one's seeds, another has one seed of its own: nothing pairs that one
    with the best.
    """
    for arm, noise, seeds in (("best", 0.3, (0, 1)), ("far", 1.5, (0, 1)), ("alone", 0.5, (2,))):
        for seed in seeds:
            add_trained(tmp_path, "s", f"{arm}-{seed}", noise, seed)
    arms = [
        (arm, "arm", {}, seeds, lambda seed, arm=arm: f"{arm}-{seed}")
        for arm, seeds in (("best", [0, 1]), ("far", [0, 1]))
    ]
    write_study(tmp_path, "s", [*arms, ("alone", "arm", {}, [2, 3], lambda seed: f"alone-{seed}")])
    table = made(tmp_path, "sts")
    assert [row_of(table, arm).cells["avg"].mark for arm in ("best", "far", "alone")] == [
        "",
        "",
        "°",
    ]
    assert (
        TABLES["sts"]
        .answer(table)
        .endswith("0 of the other 1 rows cannot be told apart from it (1 not compared).")
    )
    subsets = made(tmp_path, "sts", aggregation="mean")  # influences are those of pooled pairs
    assert TABLES["sts"].answer(subsets).endswith("no other row was compared with it.")


def test_one_seed_with_and_without_is_no_test(tmp_path):
    add_portability(tmp_path)
    for run in find_runs(tmp_path):
        if run.record.config.seed:
            run.set_status("failed")
    table = made(tmp_path, "portability")
    assert [(row.cells["delta"].low, row.cells["p"].value) for row in table.rows] == [
        (None, None)
    ] * 3
    assert "0 gain and 0 lose" in TABLES["portability"].answer(table)


def test_protocols_are_named_where_there_are_several(store):
    alone = made(store, "sts", ["portability"], beside=())
    assert "protocol" not in [c.key for c in alone.columns]
    both = made(store, "sts", ["eval"], beside=())
    assert "protocol" in [c.key for c in both.columns]
    mteb = row_of(both, "mean pooling, 3 layers", protocol="mteb, all")
    assert "sickr" not in mteb.cells
    assert mteb.cells["avg"].value == pytest.approx(
        np.mean([mteb.cells[t].value for t in (*SEVEN[:-1], "sickr-all")])
    )
    only = made(store, "sts", ["eval"], beside=(), protocol="mteb")
    assert [row.cells["protocol"].value for row in only.rows] == ["mteb, all"]
    assert "protocol" in [
        c.key for c in made(store, "sts", ["portability"]).columns
    ]  # published rows have none of ours
    with pytest.raises(LabError, match="under protocol nonsense"):
        made(store, "sts", protocol="nonsense")


def test_another_aggregation_has_no_interval(store):
    row = row_of(made(store, "sts", aggregation="mean"), "untrained")
    assert row.cells["avg"].value is not None
    assert row.cells["avg"].low is None


def test_an_average_over_fewer_tasks_is_refused(store):
    """The imported file says 70.00 over seven tasks and holds five of them."""
    table = made(store, "sts")
    row = row_of(table, "imported")
    assert [row.cells[task].value for task in SEVEN] == [0.7] * 5 + [None, None]
    assert row.cells["avg"].value is None
    assert any("STS-B, SICK-R are missing" in note for note in table.notes)
    b = row_of(made(store, "transfer"), "mean pooling, 3 layers", encoder="encoder-b")
    assert (b.cells["trec"].value, b.cells["avg"].value) == (None, None)
    columns = [
        Column("method", "method", "text"),
        Column("x", "x"),
        Column("y", "y"),
        Column("avg", "avg.", over=2),
    ]
    with pytest.raises(ValueError, match="a mean of 2 scores"):
        Table("t", columns, [Row({"x": Cell(0.5), "avg": Cell(0.5)})])
    Table(
        "t", columns, [Row({"x": Cell(0.5), "avg": Cell(0.5)}, kind="published")]
    )  # theirs, as they printed it


def test_missing_is_empty_and_never_zero(store):
    table = made(store, "sts")
    for text in (markdown(table), latex(table), comma_separated(table)):
        assert not re.search(r"\bnan\b", text, re.IGNORECASE)
        assert not re.search(r"(?<![\d.])0\.00(?!\d)", text.split("Spearman ×100, all")[0])
    (line,) = [line for line in markdown(table).splitlines() if "| theirs |" in line]
    assert [cell.strip() for cell in line.strip("|").split("|")][-4:] == [
        "",
        "",
        "",
        "",
    ]  # STS-B, SICK-R, MTEB's SICK-R, average
    (line,) = [line for line in comma_separated(table).splitlines() if ",theirs," in line]
    assert re.search(r"70\.00,{8}own,$", line)


def test_nothing_is_minus_nothing():
    column = Column("d", "d", "difference")
    assert printed(column, Cell(-1e-7, sd=0.0, low=-1e-7, high=1e-7)).value == "+0.00"
    assert printed(Column("s", "s"), Cell(-1e-7)).value == "0.00"


def test_the_same_runs_twice_in_a_study_stand_once(tmp_path):
    add_portability(tmp_path)
    cell = (
        "trained",
        "arm",
        {"framework": "SimCSE again", "reshape": "without"},
        None,
        lambda seed: f"simcse-without-{seed}",
    )
    first = (
        "trained",
        "arm",
        {"framework": "SimCSE", "reshape": "without"},
        None,
        lambda seed: f"simcse-without-{seed}",
    )
    write_study(tmp_path, "portability", [first, cell])
    assert [arm.label for arm in read_store(tmp_path).arms] == [
        "trained: framework SimCSE, reshape without"
    ]


# ---- the others --------------------------------------------------------------------------------


def test_portability_is_with_minus_without(store):
    table = made(store, "portability")
    compared = {}
    for framework, plain, reshaped in (
        ("SimCSE", 0.30, 0.30),
        ("ESimCSE", 0.35, 0.10),
        ("crop", 0.45, 0.75),
    ):
        frames = [[scores(noise, seed) for seed in range(3)] for noise in (reshaped, plain)]
        compared[framework] = compare_sts(*frames, tasks=SEVEN)
    adjusted = dict(zip(compared, holm([found.p for found in compared.values()]), strict=True))
    assert compared["SimCSE"].p is None  # the very same scores: no test
    for framework, found in compared.items():
        row = row_of(table, framework)
        assert row.cells["delta"].value == pytest.approx(found.delta)
        assert (row.cells["delta"].low, row.cells["delta"].high) == pytest.approx(
            (found.low, found.high)
        )
        assert row.cells["p"].value == pytest.approx(adjusted[framework])
    assert [row_of(table, f).cells["delta"].mark for f in compared] == ["†", "", ""]
    assert (
        TABLES["portability"]
        .answer(table)
        .startswith("Of 3 frameworks 1 gain (ESimCSE) and 1 lose (crop)")
    )


def test_alignment_is_that_of_the_selected_step(store):
    table = made(store, "alignment-uniformity")
    row = row_of(table, "trained: framework crop, reshape with")  # selected step 10, last step 20
    assert row.cells["alignment"].value == pytest.approx(np.mean([0.31, 0.32, 0.33]))
    assert row.cells["alignment"].sd == pytest.approx(0.01)
    assert row.cells["uniformity"].value == pytest.approx(-2.1)
    assert row_of(table, "untrained").cells["alignment"].value == 0.25


def test_cost_is_in_seconds_mebibytes_and_tokens_a_second(store):
    table = made(store, "cost")
    row = row_of(table, "trained: framework crop, reshape with")
    assert row.cells["train_s"].value == pytest.approx(3.0)
    assert row.cells["tokens_per_s"].value == pytest.approx(np.mean([6000 / s for s in (2, 3, 4)]))
    assert row.cells["peak"].value == pytest.approx(101)
    untrained = row_of(table, "untrained")
    assert (untrained.cells["train_s"].value, untrained.cells["tokens_per_s"].value) == (None, None)


def test_polarity_is_the_probes(store):
    row = row_of(made(store, "polarity"), "untrained")
    frame = scores(0.8, 0)
    values = frame.loc[frame["task"] == "stsb", "score"].to_numpy(float)
    gold = frame.loc[frame["task"] == "stsb", "gold"].to_numpy(float) / 5
    low, high = np.quantile(values, [0.05, 0.95])
    assert row.cells["used range"].value == pytest.approx(high - low)
    excess = np.mean(np.abs(values) >= 0.9) - np.mean((gold <= 0.05) | (gold >= 0.95))
    assert row.cells["extreme mass (nominal)"].value == pytest.approx(excess)
    assert row.cells["wasserstein (nominal)"].value == pytest.approx(
        stats.wasserstein_distance((values + 1) / 2, gold)
    )
    assert len(values) == PAIRS


def test_a_transfer_average_has_an_interval_and_a_mark_where_examples_decide(tmp_path):
    """Beside the best, one that errs on one example of 280 more, and one that errs on a quarter
    more.
    """
    add_evaluations(tmp_path)
    best = next(run for run in find_runs(tmp_path) if run.id == "transfer-a")
    frame = pd.read_parquet(best.predictions)
    wrong = {
        "close": (frame["task"] == "mr") & (frame["row"] < 1),
        "far": frame["row"] < EXAMPLES / 4,
    }
    for name, rows in wrong.items():
        worse = frame.assign(predicted=frame["predicted"].mask(rows, 0))
        right = (worse["label"] == worse["predicted"]).groupby(worse["task"]).mean()
        tasks = {
            task: values | {"accuracy": float(right[task])}
            for task, values in best.record.results.tree()["tasks"].items()
        }
        told = {"name": name, "pooling": "mean", "layers": 3, "baseline": None}
        results = best.record.results.tree() | {"encoder": told, "tasks": tasks}
        add_run(
            tmp_path,
            "eval",
            name,
            config=best.record.config.tree() | {"encoder": name},
            results=results,
            frame=worse,
        )
    table = made(tmp_path, "transfer", beside=())
    cells = {row.cells["encoder"].value: row.cells["avg"] for row in table.rows}
    assert {name: cell.mark for name, cell in cells.items()} == {
        "encoder-a": "",
        "encoder-b": "",  # it has no average
        "close": "†",
        "far": "",
    }
    right = [(frame["predicted"] == 1)[frame["task"] == task].to_numpy(float) for task in TRANSFER]
    error = np.sqrt(sum(r.var(ddof=1) / len(r) for r in right)) / len(TRANSFER)
    a = cells["encoder-a"]
    assert (a.high - a.value, a.value - a.low) == pytest.approx(
        (1.96 * error, 1.96 * error), rel=1e-4
    )
    assert cells["encoder-b"].low is None  # a task is missing


def on_a_terminal(table, width):
    console = Console(width=width, file=io.StringIO(), color_system=None)
    console.print(rich_table(table, width))
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def test_on_a_narrow_terminal_what_rows_share_stands_above_them(store):
    table = made(store, "sts")
    lines = on_a_terminal(table, 80)
    assert "encoder" not in lines[1]
    assert lines.count("recse-lab/tiny, portability, simcse-2021, all") == 1
    (line,) = [
        line for line in lines if line.startswith("trained: framework crop, reshape without")
    ]
    assert line.endswith(
        f"{100 * row_of(table, 'trained: framework crop, reshape without').cells['avg'].value:.2f} "
        "±2.66"
    )
    wide = on_a_terminal(table, 400)
    assert "encoder" in wide[1]
    assert not any(line.startswith("recse-lab/tiny, portability") for line in wide)
    assert sum("recse-lab/tiny" in line for line in wide) == 7
