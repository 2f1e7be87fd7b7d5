"""Transfer tasks: the published numbers of examples, SentEval's reading and order, and damaged
files told by line.
"""

import numpy as np
import pytest

from recse_lab.data.transfer_sets import (
    BINARY,
    SIZES,
    TRANSFER,
    TRANSFER_LABELS,
    find_transfer,
    load_transfer_task,
    transfer_fingerprint,
)
from recse_lab.errors import LabError

TREC_CLASSES = ("ABBR", "DESC", "ENTY", "HUM", "LOC", "NUM")
MRPC_HEAD = "\ufeffQuality\t#1 ID\t#2 ID\t#1 String\t#2 String"


def write(path, lines, encoding="utf-8"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes("".join(f"{line}\n" for line in lines).encode(encoding))


@pytest.fixture
def root(tmp_path):
    """Small made-up files of all tasks."""
    for positive, negative in BINARY.values():
        write(tmp_path / positive, ["good  film . ", "caf\xe9", "a b c"], "latin-1")
        write(tmp_path / negative, ["bad", "", "x\ty z "], "latin-1")
    for split in ("train", "dev", "test"):
        write(tmp_path / f"SST/binary/sentiment-{split}", ["fine – work \t1", "no\t0", "so so\t0"])
    for file in ("train_5500", "TREC_10"):
        lines = [
            "NUM:dist How far is it ?",
            "ABBR:exp What is NATO ?",
            "LOC:city Where is M\xf0 now ?",
        ]
        write(tmp_path / f"TREC/{file}.label", lines, "latin-1")
    for split in ("train", "test"):
        lines = [
            "1\t11\t12\tA cat sat .\tThe cat sat down .",
            "0\t13\t14\tOne .\tTwo ?",
            '0\t1\t2\tShe said "so .\tHe .',
        ]
        write(tmp_path / f"MRPC/msr_paraphrase_{split}.txt", [MRPC_HEAD, *lines])
    return tmp_path


@pytest.fixture(scope="module")
def senteval(data_dir):
    folder = data_dir / "senteval"
    if not (folder / "MR").is_dir():
        pytest.skip(f"no transfer data in {folder}")
    return folder


@pytest.mark.parametrize("name", TRANSFER)
def test_numbers_of_examples_are_senteval_s(senteval, name):
    task = load_transfer_task(name, senteval)
    assert {split: len(part.label) for split, part in task.splits.items()} == SIZES[name]
    for part in task.splits.values():
        assert len(part.first) == len(part.label)
        assert (part.second is None) == (name != "mrpc")
        assert set(part.label.tolist()) == set(range(len(task.classes)))


def senteval_binary(positive, negative):
    """senteval/binary.py, transcribed: words and labels as it hands them to its folds."""
    samples = [
        line.split()
        for file in (positive, negative)
        for line in file.read_text("latin-1").splitlines()
    ]
    count = len(positive.read_text("latin-1").splitlines())
    labels = [1] * count + [0] * (len(samples) - count)
    return sorted(zip(samples, labels, strict=True), key=lambda z: (len(z[0]), z[1]))


@pytest.mark.parametrize("name", BINARY)
def test_order_of_the_folds_is_senteval_s(senteval, name):
    expected = senteval_binary(*(senteval / file for file in BINARY[name]))
    part = load_transfer_task(name, senteval).splits["all"]
    assert [s.split() for s in part.first] == [words for words, _ in expected]
    assert part.label.tolist() == [label for _, label in expected]


def test_positive_classes_are_senteval_s(senteval):
    def examples(name):
        part = load_transfer_task(name, senteval).splits["all"]
        return dict(zip(part.first, part.label.tolist(), strict=True))

    assert examples("mr")["simplistic , silly and tedious ."] == 0
    assert (
        examples("subj")[
            "smart and alert , thirteen conversations about one thing is a small gem ."
        ]
        == 0
    )
    assert examples("mpqa")["complaining"] == 0
    assert sum(examples("cr").values()) > 2000


def test_binary_files_as_senteval_reads_them(root):
    part = load_transfer_task("mr", root).splits["all"]
    assert part.first == ["", "bad", "café", "x y z", "good film .", "a b c"]
    assert part.label.tolist() == [0, 0, 1, 0, 1, 1]
    assert part.label.dtype == np.int64


def test_sst2_and_trec(root):
    sst = load_transfer_task("sst2", root)
    assert list(sst.splits) == ["train", "dev", "test"]
    assert sst.splits["dev"].first == ["no", "so so", "fine – work"]
    assert sst.splits["dev"].label.tolist() == [0, 0, 1]
    trec = load_transfer_task("trec", root)
    assert trec.classes == TREC_CLASSES
    assert trec.splits["test"].first == ["What is NATO ?", "Where is Mð now ?", "How far is it ?"]
    assert trec.splits["test"].label.tolist() == [0, 4, 5]


def test_mrpc_pairs(root):
    part = load_transfer_task("mrpc", root).splits["train"]
    assert part.first == ["One .", 'She said "so .', "A cat sat ."]
    assert part.second == ["Two ?", "He .", "The cat sat down ."]
    assert part.label.tolist() == [0, 0, 1]


def test_mrpc_is_ordered_by_both_lengths_then_class(root):
    lines = [
        "1\t1\t2\ta b\tc",
        "0\t1\t2\ta b\td",
        "0\t1\t2\te\tf g",
        "0\t1\t2\te\tf",
        "1\t1\t2\tfirst of all\tlast",
    ]
    write(root / "MRPC/msr_paraphrase_test.txt", [MRPC_HEAD, *lines])
    part = load_transfer_task("mrpc", root).splits["test"]
    assert list(zip(part.first, part.second, part.label.tolist(), strict=True)) == [
        ("e", "f", 0),
        ("e", "f g", 0),
        ("a b", "d", 0),
        ("a b", "c", 1),
        ("first of all", "last", 1),
    ]


def line(number, text):
    """Damage that puts ``text`` in place of one line, numbered from 1."""
    return lambda lines: [*lines[: number - 1], text, *lines[number:]]


SST, TREC, MRPC = "SST/binary/sentiment-dev", "TREC/TREC_10.label", "MRPC/msr_paraphrase_train.txt"


@pytest.mark.parametrize(
    ("task", "file", "damage", "message"),
    [
        ("sst2", SST, line(2, "no label"), "line 2: 1 fields instead of 2"),
        ("sst2", SST, line(3, "so so\t2"), "line 3: class '2' is neither 0 nor 1"),
        ("sst2", SST, line(1, "fine\t"), "line 1: 1 fields instead of 2"),
        (
            "trec",
            TREC,
            line(2, "ABBR What is NATO ?"),
            "line 2: not of the form CLASS:detail question",
        ),
        ("trec", TREC, line(3, "LOC:city"), "line 3: not of the form"),
        ("trec", TREC, line(1, "FOO:bar Why ?"), "line 1: class 'FOO' is none of ABBR, DESC"),
        ("mrpc", MRPC, line(3, "0\t13\t14\tOne ."), "line 3: 4 fields instead of 5"),
        ("mrpc", MRPC, line(4, "x\t1\t2\ta\tb"), "line 4: class 'x' is neither"),
        ("mrpc", MRPC, lambda lines: lines[:1], "no pair in it"),
        ("sst2", SST, lambda lines: [], "the file is empty"),
        ("mr", BINARY["mr"][0], lambda lines: [], "the file is empty"),
    ],
)
def test_a_damaged_file_is_told_with_its_line(root, task, file, damage, message):
    path = root / file
    encoding = "utf-8" if task in ("sst2", "mrpc") else "latin-1"
    write(path, damage(path.read_text(encoding).removesuffix("\n").split("\n")), encoding)
    with pytest.raises(LabError) as told:
        load_transfer_task(task, root)
    assert str(path) in str(told.value)
    assert message in str(told.value)


def test_bytes_that_are_no_utf8_are_told_with_their_line(root):
    (root / SST).write_bytes(b"good\t1\nbad \xff\t0\n")
    with pytest.raises(LabError, match="line 2: not UTF-8 text"):
        load_transfer_task("sst2", root)


def test_a_missing_file_and_an_unreadable_one(root):
    (root / TREC).unlink()
    with pytest.raises(LabError, match=r"TREC_10\.label: no such file"):
        load_transfer_task("trec", root)
    (root / TREC).mkdir()
    with pytest.raises(LabError, match=r"TREC_10\.label: the file cannot be read"):
        load_transfer_task("trec", root)


def test_an_unknown_task(root):
    with pytest.raises(LabError, match="did you mean trec"):
        load_transfer_task("trek", root)
    with pytest.raises(LabError, match="known: mr, cr, subj"):
        load_transfer_task("zzz", root)


def test_the_folder_or_the_one_above(root, tmp_path):
    assert find_transfer(root) == root
    above = tmp_path / "above"
    (above / "data").mkdir(parents=True)
    (above / "data" / "downstream").symlink_to(root)
    assert find_transfer(above) == above / "data" / "downstream"
    (above / "senteval").symlink_to(root)
    assert find_transfer(above) == above / "senteval"
    with pytest.raises(LabError, match="no transfer data here"):
        find_transfer(tmp_path / "nowhere")
    with pytest.raises(LabError, match="data pull transfer"):
        find_transfer("pulled")


def test_the_fingerprint_moves_with_a_word_and_with_a_class(root):
    def now():
        return transfer_fingerprint([load_transfer_task("sst2", root)])

    path, before = root / SST, now()
    text = path.read_text()
    path.write_text(text.replace("no\t0", "no\t1"))
    relabelled = now()
    path.write_text(text.replace("no\t0", "not\t0"))
    assert len({before, relabelled, now()}) == 3


def test_every_task_has_a_label_and_a_size():
    assert list(TRANSFER_LABELS) == list(TRANSFER) == list(SIZES)
    assert len(TRANSFER) == 7
