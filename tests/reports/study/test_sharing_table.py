"""The table of what sharing costs: both judgements from the same runs, by hand."""

import numpy as np
import pandas as pd
import pytest

from recse_lab.errors import LabError
from recse_lab.reports.paper import sharing_table
from recse_lab.reports.paper.request import Ask
from recse_lab.reports.study.numbers import read_numbers
from recse_lab.runs.collection import read_study
from recse_lab.runs.comparing import Paired


@pytest.fixture
def sharing(study):
    """The study with sentence ids: the pairs form a star about few sentences."""
    for run in read_study(study.study.folder).runs:
        scores = pd.read_parquet(run.scores)
        rows = np.arange(len(scores))
        scores.assign(first=rows // 10, second=1000 + rows).to_parquet(run.scores)
    return study.study.folder


def test_both_columns_are_the_comparison_with_and_without_shared_sentences(sharing):
    made = sharing_table.table(read_study(sharing).arms, Ask())
    numbers = read_numbers(sharing)
    wanted = {c.hypothesis: c for c in numbers.comparisons}
    assert len(made.rows) == len(wanted)
    for row, compared in zip(made.rows, wanted.values(), strict=True):
        both = Paired(compared.arm, compared.reference, numbers.sample)
        old, new = both.compare(independent=True), both.compare()
        cells = row.cells
        assert (cells["independent"].low, cells["delta"].low) == (old.low, new.low)
        assert cells["independent"].value == cells["delta"].value == new.delta
        assert cells["wider"].value == pytest.approx((new.high - new.low) / (old.high - old.low))
        assert cells["ratio"].value >= 1
    assert f"Of {len(made.rows)} comparisons" in sharing_table.answer(made)


def test_without_a_study_there_is_no_such_table():
    with pytest.raises(LabError, match="whose sentences are known"):
        sharing_table.table([], Ask())
