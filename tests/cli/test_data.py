"""`recse-lab data` as a user meets it; what it does with a hub is in tests/data/test_pull.py."""

import json
import sys

import pytest
from conftest import write_senteval

from recse_lab.cli import main
from recse_lab.data.manifest import data_sets


@pytest.fixture
def call(monkeypatch, capsys):
    """Run the command line in this process; give exit code and what it printed."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["recse-lab", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            main()
        out = capsys.readouterr()
        return stop.value.code or 0, out.out, out.err

    return run


def test_check_lists_every_set_and_is_content_with_nothing_pulled(call, tmp_path):
    code, out, err = call("data", "check", "--json", tmp_path / "found.json")
    assert (code, err) == (0, "")
    for each in data_sets():
        assert f"{each.name} " in out
    assert "`recse-lab data pull` fetches what is absent." in out
    found = json.loads((tmp_path / "found.json").read_text())
    assert found["sound"] is True
    assert {each["name"] for each in found["sets"] if each["state"] == "sound"} == {
        "sample-corpus",
        "sample-sts",
    }


def test_check_of_a_folder_tells_every_damaged_file_and_leaves_with_one(call, tmp_path):
    write_senteval(tmp_path)
    code, out, _ = call("data", "check", "--data-dir", tmp_path)
    assert code == 1
    assert "sts13: STS/STS13-en-test/STS.input.FNWN.txt: 12 lines instead of 189" in out
    assert "stsb: STS/STSBenchmark/LICENSE.txt: missing" in out


def test_real_data_are_sound(call, data_dir):
    code, out, _ = call("data", "check", "--data-dir", data_dir)
    assert code == 0
    assert "damaged" not in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["data", "pull", "wiki"], "unknown data set 'wiki'; did you mean wiki1m?"),
        (["data", "check", "--data-dir", "nowhere"], "nowhere: no STS data here"),
        (
            ["data", "check", "--data-dir", "pulled"],
            "nothing was pulled here yet; run `recse-lab data pull sts`",
        ),
        (
            ["eval", "TINY", "--data-dir", "pulled"],
            "nothing was pulled here yet; run `recse-lab data pull sts`",
        ),
        (["train", "--encoder", "TINY", "--corpus", "wiki1m"], "run `recse-lab data pull wiki1m`"),
    ],
)
def test_a_mistake_is_one_sentence_and_exit_code_two(call, tiny, arguments, message):
    code, _, err = call(*(tiny if a == "TINY" else a for a in arguments))
    assert code == 2, err
    assert err.startswith("error: ")
    assert message in err
    assert err.count("\n") == 1
