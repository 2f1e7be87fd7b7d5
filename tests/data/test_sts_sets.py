"""STS data: numbers of pairs on the real sets, SentEval's reading of them, and damaged files told
by line.
"""

import re

import numpy as np
import pytest
from conftest import write_senteval

from recse_lab.data.sts_sets import SEVEN, SUBSETS, find_senteval, load_task, tasks_fingerprint
from recse_lab.errors import LabError

PAIRS = {
    "sts12": 3108,
    "sts13": 1500,
    "sts14": 3750,
    "sts15": 3000,
    "sts16": 1186,
    "stsb": 1379,
    "sickr": 4927,
    "sickr-all": 9927,
    "stsb-dev": 1500,
}


@pytest.mark.parametrize("name", PAIRS)
def test_numbers_of_pairs_are_the_published_ones(data_dir, name):
    task = load_task(name, data_dir)
    assert sum(len(p.gold) for p in task.subsets.values()) == PAIRS[name]
    for pairs in task.subsets.values():
        assert len(pairs.first) == len(pairs.second) == len(pairs.gold)
        assert pairs.gold.min() >= 0
        assert pairs.gold.max() <= 5


def test_first_pair_of_sts_benchmark(data_dir):
    pairs = load_task("stsb", data_dir).subsets["stsb"]
    assert (pairs.first[0], pairs.second[0]) == (
        "a girl is styling her hair .",
        "a girl is brushing her hair .",
    )
    assert pairs.gold[0] == np.float32(2.5)


def test_the_folder_or_the_one_above(small_senteval, tmp_path):
    (tmp_path / "senteval").symlink_to(small_senteval)
    assert find_senteval(tmp_path) == tmp_path / "senteval"
    assert find_senteval(small_senteval) == small_senteval
    with pytest.raises(LabError, match="no STS data here"):
        find_senteval(tmp_path / "nowhere")


def test_pairs_without_gold_are_skipped(tmp_path):
    root = write_senteval(tmp_path)
    gold = root / "STS/STS15-en-test/STS.gs.belief.txt"
    lines = gold.read_text().split("\n")
    lines[3] = ""
    gold.write_text("\n".join(lines))
    pairs = load_task("sts15", root).subsets["belief"]
    texts = (root / "STS/STS15-en-test/STS.input.belief.txt").read_text().split("\n")
    assert len(pairs.gold) == 11
    assert pairs.first[3] == texts[4].split("\t")[0]


def test_order_of_subsets_is_senteval_s():
    assert list(SUBSETS["sts12"]) == [
        "MSRpar",
        "MSRvid",
        "SMTeuroparl",
        "surprise.OnWN",
        "surprise.SMTnews",
    ]
    assert len(SEVEN) == 7


def test_fingerprint_moves_with_one_gold_score(tmp_path):
    root = write_senteval(tmp_path)
    before = tasks_fingerprint([load_task("stsb", root)])
    file = root / "STS/STSBenchmark/sts-test.csv"
    file.write_text(file.read_text().replace("\t5\t", "\t4.9\t", 1))
    assert tasks_fingerprint([load_task("stsb", root)]) != before


MSRPAR, STSB, SICK = (
    "STS12-en-test/STS.gs.MSRpar.txt",
    "STSBenchmark/sts-test.csv",
    "../SICK/SICK_test_annotated.txt",
)
SICK_HEAD = "pair_ID\tsentence_A\tsentence_B\trelatedness_score\tentailment_judgment"


def line(number, text):
    """Damage that puts ``text`` in place of one line, numbered from 1."""
    return lambda lines: [*lines[: number - 1], text, *lines[number:]]


@pytest.mark.parametrize(
    ("task", "file", "damage", "message"),
    [
        (
            "sts12",
            MSRPAR,
            lambda lines: lines[:5],
            "line 5: the file ends here, its partner has 12 lines",
        ),
        (
            "sts16",
            "STS16-en-test/STS.input.headlines.txt",
            line(5, "half a line"),
            "line 5: 1 fields instead of 2",
        ),
        (
            "sts12",
            "STS12-en-test/STS.input.MSRvid.txt",
            line(1, "a\tb\tc"),
            "line 1: 3 fields instead of 2",
        ),
        (
            "sts13",
            "STS13-en-test/STS.gs.FNWN.txt",
            line(1, "x"),
            "line 1: gold score 'x' is no number from 0 to 5",
        ),
        (
            "sts14",
            "STS14-en-test/STS.gs.images.txt",
            line(2, "7"),
            "line 2: gold score '7' is no number from 0 to 5",
        ),
        (
            "stsb",
            STSB,
            line(12, "main\tf\t2012\t11\t3.2\ta dog"),
            "line 12: 6 fields instead of 7; is the file truncated",
        ),
        ("stsb", STSB, lambda lines: [], "the file is empty"),
        ("sickr", SICK, lambda lines: [*lines[:3], "4\tonly"], "line 4: 2 fields instead of 5"),
        (
            "sickr",
            SICK,
            line(2, "1\ta\tb\t0.5\tNEUTRAL"),
            r"line 2: gold score '0\.5' is no number from 1 to 5",
        ),
        ("sickr", SICK, line(2, "1\ta\tb\tnan\tNEUTRAL"), "line 2: gold score 'nan' is no number"),
        ("sickr", SICK, lambda lines: [SICK_HEAD], "no pair in it"),
    ],
)
def test_damage_is_told_by_file_and_line(tmp_path, task, file, damage, message):
    path = (write_senteval(tmp_path) / "STS" / file).resolve()
    lines = damage(path.read_text().splitlines())
    path.write_text("".join(f"{line}\n" for line in lines))
    with pytest.raises(LabError, match=rf"{re.escape(path.name)}.*{message}"):
        load_task(task, tmp_path)


