"""The matrix of backbones: a short part of it, all of it where time is no matter, and its
honesty.
"""

from pathlib import Path

import pytest

from recse_lab.errors import LabError
from recse_lab.jobs import selftest
from recse_lab.jobs.selftest import CHECKS, Subject, try_backbones
from recse_lab.models.attention import EQUAL_TO_EAGER
from recse_lab.models.families import FAMILIES
from recse_lab.reports.backbones import COLUMNS, backbones_page

SEES_PADDING = ("convbert", "fnet", "mobilebert", "nystromformer", "yoso")
REFUSED = {
    **dict.fromkeys(SEES_PADDING, "sees its padding"),
    "funnel": "does not give the states of its 3 layers",
    "bart": "is an encoder and a decoder",
    "mbart": "is an encoder and a decoder",
}
QUICK = ("loads", "= eager", "dropout", "batch")
SHORT = ("modernbert", "gpt2", "albert", "data2vec-text", "t5", "gemma2", "llama")


@pytest.mark.parametrize("family", SHORT)
def test_a_family_is_right_before_training(family):
    ((_, cells),) = try_backbones([family], checks=QUICK)
    assert {cell.state for cell in cells.values()} == {"right"}, cells


@pytest.mark.parametrize("family", ["convbert", "bart", "funnel"])
def test_a_family_that_cannot_be_right_is_refused(family):
    ((_, cells),) = try_backbones([family], checks=("loads", "dropout"))
    assert cells["loads"].state == "refused"
    assert REFUSED[family] in cells["loads"].told
    assert "/" not in cells["loads"].told  # the family's name, and not the folder it lay in
    assert cells["dropout"].state == "skipped"


def test_a_step_of_the_headline_study_runs_on_narrow_embeddings():
    ((_, cells),) = try_backbones(["albert"], checks=("loads", "reCSE 0"))
    assert [cell.state for cell in cells.values()] == ["right", "right"], cells


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_no_cell_of_the_matrix_is_a_fault(family):
    ((_, cells),) = try_backbones([family])
    faults = {name: cell.told for name, cell in cells.items() if cell.state == "fault"}
    assert not faults
    if family in REFUSED:
        assert REFUSED[family] in cells["loads"].told
    else:
        assert {cells[name].state for name in ("loads", "= eager", "batch")} == {"right"}


def test_there_are_thirty_families_and_attention_is_trusted_in_no_other():
    assert len(FAMILIES) >= 30
    known = {family.model_type for family in FAMILIES.values()}
    assert set.union(*map(set, EQUAL_TO_EAGER.values())) <= known


def _number(encoder, ids, mask, original=None):
    return tuple(state * 1.001 for state in original(encoder, ids, mask))


def test_a_number_that_is_slightly_wrong_is_a_fault(monkeypatch):
    original = selftest.TransformerEncoder.hidden_states
    monkeypatch.setattr(
        selftest.TransformerEncoder,
        "hidden_states",
        lambda encoder, ids, mask: _number(encoder, ids, mask, original),
    )
    ((_, cells),) = try_backbones(["bert"], checks=("= eager", "batch"))
    assert cells["= eager"].state == "fault"
    assert "hidden states under plain attention differ by 1" in cells["= eager"].told
    assert cells["batch"].state == "right"  # the same error everywhere


def test_a_traceback_is_a_fault_and_a_sentence_is_none(tmp_path):
    def breaks(subject):
        raise KeyError("x")

    def refuses(subject):
        raise LabError(f"{subject.folder}: no.")

    subject = Subject("bert", tmp_path)
    assert selftest._cell(breaks, subject) == ("fault", "KeyError: 'x'")
    assert selftest._cell(refuses, subject) == ("refused", "no.")


def test_the_page_says_each_sentence_once_and_what_its_columns_mean():
    assert COLUMNS.keys() == CHECKS.keys()
    right = selftest.Cell("right")
    first, second = (
        selftest.Cell("refused", f"this {name} model has none.") for name in ("bert", "gemma2")
    )
    page = backbones_page(
        {"bert": {"loads": right, "batch": first}, "gemma2": {"loads": second, "batch": right}},
        {"transformers": "5.0"},
    )
    assert "| bert | plain, sdpa, eager | yes | refused [1] |" in page
    assert "| gemma2 | eager | refused [1] | yes |" in page
    assert page.count("This model has none.") == 1


def test_the_page_in_the_docs_has_every_family_and_no_fault():
    """It is written by the command; a family that is added is tried before it is listed."""
    text = (Path(__file__).parents[2] / "docs" / "backbones.md").read_text(encoding="utf-8")
    rows = [line.split(" | ") for line in text.splitlines() if line.startswith("| ")]
    assert [row[0].removeprefix("| ") for row in rows[2:]] == list(FAMILIES)
    assert not any("fault" in cell for row in rows for cell in row)
