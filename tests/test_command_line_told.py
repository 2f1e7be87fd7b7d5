"""The command that a result carries: what others type, without this machine's paths."""

import sys

from recse_lab.runs.provenance import command_line


def test_data_is_named_by_the_folder_it_lies_in(tmp_path, monkeypatch):
    data = tmp_path / "data"
    (data / "wiki").mkdir(parents=True)
    (data / "wiki" / "a.txt").write_text("x")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("RECSE_LAB_DATA", str(data))
    arguments = [
        "ablate",
        "arms",
        "--corpus",
        "../data/wiki/a.txt",
        "--data-dir",
        str(data),
        "--set",
        "reshape.dim=[8, 16]",
    ]
    monkeypatch.setattr(sys, "argv", ["/somewhere/recse-lab", *arguments])
    corpus, folder = "--corpus $RECSE_LAB_DATA/wiki/a.txt", "--data-dir $RECSE_LAB_DATA"
    assert command_line() == f"recse-lab ablate arms {corpus} {folder} --set 'reshape.dim=[8, 16]'"


def test_other_files_and_names_stay_as_they_were_typed(tmp_path, monkeypatch):
    (tmp_path / "database").mkdir()
    monkeypatch.setenv("RECSE_LAB_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(
        sys,
        "argv",
        ["recse-lab", "eval", "recse-lab/tiny", "--data-dir", str(tmp_path / "database")],
    )
    assert command_line() == f"recse-lab eval recse-lab/tiny --data-dir {tmp_path / 'database'}"
    monkeypatch.delenv("RECSE_LAB_DATA")
    assert command_line() == f"recse-lab eval recse-lab/tiny --data-dir {tmp_path / 'database'}"


def test_a_word_is_no_file_because_one_stands_in_the_data(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RECSE_LAB_DATA", str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["recse-lab", "ablate", "arms"])
    assert command_line() == "recse-lab ablate arms"


def test_another_program_goes_by_its_own_name(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["/somewhere/__main__.py", "--quick"])
    assert command_line("python -m benchmarks") == "python -m benchmarks --quick"
