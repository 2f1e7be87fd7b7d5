"""docs/add-a-table.md does what it says: the table is written from a store by the command line."""

import re
import types

import pandas as pd
import pytest
from conftest import REPO
from runstore import add_trained

from recse_lab.errors import LabError
from recse_lab.reports.paper import TABLES, Ask

PAGE = (REPO / "docs" / "add-a-table.md").read_text(encoding="utf-8")
FILE, LINE = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


@pytest.fixture
def dev_gap(monkeypatch):
    module = types.ModuleType("dev_gap_table")
    exec(compile(FILE, "docs/add-a-table.md", "exec"), vars(module))
    line = eval("{" + LINE + "}", {"dev_gap": module})
    monkeypatch.setitem(TABLES, *next(iter(line.items())))
    return module


def test_the_table_is_written_with_its_numbers(dev_gap, call, tmp_path):
    runs = [
        add_trained(tmp_path / "runs", "train", f"{seed}bc123abc123", 0.4, seed) for seed in (1, 2)
    ]
    pairs = [
        (run.record.results.dev.spearman, run.record.results.headline()["average"]) for run in runs
    ]
    code, out, err = call(
        "report", "dev-gap", "--runs", tmp_path / "runs", "--out", tmp_path / "out"
    )
    assert code == 0, err
    assert "points." in out
    frame = pd.read_csv(tmp_path / "out" / "dev-gap" / "table.csv", comment="#")
    lost = [100 * (test - dev) for dev, test in pairs]
    assert frame["lost"].to_list() == [pytest.approx(sum(lost) / 2, abs=0.06)]  # one arm, two seeds


def test_a_store_without_dev_scores_is_refused(dev_gap):
    with pytest.raises(LabError, match="no finished run has a dev score"):
        dev_gap.table([], Ask())
