"""Published rows: every average is that of its row or says that it is not, sources are stated,
memory is shown on request alone.
"""

import numpy as np
import pytest

from recse_lab import notebook
from recse_lab.data.sts_sets import SEVEN
from recse_lab.data.transfer_sets import TRANSFER
from recse_lab.errors import LabError
from recse_lab.reports.published import PUBLISHED, published_ablations, sts_rows, transfer_rows


@pytest.mark.parametrize(("name", "tasks"), [("sts", SEVEN), ("transfer", TRANSFER)])
def test_an_average_is_that_of_its_row_or_says_so(name, tasks):
    rows = PUBLISHED[name]()
    whole = rows[rows[[*tasks, "avg"]].notna().all(axis=1)]
    assert len(whole) > 0.8 * len(rows)
    off = (
        whole[list(tasks)].mean(axis=1) - whole["avg"]
    ).abs() > 0.0111  # one rounding of the mean, one of each task
    unsaid = whole[off & whole["average_note"].isna()]
    assert unsaid["method"].tolist() == []


@pytest.mark.parametrize("name", PUBLISHED)
def test_every_row_has_a_source_and_is_there_once(name):
    rows = PUBLISHED[name]()
    assert set(rows["confidence"]) <= {"read-directly", "quoted-by-another-source", "memory"}
    assert rows["source"].str.len().min() > 10
    assert not rows.duplicated().any()
    assert (
        rows[[c for c in rows if rows[c].dtype.kind not in "fi" and c != "average_note"]]
        .notna()
        .all()
        .all()
    )


def test_numbers_are_times_100():
    for name, tasks in (("sts", SEVEN), ("transfer", TRANSFER)):
        numbers = PUBLISHED[name]()[list(tasks)].to_numpy()
        assert np.nanmin(numbers) > 10
        assert np.nanmax(numbers) < 100
    assert np.isfinite(published_ablations()["score"]).all()
    dropout = published_ablations().query(
        "factor == 'dropout probability (unsup BERT-base)' and value == '0.1 (default)'"
    )
    assert dropout["score"].tolist() == [82.5]


def test_rows_from_memory_are_shown_on_request():
    assert transfer_rows(["rankcse-listnet"], memory=True)["avg"].tolist() == [87.33]
    with pytest.raises(LabError, match="no published result 'rankcse-listnet'"):
        transfer_rows(["rankcse-listnet"])
    assert transfer_rows(["simcse@bert-base"])["avg"].tolist() == [85.81]
    assert sts_rows(["simcse@bert-base"]).query("aggregation == 'all'")["avg"].tolist() == [76.25]
    for name in PUBLISHED:
        shown, everything = notebook.published(name), notebook.published(name, memory=True)
        assert "memory" not in set(shown["confidence"])
        assert len(everything) - len(shown) == (everything["confidence"] == "memory").sum() > 0
    with pytest.raises(LabError, match="there are sts, transfer, ablations"):
        notebook.published("mteb")
