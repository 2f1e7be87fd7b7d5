"""`recse-lab report TABLE` and `report claims` as a user meets them."""

import json

import pytest
from runstore import make_store

from recse_lab.runs.store import default_root


@pytest.fixture
def store():
    """The store that the command line looks into."""
    return make_store(default_root())


def test_a_table_is_written_in_three_formats_with_its_card(call, store, tmp_path):
    code, out, err = call(
        "report", "sts", "--study", "eval", "--beside", "simcse@bert-base", "--out", tmp_path
    )
    assert code == 0, err
    assert {p.name for p in (tmp_path / "sts").iterdir()} == {
        "table.md",
        "table.tex",
        "table.csv",
        "card.json",
    }
    assert "76.25" in (tmp_path / "sts" / "table.csv").read_text()
    card = json.loads((tmp_path / "sts" / "card.json").read_text())
    assert card["provenance"][0] == "`recse-lab report sts --study eval --beside simcse@bert-base`"
    assert {"eval/sts-a", "eval/mteb-a"} <= set(card["runs"])
    assert card["summary"][0].startswith("eval: mean pooling, 3 layers is highest")
    assert card["summary"][0] in " ".join(out.split())


def test_code_of_an_unknown_commit_is_marked(call, store, tmp_path):
    call("report", "transfer", "--out", tmp_path)
    text = (tmp_path / "transfer" / "table.md").read_text()
    assert "mean pooling, 3 layers§" in text
    assert "§ of 2 of 2 runs it cannot be told" in text


def test_claims(call, store, tmp_path):
    code, out, err = call("report", "claims", "--out", tmp_path)
    assert code == 0, err
    assert (tmp_path / "claims.md").is_file()
    assert (tmp_path / "claims" / "table.tex").is_file()
    assert "not measured (flat-memory)" in " ".join(out.split())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["report", "sst"], "did you mean sts?"),
        (["report", "sts", "--study", "portabilty"], "did you mean portability?"),
        (["report", "sts", "--beside", "simsce"], "no published result 'simsce'"),
        (["report", "sts", "--aggregation", "mena"], "expected all, mean or wmean"),
        (["report", "claims", "--beside", "simcse"], "--beside is an option of tables"),
        (["report", "transfer", "--protocol", "senteval-1fold"], "under protocol senteval-1fold"),
    ],
)
def test_mistakes_are_told_in_a_sentence(call, store, tmp_path, arguments, message):
    code, _, err = call(*arguments, "--out", tmp_path / "r")
    assert code == 2
    assert message in err
    assert not (tmp_path / "r").exists()


def test_tables_are_listed(call):
    code, out, _ = call("list", "tables")
    assert code == 0
    for name in ("sts", "transfer", "alignment-uniformity", "polarity", "portability", "cost"):
        assert name in out


def test_claims_of_an_empty_store_leave_the_verdicts_alone(call, tmp_path):
    (tmp_path / "claims.md").write_text("kept")
    for absent in (tmp_path / "absent", tmp_path):
        code, _, err = call("report", "claims", "--runs", absent, "--out", tmp_path)
        assert (code, err.count("\n")) == (2, 1)
        assert "no run here" in err
    assert (tmp_path / "claims.md").read_text() == "kept"
