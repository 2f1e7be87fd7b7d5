"""SentEval's linguistic probing tasks: its layout, its classes, and what is refused."""

import io
import urllib.error

import numpy as np
import pytest

from recse_lab.data import linguistic_sets
from recse_lab.data.linguistic_sets import (
    LINGUISTIC,
    find_linguistic,
    load_linguistic,
    load_linguistic_task,
    pull_linguistic,
    reduced,
)
from recse_lab.errors import LabError

TENSE = (
    "tr\tPRES\tHe  runs .\n"
    "tr\tPAST\tobject\tHe ran .\n"
    "tr\tPAST\tThey sang .\n"
    "va\tPRES\tShe eats .\n"
    "te\tPAST\tShe ate — caf\u00e9 .\n"
)


def write(folder, text=TENSE, file="past_present.txt"):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / file).write_text(text, encoding="utf-8")
    return folder


def test_a_task_is_read_as_senteval_reads_it(tmp_path):
    """The first field is the split, the second the class, the last the sentence."""
    task = load_linguistic_task("tense", write(tmp_path))
    assert task.classes == ("PAST", "PRES")
    assert task.splits["train"].first == ["He runs .", "He ran .", "They sang ."]
    np.testing.assert_array_equal(task.splits["train"].label, [1, 0, 0])
    assert task.splits["test"].first == ["She ate — caf\u00e9 ."]
    assert [len(part.label) for part in task.splits.values()] == [3, 1, 1]


@pytest.mark.parametrize("place", ["", "probing", "data/probing", "senteval/probing"])
def test_the_folder_is_found_in_senteval_s_layouts(tmp_path, place):
    write(tmp_path / place)
    assert find_linguistic(tmp_path) == tmp_path / place
    assert list(load_linguistic(tmp_path)) == ["tense"]


def test_it_is_found_beside_the_downstream_sets(tmp_path):
    write(tmp_path / "data" / "probing")
    (tmp_path / "data" / "downstream").mkdir()
    assert find_linguistic(tmp_path / "data" / "downstream") == tmp_path / "data" / "probing"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (TENSE + "xx\tPRES\tHe eats .\n", "line 6: not of the form tr|va|te, class, sentence"),
        (TENSE + "te\tPRES\n", "line 6: not of the form"),
        (TENSE + "te\tFUT\tHe will .\n", "line 6: class 'FUT' has no training sentence"),
        ("tr\tA\tx\nva\tA\ty\n", "no test sentence in it; is the file truncated?"),
        ("tr\tA\tx\nva\tA\ty\nte\tA\tz\n", "one class only, A"),
    ],
)
def test_a_damaged_file_is_refused_with_its_line(tmp_path, text, message):
    with pytest.raises(LabError, match="past_present") as refusal:
        load_linguistic_task("tense", write(tmp_path, text))
    assert message in str(refusal.value)


def test_what_is_not_there_is_refused(tmp_path):
    with pytest.raises(LabError, match="no linguistic probing task here"):
        load_linguistic(tmp_path)
    with pytest.raises(LabError, match="unknown linguistic task 'tens'"):
        load_linguistic_task("tens", write(tmp_path))
    with pytest.raises(LabError, match="no such file"):
        load_linguistic_task("odd-man-out", write(tmp_path))
    (tmp_path / "past_present.txt").write_bytes(b"tr\tA\t\xff\n")
    with pytest.raises(LabError, match="not UTF-8"):
        load_linguistic_task("tense", tmp_path)


def test_fewer_training_sentences_keep_every_class_and_the_whole_test(tmp_path):
    text = "".join(f"tr\t{'ABC'[i % 3]}\tsentence {i}\n" for i in range(30))
    task = load_linguistic_task("tense", write(tmp_path, text + "va\tA\tx\nte\tB\ty\n"))
    fewer = reduced(task, 7)
    np.testing.assert_array_equal(np.bincount(fewer.splits["train"].label), [2, 2, 2])
    assert fewer.splits["train"].first == [f"sentence {i}" for i in range(6)]
    assert fewer.splits["test"] is task.splits["test"]
    assert len(reduced(task, 1).splits["train"].label) == 3
    assert len(reduced(task, 1000).splits["train"].label) == 30


def test_the_ten_tasks_are_those_of_the_paper():
    assert len(LINGUISTIC) == 10
    kinds = [task.kind for task in LINGUISTIC.values()]
    assert [kinds.count(kind) for kind in ("surface", "syntax", "semantics")] == [2, 3, 5]


def test_the_download_asks_for_every_file_and_says_what_failed(tmp_path, monkeypatch):
    """Against a server made here: the real one was never reached."""
    monkeypatch.setenv("RECSE_LAB_CACHE", str(tmp_path))
    asked = []

    def answer(url, timeout):
        asked.append(url.rpartition("/")[2])
        return io.BytesIO(TENSE.encode())

    monkeypatch.setattr(linguistic_sets.urllib.request, "urlopen", answer)
    folder = pull_linguistic()
    assert asked == [task.file for task in LINGUISTIC.values()]
    assert find_linguistic("pulled") == folder
    pull_linguistic()
    assert len(asked) == 10  # nothing is fetched twice
    (folder / "past_present.txt").unlink()
    monkeypatch.setattr(
        linguistic_sets.urllib.request, "urlopen", lambda url, timeout: io.BytesIO(b"<html>\n")
    )
    with pytest.raises(LabError, match="line 1: not of the form"):
        pull_linguistic()
    assert not (folder / "past_present.txt").exists()

    def fail(url, timeout):
        raise urllib.error.URLError("no route")

    monkeypatch.setattr(linguistic_sets.urllib.request, "urlopen", fail)
    with pytest.raises(LabError, match="no route"):
        pull_linguistic()