def test_line_of_what_is_not_text(tmp_path):
    root = write_senteval(tmp_path)
    path = root / "STS/STSBenchmark/sts-test.csv"
    lines = path.read_bytes().split(b"\n")
    lines[4] += b"\xff"
    path.write_bytes(b"\n".join(lines))
    with pytest.raises(LabError, match=r"sts-test\.csv, line 5: not UTF-8"):
        load_task("stsb", root)


def test_windows_line_ends_are_no_part_of_a_sentence(tmp_path):
    root = write_senteval(tmp_path)
    before = load_task("stsb", root).subsets["stsb"]
    path = root / "STS/STSBenchmark/sts-test.csv"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert load_task("stsb", root).subsets["stsb"].second == before.second


def test_white_space_is_collapsed_as_senteval_does(tmp_path):
    """A byte-level tokenizer would see two blanks, or one at the end, as tokens."""
    root = write_senteval(tmp_path)
    before = load_task("sts14", root)
    for file in (root / "STS/STS14-en-test").glob("STS.input.*"):
        file.write_text(file.read_text().replace(" ", "  ").replace("\n", " \n"))
    assert tasks_fingerprint([load_task("sts14", root)]) == tasks_fingerprint([before])


def test_no_sentence_has_white_space_to_collapse(data_dir):
    for name in PAIRS:
        for pairs in load_task(name, data_dir).subsets.values():
            assert all(text == " ".join(text.split()) for text in (*pairs.first, *pairs.second))


def test_all_of_sick_is_trial_train_and_test(small_senteval):
    parts = load_task("sickr-all", small_senteval).subsets["sickr-all"]
    test = load_task("sickr", small_senteval).subsets["sickr"]
    assert (len(parts.gold), len(test.gold)) == (36, 12)
    assert parts.first[24:] == test.first
    np.testing.assert_array_equal(parts.gold[24:], test.gold)


def test_missing_file_and_unknown_task(tmp_path, small_senteval):
    root = write_senteval(tmp_path)
    (root / "STS/STSBenchmark/sts-dev.csv").unlink()
    with pytest.raises(LabError, match=r"sts-dev\.csv: no such file; the STS data are incomplete"):
        load_task("stsb-dev", root)
    with pytest.raises(LabError, match="unknown task 'sts-b'; did you mean stsb"):
        load_task("sts-b", small_senteval)
    with pytest.raises(LabError, match="give --data-dir"):
        load_task("stsb", None)


STS16_INPUT = "STS16-en-test/STS.input.headlines.txt"


@pytest.mark.parametrize(
    "task", [("stsb", STSB), ("sickr", SICK), ("sts12", MSRPAR), ("sts16", STS16_INPUT)]
)
@pytest.mark.parametrize("layout", ["byte order mark", "blank line at the end"])
def test_layouts_that_editors_leave_are_read_as_they_are(tmp_path, task, layout):
    name, file = task
    root = write_senteval(tmp_path)
    before = load_task(name, root)
    path = (root / "STS" / file).resolve()
    content = path.read_bytes()
    path.write_bytes(b"\xef\xbb\xbf" + content if layout == "byte order mark" else content + b"\n")
    assert_same(load_task(name, root), before)


@pytest.mark.parametrize(
    ("name", "file", "change"),
    [
        (
            "stsb",
            STSB,
            lambda lines: ["genre\tfilename\tyear\told_index\tscore\tsentence1\tsentence2", *lines],
        ),
        ("sts16", STS16_INPUT, lambda lines: [f"{line}\tsource\tsource" for line in lines]),
    ],
)
def test_a_header_and_the_four_columns_of_sts16_are_known(tmp_path, name, file, change):
    root = write_senteval(tmp_path)
    before = load_task(name, root)
    path = (root / "STS" / file).resolve()
    path.write_text("".join(f"{line}\n" for line in change(path.read_text().splitlines())))
    assert_same(load_task(name, root), before)


def assert_same(found, wanted):
    assert found.subsets.keys() == wanted.subsets.keys()
    for subset, pairs in wanted.subsets.items():
        assert found.subsets[subset].gold.tolist() == pairs.gold.tolist()
        assert list(found.subsets[subset].first) == list(pairs.first)
